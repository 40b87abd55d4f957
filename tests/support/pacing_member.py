"""A process with a pacer of its own, told what to do by lines on its input.

``hold`` takes the only slot and keeps it, ``block SECONDS`` says that the provider locked us out,
``fail`` counts a failure, ``enter PATIENCE`` asks for a slot and gives it back.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta

from providers.pacing import AccountLimits, Pacer
from studio import clock
from studio.database import Database
from studio.errors import StudioError
from tests.support.pacing import ACCOUNT, pacer

ONE = AccountLimits(concurrent=1)

HELD: list[object] = []
"""What is kept: an admission that nobody refers to any more is given back."""


async def obey(here: Pacer, word: str, number: float) -> str:
    """Do what was said, and return what came of it."""
    if word == "hold":
        kept = here.admission(ACCOUNT, ONE, patience=10)
        await kept.__aenter__()
        HELD.append(kept)
    elif word == "block":
        until = clock.now() + timedelta(seconds=number)
        await here.block(ACCOUNT, until, "asked too often")
    elif word == "fail":
        await here.failed(ACCOUNT)
    elif word == "enter":
        try:
            async with here.admission(ACCOUNT, ONE, patience=number):
                return "entered"
        except StudioError as error:
            return error.code
    else:
        raise ValueError(word)
    return "done"


async def main(url: str, worker: str, lease: str) -> None:
    """Obey until the input ends."""
    database = Database(url)
    with pacer(database, worker, lease=float(lease)) as here:
        print("ready", flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            word, _, number = line.strip().partition(" ")
            print(await obey(here, word, float(number or 0)), flush=True)
    database.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
