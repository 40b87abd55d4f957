"""Importing as a user does it: by its flow, through the gate, free of charge."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.importing import read_report
from engine.studio import Studio, use_studio
from flows.imports import import_files
from tests.support.paid_server import tiny_png
from tests.support.studios import OWNER, balance_of, opened_studio

pytestmark = pytest.mark.usefixtures("prefect_server")


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    with opened_studio(tmp_path / "home", funds=0) as opened:
        use_studio(opened)
        yield opened
        use_studio(None)


async def _state(**values: Any) -> Any:
    flow: Any = import_files
    return await flow(**values, return_state=True)


def test_a_folder_comes_in_for_nothing_and_a_run_with_refusals_is_not_green(
    studio: Studio, tmp_path: Path
) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "fox.png").write_bytes(tiny_png("fox"))
    good = asyncio.run(_state(sources=[str(folder)], owner=OWNER))
    assert good.is_completed(), good.message
    assert good.message.startswith("1 files are new")
    (folder / "odd.png").write_bytes(b"no picture \0")
    bad = asyncio.run(_state(sources=[str(folder)], owner=OWNER))
    assert bad.is_failed()
    report = read_report(studio.settings, str(bad.state_details.flow_run_id))
    assert report is not None
    assert (report["new"], report["known"], len(report["refused"])) == (0, 1, 1)
    balance = balance_of(studio)
    assert (balance.captured, balance.held) == (0, 0)


@pytest.mark.parametrize("who", [{"owner": "nobody"}, {"owner": OWNER, "user": "mallory"}])
def test_a_stranger_brings_nothing_in(studio: Studio, tmp_path: Path, who: dict[str, str]) -> None:
    (tmp_path / "fox.png").write_bytes(tiny_png("fox"))
    state = asyncio.run(_state(sources=[str(tmp_path / "fox.png")], **who))
    assert state.is_failed()
    assert "account_refused" in state.message
    assert not list((tmp_path / "home" / "blobs").rglob("*"))
