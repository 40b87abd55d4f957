"""Upkeep as a flow: whatever goes wrong in one of its steps, the others are taken."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from prefect import State, task
from sqlalchemy import update

import flows.upkeep
from billing.tables import holds
from engine.single import hold_credits
from engine.studio import Studio, use_studio
from flows.upkeep import upkeep
from studio.clock import now
from tests.support.studios import OWNER, balance_of, opened_studio

pytestmark = pytest.mark.usefixtures("prefect_server")

_HELD = 5_000_000


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    """A studio with a hold that a dead run left, and whose time is over."""
    with opened_studio(tmp_path / "home") as opened:
        use_studio(opened)
        left = hold_credits(opened, OWNER, "dead/1", _HELD, "of a dead run")
        before = now() - timedelta(minutes=1)
        opened.database.write(
            lambda c: c.execute(
                update(holds).where(holds.c.id == left.id).values(expires_at=before)
            )
        )
        yield opened
        use_studio(None)


def run() -> State[Any]:
    call: Any = upkeep
    state: State[Any] = asyncio.run(call(return_state=True))
    return state


def test_upkeep_gives_back_what_a_dead_run_held(studio: Studio) -> None:
    assert balance_of(studio).held == _HELD
    state = run()
    assert state.is_completed(), state
    assert "1 holds freed" in str(state.message)
    assert balance_of(studio).held == 0


def test_a_step_that_fails_keeps_no_other_from_its_turn(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    @task(name="end-cancelled", persist_result=False)
    async def fails() -> int:
        raise OSError("the disk of the manifests is gone")

    monkeypatch.setattr(flows.upkeep, "end_cancelled_batches", fails)
    state = run()
    assert state.is_failed(), state
    assert "could not do: end-cancelled" in str(state.message)
    assert "1 holds freed" in str(state.message)
    assert balance_of(studio).held == 0
