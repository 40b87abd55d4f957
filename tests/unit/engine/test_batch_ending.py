"""A batch whose run was cancelled and whose process is gone: its rows, hold and manifest."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import select

from billing.accounts.account import change_account, keep_account
from engine.batch import BatchRun
from engine.batch_approval import approval_of
from engine.batch_ending import LeftBatch, end_cancelled, left_batches
from engine.batch_files import folder_of
from engine.batch_view import view_batch
from engine.execute import Order
from engine.tables import outbox
from studio.clock import now
from tests.support.studios import OWNER, balance_of, execute
from tests.unit.engine.conftest import House
from tests.unit.engine.test_batch_control import ROWS
from tests.unit.engine.test_batch_variations import carry_out, start


def cut_off(house: House, running: BatchRun, monkeypatch: pytest.MonkeyPatch) -> LeftBatch:
    """Let the process of a run be gone; return what it left."""
    assert left_batches(house.studio) == []
    monkeypatch.setattr(house.studio.worker, "alive", lambda _worker: False)
    assert left_batches(house.studio, "another-run") == []
    (left,) = left_batches(house.studio, running.run)
    return left


def test_what_was_done_stays_and_the_rest_is_cancelled(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = start(house, ROWS)
    fox: Order = running.orders(running.waves()[0])[0]
    execute(house.studio, fox)
    left = cut_off(house, running, monkeypatch)
    assert end_cancelled(house.studio, left)
    # Somebody else was there before.
    assert not end_cancelled(house.studio, left)
    assert left_batches(house.studio) == []
    with house.studio.database.read() as connection:
        view = view_batch(connection, OWNER, running.spec.id)
        told = connection.execute(select(outbox.c.event)).scalars().all()
    assert view.statuses() == {"fox": "done", "owl": "cancelled", "big": "cancelled"}
    balance = balance_of(house.studio)
    assert (balance.held, balance.captured) == (0, view.spent)
    manifest = json.loads((folder_of(house.studio, view.spec) / "manifest.json").read_bytes())
    assert [row["status"] for row in manifest["rows"]] == ["done", "cancelled", "cancelled"]
    assert "studio batch resume" in manifest["rows"][1]["error"]
    assert told == ["batch.partly_failed"]
    assert [row.status for row in carry_out(house, start(house, ROWS, 2))] == ["done"] * 3


def test_one_that_waited_for_approval_waits_no_more(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def limit(connection: object) -> None:
        keep_account(connection, OWNER, now())  # type: ignore[arg-type]
        change_account(connection, OWNER, approval_above=0)  # type: ignore[arg-type]

    house.studio.database.write(limit)
    running = start(house, ROWS)
    assert end_cancelled(house.studio, cut_off(house, running, monkeypatch))
    with house.studio.database.read() as connection:
        word = approval_of(connection, running.spec.id)
        statuses = view_batch(connection, OWNER, running.spec.id).statuses()
    assert word is not None
    assert word.decision == "lapsed"
    assert set(statuses.values()) == {"cancelled"}
    assert balance_of(house.studio).held == 0
    assert house.sure.calls == []


def test_a_batch_that_runs_again_is_left_alone(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = start(house, ROWS)
    with monkeypatch.context() as patched:
        left = cut_off(house, running, patched)
        again = start(house, ROWS, 2)
    assert not end_cancelled(house.studio, left)
    assert [row.status for row in carry_out(house, again)] == ["done"] * 3
