"""A holder that dies gives its slot back; one that lives keeps it however long it works."""

from __future__ import annotations

import asyncio
import subprocess
import time
from datetime import timedelta

import pytest
from sqlalchemy import delete, insert, select

from providers.pacing import AccountLimits, Pacer, Window
from providers.pacing.keeper import Keeper, Place
from providers.pacing.tables import pacing_slots
from providers.pacing.words import News, Renew, Served, Unit
from studio import clock
from studio.database import Database
from studio.errors import RateLimited
from tests.support.pacing import ACCOUNT, count_slots, member, pacer, tell, until_there_are
from tests.support.pacing_member import ONE


async def entered_after(here: Pacer, patience: float) -> float:
    """Return how long it took to get the only slot."""
    began = time.monotonic()
    async with here.admission(ACCOUNT, ONE, patience=patience):
        return time.monotonic() - began


def url_of(database: Database) -> str:
    return database.url.render_as_string(hide_password=False)


def test_a_killed_holder_is_replaced_at_once(database: Database) -> None:
    """Its lease would run for a minute more; those who know that it is dead need not wait."""
    with member(url_of(database), "wrk_doomed") as holder:
        assert tell(holder, "hold") == "done"

        def dead(worker: str) -> bool:
            assert worker == "wrk_doomed"
            return holder.poll() is not None

        async def main(here: Pacer) -> float:
            with pytest.raises(RateLimited):
                await entered_after(here, 1.5)
            return (await asyncio.gather(entered_after(here, 30), kill_soon(holder)))[0]

        with pacer(database, dead=dead) as here:
            assert 0.3 <= asyncio.run(main(here)) < 30


async def kill_soon(process: subprocess.Popen[str]) -> None:
    await asyncio.sleep(0.3)
    process.kill()
    await asyncio.to_thread(process.wait)


def test_a_killed_holder_is_replaced_when_its_lease_ends(database: Database) -> None:
    with member(url_of(database), "wrk_doomed", lease=2) as holder:
        assert tell(holder, "hold") == "done"
        with pacer(database) as here:
            began = time.monotonic()
            asyncio.run(asyncio.wait_for(with_kill(here, holder), 30))
            assert 1 < time.monotonic() - began < 25


async def with_kill(here: Pacer, holder: subprocess.Popen[str]) -> None:
    await asyncio.gather(entered_after(here, 30), kill_soon(holder))


def test_a_dead_one_in_the_queue_is_passed_over(database: Database) -> None:
    """Its ticket comes before ours, and nobody is there to use it."""

    async def main(first: Pacer, here: Pacer) -> float:
        async with first.admission(ACCOUNT, ONE, patience=5):
            assert waiting.stdin is not None
            waiting.stdin.write("enter 60\n")
            waiting.stdin.flush()
            await until_there_are(database, 1, "waiting")
            waiting.kill()
            await asyncio.to_thread(waiting.wait)
            ours = asyncio.create_task(entered_after(here, 30))
            await until_there_are(database, 2, "waiting")
        # Whoever left has given the slot to the one that is dead, and nobody knows it yet.
        await until_there_are(database, 1, "held")
        gone.add("wrk_doomed")
        return await ours

    gone: set[str] = set()

    with (
        member(url_of(database), "wrk_doomed") as waiting,
        pacer(database, "wrk_first") as first,
        pacer(database, dead=gone.__contains__) as here,
    ):
        assert asyncio.run(main(first, here)) < 30


def test_a_living_holder_keeps_its_slot_beyond_its_lease(database: Database) -> None:
    with member(url_of(database), "wrk_slow", lease=2) as holder:
        assert tell(holder, "hold") == "done"
        with pacer(database) as here:
            began = time.monotonic()
            with pytest.raises(RateLimited, match="no slot free"):
                asyncio.run(entered_after(here, 5))
            assert time.monotonic() - began >= 5
        assert count_slots(database, "held") == 1


