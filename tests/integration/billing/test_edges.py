"""Edges that a mutant of the code passed over (``make mutation``): the last value on each side."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, text

from billing.accounts.budgets import remove_budget
from billing.accounts.events import events_of
from billing.accounts.forecast import forecast
from billing.accounts.plans import PlanBook
from billing.accounts.subscriptions import set_active
from billing.audit import audit
from billing.ledger.history import movements
from studio.errors import InvalidRequest
from tests.support.accounts import LARGE, PLANS, SMALL, Accounts
from tests.support.books import Books

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def test_a_history_has_nothing_of_another_wallet(books: Books) -> None:
    books.open("bob", grant=7)
    with books.database.read() as connection:
        for owner, amount in (("ada", 100), ("bob", 7)):
            (only,) = movements(connection, owner, 10)
            assert (only.kind, only.available) == ("top_up", amount)


def altered(books: Books, *statements: str) -> set[tuple[str, str, Any, Any]]:
    """Return what the auditor says after statements that no trigger kept off."""
    with books.database.engine.connect() as connection:
        _without_triggers(connection)
        for statement in statements:
            assert connection.execute(text(statement)).rowcount == 1
        found = audit(connection)
        connection.rollback()
    return {(each.what, each.field, each.recorded, each.derived) for each in found}


def _without_triggers(connection: Connection) -> None:
    query = text("SELECT name FROM sqlite_master WHERE type = 'trigger'")
    for name in connection.execute(query).scalars().all():
        connection.exec_driver_sql(f"DROP TRIGGER {name}")


def test_the_auditor_says_what_is_and_what_must_be(books: Books) -> None:
    books.hold(30)
    found = altered(books, "UPDATE ledger_entries SET amount = amount + 4 WHERE account = 'held'")
    assert ("ledger_transactions", "sum", 4, 0) in found
    assert ("allocations", "position", 1, 0) in altered(
        books, "UPDATE allocations SET position = 1"
    )


def test_a_claim_that_ended_twice_is_named(books: Books) -> None:
    hold = books.hold(30)
    one, other = books.claim(hold, 10), books.claim(hold, 10)
    books.capture(one, 10)
    books.give_back(other)
    found = altered(
        books,
        "UPDATE ledger_transactions SET claim_id = (SELECT claim_id FROM ledger_transactions"
        " WHERE kind = 'capture') WHERE kind = 'give_back'",
    )
    assert ("claims", "state", "captured", "ended twice") in found


def test_a_budget_that_was_taken_away_is_written_down(accounts: Accounts) -> None:
    accounts.budget(5, "project", "spring")
    accounts.database.write(lambda c: remove_budget(c, "ada", "project", "spring", author="grace"))
    with accounts.database.read() as connection:
        newest = events_of(connection, "ada", limit=1)[0]
    assert (newest.kind, newest.author) == ("budget_removed", "grace")
    assert newest.details == {"scope": "project", "name": "spring"}


def test_the_cycle_of_a_running_plan_can_change(accounts: Accounts) -> None:
    accounts.plan("small")
    assert accounts.plan("small", cycle="yearly").cycle == "yearly"
    assert accounts.plan("small").cycle == "yearly"  # not by the way


def test_an_end_that_is_now_is_past(accounts: Accounts) -> None:
    now = accounts.clock()
    with pytest.raises(InvalidRequest) as refusal:
        accounts.plan("small", ends_at=now, anchor=now - timedelta(days=1))
    assert (refusal.value.field, refusal.value.given) == ("ends_at", str(now))
    late = now + timedelta(days=1)
    with pytest.raises(InvalidRequest) as refusal:
        accounts.plan("small", ends_at=late, anchor=late)
    assert (refusal.value.field, refusal.value.given) == ("anchor", str(late))
    assert accounts.plan("small", anchor=now).plan == "small"


def test_a_plan_that_is_not_sold_any_more_is_what_it_was(
    accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts.plan("small")
    period = accounts.account().period(accounts.clock())
    later = PlanBook(version="later", date=period.end.date() - timedelta(days=1), plans=(LARGE,))
    monkeypatch.setattr("billing.accounts.plans._books", lambda _folder: (PLANS, later))
    accounts.clock.moment = period.end
    accounts.ask(1)
    assert accounts.account().book == "tests"
    assert accounts.balance().available == 1_000 + SMALL.credits - 1


def test_a_plan_that_is_still_sold_is_what_it_is_now(
    accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts.plan("small")
    period = accounts.account().period(accounts.clock())
    richer = SMALL.model_copy(update={"credits": 150})
    later = PlanBook(
        version="later", date=period.end.date() - timedelta(days=1), plans=(richer, LARGE)
    )
    monkeypatch.setattr("billing.accounts.plans._books", lambda _folder: (PLANS, later))
    accounts.clock.moment = period.end
    accounts.ask(1)
    assert accounts.account().book == "later"
    assert accounts.balance().available == 1_000 + 150 - 1


def test_a_suspension_has_a_reason(accounts: Accounts) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        accounts.database.write(lambda c: set_active(c, "ada", "suspended", author="op", reason=""))
    assert refusal.value.field == "reason"
    assert accounts.open().state == "active"


def test_a_change_of_plan_without_more_credits_grants_none(
    accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = SMALL.model_copy(update={"name": "free", "credits": 100})
    book = PlanBook(version="tests", date=date(2026, 1, 1), plans=(free, SMALL, LARGE))
    monkeypatch.setattr("billing.accounts.plans._books", lambda _folder: (book,))
    accounts.plan("free")
    accounts.plan("small")
    with accounts.database.read() as connection:
        newest = events_of(connection, "ada", kind="plan_changed")[0]
    assert newest.details == {"before": "free", "plan": "small", "granted": 0}
    assert accounts.balance().available == 1_100


def test_a_workspace_has_so_many_budgets_and_may_still_change_each(
    accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("billing.accounts.budgets.MOST_BUDGETS", 2)
    accounts.budget(1, "project", "spring")
    accounts.budget(2, "project", "autumn")
    accounts.budget(3, "project", "spring")
    with pytest.raises(InvalidRequest, match="as many budgets"):
        accounts.budget(4, "project", "winter")


def test_one_moment_is_looked_at_as_a_day(accounts: Accounts) -> None:
    hold = accounts.ask(5)
    accounts.buy(hold, "generate", amount=5)
    accounts.release(hold)
    with accounts.database.read() as connection:
        told = forecast(connection, "ada", accounts.clock())
    assert (told.spent, told.captures, told.days) == (5, 1, 1)


def test_the_end_of_a_plan_is_written_down(accounts: Accounts) -> None:
    accounts.plan("small")
    accounts.plan("prepaid", author="grace", reason="wanted out")
    with accounts.database.read() as connection:
        newest = events_of(connection, "ada", kind="plan_ended")[0]
    assert (newest.author, newest.reason) == ("grace", "wanted out")
    assert newest.details == {"plan": "small"}


@pytest.mark.parametrize("name", ["anchor", "ends_at"])
def test_a_moment_without_a_zone_is_none(accounts: Accounts, name: str) -> None:
    agreed: dict[str, Any] = {name: accounts.clock().replace(tzinfo=None)}
    with pytest.raises(InvalidRequest) as refusal:
        accounts.plan("small", **agreed)
    assert refusal.value.field == name


def test_what_moved_nothing_takes_no_place_in_a_history(books: Books) -> None:
    books.clock.advance(timedelta(seconds=1))
    hold = books.hold(10)
    books.clock.advance(timedelta(seconds=1))
    books.claim(hold, 0)
    with books.database.read() as connection:
        assert [each.kind for each in movements(connection, "ada", 1)] == ["hold"]


def test_what_cannot_be_moved_is_named(accounts: Accounts) -> None:
    accounts.plan("small")
    with pytest.raises(InvalidRequest) as refusal:
        accounts.plan("small", zone="Europe/Vienna")
    assert (refusal.value.field, refusal.value.given) == ("zone", "Europe/Vienna")
    with pytest.raises(InvalidRequest) as refusal:
        accounts.plan("small", anchor=accounts.clock())
    assert (refusal.value.field, refusal.value.given) == ("anchor", str(accounts.clock()))
