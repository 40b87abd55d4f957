"""Running again as a user does it: by its flow, through the gate, each time as new work."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.again import again
from engine.job_rows import jobs_of_run
from engine.studio import Studio, use_studio
from flows.operations import OPERATION_FLOWS
from library import differences, versions
from tests.support.providers import PRICES, InstantProvider
from tests.support.studios import OWNER, balance_of, opened_studio

pytestmark = pytest.mark.usefixtures("prefect_server")


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    known = {"instant": InstantProvider(repeatable=False)}
    with opened_studio(tmp_path / "home", providers=known) as opened:
        use_studio(opened)
        yield opened
        use_studio(None)


async def _ended(**values: Any) -> Any:
    flow: Any = OPERATION_FLOWS["generate"]
    return await flow(**values, owner=OWNER, return_state=True)


def made(studio: Studio, **values: Any) -> str:
    """Run the flow and return the asset that it made."""
    state = asyncio.run(_ended(**values))
    assert state.is_completed(), state.message
    with studio.database.read() as connection:
        (job,) = jobs_of_run(connection, OWNER, str(state.state_details.flow_run_id))
    return job.asset_ids()[0]


def test_again_and_again_with_changes_become_versions_and_are_paid(studio: Studio) -> None:
    first = made(studio, prompt="a fox")
    for changes in ({}, {"prompt": "a fox in snow"}):
        wanted = again(studio, OWNER, first, changes)
        fields = wanted.operation.again()
        del fields["operation"]
        made(studio, **fields, **wanted.parameters())
    with studio.database.read() as connection:
        found = versions(connection, OWNER, first)
    one, same, changed = (each.asset for each in found.versions)
    assert {each.field for each in differences(one, same)} <= {"provider", "model", "run", "bytes"}
    assert "prompt" in {each.field for each in differences(same, changed)}
    assert (one.seed, same.seed) == (changed.seed, changed.seed)
    assert balance_of(studio).captured == 3 * PRICES["painter"]


def test_as_a_version_of_what_is_not_there_nothing_is_bought(studio: Studio) -> None:
    state = asyncio.run(_ended(prompt="a fox", version_of="ast_" + "0" * 26))
    assert state.is_failed()
    assert "not_found" in state.message
    assert "version_of" in state.message
    balance = balance_of(studio)
    assert (balance.captured, balance.held) == (0, 0)
