"""Who asks and for how much, as a form says it, arrives at the gate; its refusals come back."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from prefect import State
from sqlalchemy import select

from billing.accounts.budgets import set_budget
from billing.accounts.tables import admissions
from engine.studio import Studio, use_studio
from flows.batch import batch
from flows.create import create_image
from tests.support.studios import OWNER, balance_of, opened_studio

pytestmark = pytest.mark.usefixtures("prefect_server")


def message(of: Any, **values: str) -> str:
    state: State[Any] = asyncio.run(of(**values, owner=OWNER, return_state=True))
    return f"{state.name}: {state.message}"


def admitted(studio: Studio) -> list[tuple[str, str]]:
    with studio.database.read() as connection:
        query = select(admissions.c.user, admissions.c.project).order_by(admissions.c.created_at)
        return [(row.user, row.project) for row in connection.execute(query)]


def test_forms_say_who_asks_for_which_project_and_for_how_much(tmp_path: Path) -> None:
    sheet = tmp_path / "batch.csv"
    sheet.write_text("operation,prompt\ngenerate,a hill\n")
    ways: tuple[tuple[Any, dict[str, str]], ...] = (
        (create_image, {"prompt": "a hill"}),
        (batch, {"csv": str(sheet)}),
    )
    with opened_studio(tmp_path / "home") as studio:
        use_studio(studio)
        try:
            studio.database.write(
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
            assert admitted(studio) == []
            for flow, values in ways:
                told = message(flow, **values, project="spring", user=OWNER, max_credits="100")
                assert told.startswith("Completed"), told
            assert admitted(studio) == [(OWNER, "spring")] * 2
            assert balance_of(studio).held == 0
        finally:
            use_studio(None)
