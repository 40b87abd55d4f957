"""Promises 1, 4 and 5 of the design, each with tests that fail when it is broken.

The gate, the settlement, and the bound of the wallet. Promises 2 and 3 are in
``test_promises_purchases.py``, 6 in ``test_promises_holds.py``, 7 in ``test_promises_endings.py``.
"""

from __future__ import annotations

import ast
import asyncio
import copy
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, func, select

import studio.clock
from billing.ledger import claim_of
from engine import journal
from engine.execute import Order
from engine.jobs import Job
from engine.single import hold_credits, release_hold
from engine.studio import Studio
from engine.tables import jobs, outbox
from library.tables import assets
from providers import Request
from studio.errors import (
    Conflict,
    HoldRefused,
    ProviderUnavailable,
    StudioUnavailable,
)
from studio.operations import Generate
from studio.permit import Permit, issue
from tests.support.providers import PRICES, InstantProvider, book
from tests.support.studios import (
    FUNDS,
    OWNER,
    balance_of,
    execute,
    fund,
    job_of,
    opened_studio,
    order_for,
)
from tests.unit.engine.conftest import House

ROOT = Path(__file__).parents[3]
ROOMS = "batches billing deployments engine flows interfaces library providers scripts studio tasks"
PRICE = PRICES["painter"]
FOX = Generate(prompt="a fox")


# --- 1. The gate cannot be passed by.


def _submit(provider: InstantProvider, permit: Any) -> Any:
    return asyncio.run(provider.submit(permit, provider.offer("painter"), Request(FOX)))


def test_promise_1_a_permit_cannot_be_made_by_hand_or_copied() -> None:
    with pytest.raises(HoldRefused):
        Permit(object(), job="job_x", offer="instant/painter")
    permit = issue(job="job_x", offer="instant/painter")
    copies: list[Callable[[Permit], object]] = [copy.copy, copy.deepcopy, pickle.dumps]
    for duplicate in copies:
        with pytest.raises(HoldRefused):
            duplicate(permit)


class _LooksLikeAPermit:
    used = False

    def use(self, offer: str) -> None:
        """Let everything pass."""


@pytest.mark.parametrize("permit", [None, _LooksLikeAPermit()])
def test_promise_1_no_permit_no_call(permit: Any) -> None:
    provider = InstantProvider()
    with pytest.raises(HoldRefused):
        _submit(provider, permit)
    assert provider.calls == []


def test_promise_1_a_permit_is_for_its_offer_alone() -> None:
    provider = InstantProvider()
    permit = issue(job="job_x", offer="instant/cutter")
    with pytest.raises(HoldRefused):
        _submit(provider, permit)
    assert provider.calls == []
    assert not permit.used


def test_promise_1_a_permit_serves_once() -> None:
    provider = InstantProvider()
    permit = issue(job="job_x", offer="instant/painter")
    _submit(provider, permit)
    assert permit.used
    with pytest.raises(HoldRefused):
        _submit(provider, permit)
    assert len(provider.calls) == 1


