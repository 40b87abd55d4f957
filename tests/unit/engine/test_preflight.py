"""Pre-flight through the studio: one answer, never another; told in the transaction it happens."""

from __future__ import annotations

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

import studio.clock
from batches import BatchRecord, find_batch
from billing.accounts.account import account_of, change_account, keep_account, wallet_id_of
from billing.accounts.budgets import set_budget
from billing.accounts.limits import used_of
from billing.accounts.members import add_member
from billing.accounts.subscriptions import change_plan
from billing.ledger import hold_of
from billing.tables import wallets
from engine.batch_plan import plan_batch, read_file
from engine.batch_start import start_batch
from engine.batch_view import view_batch
from engine.notifications import words
from engine.outbox import Message, Waiting
from engine.preflight import Caller
from engine.single import (
    hold_credits,
    left_to_buy,
    order_of,
    orders_of,
    plan_one,
    release_hold,
)
from engine.tables import outbox
from engine.upkeep import audit_books, reap_holds, watch_balances
from providers import Plan
from studio.errors import (
    AccountRefused,
    BudgetReached,
    OutcomeUnknown,
    ProviderRejected,
    StudioUnavailable,
)
from studio.operations import EnhancePrompt, Generate
from studio.settings import Settings
from tests.support.accounts import PLANS, SMALL
from tests.support.providers import PRICES
from tests.support.studios import OWNER, balance_of, execute
from tests.unit.engine.conftest import House

FOX = Generate(prompt="a fox")
PRICE = PRICES["painter"]


def told(house: House) -> list[tuple[str, dict[str, Any]]]:
    with house.studio.database.read() as connection:
        rows = connection.execute(select(outbox).order_by(outbox.c.id)).all()
    return [(row.event, row.payload) for row in rows]


def budget(house: House, amount: int, scope: str = "workspace", name: str = "") -> None:
    house.studio.database.write(
        lambda c: set_budget(c, OWNER, scope, name, amount, author="operator")
    )


def used(house: House) -> dict[str, int]:
    with house.studio.database.read() as connection:
        since = studio.clock.now() - timedelta(days=1)
        return used_of(connection, wallet_id_of(connection, OWNER), since)


def test_thirty_two_runs_at_once_under_a_budget_for_two(house: House) -> None:
    """The figure of LiteLLM #34732, through the group commit that flows use: theirs were 32."""
    budget(house, 1_000_000)
    barrier = threading.Barrier(32)

    def ask(number: int) -> bool:
        barrier.wait()
        try:
            hold_credits(house.studio, OWNER, f"run-{number}", 500_000, "a test")
        except BudgetReached:
            return False
        return True

    with ThreadPoolExecutor(32) as threads:
        assert sum(threads.map(ask, range(32))) == 2
    assert balance_of(house.studio).held == 1_000_000
    assert sorted(payload["percent"] for _, payload in told(house)) == [50, 100]


def test_what_was_bought_counts_and_what_failed_does_not(house: House) -> None:
    planned = plan_one(house.studio, FOX, OWNER, "fox")
    assert planned.uses == {"generate": 1}
    held = hold_credits(
        house.studio, OWNER, "fox/1", planned.quote.total, "a test", uses=planned.uses
    )
    order = order_of(planned, owner=OWNER, key="fox", hold_id=held.id, run="run")
    assert execute(house.studio, order).state == "settled"
    release_hold(house.studio, OWNER, held.id)
    assert used(house) == {"generate": 1}


def test_a_run_that_is_started_again_is_not_refused_for_what_is_paid(house: House) -> None:
    """Its own picture would count against its limit, and its price against an empty wallet."""
    asked = Generate(prompt="a fox", variations=3, seed=1)
    planned = plan_one(house.studio, asked, OWNER, "fox")
    assert left_to_buy(house.studio, planned, OWNER, "fox") == (3 * PRICE, {"generate": 3})
    held = hold_credits(house.studio, OWNER, "fox/1", 3 * PRICE, "a test", uses=planned.uses)
    done, failed, away = orders_of(planned, owner=OWNER, key="fox", hold_id=held.id, run="run")
    assert execute(house.studio, done).state == "settled"
    for provider in (house.sure, house.dear):
        provider.script.append(ProviderRejected("no", provider=provider.name))
    assert execute(house.studio, failed).state == "failed"
    house.sure.script.append(OutcomeUnknown("cut", provider="sure"))
    assert execute(house.studio, away).state == "unknown"
    release_hold(house.studio, OWNER, held.id)
    again = plan_one(house.studio, asked, OWNER, "fox")
    assert left_to_buy(house.studio, again, OWNER, "fox") == (PRICE, {"generate": 1})