def test_a_waiting_one_keeps_its_place_beyond_its_lease(database: Database) -> None:
    async def main(first: Pacer, second: Pacer, third: Pacer) -> list[str]:
        order: list[str] = []

        async def enter(name: str, here: Pacer) -> None:
            async with here.admission(ACCOUNT, ONE, patience=60):
                order.append(name)

        async with first.admission(ACCOUNT, ONE, patience=5):
            tasks = [asyncio.create_task(enter("second", second))]
            await until_there_are(database, 1, "waiting")
            await asyncio.sleep(4.5)
            tasks.append(asyncio.create_task(enter("third", third)))
            await until_there_are(database, 2, "waiting")
        await asyncio.gather(*tasks)
        return order

    with (
        pacer(database, "wrk_1") as first,
        pacer(database, "wrk_2", lease=2) as second,
        pacer(database, "wrk_3") as third,
    ):
        assert asyncio.run(main(first, second, third)) == ["second", "third"]


def test_a_place_that_was_given_up_is_taken_anew(database: Database) -> None:
    """As after a machine that slept: the lease ran out, but who waits is still there."""

    async def main(here: Pacer) -> float:
        async with here.admission(ACCOUNT, ONE, patience=5):
            waits = asyncio.create_task(entered_after(here, 60))
            await until_there_are(database, 1, "waiting")
            await asyncio.sleep(0.1)  # until it has heard that it waits
            database.write(
                lambda connection: connection.execute(
                    delete(pacing_slots).where(pacing_slots.c.state == "waiting")
                )
            )
            await until_there_are(database, 1, "waiting")
        return await waits

    with pacer(database, lease=1) as here:
        assert asyncio.run(main(here)) < 30
    assert count_slots(database, "held") == count_slots(database, "waiting") == 0


def test_what_is_not_written_yet_is_not_taken_for_lost(database: Database) -> None:
    """Its lease begins when it is written; renewed before, it would not be found."""
    asked: list[Renew] = []

    def serve(unit: Unit) -> Served:
        assert isinstance(unit, Renew)
        asked.append(unit)
        return Served(News((), {}, {}))

    def until_renewed(*ids: str) -> None:
        asked.clear()
        end = time.monotonic() + 20
        while not asked and time.monotonic() < end:
            time.sleep(0.01)
        assert {each for unit in asked for each in unit.ids} == set(ids)

    held, coming = Place(ACCOUNT, ONE), Place(ACCOUNT, ONE)
    held.tell(granted=True)
    keeper = Keeper(
        database, serve, worker="wrk_here", lease=0.4, dead=None, learn=lambda view: None
    )
    try:
        keeper.add("slot_coming", coming)
        keeper.add("slot_held", held)
        until_renewed("slot_held")
        keeper.wait_for("slot_coming", coming)
        until_renewed("slot_held", "slot_coming")
    finally:
        keeper.close()


def test_what_the_dead_left_is_cleared_away_where_nobody_ever_waits(database: Database) -> None:
    """An account without a bound on slots: its rows would be there for ever."""
    limits = AccountLimits(images=(Window(count=1000, seconds=1),))
    left = {"id": "slot_left", "account": ACCOUNT, "ticket": 1, "worker": "wrk_gone"}
    moment = clock.now() - timedelta(seconds=1)
    database.write(
        lambda connection: connection.execute(
            insert(pacing_slots).values(**left, state="held", taken_at=moment, expires_at=moment)
        )
    )

    async def main(here: Pacer) -> None:
        assert count_slots(database, "held") == 1
        async with here.admission(ACCOUNT, limits, kind="images", patience=5):
            await until_there_are(database, 1, "held")
            with database.read() as connection:
                assert connection.execute(select(pacing_slots.c.id)).scalar_one() != "slot_left"

    with pacer(database, lease=0.8) as here:
        asyncio.run(main(here))