def _uses(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield what a module does with permits and providers: issuing, and calling past the gate."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "studio.permit":
            yield from (("issue", alias.name) for alias in node.names if alias.name == "issue")
        if isinstance(node, ast.Attribute):
            owner = node.value.id if isinstance(node.value, ast.Name) else ""
            if node.attr == "issue" and owner == "permit":
                yield "issue", owner
            # Its own method of that name may be called by anybody.
            if node.attr == "_submit" and owner != "self":
                yield "_submit", owner
        if isinstance(node, ast.Name) and node.id == "_SEAL":
            yield "_SEAL", ""


def test_promise_1_permits_are_issued_in_one_place() -> None:
    places: dict[str, set[str]] = {"issue": set(), "_submit": set(), "_SEAL": set()}
    files = [file for room in ROOMS.split() for file in (ROOT / room).rglob("*.py")]
    assert len(files) > 50
    for file in files:
        name = file.relative_to(ROOT).as_posix()
        for what, _ in _uses(ast.parse(file.read_text())):
            places[what].add(name)
    assert places == {
        "issue": {"engine/gate.py"},
        "_submit": set(),
        "_SEAL": {"studio/permit.py"},
    }


@pytest.mark.parametrize("fault", ["closed", "expired", "too small", "of another owner", "no hold"])
def test_promise_1_a_hold_that_does_not_carry_it_buys_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    amount = PRICE - 1 if fault == "too small" else None
    order = order_for(house.studio, FOX, "fox", amount=amount)
    if fault == "closed":
        release_hold(house.studio, OWNER, order.hold)
    elif fault == "of another owner":
        fund(house.studio, FUNDS, "mallory")
        theirs = hold_credits(house.studio, "mallory", "x/1", FUNDS, "theirs")
        order = _with_hold(order, theirs.id)
    elif fault == "no hold":
        order = _with_hold(order, "hold_00000000000000000000000000")
    elif fault == "expired":
        moment = datetime.now(UTC) + timedelta(hours=3)
        monkeypatch.setattr(studio.clock, "now", lambda: moment)
    with pytest.raises(HoldRefused):
        execute(house.studio, order)
    assert house.sure.calls == house.dear.calls == []
    assert job_of(house.studio, "fox") is None
    assert balance_of(house.studio).captured == 0


def _with_hold(order: Order, hold: str) -> Order:
    values = {name: getattr(order, name) for name in order.__slots__}
    return Order(**{**values, "hold": hold})


def test_promise_1_what_costs_nothing_passes_the_same_gate(tmp_path: Path) -> None:
    free = InstantProvider("free")
    with opened_studio(tmp_path, funds=0, providers={"free": free}, prices=book(free=0)) as studio:
        order = order_for(studio, FOX, "fox")
        job = execute(studio, order)
        assert (job.state, job.price) == ("settled", 0)
        with studio.database.read() as connection:
            claim = claim_of(connection, OWNER, job.claim)
        assert claim is not None
        assert (claim.state, claim.hold_id) == ("captured", order.hold)
        release_hold(studio, OWNER, order.hold)
        refused = order_for(studio, FOX, "another", hold_key="another/1")
        release_hold(studio, OWNER, refused.hold)
        with pytest.raises(HoldRefused):
            execute(studio, refused)
        assert len(free.calls) == 1


# --- 4. Settled at once.


def _generated(house: House, monkeypatch: pytest.MonkeyPatch) -> Job:
    """Return a job that is bought and stored and not settled: the database went away."""

    def away(*_: object) -> Any:
        raise StudioUnavailable("no database")

    with monkeypatch.context() as patch:
        patch.setattr(journal, "note_bought", away)
        patch.setattr(journal, "settle", away)
        with pytest.raises(StudioUnavailable):
            execute(house.studio, order_for(house.studio, FOX, "fox"))
    job = job_of(house.studio, "fox")
    assert job is not None
    assert job.state == "generated"
    return job


@contextmanager
def _failing(studio: Studio, number: int) -> Iterator[list[str]]:
    """Let the statement with that number fail; yield the statements that were tried."""
    seen: list[str] = []

    def before(_c: Any, _u: Any, statement: str, *_: Any) -> None:
        if not statement.startswith(("BEGIN", "SELECT")):
            seen.append(statement)
            if len(seen) == number:
                raise RuntimeError("the power goes out")

    event.listen(studio.database.engine, "before_cursor_execute", before)
    try:
        yield seen
    finally:
        event.remove(studio.database.engine, "before_cursor_execute", before)


def _settlement(studio: Studio, job: Job) -> dict[str, object]:
    with studio.database.read() as connection:
        claim = claim_of(connection, OWNER, job.claim)
        state = connection.execute(select(jobs.c.state).where(jobs.c.id == job.id)).scalar()
        filed = connection.execute(select(func.count()).select_from(assets)).scalar()
        told = connection.execute(select(func.count()).select_from(outbox)).scalar()
    wallet = balance_of(studio)
    return {
        "claim": claim.state if claim else "",
        "job": state,
        "assets": filed,
        "messages": told,
        "captured": wallet.captured,
        "held": wallet.held,
    }


def test_promise_4_a_settlement_is_there_as_a_whole_or_not_at_all(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = _generated(house, monkeypatch)
    before = _settlement(house.studio, job)
    assert before == {
        "claim": "active", "job": "generated", "assets": 0, "messages": 0, "captured": 0,
        "held": PRICE,
    }  # fmt: skip

    def settle() -> None:
        house.studio.database.write(lambda connection: journal.settle(connection, [job.id]))

    failed = 0
    while True:
        with _failing(house.studio, failed + 1) as seen:
            try:
                settle()
            except RuntimeError:
                failed += 1
            else:
                break
        assert _settlement(house.studio, job) == before, seen[-1]
    after = {
        "claim": "captured", "job": "settled", "assets": 1, "messages": 1, "captured": PRICE,
        "held": 0,
    }  # fmt: skip
    assert _settlement(house.studio, job) == after
    assert failed >= 7  # claim, transaction, entries, wallet, hold, asset, job, message
    settle()
    assert _settlement(house.studio, job) == after
    assert len(house.sure.calls) == 1


def test_promise_4_what_is_bought_is_kept_and_settled_as_a_whole_or_not_at_all(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At any statement at which the one step of both breaks, it is taken in two."""
    plain = execute(house.studio, order_for(house.studio, FOX, "plain"))
    assert plain.state == "settled"
    captured = balance_of(house.studio).captured
    broken = 0
    while True:
        key = f"fox-{broken}"
        order = order_for(house.studio, FOX, key)
        note = partial(_note_bought_failing_at, broken + 1, house.studio)
        with monkeypatch.context() as patch:
            patch.setattr(journal, "note_bought", note)
            steps: list[Any] = []
            patch.setattr(journal, "settle", _watched(journal.settle, steps))
            job = execute(house.studio, order)
        release_hold(house.studio, OWNER, order.hold)
        assert job.state == "settled"
        broken += 1
        found = _settlement(house.studio, job)
        assert (found["claim"], found["job"], found["held"]) == ("captured", "settled", 0)
        assert found["assets"] == found["messages"] == broken + 1
        assert found["captured"] == captured + broken * PRICE
        if not steps:
            break
    assert broken > 7  # claim, transaction, entries, wallet, hold, asset, job, message
    assert len(house.sure.calls) == broken + 1


def test_promise_4_a_job_that_somebody_moved_on_is_not_paid_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = execute(house.studio, order_for(house.studio, FOX, "fox"))
    before = _settlement(house.studio, job)
    stale = replace(job, state="prepared", delivery=None)
    unit = journal.Bought(stale, job.delivery or {})
    with pytest.raises(Conflict):
        house.studio.database.write(lambda connection: journal.note_bought(connection, [unit]))
    assert _settlement(house.studio, job) == before


_note_bought = journal.note_bought


def _note_bought_failing_at(number: int, studio: Studio, connection: Any, units: Any) -> Any:
    with _failing(studio, number):
        return _note_bought(connection, units)


def _watched(step: Any, seen: list[Any]) -> Any:
    """Return a step of the journal that writes down what it was called with."""

    def watched(connection: Any, units: Any) -> Any:
        seen.append(units)
        return step(connection, units)

    return watched


# --- 5. Never overdrawn.


def test_promise_5_a_crowd_gets_what_the_hold_carries_and_no_more(house: House) -> None:
    first = order_for(house.studio, FOX, "0", amount=5 * PRICE)
    orders = [first]
    for number in range(1, 20):
        release_hold(house.studio, OWNER, order_for(house.studio, FOX, str(number)).hold)
        orders.append(_with_hold(order_for(house.studio, FOX, str(number)), first.hold))

    async def all_of_them() -> list[Any]:
        work = (house.studio.executor.execute(order) for order in orders)
        return await asyncio.gather(*work, return_exceptions=True)

    results = house.studio.loop.run(all_of_them())
    settled = [result for result in results if isinstance(result, Job)]
    assert {job.state for job in settled} == {"settled"}
    assert len(settled) == len(house.sure.calls) == 5
    refused = [result for result in results if not isinstance(result, Job)]
    assert {type(result) for result in refused} == {HoldRefused}
    wallet = balance_of(house.studio)
    assert (wallet.captured, wallet.held) == (5 * PRICE, 0)


def test_promise_5_a_substitute_is_never_bought_above_the_hold(house: House) -> None:
    house.sure.script.append(ProviderUnavailable("closed", provider="sure"))
    job = execute(house.studio, order_for(house.studio, FOX, "fox"))
    assert (job.state, job.offer) == ("failed", "sure/painter")
    assert house.dear.calls == []
    assert balance_of(house.studio).captured == 0


def test_promise_5_a_substitute_that_the_hold_carries_is_bought(house: House) -> None:
    house.sure.script.append(ProviderUnavailable("closed", provider="sure"))
    job = execute(house.studio, order_for(house.studio, FOX, "fox", amount=3 * PRICE))
    assert (job.state, job.offer, job.attempt) == ("settled", "dear/painter", 2)
    assert balance_of(house.studio).captured == 3 * PRICE
