"""Prefect's own Cancel and Pause buttons, and a cancellation while a batch waits for a word."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from prefect import State, get_client
from prefect.states import Cancelling, Paused, Running
from sqlalchemy import select

import flows.approval
import flows.heeding
from batches.tables import batch_wishes, batches
from engine.batch import BatchRun
from engine.batch_control import Verb, ask_for
from engine.batch_view import view_batch
from engine.studio import Studio, use_studio
from flows.batch import batch
from tasks.batch import approval_text
from tests.integration.test_approval import limit, waiting
from tests.support.paid_server import Fault, PaidServer
from tests.support.providers import PaidProvider, book
from tests.support.studios import OWNER, balance_of, opened_studio

pytestmark = pytest.mark.usefixtures("prefect_server")

_PATIENCE = 180
_ROWS = 40


@pytest.fixture(autouse=True)
def _looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flows.heeding, "_EVERY", 0.3)


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    """A studio whose provider takes a fifth of a second for each picture, one at a time."""
    with PaidServer(slow_seconds=0.2) as paid:
        slow: Fault = "slow"
        paid.faults.extend([slow] * 10 * _ROWS)
        providers = {"paid": PaidProvider(paid.url)}
        home = tmp_path / "home"
        with opened_studio(home, providers=providers, prices=book(paid=1), width=1) as opened:
            use_studio(opened)
            yield opened
            use_studio(None)


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


def run(folder: Path, rows: int = _ROWS) -> State[Any]:
    sheet = folder / "batch.csv"
    lines = "".join(f"generate,picture {n}\n" for n in range(rows))
    sheet.write_text(f"operation,prompt\n{lines}")
    call: Any = batch
    state: State[Any] = asyncio.run(call(csv=str(sheet), owner=OWNER, return_state=True))
    return state


def until(holds: Callable[[], Any]) -> Any:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        if found := holds():
            return found
        time.sleep(0.1)
    pytest.fail("it did not come to it")


def begun(studio: Studio) -> str:
    """Wait until a row is paid; return the flow run."""
    until(lambda: balance_of(studio).captured)
    with studio.database.read() as connection:
        return str(connection.execute(select(batches.c.run)).scalar_one())


def put(run_id: str, state: State[Any]) -> None:
    """Set a run's state as Prefect's pages do."""

    async def work() -> None:
        async with get_client() as client:
            await client.set_flow_run_state(UUID(run_id), state)

    asyncio.run(work())


def wish(studio: Studio) -> str:
    with studio.database.read() as connection:
        return str(connection.execute(select(batch_wishes.c.wish)).scalar() or "")


def wish_for(studio: Studio, verb: Verb) -> None:
    with studio.database.read() as connection:
        name = connection.execute(select(batches.c.id)).scalar_one()
    asks = partial(
        ask_for,
        owner=OWNER,
        batch=name,
        verb=verb,
        user=OWNER,
        worker=studio.worker,
        lasts=timedelta(hours=1),
    )
    studio.database.write(asks)


def ends_cancelled(studio: Studio, ended: Future[State[Any]]) -> State[Any]:
    state = ended.result(_PATIENCE)
    with studio.database.read() as connection:
        name = connection.execute(select(batches.c.id)).scalar_one()
        counts = view_batch(connection, OWNER, name).counts()
    assert "cancelled" in counts
    assert set(counts) <= {"done", "cancelled"}
    assert (studio.settings.folder / "batches" / name / "manifest.csv").is_file()
    assert balance_of(studio).held == 0
    return state


def test_prefects_cancel_ends_the_batch_with_its_manifest(
    studio: Studio, threads: ThreadPoolExecutor, tmp_path: Path
) -> None:
    ended = threads.submit(run, tmp_path)
    put(begun(studio), Cancelling())
    state = ends_cancelled(studio, ended)
    assert state.is_cancelled(), state
    assert balance_of(studio).captured > 0


def test_prefects_pause_lets_no_row_begin_until_it_is_resumed(
    studio: Studio, threads: ThreadPoolExecutor, tmp_path: Path
) -> None:
    ended = threads.submit(run, tmp_path, 12)
    name = begun(studio)
    put(name, Paused(timeout_seconds=3600))
    until(lambda: wish(studio) == "pause")
    put(name, Running())
    until(lambda: wish(studio) == "")
    state = ended.result(_PATIENCE)
    assert state.is_completed(), state


def test_a_cancellation_is_heeded_while_a_word_is_waited_for(
    studio: Studio, threads: ThreadPoolExecutor, tmp_path: Path
) -> None:
    studio.database.write(limit)
    ended = threads.submit(run, tmp_path, 2)
    waiting(studio)
    wish_for(studio, "cancel")
    ends_cancelled(studio, ended)
    assert balance_of(studio).captured == 0
    again = threads.submit(run, tmp_path, 2)
    waiting(studio)
    with studio.database.read() as connection:
        name = str(connection.execute(select(batches.c.run)).scalar_one())
    put(name, Cancelling())
    assert ends_cancelled(studio, again).is_cancelled()
    assert balance_of(studio).captured == 0


def test_a_cancel_right_before_the_pause_is_heeded_like_one_after_it(
    studio: Studio,
    threads: ThreadPoolExecutor,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def cancelled_meanwhile(running: BatchRun) -> str:
        with studio.database.read() as connection:
            run_id = str(connection.execute(select(batches.c.run)).scalar_one())
        put(run_id, Cancelling())
        return approval_text(running)

    monkeypatch.setattr(flows.approval, "approval_text", cancelled_meanwhile)
    studio.database.write(limit)
    state = ends_cancelled(studio, threads.submit(run, tmp_path, 2))
    assert state.is_cancelled(), state
    assert balance_of(studio).captured == 0
