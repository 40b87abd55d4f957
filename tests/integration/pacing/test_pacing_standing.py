"""Lock-outs by the provider, and the circuit breaker, as several processes see them."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

import pytest

from providers.pacing import AccountLimits, Pacer, Window
from studio import clock
from studio.database import Database
from studio.errors import ProviderUnavailable, RateLimited
from tests.support.books import StandingClock
from tests.support.pacing import ACCOUNT, count_slots, member, pacer, tell, until_there_are

TWO = AccountLimits(concurrent=2)
WINDOWED = AccountLimits(requests=(Window(count=100, seconds=10),))


@pytest.fixture
def standing(monkeypatch: pytest.MonkeyPatch) -> StandingClock:
    """A clock that stands still until a test moves it."""
    standing = StandingClock()
    monkeypatch.setattr("studio.clock.now", standing)
    return standing


async def enter(here: Pacer, patience: float) -> None:
    async with here.admission(ACCOUNT, TWO, patience=patience):
        pass


def test_a_lock_out_holds_in_other_processes(database: Database) -> None:
    url = database.url.render_as_string(hide_password=False)
    with member(url, "wrk_other") as other, pacer(database) as here:
        until = clock.now() + timedelta(seconds=8)
        asyncio.run(here.block(ACCOUNT, until, "asked too often"))
        began = time.monotonic()
        assert tell(other, "enter 0") == "provider_rate_limited"
        assert tell(other, "enter 1") == "provider_rate_limited"
        assert time.monotonic() - began < 7
        assert tell(other, "enter 60") == "entered"
        assert clock.now() >= until
        assert here.blocked(ACCOUNT) is None
        # And the other way round.
        assert tell(other, "block 600") == "done"
        end = time.monotonic() + 60
        while (shut := here.blocked(ACCOUNT)) is None and time.monotonic() < end:
            time.sleep(0.1)
        assert shut is not None
        assert shut[1] == "asked too often"
        assert 400 < (shut[0] - clock.now()).total_seconds() <= 600
        assert here.blocked("painter:ffffffffffff") is None


@pytest.mark.parametrize("limits", [TWO, WINDOWED], ids=["without windows", "with windows"])
def test_polls_wait_for_the_end_of_a_lock_out(database: Database, limits: AccountLimits) -> None:
    async def main(here: Pacer, other: Pacer) -> float:
        began = time.monotonic()
        await other.block(ACCOUNT, clock.now() + timedelta(seconds=3), "asked too often")
        with pytest.raises(RateLimited, match="asked too often") as caught:
            await here.request(ACCOUNT, limits, patience=0.1)
        assert 0 < caught.value.details["retry_after"] <= 3
        await here.request(ACCOUNT, limits, patience=60)
        return time.monotonic() - began

    with pacer(database, "wrk_1") as here, pacer(database, "wrk_2") as other:
        assert 2.9 <= asyncio.run(main(here, other)) < 30


def test_a_lock_out_overtakes_starts_that_were_reserved(sqlite_database: Database) -> None:
    limits = AccountLimits(requests=(Window(count=1, seconds=2, margin=0.2),))

    async def main(here: Pacer) -> float:
        began = time.monotonic()
        await here.request(ACCOUNT, limits, patience=0)
        second = asyncio.create_task(here.request(ACCOUNT, limits, patience=30))
        await asyncio.sleep(0.2)
        await here.block(ACCOUNT, clock.now() + timedelta(seconds=4), "asked too often")
        await second
        return time.monotonic() - began

    with pacer(sqlite_database) as here:
        assert asyncio.run(main(here)) >= 4


def test_a_shorter_lock_out_does_not_shorten_a_longer_one(
    database: Database, standing: StandingClock
) -> None:
    long = standing.moment + timedelta(seconds=60)

    async def main(here: Pacer) -> None:
        await here.block(ACCOUNT, long, "long")
        await here.block(ACCOUNT, long - timedelta(seconds=50), "short")
        # What a call comes to that was under way says nothing of the lock-out.
        await here.failed(ACCOUNT)
        await here.succeeded(ACCOUNT)
        assert here.blocked(ACCOUNT) == (long, "long")
        await here.block(ACCOUNT, standing.moment + timedelta(days=400), "for ever")
        shut = here.blocked(ACCOUNT)
        assert shut is not None
        assert shut[0] == standing.moment + timedelta(days=1)

    with pacer(database) as here:
        asyncio.run(main(here))


def test_the_breaker_opens_half_opens_and_closes(
    database: Database, standing: StandingClock
) -> None:
    """Two slots are free; while nobody knows whether the provider is back, one is given."""

    async def fail(here: Pacer, times: int) -> None:
        for _ in range(times):
            await here.failed(ACCOUNT)

    def seconds(here: Pacer) -> float:
        shut = here.blocked(ACCOUNT)
        assert shut is not None
        assert "failed" in shut[1]
        return (shut[0] - standing.moment).total_seconds()

    async def main(here: Pacer, other: Pacer) -> None:
        await fail(here, 4)
        await enter(other, 0)
        await other.failed(ACCOUNT)
        assert seconds(other) == 30
        await fail(here, 3)  # was under way when it opened, and counts for nothing
        assert seconds(other) == 30
        with pytest.raises(ProviderUnavailable, match="5 times in a row") as caught:
            await enter(here, 20)
        assert caught.value.details["retry_after"] == 30
        assert caught.value.bought is False

        standing.advance(timedelta(seconds=31))
        async with here.admission(ACCOUNT, TWO, patience=0):
            with pytest.raises(RateLimited):
                await enter(here, 0)
            with pytest.raises(RateLimited):
                await enter(other, 0.5)
            await here.failed(ACCOUNT)
        assert seconds(here) == 60

        standing.advance(timedelta(seconds=61))
        async with other.admission(ACCOUNT, TWO, patience=0):
            waiting = asyncio.create_task(enter(here, 30))
            await until_there_are(database, 1, "waiting")
            await asyncio.sleep(0.3)
            assert count_slots(database, "held") == 1
            await other.succeeded(ACCOUNT)
            # While the other one is still at work: the breaker is closed, and there are two slots.
            await waiting
        await fail(here, 4)
        await enter(here, 0)

    with pacer(database, "wrk_1") as here, pacer(database, "wrk_2") as other:
        asyncio.run(main(here, other))


def test_those_who_wait_are_let_in_when_the_breaker_half_opens(
    database: Database, standing: StandingClock
) -> None:
    async def main(here: Pacer) -> None:
        for _ in range(5):
            await here.failed(ACCOUNT)
        waiting = [asyncio.create_task(enter(here, 60)) for _ in range(3)]
        await until_there_are(database, 3, "waiting")
        await asyncio.sleep(0.3)
        assert not any(each.done() for each in waiting)
        standing.advance(timedelta(seconds=31))
        await asyncio.wait_for(asyncio.gather(*waiting), 60)

    with pacer(database) as here:
        asyncio.run(main(here))


def test_the_breaker_never_stays_open_for_longer_than_ten_minutes(
    sqlite_database: Database, standing: StandingClock
) -> None:
    async def main(here: Pacer) -> list[float]:
        open_for = []
        for _ in range(4 + 8):
            await here.failed(ACCOUNT)
            shut = here.blocked(ACCOUNT)
            if shut is not None:
                open_for.append((shut[0] - standing.moment).total_seconds())
                standing.advance(timedelta(seconds=open_for[-1]))
        return open_for

    with pacer(sqlite_database) as here:
        assert asyncio.run(main(here)) == [30, 60, 120, 240, 480, 600, 600, 600]


def test_success_is_written_only_where_it_changes_something(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main(here: Pacer, other: Pacer) -> None:
        await enter(here, 0)
        with monkeypatch.context() as patch:
            patch.setattr(here._commits, "submit", None)  # whoever writes fails
            await here.succeeded(ACCOUNT)
        for _ in range(4):
            await other.failed(ACCOUNT)
        # What others have seen fail is known from the next admission on, or after a second.
        await enter(here, 0)
        await here.succeeded(ACCOUNT)
        for _ in range(4):
            await other.failed(ACCOUNT)
        assert other.blocked(ACCOUNT) is None

    with pacer(sqlite_database, "wrk_1") as here, pacer(sqlite_database, "wrk_2") as other:
        asyncio.run(main(here, other))
