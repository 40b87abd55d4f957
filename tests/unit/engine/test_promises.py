"""Promises 1, 4, 5 and 7 of the design, each with tests that fail when it is broken.

The gate, the settlement, the bound of the wallet, and endings that say what happened. Promises 2,
3 and 6 are in ``test_promises_purchases.py``.
"""

from __future__ import annotations

import ast
import asyncio
import copy
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, func, select

import engine.execute
import studio.clock
from billing.ledger import claim_of
from engine import journal
from engine.batch import BatchRun, plan_batch, read_file, start_batch
from engine.batch_files import deliver, manifest_rows
from engine.batch_view import view_batch
from engine.execute import Order
from engine.jobs import Job
from engine.single import hold_credits, hold_key, release_hold
from engine.studio import Studio
from engine.tables import jobs, outbox
from library.tables import assets
from providers import Request, Ticket
from studio.errors import (
    HoldRefused,
    OutcomeUnknown,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
    StudioError,
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


def test_promise_1_no_permit_no_call() -> None:
    provider = InstantProvider()
    with pytest.raises(AttributeError):
        _submit(provider, None)
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


# --- 7. Nothing silent.

ROWS = """row,operation,prompt,image,seed
good,generate,good,,1
refused,generate,refused,,2
lost,generate,lost,,3
later,generate,later,,4
orphan,upscale,,@refused,
twin,generate,good,,1
"""
_ENDS: dict[str, ProviderError | Ticket] = {
    "refused": ProviderRejected("no", provider="sure"),
    "lost": OutcomeUnknown("cut", provider="sure"),
    "later": Ticket("remote-1"),
}


def _start(house: House, text: str, number: int) -> BatchRun:
    spec = read_file(
        house.studio, text.encode(), source="rows.csv", owner=OWNER, folder=Path("/nowhere")
    )
    return start_batch(house.studio, plan_batch(house.studio, spec), f"run-{number}")


def _run(house: House, running: BatchRun, number: int, skip: str = "") -> None:
    """Carry a batch out, as its flow does; the result of the row ``skip`` gets lost."""
    if not running.hold:
        running.hold_for(running.quote(), hold_key("run", number))
    for wave in running.waves():
        for order in running.orders(wave):
            result: Job | StudioError
            try:
                result = execute(house.studio, order)
            except StudioError as error:
                result = error
            if order.label != skip:
                running.take(order, result)
    running.finish()


def _script(house: House) -> None:
    """Let each row meet its end; the providers see the rows in their order."""
    submit = house.sure._submit

    async def scripted(offer: Any, request: Request) -> Any:
        prompt = getattr(request.operation, "prompt", "")
        if prompt in _ENDS:
            house.sure.script.append(_ENDS[prompt])
        return await submit(offer, request)

    house.sure._submit = scripted  # type: ignore[method-assign]
    house.sure.pickups.append(ProviderUnavailable("away", provider="sure"))


def test_promise_7_a_batch_with_failures_never_looks_green(house: House, tmp_path: Path) -> None:
    _script(house)
    running = _start(house, ROWS, 1)
    _run(house, running, 1)
    statuses = {
        "good": "done", "refused": "failed", "lost": "unknown", "later": "unknown",
        "orphan": "failed", "twin": "done",
    }  # fmt: skip
    assert running.view.statuses() == statuses
    assert not running.view.complete
    with house.studio.database.read() as connection:
        view = view_batch(connection, OWNER, running.spec.id)
    assert view.statuses() == statuses
    rows = {row.row: row for row in manifest_rows(view)}
    assert {name: row.status for name, row in rows.items()} == statuses
    for name in ("refused", "lost", "later", "orphan"):
        assert rows[name].error_code
        assert rows[name].error
    assert sum(row.credits for row in rows.values()) == balance_of(house.studio).captured == PRICE
    # What may be bought keeps its credits aside.
    assert balance_of(house.studio).held == 2 * PRICE
    deliver(house.studio, view, tmp_path / "delivered")

    again = _start(house, ROWS, 2)
    house.sure._submit = type(house.sure)._submit.__get__(house.sure)  # type: ignore[method-assign]
    _run(house, again, 2)
    assert again.view.statuses() == {**dict.fromkeys(statuses, "done"), "lost": "unknown"}
    assert balance_of(house.studio).held == PRICE


def test_promise_7_a_row_that_the_hold_does_not_carry_says_so(house: House) -> None:
    running = _start(house, "row,operation,prompt,seed\na,generate,a,1\nb,generate,b,2\n", 1)
    running.hold_for(running.quote(), "whole")
    release_hold(house.studio, OWNER, running.hold)
    running.hold = hold_credits(house.studio, OWNER, "too-small", PRICE, "a test").id
    _run(house, running, 1)
    assert running.view.statuses() == {"a": "done", "b": "skipped_budget"}
    assert running.view.endings["b"]["code"] == "hold_refused"
    assert not running.view.complete


def test_promise_5_no_row_spends_the_part_of_another(house: House) -> None:
    house.sure.script.append(ProviderUnavailable("closed", provider="sure"))
    rows = [f"{letter},generate,{letter},{number}" for number, letter in enumerate("abcd")]
    running = _start(house, "\n".join(["row,operation,prompt,seed", *rows]) + "\n", 1)
    _run(house, running, 1)
    # The substitute would cost row a three parts of four.
    assert running.view.statuses() == {"a": "failed", "b": "done", "c": "done", "d": "done"}
    assert house.dear.calls == []


def test_promise_7_a_row_whose_result_got_lost_is_told_by_the_journal(house: House) -> None:
    running = _start(house, "row,operation,prompt,seed\na,generate,a,1\nb,generate,b,2\n", 1)
    _run(house, running, 1, skip="a")
    assert running.view.statuses() == {"a": "done", "b": "done"}


def test_promise_7_a_row_that_was_never_begun_is_a_failure(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = _start(house, "row,operation,prompt,seed\na,generate,a,1\n", 1)
    monkeypatch.setattr(BatchRun, "waves", lambda _: ())
    _run(house, running, 1)
    assert running.view.statuses() == {"a": "failed"}
    assert running.view.endings["a"]["code"] == "unfinished"
    assert [row.status for row in manifest_rows(running.view)] == ["failed"]


def test_promise_7_an_error_that_nobody_foresaw_ends_the_job_with_words(house: House) -> None:
    house.sure.script.append(ZeroDivisionError("a bug in the adapter"))
    job = execute(house.studio, order_for(house.studio, FOX, "fox"))
    assert job.state == "unknown"
    assert job.error is not None
    assert "a bug in the adapter" in job.error["message"]
    assert engine.execute._known(ZeroDivisionError(), house.sure.offer("painter")).bought is None
