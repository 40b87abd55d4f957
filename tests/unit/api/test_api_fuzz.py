"""schemathesis over the whole description, against a real server: no 5xx, nothing undocumented."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

import deployments
from billing.accounts.keys import SCOPES, add_key
from interfaces.api import application
from interfaces.api.server import in_a_thread, served
from studio.errors import InvalidRequest
from tests.conftest import free_port
from tests.support.runs import EngineRuns
from tests.support.studios import OWNER, balance_of, opened_studio
from tests.unit.api.conftest import PREFIX
from tests.unit.api.test_api_tenants import CASES, FakeSchedules

EXAMPLES = 4
"""Requests to each route."""

_LONGEST = 2_000

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


def _no_network(*_: object) -> bytes:
    raise InvalidRequest("Nothing is fetched in this test.", field="file")


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, str, Any]]:
    """A real server; its address, a key that may do everything, and its studio."""
    monkeypatch.setattr("engine.batch_source._fetch", _no_network)
    monkeypatch.setattr(deployments, "schedules", FakeSchedules())
    port = free_port()
    with opened_studio(tmp_path / "home", api_port=port, api_requests_per_minute=100_000) as studio:
        _, token = studio.database.write(
            lambda connection: add_key(connection, OWNER, OWNER, "fuzz", SCOPES, author=OWNER)
        )
        app = application(studio, EngineRuns(studio))
        with in_a_thread(served(app, "127.0.0.1", port), what="API", field="port"):
            yield f"http://127.0.0.1:{port}", token, studio


@pytest.mark.timeout(900)
def test_no_request_makes_it_stumble_or_say_what_is_not_described(
    address: tuple[str, str, Any],
) -> None:
    base, token, studio = address
    headers = {"Authorization": f"Bearer {token}"}
    document = httpx.get(f"{base}{PREFIX}/openapi.json", timeout=120).json()
    schema: Any = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=base)
    asked = 0
    told: list[str] = []
    for found in schema.get_all_operations():
        operation = found.ok()

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def ask(case: Any) -> None:
            nonlocal asked
            asked += 1
            case.call_and_validate(headers=headers, checks=CHECKS, timeout=60)

        try:
            ask()
        except Exception as failure:  # noqa: BLE001 - all of them are told together
            told.append("".join(traceback.format_exception(failure))[-_LONGEST:])
    assert told == [], "\n".join(told)
    assert asked > EXAMPLES * len(CASES) // 2
    assert httpx.get(f"{base}{PREFIX}/health").json()["status"] == "ok"
    # Whatever was asked for, the books agree, and nothing is held any more.
    assert balance_of(studio).held == 0
