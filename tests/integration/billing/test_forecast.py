"""The forecast: from what was captured, honest about too little of it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from billing.accounts.forecast import FARTHEST, Forecast, forecast
from studio.errors import AccountRefused, InvalidRequest
from tests.support.accounts import Accounts

DAY = timedelta(days=1)


def ahead(accounts: Accounts, days: int = 30) -> Forecast:
    with accounts.database.read() as connection:
        return forecast(connection, "ada", accounts.clock(), days)


def spend(accounts: Accounts, amount: int) -> None:
    hold = accounts.ask(amount)
    accounts.buy(hold, "generate", amount=amount)
    accounts.release(hold)


def test_five_purchases_on_three_days_are_the_least_that_tells(accounts: Accounts) -> None:
    told = ahead(accounts)
    assert (told.dry_at, told.a_day, told.captures, told.spent) == (None, None, 0, 0)
    for _ in range(5):
        spend(accounts, 10)
    accounts.clock.advance(DAY)
    spend(accounts, 10)
    assert "6 purchases on 2 days" in ahead(accounts).why
    accounts.clock.advance(DAY)
    spend(accounts, 10)
    told = ahead(accounts)
    # 70 in two days, and 930 left.
    assert (told.spent, told.days, told.a_day, told.why) == (70, 2, 35, "")
    assert told.dry_at == accounts.clock() + timedelta(days=2) * 930 / 70


def test_only_the_days_that_were_asked_for_count(accounts: Accounts) -> None:
    spend(accounts, 500)
    for _ in range(10):
        accounts.clock.advance(DAY)
        spend(accounts, 10)
    assert ahead(accounts, 5).a_day == 12  # six purchases of 10 in five days
    assert ahead(accounts, 30).spent == 600


def test_what_costs_nothing_or_lasts_for_ever_gets_no_date(accounts: Accounts) -> None:
    for _ in range(6):
        accounts.clock.advance(DAY)
        spend(accounts, 0)
    told = ahead(accounts)
    assert told.dry_at is None
    assert told.captures == 0  # a capture of nothing moves nothing
    accounts.top_up(10**14)
    for _ in range(6):
        accounts.clock.advance(DAY)
        spend(accounts, 1)
    told = ahead(accounts)
    assert (told.dry_at, told.a_day) == (None, 2)  # 6 in five days, rounded up
    assert "ten years" in told.why


def test_what_makes_no_sense_is_refused(accounts: Accounts) -> None:
    for days in (0, 367):
        with pytest.raises(InvalidRequest):
            ahead(accounts, days)
    with accounts.database.read() as connection, pytest.raises(AccountRefused):
        forecast(connection, "nobody", accounts.clock())


def test_what_lasts_for_ten_years_to_the_day_gets_its_date(accounts: Accounts) -> None:
    for _ in range(2):
        spend(accounts, 100)
        accounts.clock.advance(DAY)
    for _ in range(3):
        spend(accounts, 200)
    # 800 in two days, and so much left that it lasts for just as long as can be told.
    accounts.top_up(400 * FARTHEST.days - 200)
    told = ahead(accounts)
    assert (told.available, told.a_day) == (400 * FARTHEST.days, 400)
    assert told.dry_at == accounts.clock() + FARTHEST
    accounts.top_up(1)
    assert ahead(accounts).dry_at is None


def test_one_day_is_the_least_that_can_be_looked_at(accounts: Accounts) -> None:
    spend(accounts, 10)
    assert ahead(accounts, 1).spent == 10
    accounts.clock.advance(DAY + timedelta(microseconds=1))
    assert ahead(accounts, 1).spent == 0
    with pytest.raises(InvalidRequest):
        ahead(accounts, 0)
