"""A slot goes from hand to hand within a process, where nobody else could have it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from providers.pacing import ANY_CALLER, Caller, Pacer
from studio.database import Database, GroupCommit
from tests.support.pacing import ACCOUNT, count_slots, pacer, until_there_are
from tests.support.pacing_member import ONE

ADA = Caller("ada", "normal")
_SECONDS = 20


async def stay(here: Pacer, name: str, order: list[str], caller: Caller = ADA) -> None:
    async with here.admission(ACCOUNT, ONE, patience=60, caller=caller):
        order.append(name)


async def hold(here: Pacer, free: asyncio.Event) -> None:
    async with here.admission(ACCOUNT, ONE, patience=1, caller=ADA):
        await free.wait()


class Stuck:
    """A group commit that stands still for as long as a test wants."""

    def __init__(self, commits: GroupCommit) -> None:
        self._commits = commits
        self._go_on = threading.Event()

    def __enter__(self) -> None:
        entered = threading.Event()

        def stand_still(_: object, units: object) -> list[None]:
            entered.set()
            self._go_on.wait(_SECONDS)
            return [None]

        self._commits.submit(stand_still, None)
        assert entered.wait(_SECONDS)

    def __exit__(self, *_: object) -> None:
        self._go_on.set()


async def passed_on(here: Pacer, *callers: Caller) -> list[str]:
    """Return who had the slot while nothing could be written."""
    database: Database = here._database
    order: list[str] = []
    free = asyncio.Event()

    tasks = [asyncio.create_task(hold(here, free))]
    await until_there_are(database, 1, "held")
    for number, caller in enumerate(callers, start=1):
        tasks.append(asyncio.create_task(stay(here, f"{number}", order, caller)))
        await until_there_are(database, number, "waiting")
    await asyncio.sleep(0.1)  # until the last of them has heard that it waits
    with Stuck(here._commits):
        free.set()
        await asyncio.sleep(0.2)
        seen = list(order)
    await asyncio.gather(*tasks)
    assert sorted(order) == [f"{number}" for number in range(1, len(callers) + 1)]
    return seen


def run(database: Database, work: Callable[[Pacer], object]) -> None:
    with pacer(database) as here:
        asyncio.run(work(here))  # type: ignore[arg-type]  # a coroutine function
    assert count_slots(database, "waiting") + count_slots(database, "held") == 0


def test_who_waits_alone_has_it_before_anything_is_written(database: Database) -> None:
    async def main(here: Pacer) -> None:
        assert await passed_on(here, ADA, ADA) == ["1", "2"]

    run(database, main)


@pytest.mark.parametrize("other", [Caller("bob", "normal"), Caller("ada", "high"), ANY_CALLER])
def test_where_work_of_two_kinds_waits_the_queue_decides(database: Database, other: Caller) -> None:
    async def main(here: Pacer) -> None:
        assert await passed_on(here, ADA, other) == []

    run(database, main)


def test_where_another_process_waits_too_the_queue_decides(database: Database) -> None:
    async def main(here: Pacer) -> None:
        with pacer(database, "wrk_other") as other:
            order: list[str] = []
            free = asyncio.Event()

            tasks = [asyncio.create_task(hold(here, free))]
            await until_there_are(database, 1, "held")
            tasks.append(asyncio.create_task(stay(other, "other", order)))
            await until_there_are(database, 1, "waiting")
            tasks.append(asyncio.create_task(stay(here, "here", order)))
            await until_there_are(database, 2, "waiting")
            free.set()
            await asyncio.gather(*tasks)
            assert order == ["other", "here"]

    run(database, main)


def test_where_the_provider_has_failed_the_queue_decides(database: Database) -> None:
    async def main(here: Pacer) -> None:
        for _ in range(4):
            await here.failed(ACCOUNT)
        assert await passed_on(here, ADA) == []

    run(database, main)


def test_an_heir_that_is_cancelled_passes_it_on(database: Database) -> None:
    async def main(here: Pacer) -> None:
        order: list[str] = []
        free = asyncio.Event()

        holder = asyncio.create_task(hold(here, free))
        await until_there_are(database, 1, "held")
        heir = asyncio.create_task(stay(here, "heir", order))
        await until_there_are(database, 1, "waiting")
        last = asyncio.create_task(stay(here, "last", order))
        await until_there_are(database, 2, "waiting")
        free.set()
        heir.cancel()
        await asyncio.gather(holder, heir, last, return_exceptions=True)
        assert order in (["last"], ["heir", "last"])

    run(database, main)
