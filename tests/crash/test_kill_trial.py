"""The kill trial, small: a batch whose run, worker and Prefect server are killed once each."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import free_port
from tests.crash.trial import TARGETS, Trial
from tests.support.paid_server import PaidServer

_ROWS = 60


@pytest.mark.timeout(1_500)  # it starts two servers and four runs; a loaded machine takes its time
def test_a_batch_outlives_its_run_its_worker_and_its_server(tmp_path: Path) -> None:
    """And one that Prefect's Cancel ends, with its process, has its rows and its manifest."""
    with (
        PaidServer(polls=20) as paid,
        Trial(tmp_path / "home", free_port(), _ROWS, paid, seed=3) as trial,
    ):
        result = trial.carry_out(len(TARGETS))
        assert dict(result.kills) == dict.fromkeys(TARGETS, 1)
        assert result.runs >= len(TARGETS) - 1
        paid.polls = 400
        statuses = trial.cancel("cancelled")
        assert len(statuses) == _ROWS
        assert "cancelled" in statuses
        assert set(statuses) <= {"done", "cancelled", "unknown"}
