"""Subscriptions: a plan begun, changed, ended; the credits of each period, once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, TextClause, text
from sqlalchemy.exc import DatabaseError

from billing.accounts.events import events_of
from billing.accounts.subscriptions import cancel, due_for_renewal, renew_one, set_active
from studio.errors import AccountEnded, AccountSuspended, InvalidRequest, LimitReached, NotInPlan
from tests.support.accounts import LARGE, SMALL, Accounts

WORDS = {"author": "operator", "reason": "a test"}


def kinds(accounts: Accounts) -> list[str]:
    """Return what people did, and what came of it; that periods began goes without saying."""
    with accounts.database.read() as connection:
        found = [event.kind for event in reversed(events_of(connection, "ada"))]
    return [kind for kind in found if kind != "period_begun"]


def test_a_plan_grants_its_credits_and_they_end_with_the_period(accounts: Accounts) -> None:
    accounts.plan("small")
    assert accounts.balance().available == 1_100
    period = accounts.account().period(accounts.clock())
    accounts.clock.moment = period.end - timedelta(microseconds=1)
    assert accounts.balance().available == 1_100
    accounts.clock.moment = period.end
    assert accounts.balance().available == 1_000  # what was topped up stays
    accounts.ask(1)
    assert accounts.balance().available == 1_099  # and the new period's have come
    assert accounts.balance().expired == 100


def test_a_period_is_granted_once_whoever_comes_first(accounts: Accounts) -> None:
    accounts.plan("small")
    accounts.clock.moment = accounts.account().period(accounts.clock()).end
    barrier = threading.Barrier(8)

    def renew(_: int) -> None:
        barrier.wait()
        accounts.database.write(lambda c: renew_one(c, "ada", accounts.clock()))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(renew, range(8)))
    assert accounts.balance().available == 1_100
    with accounts.database.read() as connection:
        assert due_for_renewal(connection, accounts.clock()) == []


def test_periods_in_which_nobody_came_are_not_made_up_for(accounts: Accounts) -> None:
    accounts.plan("small")
    accounts.clock.advance(timedelta(days=200))
    with accounts.database.read() as connection:
        assert due_for_renewal(connection, accounts.clock()) == ["ada"]
    accounts.ask(1)
    assert accounts.balance().available == 1_099


def test_a_larger_plan_holds_at_once_for_what_is_left_of_the_period(accounts: Accounts) -> None:
    accounts.plan("small")
    period = accounts.account().period(accounts.clock())
    accounts.clock.moment = period.start + (period.end - period.start) * 2 / 3
    accounts.plan("large")
    # A third of the difference of 900, rounded down.
    assert accounts.balance().available == 1_000 + 100 + 300
    accounts.ask(51, uses={"upscale": 1})
    accounts.plan("large")
    assert accounts.balance().granted == 1_400  # twice is once
    accounts.clock.moment = period.end
    accounts.expire()
    accounts.ask(0)
    assert accounts.balance().available == 2_000


def test_a_change_at_the_end_of_a_period_takes_nothing_of_the_next(
    accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is granted for a period under a plan is granted once: a part must not stand for all."""
    accounts.plan("small")
    end = accounts.account().period(accounts.clock()).end
    accounts.clock.moment = end
    moments = [end - timedelta(microseconds=1)]  # then the next period has begun
    monkeypatch.setattr("studio.clock.now", lambda: moments.pop() if moments else end)
    accounts.plan("large")
    monkeypatch.setattr("studio.clock.now", accounts.clock)
    accounts.ask(0)
    assert accounts.balance().available == 2_000


def test_two_upgrades_at_once_grant_once(accounts: Accounts) -> None:
    accounts.plan("small")
    barrier = threading.Barrier(4)

    def upgrade(_: int) -> None:
        barrier.wait()
        accounts.plan("large")

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(upgrade, range(4)))
    assert accounts.balance().granted == 1_000 + 100 + 900
    assert kinds(accounts).count("plan_changed") == 1


def test_a_smaller_plan_holds_from_the_next_period_on(accounts: Accounts) -> None:
    accounts.plan("large")
    period = accounts.account().period(accounts.clock())
    accounts.plan("small")
    accounts.ask(51, uses={"upscale": 1})
    assert accounts.account().next_plan == "small"
    accounts.clock.moment = period.end - timedelta(microseconds=1)
    accounts.expire()
    accounts.release(accounts.ask(51, uses={"upscale": 1}))
    assert accounts.account().today(accounts.clock()).plan == "large"
    accounts.clock.moment = period.end
    assert accounts.account().today(accounts.clock()).plan == "small"
    with pytest.raises(NotInPlan):
        accounts.ask(1, uses={"upscale": 1})
    assert accounts.account().plan == "small"
    assert accounts.balance().available == 1_100
    assert kinds(accounts) == ["plan_begun", "plan_will_change", "plan_changed"]


