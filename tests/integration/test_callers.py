"""Who asks and for how much, as a form says it, arrives at the gate; its refusals come back."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from prefect import State
from sqlalchemy import select

import studio.clock
from billing.accounts.budgets import set_budget
from billing.accounts.tables import admissions
from engine.studio import Studio, use_studio
from engine.tables import jobs
from flows.batch import batch
from flows.create import create_image
from flows.fan_out import results_of, take_in
from studio.errors import StudioUnavailable
from tests.support.studios import OWNER, balance_of, opened_studio

pytestmark = pytest.mark.usefixtures("prefect_server")


def message(of: Any, **values: str) -> str:
    state: State[Any] = asyncio.run(of(**values, owner=OWNER, return_state=True))
    return f"{state.name}: {state.message}"


def admitted(opened: Studio) -> list[tuple[str, str]]:
    with opened.database.read() as connection:
        query = select(admissions.c.user, admissions.c.project).order_by(admissions.c.created_at)
        return [(row.user, row.project) for row in connection.execute(query)]


def test_forms_say_who_asks_for_which_project_and_for_how_much(tmp_path: Path) -> None:
    sheet = tmp_path / "batch.csv"
    sheet.write_text("operation,prompt\ngenerate,a hill\n")
    ways: tuple[tuple[Any, dict[str, str]], ...] = (
        (create_image, {"prompt": "a hill"}),
        (batch, {"csv": str(sheet)}),
    )
    with opened_studio(tmp_path / "home") as opened:
        use_studio(opened)
        try:
            opened.database.write(
                lambda c: set_budget(c, OWNER, "project", "closed", 0, author="operator")
            )
            for flow, values in ways:
                for given, code in (
                    ({"max_credits": "0.000001"}, "budget_reached"),
                    ({"max_credits": "much"}, "invalid_request"),
                    ({"project": "closed"}, "budget_reached"),
                    ({"user": "mallory"}, "account_refused"),
                ):
                    assert message(flow, **values, **given).startswith(f"Failed: {code}: "), given
            assert admitted(opened) == []
            for flow, values in ways:
                told = message(flow, **values, project="spring", user=OWNER, max_credits="100")
                assert told.startswith("Completed"), told
            assert admitted(opened) == [(OWNER, "spring")] * 2
            assert balance_of(opened).held == 0
        finally:
            use_studio(None)


def test_the_date_in_a_batch_is_its_runs_own_also_after_midnight(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A retry on the next day would have other prompts, and buy all of its rows anew."""
    sheet = tmp_path / "batch.csv"
    sheet.write_text("operation,prompt\ngenerate,a hill on {date}\n")
    day = studio.clock.now()
    later = SimpleNamespace(now=lambda: day + timedelta(days=1))
    monkeypatch.setattr("batches.preparing.clock", later)
    with opened_studio(tmp_path / "home") as opened:
        use_studio(opened)
        try:
            assert message(batch, csv=str(sheet)).startswith("Completed")
            with opened.database.read() as connection:
                (row,) = connection.execute(select(jobs.c.operation)).all()
        finally:
            use_studio(None)
    assert row.operation["prompt"] == f"a hill on {day:%Y-%m-%d}"


def test_a_chunk_whose_task_broke_down_ends_no_batch() -> None:
    """Its rows are looked up in the row ledger; those of other chunks are still to be taken in."""
    orders: Any = ["one", "two"]
    for error in (RuntimeError("no memory"), StudioUnavailable("away")):
        future: Any = SimpleNamespace(result=lambda error=error, **_: error)
        found: Any = results_of(orders, future)
        assert found == [("one", error), ("two", error)]
    taken: list[object] = []
    running: Any = SimpleNamespace(take=lambda _, result: taken.append(result))
    for result in (RuntimeError("no memory"), StudioUnavailable("away")):
        take_in(running, orders[0], result)
    assert [type(each) for each in taken] == [StudioUnavailable]