def test_a_prompt_that_is_written_first_counts_as_itself(house: House) -> None:
    operation = Generate(prompt="a fox", variations=2)
    planned = plan_one(house.studio, operation, OWNER, "fox")
    assert planned.uses == {"generate": 2}
    assert replace(planned, prompt=_written()).uses == {"generate": 2, "enhance_prompt": 1}


def _written() -> Plan:
    return Plan(EnhancePrompt(prompt="a fox"), (), ())


def test_a_batch_reserves_all_its_rows_and_keeps_those_that_were_done(
    house: House, tmp_path: Path
) -> None:
    rows = b"operation,prompt\ngenerate,a fox\ngenerate,an owl\ngenerate,a hill\n"
    spec = read_file(house.studio, rows, source="b.csv", owner=OWNER, folder=tmp_path)
    running = start_batch(house.studio, plan_batch(house.studio, spec), "run")
    running.hold_for(running.quote(), "run/1", Caller(project="spring"))
    assert used(house) == {"generate": 3}
    order = running.orders(running.waves()[0])[0]
    running.take(order, execute(house.studio, order))
    running.finish()
    assert used(house) == {"generate": 1}


def test_rows_that_are_done_do_not_count_against_the_size_of_a_batch(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who changed to a smaller plan in between could not even finish what is left."""
    small = SMALL.model_copy(update={"batch_rows": 1, "largest_hold": None})
    books = (PLANS.model_copy(update={"plans": (small,)}),)
    monkeypatch.setattr("billing.accounts.plans._books", lambda _folder: books)
    rows = b"operation,prompt\ngenerate,a fox\ngenerate,an owl\n"
    spec = read_file(house.studio, rows, source="b.csv", owner=OWNER, folder=tmp_path)
    running = start_batch(house.studio, plan_batch(house.studio, spec), "run-1")
    running.hold_for(running.quote(), "run-1/1")
    order = running.orders(running.waves()[0])[0]
    running.take(order, execute(house.studio, order))
    running.finish()
    house.studio.database.write(
        lambda c: change_plan(c, OWNER, "small", author="operator", reason="saving")
    )
    again = start_batch(house.studio, plan_batch(house.studio, spec), "run-2")
    quoted = again.quote()
    assert list(quoted.free.values()) == ["done before"]
    again.hold_for(quoted, "run-2/1")
    again.finish()


def test_a_refused_second_start_leaves_what_the_first_one_came_to(
    house: House, tmp_path: Path
) -> None:
    """Rows that ended without a job would be waiting again, and no file would be had of others."""
    rows = b"row,operation,prompt,image\nfox,generate,a fox,\nbig,upscale,,@fox\n"
    spec = read_file(house.studio, rows, source="b.csv", owner=OWNER, folder=tmp_path)
    running = start_batch(house.studio, plan_batch(house.studio, spec), "run-1")
    running.hold_for(running.quote(), "run-1/1")
    for provider in (house.sure, house.dear):
        provider.script.append(ProviderRejected("no", provider=provider.name))
    for wave in running.waves():
        for order in running.orders(wave):
            running.take(order, execute(house.studio, order))
    running.finish()
    before = _stands(house, spec.id)
    assert before == ({"fox": "failed", "big": "failed"}, "incomplete", 1)
    again = start_batch(house.studio, plan_batch(house.studio, spec), "run-2")
    with pytest.raises(BudgetReached):
        again.hold_for(again.quote(), "run-2/1", Caller(most=0))
    again.abandon()
    assert _stands(house, spec.id) == before


def test_who_may_only_look_cannot_take_a_batch_or_end_the_hold_of_its_run(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lease was taken, and the hold of a run that was cut off ended, before the gate asked."""
    house.studio.database.write(lambda c: add_member(c, OWNER, OWNER, "admin", author=OWNER))
    house.studio.database.write(lambda c: add_member(c, OWNER, "eve", "viewer", author=OWNER))
    rows = b"operation,prompt\ngenerate,a fox\n"
    spec = read_file(house.studio, rows, source="b.csv", owner=OWNER, folder=tmp_path)
    planned = plan_batch(house.studio, spec)
    running = start_batch(house.studio, planned, "run-1")
    running.hold_for(running.quote(), "run-1/1")
    monkeypatch.setattr(house.studio.worker, "alive", lambda _worker: False)
    before = _record(house, spec.id)
    with pytest.raises(AccountRefused, match="may not spend"):
        start_batch(house.studio, planned, "run-2", Caller("eve"))
    assert _record(house, spec.id) == before
    with house.studio.database.read() as connection:
        assert hold_of(connection, OWNER, running.hold).state == "open"


def _record(house: House, batch: str) -> BatchRecord:
    with house.studio.database.read() as connection:
        return find_batch(connection, OWNER, batch)


def _stands(house: House, batch: str) -> tuple[dict[str, str], str, int]:
    with house.studio.database.read() as connection:
        record = find_batch(connection, OWNER, batch)
        return view_batch(connection, OWNER, batch).statuses(), record.state, record.round


def test_identity_is_asked_for_on_every_way_in(house: House, tmp_path: Path) -> None:
    """Hole 8: without a user id, the original skipped its validation."""
    ways: list[Any] = [
        lambda user: plan_one(house.studio, FOX, OWNER, "x", user=user),
        lambda user: hold_credits(house.studio, OWNER, "x", 0, "x", caller=Caller(user)),
        lambda user: read_file(
            house.studio, b"", source="x", owner=OWNER, folder=tmp_path, user=user
        ),
    ]
    for way in ways:
        with pytest.raises(AccountRefused, match="no member"):
            way("mallory")
    house.studio.database.write(lambda c: add_member(c, OWNER, "grace", "admin", author="x"))
    for way in ways:
        with pytest.raises(AccountRefused, match="no member"):
            way("")  # nobody in particular is nobody
    plan_one(house.studio, FOX, OWNER, "x", user="grace")
    hold_credits(house.studio, OWNER, "x", 0, "x", caller=Caller("grace"))


def test_a_database_that_is_away_is_never_told_as_a_limit_or_as_leave(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Holes 8 and 9: the original's outage was "limit reached", or let everything pass."""
    database = house.studio.database
    budget(house, 10)
    with pytest.raises(BudgetReached):
        hold_credits(house.studio, OWNER, "run-1", 11, "a test")

    def fail() -> None:
        raise OperationalError("BEGIN", {}, sqlite3.OperationalError("unable to open"))

    monkeypatch.setattr(database.engine, "connect", fail)
    for amount in (5, 11):
        with pytest.raises(StudioUnavailable) as refusal:
            hold_credits(house.studio, OWNER, f"run-{amount}", amount, "a test")
        assert "limit" not in str(refusal.value)
    monkeypatch.undo()
    assert balance_of(house.studio).held == 0


def test_no_verdict_is_remembered(house: House) -> None:
    """Hole 11: a verdict of 30 seconds ago was shown for another model and count."""
    budget(house, 10)
    for number, amount in enumerate((11, 10)):
        key = f"run-{number}"
        if amount > 10:
            with pytest.raises(BudgetReached):
                hold_credits(house.studio, OWNER, key, amount, "a test")
        else:
            hold_credits(house.studio, OWNER, key, amount, "a test")
    with pytest.raises(BudgetReached):
        hold_credits(house.studio, OWNER, "run-0", 11, "a test")


def test_an_alert_that_cannot_be_posted_places_no_hold(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    budget(house, 10)

    def fail(*_: object) -> None:
        raise RuntimeError("the outbox is gone")

    monkeypatch.setattr("engine.preflight.post", fail)
    with pytest.raises(RuntimeError):
        hold_credits(house.studio, OWNER, "run", 10, "a test")
    monkeypatch.undo()
    assert balance_of(house.studio).held == 0
    hold_credits(house.studio, OWNER, "run", 10, "a test")
    assert [payload["percent"] for _, payload in told(house)] == [100]


def test_the_reaper_tells_whose_runs_died(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    hold_credits(house.studio, OWNER, "run-1", 10, "the spring campaign")
    hold_credits(house.studio, OWNER, "run-2", 20, "another one")
    assert reap_holds(house.studio) == []
    assert told(house) == []
    later = studio.clock.now() + timedelta(days=1)
    monkeypatch.setattr("engine.upkeep.now", lambda: later)
    assert len(reap_holds(house.studio)) == 2
    assert reap_holds(house.studio) == []
    ((kind, payload),) = told(house)
    assert (kind, payload["holds"], payload["returned"]) == ("holds.expired", 2, 30)
    assert payload["purposes"] == ["another one", "the spring campaign"]


def test_the_auditor_tells_each_state_of_the_books_once(house: House) -> None:
    database = house.studio.database
    assert audit_books(house.studio) == []
    assert told(house) == []
    spoil = update(wallets).values(captured=wallets.c.captured + 1)
    database.write(lambda c: c.execute(spoil))
    for _ in range(3):
        assert len(audit_books(house.studio)) == 1
    assert [(kind, payload["count"]) for kind, payload in told(house)] == [("books.disagree", 1)]
    database.write(lambda c: c.execute(spoil))
    audit_books(house.studio)
    assert len(told(house)) == 2
    repair = update(wallets).values(captured=wallets.c.captured - 2)
    database.write(lambda c: c.execute(repair))
    assert audit_books(house.studio) == []


def test_upkeep_tells_of_a_low_balance_once(house: House) -> None:
    def arm(connection: Any) -> None:
        keep_account(connection, OWNER, studio.clock.now())
        change_account(connection, OWNER, low_balance=10**12)

    house.studio.database.write(arm)
    assert [watch_balances(house.studio) for _ in range(3)] == [1, 0, 0]
    with house.studio.database.read() as connection:
        assert account_of(connection, OWNER).low_told
    assert [kind for kind, _ in told(house)] == ["balance.low"]


@pytest.mark.parametrize(
    ("happened", "payload", "says"),
    [
        (
            "budget.threshold",
            {
                "budget": "project spring",
                "percent": 80,
                "spent": 80_000_000,
                "amount": 100_000_000,
                "refused": True,
                "resets_at": "2026-12-01",
            },
            (
                "ada: 80 % of the budget of project spring\n80 of 100 credits are spent or held.\n"
                "A run was refused because it would have gone beyond it.\n"
                "The next period begins at 2026-12-01.\n"
                "What to do: `studio account budget` shows and changes it.\nMessage msg"
            ),
        ),
        (
            "balance.low",
            {"left": 1_500_000, "threshold": 2_000_000},
            (
                "ada: 1.5 credits are left\nYou wanted to be told below 2.\n"
                "What to do: `studio account top-up` adds credits.\nMessage msg"
            ),
        ),
        (
            "holds.expired",
            {"holds": 2, "returned": 1_000_000, "purposes": ["a", "b"]},
            (
                "ada: holds of 2 runs ended by time\n1 credits returned. These runs died: a, b.\n"
                "What to do: run them again if they are still wanted; nothing is bought twice.\n"
                "Message msg"
            ),
        ),
        (
            "books.disagree",
            {"count": 1, "faults": ["wallets w: held is 1, must be 0"]},
            (
                "The books do not agree: 1 faults\nwallets w: held is 1, must be 0\n"
                "Nothing was changed.\nWhat to do: `studio doctor` tells more.\nMessage msg"
            ),
        ),
        ("something.new", {}, "something.new: x\nFor ada.\nMessage msg"),
    ],
)
def test_people_are_told_in_words(happened: str, payload: dict[str, Any], says: str) -> None:
    waiting = Waiting("msg", Message("ada", happened, "x", payload))
    assert "\n".join(words(waiting, Settings(_env_file=None))) == says