def test_a_smaller_plan_can_be_thought_better_of(accounts: Accounts) -> None:
    accounts.plan("large")
    accounts.plan("small")
    accounts.plan("large")
    accounts.clock.moment = accounts.account().period(accounts.clock()).end
    accounts.ask(51)
    assert accounts.account().plan == "large"
    assert accounts.balance().granted == 1_000 + 2 * 1_000


def test_ending_and_beginning_anew_grants_nothing_twice(accounts: Accounts) -> None:
    """Found by the machine: the same anchor again, and then an upgrade that was granted before."""
    anchor = accounts.clock()
    accounts.plan("large", anchor=anchor)
    accounts.plan("prepaid")
    accounts.plan("small", anchor=anchor)
    accounts.plan("large")
    accounts.plan("prepaid")
    accounts.plan("large", anchor=anchor)
    assert accounts.balance().granted == 1_000 + 1_000 + 100


def test_used_counts_on_after_a_change(accounts: Accounts) -> None:
    accounts.plan("small")
    accounts.ask(1, uses={"generate": 3})
    accounts.plan("large")
    accounts.ask(1, uses={"generate": 27})
    with pytest.raises(LimitReached):
        accounts.ask(1, uses={"generate": 1})


def test_a_year_is_paid_at_once_and_granted_by_the_month(accounts: Accounts) -> None:
    """Hole 7: a yearly plan kept one key for 365 days, so that monthly limits became yearly."""
    accounts.plan("small", cycle="yearly", zone="Europe/Vienna")
    for _ in range(3):
        accounts.ask(1, uses={"generate": 3})
        with pytest.raises(LimitReached):
            accounts.ask(1, uses={"generate": 1})
        accounts.clock.moment = accounts.account().period(accounts.clock()).end
        accounts.expire()
    ended = accounts.database.write(lambda c: cancel(c, "ada", **WORDS))
    assert ended.ends_at == datetime(2027, 11, 22, 12, 0, tzinfo=UTC)
    accounts.ask(1)


def test_what_is_cancelled_lasts_until_what_was_paid_for_is_over(accounts: Accounts) -> None:
    accounts.plan("small")
    accounts.database.write(lambda c: cancel(c, "ada", **WORDS))
    end = accounts.account().ends_at
    assert end == accounts.account().period(accounts.clock()).end
    accounts.clock.moment = end - timedelta(microseconds=1)
    accounts.release(accounts.ask(1))
    accounts.clock.moment = end
    with pytest.raises(AccountEnded) as refusal:
        accounts.ask(1)
    assert refusal.value.details["ended_at"] == end.isoformat()
    assert accounts.balance().available == 1_000
    with pytest.raises(InvalidRequest, match="no plan to be cancelled"):
        accounts.database.write(lambda c: cancel(c, "ada", **WORDS))


def test_nothing_prolongs_a_plan_but_a_persons_word(accounts: Accounts) -> None:
    """Holes 4 and 5: an expired plan kept its limits, and renewed itself without being paid."""
    until = accounts.clock() + timedelta(days=10)
    accounts.plan("small", ends_at=until)
    accounts.clock.moment = until
    granted = accounts.balance().granted
    for _ in range(2):
        with pytest.raises(AccountEnded):
            accounts.ask(0)
        accounts.database.write(lambda c: renew_one(c, "ada", accounts.clock()))
        accounts.clock.advance(timedelta(days=40))
    with accounts.database.read() as connection:
        assert due_for_renewal(connection, accounts.clock()) == []
    assert accounts.account().ends_at == until
    assert accounts.balance().granted == granted
    accounts.plan("small")
    accounts.ask(1)
    assert accounts.balance().available == 1_099


def test_an_end_can_be_moved_by_a_person_who_is_written_down(accounts: Accounts) -> None:
    accounts.plan("small", ends_at=accounts.clock() + timedelta(days=10))
    later = accounts.clock() + timedelta(days=400)
    accounts.plan("small", ends_at=later, author="grace", reason="invoice 17")
    assert accounts.account().ends_at == later
    with accounts.database.read() as connection:
        newest = events_of(connection, "ada", kind="plan_prolonged")[0]
    assert (newest.author, newest.reason) == ("grace", "invoice 17")


