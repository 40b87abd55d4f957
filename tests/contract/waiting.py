"""A process that hands in work which is collected later, and waits. It is killed by a test.

Usage: python -m tests.contract.waiting FOLDER URLS KEYS (both JSON objects)
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from billing.pricebook import current
from engine.studio import Studio
from studio.clock import now
from studio.operations import Generate, Operation, UpscaleCreative
from tests.contract.world import FUNDS, adapters
from tests.support.studios import fund, make_studio, order_for

JOBS = 20


def operations(picture: Path) -> list[Operation]:
    """Return work that its providers take in and finish later."""
    half = JOBS // 2
    pictures: list[Operation] = [
        Generate(prompt=f"row {n}", width=256, height=256, seed=n, model="qwen-image")
        for n in range(half)
    ]
    return pictures + [
        UpscaleCreative(image=str(picture), prompt=f"row {n}", seed=n) for n in range(half)
    ]


def main(folder: Path, urls: dict[str, str], keys: dict[str, str]) -> None:
    """Hand everything in and wait for it."""
    studio = make_studio(folder, providers=adapters(urls, keys), prices=current(now().date()))
    fund(studio, FUNDS)
    studio.loop.run(_all(studio, folder / "photo.png"))


async def _all(studio: Studio, picture: Path) -> None:
    orders = [
        order_for(studio, operation, f"row-{number}")
        for number, operation in enumerate(operations(picture))
    ]
    await asyncio.gather(*map(studio.executor.execute, orders))


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(sys.argv[2]), json.loads(sys.argv[3]))
