"""The auditor of periods: a difference that is planted by hand is found, and none is made up."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Connection, delete, text, update

from billing.accounts.audit_periods import audit_periods
from billing.accounts.plans import PlanBook
from billing.accounts.subscriptions import cancel, renew_one, set_active
from billing.accounts.tables import account_events
from billing.accounts.tables import accounts as table
from billing.ledger import ClaimRequest, Discrepancy, claim
from billing.ledger.words import WalletState
from tests.support.accounts import LARGE, PLANS, SMALL, Accounts

FREE = SMALL.model_copy(update={"name": "free", "title": "Free", "credits": 0})
WORDS = {"author": "operator", "reason": "a test"}


@pytest.fixture(autouse=True)
def _with_a_free_plan(accounts: Accounts, monkeypatch: pytest.MonkeyPatch) -> None:
    del accounts  # its plans are replaced
    book = PlanBook(version="tests", date=PLANS.date, plans=(FREE, SMALL, LARGE))
    monkeypatch.setattr("billing.accounts.plans._books", lambda _folder: (book,))


def looked_at(accounts: Accounts) -> list[Discrepancy]:
    with accounts.database.read() as connection:
        return audit_periods(connection)


def next_period(accounts: Accounts, *, come: bool = True) -> None:
    accounts.clock.moment = accounts.account().period(accounts.clock()).end
    if come:
        accounts.database.write(lambda c: renew_one(c, "ada", accounts.clock()))


def suspend(accounts: Accounts, *, again: bool = False) -> None:
    state: WalletState = "active" if again else "suspended"
    accounts.database.write(lambda c: set_active(c, "ada", state, **WORDS))


def of_no_credits(accounts: Accounts) -> None:
    accounts.plan("free")
    next_period(accounts)


def begun_while_suspended(accounts: Accounts) -> None:
    accounts.plan("small")
    suspend(accounts)
    next_period(accounts)
    next_period(accounts)


def suspended_from_the_start(accounts: Accounts) -> None:
    suspend(accounts)
    accounts.plan("small")


def resumed(accounts: Accounts) -> None:
    begun_while_suspended(accounts)
    suspend(accounts, again=True)


def changed_in_mid_period(accounts: Accounts) -> None:
    accounts.plan("free")
    accounts.clock.advance(timedelta(days=9))
    accounts.plan("large")


def lower_in_the_next(accounts: Accounts) -> None:
    accounts.plan("large")
    accounts.plan("free")
    next_period(accounts)


def nobody_came(accounts: Accounts) -> None:
    accounts.plan("small")
    for _ in range(3):
        next_period(accounts, come=False)


def begun_anew(accounts: Accounts) -> None:
    """With the same anchor: its period was granted under the agreement before."""
    anchor = accounts.clock()
    accounts.plan("small", anchor=anchor)
    next_period(accounts)
    accounts.plan("prepaid")
    accounts.clock.advance(timedelta(hours=1))
    accounts.plan("small", anchor=anchor)


def begun_anew_while_suspended(accounts: Accounts) -> None:
    anchor = accounts.clock()
    accounts.plan("small", anchor=anchor)
    next_period(accounts)
    accounts.plan("prepaid")
    suspend(accounts)
    accounts.clock.advance(timedelta(hours=1))
    accounts.plan("small", anchor=anchor)


def by_another_clock(accounts: Accounts) -> None:
    anchor = accounts.clock() - timedelta(days=70)
    accounts.plan("small", anchor=anchor, zone="Pacific/Auckland")
    next_period(accounts)
    accounts.database.write(lambda c: cancel(c, "ada", **WORDS))


Life = Callable[[Accounts], None]
LIVES: list[Life] = [
    of_no_credits,
    begun_while_suspended,
    suspended_from_the_start,
    resumed,
    changed_in_mid_period,
    lower_in_the_next,
    nobody_came,
    begun_anew,
    begun_anew_while_suspended,
    by_another_clock,
]


@pytest.mark.parametrize("life", LIVES, ids=lambda life: life.__name__)
@pytest.mark.parametrize("step", [-2, -1, 1, 2])
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_period_changed_by_hand_is_found_whatever_happened(
    accounts: Accounts, life: Life, step: int
) -> None:
    life(accounts)
    assert looked_at(accounts) == []
    right = accounts.account().granted_period
    assert right is not None
    _set(accounts, right + step)
    (found,) = looked_at(accounts)
    assert (found.what, found.id, found.field) == ("accounts", "ada", "granted_period")
    assert (found.recorded, found.derived) == (right + step, right)
    _set(accounts, right)


def _set(accounts: Accounts, period: int) -> None:
    change = update(table).where(table.c.owner == "ada").values(granted_period=period)
    accounts.database.write(lambda connection: connection.execute(change))


@pytest.mark.parametrize("life", LIVES, ids=lambda life: life.__name__)
def test_no_life_is_taken_for_a_difference(accounts: Accounts, life: Life) -> None:
    life(accounts)
    assert accounts.audit() == []


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_an_agreement_of_before_there_were_such_events_is_not_judged(accounts: Accounts) -> None:
    accounts.plan("small")

    def as_it_was(connection: Connection) -> None:
        triggers = text("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        for name in connection.execute(triggers).scalars().all():
            connection.execute(text(f"DROP TRIGGER {name}"))
        connection.execute(delete(account_events).where(account_events.c.kind == "period_begun"))
        connection.execute(
            text("UPDATE account_events SET details = json_remove(details, '$.period')")
        )

    accounts.database.write(as_it_was)
    assert looked_at(accounts) == []


def test_what_a_hold_was_not_placed_for_is_found(accounts: Accounts) -> None:
    hold = accounts.ask(9, uses={"generate": 1})
    accounts.buy(hold, "generate")
    accounts.give_back(accounts.one(claim, ClaimRequest("ada", hold.id, "tried", 1, "upscale")))
    assert accounts.audit() == []
    more = accounts.one(claim, ClaimRequest("ada", hold.id, "again", 1, "generate"))
    (found,) = accounts.audit()
    assert (found.what, found.field, found.recorded, found.derived) == ("uses", "count", 1, 2)
    accounts.give_back(more)
    other = accounts.one(claim, ClaimRequest("ada", hold.id, "other", 1, "upscale"))
    (found,) = accounts.audit()
    assert (found.what, found.id, found.recorded) == ("claims", other.id, "upscale")
    accounts.give_back(other)