def test_a_cancellation_can_be_taken_back_before_it_comes(accounts: Accounts) -> None:
    accounts.plan("small")
    accounts.database.write(lambda c: cancel(c, "ada", **WORDS))
    accounts.plan("small")
    assert accounts.account().ends_at is not None  # not by the way
    accounts.plan("small", endless=True)
    accounts.clock.moment = accounts.account().period(accounts.clock()).end
    accounts.ask(1)
    assert kinds(accounts) == ["plan_begun", "plan_cancelled", "plan_prolonged"]


def test_a_suspended_account_says_since_when_and_why(accounts: Accounts) -> None:
    hold = accounts.ask(5)
    accounts.database.write(
        lambda c: set_active(c, "ada", "suspended", author="grace", reason="chargeback 4711")
    )
    with pytest.raises(AccountSuspended, match="chargeback 4711") as refusal:
        accounts.ask(1)
    assert refusal.value.details["since"] == accounts.clock().isoformat()
    accounts.release(hold)
    accounts.database.write(
        lambda c: set_active(c, "ada", "active", author="grace", reason="cleared")
    )
    accounts.ask(1)
    assert kinds(accounts) == ["suspended", "resumed"]


def test_a_period_that_began_while_suspended_is_granted_afterwards(accounts: Accounts) -> None:
    accounts.plan("small")
    accounts.database.write(lambda c: set_active(c, "ada", "suspended", **WORDS))
    accounts.clock.moment = accounts.account().period(accounts.clock()).end
    accounts.database.write(lambda c: renew_one(c, "ada", accounts.clock()))
    assert accounts.balance().available == 1_000
    accounts.database.write(lambda c: set_active(c, "ada", "active", **WORDS))
    assert accounts.balance().available == 1_100


def test_prepaid_again_keeps_what_was_granted_until_it_expires(accounts: Accounts) -> None:
    accounts.plan("small")
    end = accounts.account().period(accounts.clock()).end
    accounts.plan("prepaid")
    assert accounts.account().plan is None
    accounts.ask(51, uses={"upscale": 9})
    assert accounts.balance().available == 1_049
    accounts.clock.moment = end
    accounts.expire()
    assert accounts.balance().available == 1_000


def test_what_was_done_about_an_account_cannot_be_undone_in_its_history(
    accounts: Accounts,
) -> None:
    accounts.plan("small")
    for statement in ("UPDATE account_events SET author = 'x'", "DELETE FROM account_events"):
        change = text(statement)
        with pytest.raises(DatabaseError, match="append-only"):
            accounts.database.write(partial(_execute, change))


def _execute(change: TextClause, connection: Connection) -> None:
    connection.execute(change)


@pytest.mark.parametrize(
    "agreed",
    [
        {"cycle": "weekly"},
        {"zone": "Mars/Olympus"},
        {"ends_at": datetime(2026, 1, 1, tzinfo=UTC)},
        {"anchor": datetime(2027, 1, 1, tzinfo=UTC)},
        {"author": ""},
    ],
)
def test_a_plan_that_makes_no_sense_is_refused_and_nothing_is_granted(
    agreed: dict[str, Any], accounts: Accounts
) -> None:
    with pytest.raises(InvalidRequest):
        accounts.plan("small", **agreed)
    assert accounts.account().plan is None
    assert accounts.balance().granted == 1_000


def test_the_periods_of_a_running_plan_do_not_move(accounts: Accounts) -> None:
    accounts.plan("small", anchor=datetime(2026, 10, 31, tzinfo=UTC))
    assert accounts.account().period(accounts.clock()).end == datetime(2026, 11, 30, tzinfo=UTC)
    with pytest.raises(InvalidRequest, match="cannot be moved"):
        accounts.plan("small", zone="Europe/Vienna")
    with pytest.raises(InvalidRequest, match="no such plan"):
        accounts.plan("platinum")


def test_credits_that_were_granted_before_are_written_down_as_none(accounts: Accounts) -> None:
    anchor = accounts.clock()
    for _ in range(2):
        accounts.plan("small", anchor=anchor)
        accounts.plan("large")
        accounts.plan("prepaid")
    with accounts.database.read() as connection:
        newest, before = events_of(connection, "ada", kind="plan_changed", limit=2)
    assert newest.details["granted"] == 0
    assert before.details["granted"] == LARGE.credits - SMALL.credits
    assert accounts.balance().granted == 1_000 + LARGE.credits


def test_a_reason_that_cannot_be_kept_changes_no_plan(accounts: Accounts) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        accounts.plan("small", reason="two\nlines")
    assert refusal.value.field == "reason"
    assert accounts.account().plan is None
