"""Statements agree with the ledger, in every period, and tell when it was tampered with."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from sqlalchemy import text, update

from billing.reports.period import Period, parse_period
from billing.reports.statement import Standing, Statement, statement
from billing.tables import wallets
from studio.database import Database
from studio.errors import AccountRefused
from tests.support.books import START, Books, StandingClock

DAY = timedelta(days=1)


@pytest.fixture
def mine(sqlite_database: Database, clock: StandingClock) -> Books:
    """An owner without a wallet."""
    return Books(sqlite_database, clock, owner="mine")


def told(books: Books, period: str) -> Statement:
    with books.database.read() as connection:
        return statement(connection, books.owner, parse_period(period, books.clock()))


def test_a_month_from_nothing_to_its_closing_balance(mine: Books) -> None:
    mine.open(grant=1_000)
    hold = mine.hold(400)
    mine.capture(mine.claim(hold, 300), 250)
    mine.give_back(mine.claim(hold, 100))
    found = told(mine, "2026-11")
    assert found.opening == Standing(0, 0)
    assert found.closing == Standing(600, 150)
    assert (found.spent, found.agrees) == (250, True)
    lines = {line.kind: (line.count, line.available, line.held) for line in found.told}
    assert lines == {
        "top_up": (1, 1_000, 0),
        "capture": (1, 0, -250),
        "hold": (1, -400, 400),
    }
    mine.release(hold)
    assert told(mine, "2026-11").closing == Standing(750, 0)


def test_before_it_all_there_is_nothing_and_after_it_all_is_as_it_stands(mine: Books) -> None:
    mine.open(grant=1_000)
    mine.hold(400)
    before, after = told(mine, "2026-10"), told(mine, "2026-12")
    assert (before.opening, before.closing, before.lines) == (Standing(), Standing(), ())
    assert (after.opening, after.closing, after.lines) == (Standing(600, 400),) * 2 + ((),)
    assert before.agrees
    assert after.agrees


def test_a_period_begins_with_its_first_microsecond_and_ends_before_the_next(mine: Books) -> None:
    mine.open()
    mine.clock.moment = datetime(2026, 12, 1, tzinfo=UTC) - timedelta(microseconds=1)
    mine.top_up(1)
    mine.clock.moment = datetime(2026, 12, 1, tzinfo=UTC)
    mine.top_up(10)
    assert told(mine, "2026-11").closing.total == 1
    december = told(mine, "2026-12")
    assert (december.opening.total, december.closing.total) == (1, 11)


def test_the_days_of_any_history_lead_into_each_other(
    database: Database, clock: StandingClock
) -> None:
    mine = Books(database, clock, owner="mine")
    chance = random.Random(7)
    mine.open(grant=100_000)
    holds = []
    for _ in range(40):
        mine.clock.advance(timedelta(hours=chance.randint(1, 20)))
        hold = mine.hold(chance.randint(0, 900), lasts=DAY)
        claim = mine.claim(hold, chance.randint(0, hold.amount))
        if chance.random() < 0.7:
            mine.capture(claim, chance.randint(0, claim.amount))
        else:
            mine.give_back(claim)
        holds.append(hold)
        if chance.random() < 0.5:
            mine.release(holds.pop(chance.randrange(len(holds))))
        mine.expire()
    days = [START + number * DAY for number in range((mine.clock() - START).days + 2)]
    found = [told(mine, f"{day:%Y-%m-%d}") for day in days]
    assert all(each.agrees for each in found)
    for day, following in pairwise(found):
        assert following.opening == day.closing
    balance = mine.balance()
    assert found[-1].closing == Standing(balance.available, balance.held)
    assert sum(each.spent for each in found) == balance.captured
    assert mine.audit() == []
    whole = told(mine, "2026")
    assert whole.spent == balance.captured
    assert len({line.kind for line in whole.lines}) >= 6


def test_other_wallets_are_not_in_it(mine: Books) -> None:
    mine.open(grant=5)
    mine.open("bob", grant=70)
    assert told(mine, "2026-11").closing.total == 5


def test_a_balance_that_was_changed_by_hand_is_told(mine: Books) -> None:
    mine.open(grant=100)
    mine.database.write(lambda c: c.execute(update(wallets).values(granted=101)))
    found = told(mine, "2026-11")
    assert not found.agrees
    assert found.difference == Standing(1, 0)


def test_an_entry_that_was_added_by_hand_is_told(mine: Books) -> None:
    mine.open(grant=100)
    mine.hold(10)
    mine.database.write(
        lambda c: c.execute(
            text(
                "INSERT INTO ledger_entries SELECT id, 'spent', wallet_id, 1"
                " FROM ledger_transactions WHERE kind = 'hold'"
            )
        )
    )
    # On an account that no balance shows, it is the auditor's to find.
    assert told(mine, "2026-11").agrees
    assert mine.audit()


def test_without_a_wallet_there_is_no_statement(mine: Books) -> None:
    period = Period("now", START, START + DAY)
    with mine.database.read() as connection, pytest.raises(AccountRefused):
        statement(connection, "nobody", period)


def test_what_lapses_is_told_and_leaves_the_balance(mine: Books) -> None:
    mine.open()
    mine.top_up(100, lasts=DAY)
    mine.top_up(7)
    mine.clock.advance(2 * DAY)
    mine.lapse()
    found = told(mine, "2026-11")
    lines = {line.kind: line.available for line in found.lines}
    assert lines == {"top_up": 107, "lapse": -100}
    assert (found.closing, found.agrees) == (Standing(7, 0), True)
