"""Patience, order, and what is left behind by those who go before their turn."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import Any, cast

import pytest
from sqlalchemy import select

from providers.pacing import AccountLimits, Caller, Pacer, Priority, Window, handlers
from providers.pacing.tables import pacing_slots, pacing_windows
from providers.pacing.words import Enter, Leave, Served, Unit
from studio.database import Database
from studio.errors import InvalidRequest, RateLimited
from tests.support.books import StandingClock
from tests.support.pacing import ACCOUNT, count_slots, pacer, until_there_are
from tests.support.pacing_member import ONE

SLOW = AccountLimits(images=(Window(count=1, seconds=300),), concurrent=2)


def starts(database: Database) -> list[Any]:
    with database.read() as connection:
        return list(connection.execute(select(pacing_windows.c.starts)).scalars())


async def come_and_go(here: Pacer, limits: AccountLimits, patience: float) -> None:
    async with here.admission(ACCOUNT, limits, kind="images", patience=patience):
        pass


def test_who_has_no_patience_is_told_when_to_come_back(database: Database) -> None:
    async def main(here: Pacer) -> RateLimited:
        await come_and_go(here, SLOW, 0)
        before, began = starts(database), time.monotonic()
        with pytest.raises(RateLimited, match="may not be asked for more images") as caught:
            await come_and_go(here, SLOW, 20)
        assert time.monotonic() - began < 15
        assert starts(database) == before
        return caught.value

    with pacer(database) as here:
        error = asyncio.run(main(here))
    assert 200 < error.details["retry_after"] <= 300.5
    assert error.provider == "painter"
    assert error.bought is False
    assert error.details["paced"] is True
    assert count_slots(database, "held") == 0


def test_requests_are_counted_by_their_own_windows(database: Database) -> None:
    limits = AccountLimits(
        requests=(Window(count=2, seconds=30),), images=(Window(count=1, seconds=30),)
    )

    async def main(here: Pacer) -> None:
        await come_and_go(here, limits, 0)
        await here.request(ACCOUNT, limits, patience=0)
        await here.request(ACCOUNT, limits, patience=0)
        with pytest.raises(RateLimited, match="may not be asked for more requests"):
            await here.request(ACCOUNT, limits, patience=1)
        # Another key has limits of its own.
        await here.request("painter:ffffffffffff", limits, patience=0)

    with pacer(database) as here:
        asyncio.run(main(here))


def test_who_waited_too_long_for_a_slot_leaves_the_queue(database: Database) -> None:
    async def main(here: Pacer) -> None:
        async with here.admission(ACCOUNT, ONE, patience=0):
            with pytest.raises(RateLimited, match="no slot free"):
                await come_and_go(here, ONE, 0)
            began = time.monotonic()
            with pytest.raises(RateLimited, match="no slot free") as caught:
                await come_and_go(here, ONE, 0.5)
            assert 0.5 <= time.monotonic() - began < 20
            assert caught.value.details["retry_after"] >= 0.5
        await come_and_go(here, ONE, 30)

    with pacer(database) as here:
        asyncio.run(main(here))
    assert count_slots(database, "waiting") + count_slots(database, "held") == 0


def test_the_queue_is_first_come_first_served_over_processes(database: Database) -> None:
    """A process with much to do does not keep one out that has little."""

    async def main(busy: Pacer, other: Pacer) -> list[str]:
        order: list[str] = []

        async def enter(here: Pacer, name: str) -> None:
            async with here.admission(ACCOUNT, ONE, patience=60):
                order.append(name)
                await asyncio.sleep(0.01)

        tasks = []
        async with busy.admission(ACCOUNT, ONE, patience=1):
            for number, here in enumerate([busy, busy, other, busy, other, busy], start=1):
                tasks.append(asyncio.create_task(enter(here, f"{number}")))
                await until_there_are(database, number, "waiting")
        await asyncio.gather(*tasks)
        return order

    with pacer(database, "wrk_busy") as busy, pacer(database, "wrk_other") as other:
        assert asyncio.run(main(busy, other)) == ["1", "2", "3", "4", "5", "6"]


@pytest.mark.parametrize("moment", ["waiting", "holding"])
def test_a_cancelled_run_leaves_nothing_behind(database: Database, moment: str) -> None:
    async def stay(here: Pacer) -> None:
        async with here.admission(ACCOUNT, ONE, patience=60):
            await asyncio.sleep(60)

    async def main(here: Pacer) -> None:
        tasks = [asyncio.create_task(stay(here))]
        await until_there_are(database, 1, "held")
        if moment == "waiting":
            tasks.append(asyncio.create_task(stay(here)))
            await until_there_are(database, 1, "waiting")
        for task in reversed(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await come_and_go(here, ONE, 30)

    with pacer(database) as here:
        asyncio.run(main(here))
    assert count_slots(database, "waiting") + count_slots(database, "held") == 0


def test_cancelled_before_it_is_even_asked_leaves_nothing_behind(
    sqlite_database: Database,
) -> None:
    async def main(here: Pacer) -> None:
        for delay in (0, 0, 0.001, 0.002, 0.004, 0.008):
            task = asyncio.create_task(come_and_go(here, ONE, 60))
            await asyncio.sleep(delay)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await come_and_go(here, ONE, 30)

    with pacer(sqlite_database) as here:
        asyncio.run(main(here))
    assert count_slots(sqlite_database, "waiting") + count_slots(sqlite_database, "held") == 0


def test_who_comes_and_goes_in_one_group_leaves_nothing_behind(database: Database) -> None:
    units: list[Unit] = [
        Enter(ACCOUNT, "slot_1", "wrk_here", 60, ONE, None, 5),
        Leave(ACCOUNT, "slot_1", ONE),
        Enter(ACCOUNT, "slot_2", "wrk_here", 60, ONE, None, 0),
    ]
    answers = database.write(lambda connection: handlers.pace(connection, units))
    assert [type(each) for each in answers] == [Served, Served, Served]
    with database.read() as connection:
        assert connection.execute(select(pacing_slots.c.id)).scalars().all() == ["slot_2"]


def test_the_queue_has_an_end(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handlers, "LONGEST_QUEUE", 2)

    async def main(here: Pacer) -> None:
        async with here.admission(ACCOUNT, ONE, patience=1):
            tasks = [asyncio.create_task(come_and_go(here, ONE, 30)) for _ in range(2)]
            await until_there_are(sqlite_database, 2, "waiting")
            with pytest.raises(RateLimited, match="has 2 waiting already"):
                await come_and_go(here, ONE, 30)
        await asyncio.gather(*tasks)

    with pacer(sqlite_database) as here:
        asyncio.run(main(here))


def test_a_start_that_was_overslept_is_reserved_anew(sqlite_database: Database) -> None:
    """The second was due after 1.2 s. The provider would see it, and the third, too close."""
    limits = AccountLimits(requests=(Window(count=1, seconds=1, margin=0.2),))

    async def main(here: Pacer) -> list[float]:
        began, moments = time.monotonic(), []

        async def ask() -> None:
            await here.request(ACCOUNT, limits, patience=20)
            moments.append(time.monotonic() - began)

        await ask()
        second = asyncio.create_task(ask())
        await asyncio.sleep(0.3)
        rest = moments[0] + 1.8 - (time.monotonic() - began)
        time.sleep(max(0.0, rest))  # noqa: ASYNC251 - a loop that hangs is what is tried
        third = asyncio.create_task(ask())
        await asyncio.gather(second, third)
        return moments

    with pacer(sqlite_database) as here:
        first, second, third = asyncio.run(main(here))
    assert first < 15
    assert second >= 2.35
    assert third - second >= 1


def test_a_clock_that_was_set_back_keeps_nobody_out(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = StandingClock()
    monkeypatch.setattr("studio.clock.now", clock)
    limits = AccountLimits(requests=(Window(count=2, seconds=10),))

    async def main(here: Pacer) -> None:
        await here.request(ACCOUNT, limits, patience=0)
        await here.request(ACCOUNT, limits, patience=0)
        clock.advance(timedelta(hours=-3))
        with pytest.raises(RateLimited) as caught:
            await here.request(ACCOUNT, limits, patience=1)
        assert caught.value.details["retry_after"] <= 10.5
        # By less than an hour it is a wait like any other: nobody waits longer than their patience.
        clock.advance(timedelta(hours=3, minutes=-5))
        with pytest.raises(RateLimited) as caught:
            await here.request(ACCOUNT, limits, patience=1)
        assert caught.value.details["retry_after"] <= 310.5

    with pacer(database) as here:
        asyncio.run(main(here))


@pytest.mark.parametrize("patience", [-1, 3_601, float("nan"), float("inf")])
def test_a_patience_without_end_is_refused(sqlite_database: Database, patience: float) -> None:
    with pacer(sqlite_database) as here, pytest.raises(InvalidRequest, match="0 to 3600"):
        asyncio.run(come_and_go(here, ONE, patience))


@pytest.mark.parametrize("limits", [None, AccountLimits()])
def test_without_limits_no_database_is_asked(limits: AccountLimits | None) -> None:
    here = Pacer(cast("Database", None), cast("Any", None), "wrk_local")

    async def main() -> None:
        async with here.admission("", limits, kind="images", patience=0):
            await here.request("", limits, patience=0)

    asyncio.run(main())
    here.close()


def test_who_has_little_gets_the_next_slot_over_processes(database: Database) -> None:
    """By owner, not by process; and a single picture goes before all rows."""

    async def main(busy: Pacer, other: Pacer) -> list[str]:
        order: list[str] = []

        async def enter(here: Pacer, owner: str, priority: Priority) -> None:
            async with here.admission(ACCOUNT, ONE, patience=60, caller=Caller(owner, priority)):
                order.append(f"{owner} {priority}")

        tasks = []
        coming: list[tuple[Pacer, str, Priority]] = [
            (busy, "big", "normal"),
            (busy, "big", "normal"),
            (busy, "big", "high"),
            (other, "small", "low"),
            (other, "small", "low"),
            (other, "eve", "single"),
        ]
        async with busy.admission(ACCOUNT, ONE, patience=1, caller=Caller("big", "normal")):
            for number, (here, owner, priority) in enumerate(coming, start=1):
                tasks.append(asyncio.create_task(enter(here, owner, priority)))
                await until_there_are(database, number, "waiting")
        await asyncio.gather(*tasks)
        return order

    with pacer(database, "wrk_busy") as busy, pacer(database, "wrk_other") as other:
        order = asyncio.run(main(busy, other))
    # Owners one after the other, although all of the big one's came before.
    rows = ["big normal", "small low", "big high", "big normal", "small low"]
    assert order == ["eve single", *rows]
