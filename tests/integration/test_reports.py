"""The monthly report: files, pages, and a red run when the books do not agree."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from sqlalchemy import update

from billing.tables import wallets
from engine.studio import Studio, use_studio
from flows.reports import report
from studio.clock import now
from studio.operations import Generate
from tasks.reports import _plain
from tests.support.providers import PRICES
from tests.support.studios import OWNER, execute, opened_studio, order_for

pytestmark = pytest.mark.usefixtures("prefect_server")


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    with opened_studio(tmp_path / "home") as opened:
        execute(opened, order_for(opened, Generate(prompt="a fox", seed=1), "fox"))
        use_studio(opened)
        yield opened
        use_studio(None)


async def told(**values: Any) -> tuple[str, str, list[str]]:
    """Run the report; return its state, words and the pages that it made."""
    run: Any = report
    state = await run(return_state=True, **values)
    async with get_client() as client:
        pages = await client.read_artifacts(
            artifact_filter=ArtifactFilter(
                flow_run_id=ArtifactFilterFlowRunId(any_=[state.state_details.flow_run_id])
            )
        )
    return state.type.value, str(state.message), [str(page.data) for page in pages]


def test_it_leaves_files_and_pages(studio: Studio) -> None:
    kind, words, pages = asyncio.run(told(period="this-month"))
    assert (kind, words) == ("COMPLETED", f"{now():%Y-%m}: 4 credits spent, 1 statement")
    assert PRICES["painter"] == 4_000_000
    usage, statement = sorted(pages, key=lambda page: "Statement" in page)
    assert "data:image/png;base64," in usage
    assert "| generate | 1 | 4 |" in usage
    assert "closing balance" in statement
    folder = studio.settings.folder / "reports" / f"{now():%Y-%m}" / "all"
    assert {file.name for file in folder.iterdir()} == {
        "spend-per-day.svg",
        "spend-per-day.png",
        "usage-by-operation.csv",
        "usage-by-provider.csv",
        f"statement-{OWNER}.csv",
    }


def test_it_is_red_when_the_books_do_not_agree_or_nothing_can_be_told(studio: Studio) -> None:
    kind, words, _ = asyncio.run(told(period="yesterday"))
    assert (kind, words.split(":")[0]) == ("FAILED", "invalid_request")
    kind, words, _ = asyncio.run(told(period="2026", owner="nobody"))
    assert (kind, words.split(":")[0]) == ("FAILED", "account_refused")
    studio.database.write(
        lambda c: c.execute(update(wallets).values(granted=wallets.c.granted + 1))
    )
    kind, words, _ = asyncio.run(told(period="this-month", owner=OWNER))
    assert kind == "FAILED"
    assert "do not agree: ada" in words


def test_no_wallet_writes_over_the_files_of_another() -> None:
    owners = ("a b", "a_b", "a/b", "A_B", "all", "ada")
    names = [_plain(owner).lower() for owner in owners]
    assert len(set(names)) == len(owners)
    assert "all" not in names
    assert names[-1] == "ada"
