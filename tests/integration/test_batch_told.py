"""What a run of a batch tells on Prefect's server: an artifact, lines in the log, events."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from prefect import State

from engine.studio import use_studio
from flows.batch import batch
from tests.support.studios import OWNER, opened_studio

_PATIENCE = 120


def ask(api: str, path: str, body: dict[str, Any]) -> Any:
    """Ask the server; one that is busy with its own database is asked again."""
    until = time.monotonic() + _PATIENCE
    while True:
        answer = httpx.post(f"{api}{path}", json=body, timeout=60)
        if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE or time.monotonic() > until:
            answer.raise_for_status()
            return answer.json()
        time.sleep(0.5)


def events_of(api: str, run: str, last: str) -> list[dict[str, Any]]:
    """Return the events about a run, once the last one is there: they come a little later."""
    until = time.monotonic() + _PATIENCE
    body = {
        "filter": {
            "event": {"prefix": ["studio.batch."]},
            "related": {"id": [f"prefect.flow-run.{run}"]},
            "order": "ASC",
        }
    }
    while time.monotonic() < until:
        found: list[dict[str, Any]] = ask(api, "/events/filter", body)["events"]
        if any(each["event"] == last for each in found):
            return found
        time.sleep(0.5)
    pytest.fail(f"no event {last}")


def test_a_run_tells_how_it_stands(tmp_path: Path, prefect_server: str) -> None:
    sheet = tmp_path / "batch.csv"
    rows = "".join(f"generate,picture {n},64,64\n" for n in range(12))
    sheet.write_text(f"operation,prompt,width,height\n{rows}")
    with opened_studio(tmp_path / "home") as opened:
        use_studio(opened)
        try:
            call: Any = batch
            state: State[Any] = asyncio.run(call(csv=str(sheet), owner=OWNER, return_state=True))
        finally:
            use_studio(None)
    assert state.is_completed(), state.message
    run = str(state.state_details.flow_run_id)
    told = events_of(prefect_server, run, "studio.batch.finished")
    names = [each["event"] for each in told]
    assert names[0] == "studio.batch.started"
    # However many rows there are: progress is told of every half minute at most.
    assert names.count("studio.batch.started") == names.count("studio.batch.finished") == 1
    payload = told[-1]["payload"]
    assert (payload["counts"], payload["rows"], payload["owner"]) == ({"done": 12}, 12, OWNER)
    assert told[-1]["resource"]["prefect.resource.id"] == f"studio.batch.{payload['batch']}"
    artifacts = ask(prefect_server, "/artifacts/filter", {"flow_runs": {"id": {"any_": [run]}}})
    (progress,) = [each for each in artifacts if each["type"] == "progress"]
    assert progress["data"] == 100
    assert "**12 of 12 rows**" in progress["description"]
    assert "100%" in progress["description"]
