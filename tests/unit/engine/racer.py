"""One of two processes that want the same thing: waits for the word on its input, then orders."""

from __future__ import annotations

import sys
from pathlib import Path

from studio.errors import StudioError
from studio.operations import Generate
from tests.support.providers import PaidProvider, book
from tests.support.studios import execute, make_studio, order_for


def main(home: str, url: str, number: str) -> None:
    """Open the studio in ``home`` and order a picture; print what came of it."""
    providers = {"paid": PaidProvider(url)}
    studio = make_studio(Path(home), providers=providers, prices=book(paid=1))
    order = order_for(studio, Generate(prompt="a fox"), "race", hold_key=f"race/{number}")
    print("ready", flush=True)
    sys.stdin.readline()
    try:
        print(execute(studio, order).state, flush=True)
    except StudioError as error:
        print(error.code, flush=True)
    sys.stdin.readline()
    studio.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
