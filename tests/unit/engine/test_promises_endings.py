"""Promise 7 of the design, nothing silent: every row and job ends in words that are true."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import engine.execute
from engine.batch import BatchRun
from engine.batch_files import deliver, manifest_rows
from engine.batch_plan import plan_batch, read_file
from engine.batch_start import start_batch
from engine.batch_view import view_batch
from engine.jobs import Job
from engine.single import hold_credits, hold_key, release_hold
from providers import Request, Ticket
from studio.errors import (
    OutcomeUnknown,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
    StudioError,
)
from studio.operations import Generate
from tests.support.providers import PRICES
from tests.support.studios import (
    OWNER,
    balance_of,
    execute,
    order_for,
)
from tests.unit.engine.conftest import House

PRICE = PRICES["painter"]
FOX = Generate(prompt="a fox")

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
