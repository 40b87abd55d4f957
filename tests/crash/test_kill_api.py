"""The API's kill trial, small: a dozen mixed runs, and API, worker and server killed once each."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import free_port
from tests.crash.api_trial import TARGETS, ApiTrial
from tests.support.paid_server import PaidServer


@pytest.mark.trial
@pytest.mark.timeout(1_500)  # it starts servers twice and a process for each run
def test_what_is_asked_for_over_http_outlives_whoever_carries_it_out(tmp_path: Path) -> None:
    ports = (free_port(), free_port())
    with (
        PaidServer(polls=10) as paid,
        ApiTrial(tmp_path / "home", ports, 12, paid, seed=2) as trial,
    ):
        result = trial.carry_out(len(TARGETS))
    assert dict(result.kills) == dict.fromkeys(TARGETS, 1)
    assert result.bought == 12 - 3 + 3 + 3 * 3
