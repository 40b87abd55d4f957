"""Rows done again: exactly those that failed, or that somebody decides about; nothing twice."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from batches import ManifestRow
from billing.accounts.events import events_of
from billing.accounts.members import add_member
from engine.batch import BatchRun
from engine.batch_again import Part, buy_anew, plan_again, start_again
from engine.batch_files import manifest_rows
from engine.batch_plan import plan_batch, read_file
from engine.batch_progress import progress_of
from engine.batch_start import start_batch
from engine.batch_view import view_batch
from engine.jobs import Job
from engine.preflight import Caller
from engine.resume import resolve
from engine.single import hold_key
from engine.tables import jobs
from studio.errors import (
    AccountRefused,
    BatchInvalid,
    Conflict,
    NotEnoughCredits,
    NotFound,
    OutcomeUnknown,
    ProviderRejected,
    StudioError,
)
from tests.support.paid_server import tiny_png
from tests.support.providers import PRICES
from tests.support.studios import FUNDS, OWNER, balance_of, execute, fund
from tests.unit.engine.conftest import House
from tests.unit.engine.test_batch_variations import start

PRICE = PRICES["painter"]
ROWS = """\
row,operation,prompt,image,seed
fox,generate,a fox,,7
owl,generate,an owl,,8
hen,generate,a hen,,9
big,upscale,,@owl,
huge,upscale,,@hen,
"""


def outcome(house: House, running: BatchRun) -> list[ManifestRow]:
    for wave in running.waves():
        for order in running.orders(wave):
            result: Job | StudioError
            try:
                result = execute(house.studio, order)
            except StudioError as error:
                result = error
            running.take(order, result)
    running.finish()
    return manifest_rows(running.view)


def statuses(house: House, batch: str) -> dict[str, str]:
    with house.studio.database.read() as connection:
        return view_batch(connection, OWNER, batch).statuses()


def broken(house: House) -> str:
    """Run the batch so that ``owl`` fails and nobody knows of ``hen``; return its id."""
    running = start(house, ROWS)
    fox, owl, hen = running.orders(running.waves()[0])
    running.take(fox, execute(house.studio, fox))
    for provider in (house.sure, house.dear):
        provider.script.append(ProviderRejected("no", provider=provider.name))
    running.take(owl, execute(house.studio, owl))
    house.sure.script.append(OutcomeUnknown("who knows", provider="sure"))
    running.take(hen, execute(house.studio, hen))
    for order in running.orders(running.waves()[-1]):
        running.take(order, execute(house.studio, order))
    running.finish()
    found = statuses(house, running.spec.id)
    assert found == {
        "fox": "done",
        "owl": "failed",
        "hen": "unknown",
        "big": "failed",
        "huge": "failed",
    }
    return running.spec.id


def again(house: House, batch: str, part: Part, number: int = 2) -> BatchRun:
    planned = plan_again(house.studio, OWNER, batch, part)
    running = start_again(house.studio, planned, f"run-{number}", Caller())
    quoted = running.quote()
    assert quoted.total == planned.quote().total
    running.hold_for(quoted, hold_key(f"run-{number}", 1))
    buy_anew(running, OWNER)
    return running


def test_only_what_failed_is_held_and_bought_again(house: House) -> None:
    batch = broken(house)
    calls = len(house.sure.calls)
    running = again(house, batch, "failed")
    held = balance_of(house.studio).held
    # The credits of the unknown one stay where they are, beside those of the new hold.
    assert held == PRICE + PRICE + 2 * PRICES["enlarger"]
    rows = {row.row: row for row in outcome(house, running)}
    assert {name: row.status for name, row in rows.items()} == {
        "fox": "done",
        "owl": "done",
        "hen": "unknown",
        "big": "done",
        "huge": "failed",
    }
    assert (rows["fox"].attempts, rows["owl"].attempts, rows["big"].attempts) == (1, 2, 1)
    assert len(house.sure.calls) == calls + 2
    assert statuses(house, batch)["huge"] == "failed"
    assert balance_of(house.studio).held == PRICE


def test_what_nobody_knows_of_is_bought_again_only_by_decision(house: House) -> None:
    batch = broken(house)
    running = again(house, batch, "failed_and_unknown")
    rows = {row.row: row.status for row in outcome(house, running)}
    assert set(rows.values()) == {"done"}
    balance = balance_of(house.studio)
    assert (balance.held, balance.captured) == (0, running.view.spent)
    with house.studio.database.read() as connection:
        told = events_of(connection, OWNER, kind="batch_buy_unknown_again")
        errors = [
            row.error
            for row in connection.execute(select(jobs.c.error).where(jobs.c.state == "failed"))
        ]
    assert (told[0].author, told[0].details["batch"]) == (OWNER, batch)
    assert "not bought" in {error.get("resolved") for error in errors}


def test_an_outcome_that_becomes_known_meanwhile_counts(house: House) -> None:
    batch = broken(house)
    planned = plan_again(house.studio, OWNER, batch, "unknown")
    assert planned.only == {"hen"}
    (job,) = planned.anew
    running = start_again(house.studio, planned, "run-2", Caller())
    running.hold_for(running.quote(), hold_key("run-2", 1))
    resolve(house.studio, OWNER, job.id, "bought")
    buy_anew(running, OWNER)
    calls = len(house.sure.calls)
    outcome(house, running)
    # It was bought, and is paid: it is not bought once more.
    assert len(house.sure.calls) == calls
    assert statuses(house, batch)["hen"] == "failed"


def test_a_refused_retry_leaves_everything_as_it_was(house: House) -> None:
    batch = broken(house)
    before, stood = statuses(house, batch), balance_of(house.studio)
    planned = plan_again(house.studio, OWNER, batch, "failed_and_unknown")
    running = start_again(house.studio, planned, "run-2", Caller(most=1))
    with pytest.raises(StudioError, match="given as the most"):
        running.hold_for(running.quote(), hold_key("run-2", 1), Caller(most=1))
    running.abandon()
    assert statuses(house, batch) == before
    assert balance_of(house.studio) == stood
    rest = again(house, batch, "rest", 3)
    assert {row.row: row.status for row in outcome(house, rest)}["hen"] == "unknown"


def test_the_rest_of_a_batch_that_was_cut_off_needs_no_file(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = start(house, ROWS)
    fox = running.orders(running.waves()[0])[0]
    running.take(fox, execute(house.studio, fox))
    with monkeypatch.context() as patched:
        # Killed here.
        patched.setattr(house.studio.worker, "alive", lambda _worker: False)
        rest = again(house, running.spec.id, "rest")
    assert rest.only == frozenset({"owl", "hen", "big", "huge"})
    assert [row.status for row in outcome(house, rest)] == ["done"] * 5
    with pytest.raises(Conflict, match="nothing to do"):
        plan_again(house.studio, OWNER, running.spec.id, "rest")


def test_others_rows_keep_how_they_ended(house: House) -> None:
    running = start(house, ROWS)
    fox = running.orders(running.waves()[0])[0]
    for provider in (house.sure, house.dear):
        provider.script.append(ProviderRejected("no", provider=provider.name))
    running.take(fox, execute(house.studio, fox))
    running.end(running.spec.rows[1], "skipped_budget", NotEnoughCredits("too little"))
    running.end(running.spec.rows[2], "cancelled", Conflict("enough"))
    running.end(running.spec.rows[3], "cancelled", Conflict("enough"))
    running.end(running.spec.rows[4], "cancelled", Conflict("enough"))
    running.finish()
    retried = again(house, running.spec.id, "failed")
    with house.studio.database.read() as connection:
        counts = progress_of(connection, OWNER, running.spec.id).counts
    assert counts == {"waiting": 1, "skipped_budget": 1, "cancelled": 3}
    assert retried.only == frozenset({"fox"})
    assert [row.status for row in outcome(house, retried)] == [
        "done",
        "skipped_budget",
        "cancelled",
        "cancelled",
        "cancelled",
    ]


def test_a_file_that_has_changed_is_not_taken_for_what_it_was(house: House, tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    photo.write_bytes(tiny_png("one", side=16))
    text = "row,operation,image\nbig,upscale,photo.png\n"
    spec = read_file(house.studio, text.encode(), source="r.csv", owner=OWNER, folder=tmp_path)

    running = start_batch(house.studio, plan_batch(house.studio, spec), "run-1")
    running.hold_for(running.quote(), hold_key("run-1", 1))
    running.end(running.spec.rows[0], "failed", Conflict("no"))
    running.finish()
    photo.write_bytes(tiny_png("two", side=16))
    with pytest.raises(BatchInvalid) as refused:
        plan_again(house.studio, OWNER, spec.id, "failed")
    (problem,) = refused.value.details["problems"]
    assert (problem["row"], problem["field"]) == ("big", "image")
    photo.unlink()
    with pytest.raises(BatchInvalid):
        plan_again(house.studio, OWNER, spec.id, "failed")
    photo.write_bytes(tiny_png("one", side=16))
    assert plan_again(house.studio, OWNER, spec.id, "failed").only == {"big"}


def test_anothers_batch_is_not_there_and_who_may_not_spend_cannot(house: House) -> None:
    batch = broken(house)
    fund(house.studio, FUNDS, "eve")
    with pytest.raises(NotFound):
        plan_again(house.studio, "eve", batch, "failed")
    house.studio.database.write(lambda c: add_member(c, OWNER, OWNER, "admin", author=OWNER))
    house.studio.database.write(lambda c: add_member(c, OWNER, "bob", "viewer", author=OWNER))
    planned = plan_again(house.studio, OWNER, batch, "failed", "bob")
    with pytest.raises(AccountRefused):
        start_again(house.studio, planned, "run-2", Caller(user="bob"))
    with pytest.raises(AccountRefused):
        plan_again(house.studio, OWNER, batch, "failed", "stranger")
