"""What a job's end says of an account, and who waits for it."""

from __future__ import annotations

import asyncio

import pytest

from providers import AccountLimits, Delivery, Offer, Request
from studio.clock import now
from studio.errors import (
    AuthFailed,
    OutcomeUnknown,
    PaymentRequired,
    ProviderError,
    RateLimited,
    StudioUnavailable,
)
from studio.operations import Generate
from tests.support.studios import execute, order_for
from tests.unit.engine.conftest import House

ACCOUNT = "sure:0123456789ab"


@pytest.fixture
def limited(house: House) -> House:
    """The house, whose cheap provider has an account with limits and whose dear one is closed."""
    house.sure.account, house.sure.limits = ACCOUNT, AccountLimits(concurrent=2)
    return house


def buy(house: House, number: int, *steps: ProviderError) -> str:
    house.sure.script += steps
    wanted = Generate(prompt=f"fox {number}", provider="sure", seed=number)
    return execute(house.studio, order_for(house.studio, wanted, f"fox-{number}")).state


def rest(house: House) -> float:
    """Return for how many seconds the account rests."""
    found = house.studio.pacer.blocked(ACCOUNT)
    return 0.0 if found is None else (found[0] - now()).total_seconds()


def test_a_limit_lets_the_account_rest_as_long_as_the_provider_says(limited: House) -> None:
    buy(limited, 1, RateLimited("slowly", provider="sure", retry_after=30))
    assert 25 < rest(limited) <= 30
    assert "asked too often" in limited.studio.pacing.rests(limited.sure)


def test_a_limit_without_a_word_rests_for_the_accounts_lock_out(limited: House) -> None:
    limited.sure.limits = AccountLimits(concurrent=2, lockout_seconds=7)
    buy(limited, 1, RateLimited("slowly", provider="sure"))
    assert 5 < rest(limited) <= 7


@pytest.mark.parametrize(
    "error", [AuthFailed("no", provider="sure"), PaymentRequired("no", provider="sure")]
)
def test_who_comes_after_a_refused_key_hears_it_at_once(
    limited: House, error: ProviderError
) -> None:
    buy(limited, 1, error)
    assert rest(limited) == 0


def test_our_own_refusal_tells_nothing_of_the_provider(limited: House) -> None:
    buy(limited, 1, RateLimited("no room", provider="sure", retry_after=30, paced=True))
    assert rest(limited) == 0


def test_five_failures_in_a_row_open_the_breaker_and_success_begins_anew(limited: House) -> None:
    lost = OutcomeUnknown("cut", provider="sure")
    for number in range(4):
        buy(limited, number, lost)
    buy(limited, 10)
    for number in range(20, 24):
        buy(limited, number, lost)
    assert rest(limited) == 0
    buy(limited, 30, lost)
    assert rest(limited) > 20


def test_no_more_are_under_way_at_once_than_the_account_allows(limited: House) -> None:
    under_way, most = 0, 0

    async def slowly(offer: Offer, request: Request) -> Delivery:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        async with asyncio.timeout(60):
            while most < 2:  # noqa: ASYNC110 - the second comes when it is let in
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        under_way -= 1
        return limited.sure.delivery(offer, request)

    limited.sure.script += [slowly] * 8
    orders = [
        order_for(limited.studio, Generate(prompt=f"fox {n}", provider="sure", seed=n), f"fox-{n}")
        for n in range(8)
    ]

    async def all_of_them() -> list[str]:
        jobs = await asyncio.gather(*map(limited.studio.executor.execute, orders))
        return [job.state for job in jobs]

    assert limited.studio.loop.run(all_of_them()) == ["settled"] * 8
    assert most == 2


def test_what_was_bought_stays_bought_when_nothing_can_be_learnt(
    limited: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_account: str) -> None:
        raise StudioUnavailable("the database is away")

    monkeypatch.setattr(limited.studio.pacer, "succeeded", away)
    assert buy(limited, 1) == "settled"
