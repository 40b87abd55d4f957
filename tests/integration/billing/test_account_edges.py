"""Edges of accounts: what nobody has asked for yet, and what is refused at the last value."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from billing.accounts.account import accounts_of, change_account, with_alerts
from billing.accounts.admission import MOST_ROWS
from billing.accounts.budgets import remove_budget, set_budget
from billing.accounts.events import events_of
from billing.accounts.limits import settle_closed
from billing.accounts.members import add_member, remove_member
from billing.accounts.subscriptions import cancel, set_active
from billing.ledger import StateRequest, set_state
from billing.reports.period import Period
from billing.reports.terms import period_of
from studio import credits as money
from studio.errors import AccountRefused, AccountSuspended, InvalidRequest
from tests.support.accounts import LARGE, SMALL, Accounts

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

WORDS = {"author": "grace", "reason": "a test"}


def test_nobody_has_no_account_and_nothing_to_be_kept(accounts: Accounts) -> None:
    with accounts.database.read() as connection:
        assert accounts_of(connection, []) == {}
        settle_closed(connection, [])  # a transaction that may not write


def test_who_wants_to_be_told_of_a_low_balance_is_known(accounts: Accounts) -> None:
    for owner in ("bob", "ada"):
        accounts.open(owner)
        accounts.plan("small", owner=owner)
    accounts.database.write(lambda c: change_account(c, "bob", low_balance=5))
    with accounts.database.read() as connection:
        assert with_alerts(connection) == ["bob"]


def test_an_account_is_named_by_its_plan(accounts: Accounts) -> None:
    assert accounts.account().name == "prepaid"
    assert accounts.plan("small").name == "small"


def test_a_prepaid_account_that_is_made_prepaid_stays_as_it_is(accounts: Accounts) -> None:
    assert accounts.plan("prepaid") == accounts.plan("prepaid") == accounts.account()
    with accounts.database.read() as connection:
        assert "plan_ended" not in {event.kind for event in events_of(connection, "ada", limit=500)}


@pytest.mark.parametrize("uses", [{"dancing": 1}, {"generate": 0}, {"generate": MOST_ROWS + 1}])
def test_what_nobody_can_ask_for_is_refused(accounts: Accounts, uses: dict[str, int]) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        accounts.admission(uses=uses)
    assert refusal.value.field == "uses"
    assert accounts.admission(uses={"generate": MOST_ROWS}).uses == {"generate": MOST_ROWS}


@pytest.mark.parametrize("limit", [0, 501])
def test_a_page_of_events_has_a_size(accounts: Accounts, limit: int) -> None:
    with accounts.database.read() as connection:
        with pytest.raises(InvalidRequest) as refusal:
            events_of(connection, "ada", limit=limit)
        assert refusal.value.field == "limit"
        assert events_of(connection, "ada", limit=1) == events_of(connection, "ada", limit=500)


def test_an_admin_may_be_made_of_a_member_and_of_an_admin(accounts: Accounts) -> None:
    accounts.member("grace", "admin")
    accounts.member("grace", "admin")
    accounts.member("bob")
    accounts.member("bob", "admin")
    accounts.member("grace", "viewer")


@pytest.mark.parametrize(
    "work",
    [
        lambda c: set_budget(c, "nobody", "workspace", "", 5, author="op"),
        lambda c: remove_budget(c, "nobody", "workspace", "", author="op"),
        lambda c: add_member(c, "nobody", "grace", "admin", author="op"),
        lambda c: remove_member(c, "nobody", "grace", author="op"),
        lambda c: set_active(c, "nobody", "suspended", **WORDS),
        lambda c: cancel(c, "nobody", **WORDS),
    ],
    ids=["set_budget", "remove_budget", "add_member", "remove_member", "set_active", "cancel"],
)
def test_without_a_wallet_nothing_is_agreed(
    accounts: Accounts, work: Callable[[Connection], Any]
) -> None:
    with pytest.raises(AccountRefused) as refusal:
        accounts.database.write(work)
    assert refusal.value.details["reason"] == "missing"
    with accounts.database.read() as connection:
        assert events_of(connection, "nobody") == []


def test_a_plan_that_ends_before_its_time_is_cancelled_for_that_moment(accounts: Accounts) -> None:
    end = accounts.clock() + timedelta(days=3)
    accounts.plan("small", ends_at=end)
    assert accounts.database.write(lambda c: cancel(c, "ada", **WORDS)).ends_at == end
    accounts.open("bob")
    accounts.plan("small", owner="bob", ends_at=end + timedelta(days=300))
    ended = accounts.database.write(lambda c: cancel(c, "bob", **WORDS))
    assert ended.ends_at == ended.period(accounts.clock()).end


def test_a_plan_whose_credits_the_wallet_cannot_take_does_not_begin(accounts: Accounts) -> None:
    accounts.top_up(money.MOST - 1_000)
    with pytest.raises(InvalidRequest, match="more than a wallet can take"):
        accounts.plan("small")
    assert accounts.account().plan is None
    assert accounts.balance().granted == money.MOST


def test_a_suspension_that_nobody_wrote_down_has_no_reason(accounts: Accounts) -> None:
    accounts.run(set_state, StateRequest("ada", "suspended"))
    with pytest.raises(AccountSuspended) as refusal:
        accounts.ask(1)
    assert "why" not in refusal.value.details


def test_a_plan_that_is_kept_is_written_down(accounts: Accounts) -> None:
    accounts.plan("large")
    accounts.plan("small")
    assert accounts.plan("large", **WORDS).next_plan is None
    with accounts.database.read() as connection:
        (kept,) = events_of(connection, "ada", kind="plan_kept")
    assert (kept.author, kept.details) == ("grace", {"plan": "large"})


def test_another_share_of_the_same_plan_and_period_is_not_granted_as_well(
    accounts: Accounts,
) -> None:
    """Ended and begun anew with the same anchor, days later: the share would be another one."""
    anchor = accounts.clock()
    accounts.plan("small", anchor=anchor)
    accounts.plan("large")
    accounts.plan("prepaid")
    accounts.clock.advance(timedelta(days=7))
    accounts.plan("small", anchor=anchor)
    accounts.plan("large")
    with accounts.database.read() as connection:
        newest = events_of(connection, "ada", kind="plan_changed")[0]
    assert newest.details["granted"] == 0
    assert accounts.balance().granted == 1_000 + LARGE.credits
    assert accounts.balance().granted > 1_000 + SMALL.credits


def test_a_statement_may_be_asked_for_by_the_periods_of_a_plan(accounts: Accounts) -> None:
    def period(text: str) -> Period:
        with accounts.database.read() as connection:
            return period_of(connection, "ada", text, accounts.clock())

    # Without a plan: the calendar's months.
    november = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
    assert period("this-period") == Period("2026-11-01..2026-12-01", *november)
    anchor = datetime(2026, 10, 15, 8, tzinfo=UTC)
    accounts.plan("small", anchor=anchor)
    this, last = period(" this-period "), period("last-period")
    assert (last.start, last.end) == (anchor, datetime(2026, 11, 15, 8, tzinfo=UTC))
    assert (this.start, this.end) == (last.end, datetime(2026, 12, 15, 8, tzinfo=UTC))
    assert this.name == "2026-11-15..2026-12-15"
    assert period("2026-11") == Period("2026-11", *november)
    with pytest.raises(InvalidRequest):
        period("whenever")
