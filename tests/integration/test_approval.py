"""A batch's run waits for a word that comes from elsewhere, and goes on or ends by it."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from prefect import State
from sqlalchemy import select

from batches.tables import batch_approvals
from billing.accounts.account import change_account, keep_account
from engine.batch_approval import Verdict, decide
from engine.studio import Studio, use_studio
from flows.batch import batch
from studio.clock import now
from tests.support.studios import OWNER, balance_of, opened_studio

pytestmark = pytest.mark.usefixtures("prefect_server")


def run(sheet: Path) -> str:
    call: Any = batch
    state: State[Any] = asyncio.run(call(csv=str(sheet), owner=OWNER, return_state=True))
    return f"{state.name}: {state.message}"


def waiting(opened: Studio) -> str:
    """Wait until a batch waits, and return its id."""
    until = time.monotonic() + 120
    query = select(batch_approvals.c.batch).where(batch_approvals.c.decision == "waiting")
    while time.monotonic() < until:
        with opened.database.read() as connection:
            found: str | None = connection.execute(query).scalar()
        if found:
            return found
        time.sleep(0.1)
    pytest.fail("no batch waits")


def limit(connection: Any) -> None:
    keep_account(connection, OWNER, now())
    change_account(connection, OWNER, approval_above=0)


def test_a_word_given_elsewhere_ends_the_pause(tmp_path: Path) -> None:
    sheet = tmp_path / "batch.csv"
    sheet.write_text("operation,prompt,width,height\ngenerate,a hill,64,64\n")
    with opened_studio(tmp_path / "home") as opened, ThreadPoolExecutor(1) as threads:
        use_studio(opened)
        try:
            opened.database.write(limit)
            words: tuple[tuple[Verdict, str], ...] = (
                ("rejected", "Failed: approval_refused: "),
                ("approved", "Completed: 1 done"),
            )
            for verdict, says in words:
                ended = threads.submit(run, sheet)
                name = waiting(opened)
                assert balance_of(opened).held > 0
                assert balance_of(opened).captured == 0
                opened.database.write(
                    partial(
                        decide,
                        owner=OWNER,
                        batch=name,
                        verdict=verdict,
                        by=OWNER,
                        lasts=timedelta(hours=1),
                    )
                )
                assert ended.result(180).startswith(says)
                assert balance_of(opened).held == 0
            assert balance_of(opened).captured > 0
        finally:
            use_studio(None)


def test_a_run_that_nobody_decides_about_ends_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sheet = tmp_path / "batch.csv"
    sheet.write_text("operation,prompt,width,height\ngenerate,a hill,64,64\n")
    monkeypatch.setattr("engine.batch.BatchRun.approval_lasts", timedelta(seconds=3))
    with opened_studio(tmp_path / "home") as opened:
        use_studio(opened)
        try:
            opened.database.write(limit)
            message = run(sheet)
            assert message.startswith("Failed: approval_refused: Nobody approved batch bat_")
            assert "studio batch approve bat_" in message
            assert balance_of(opened).held == balance_of(opened).captured == 0
        finally:
            use_studio(None)
