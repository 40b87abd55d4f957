"""Work on a selection of the library by its flows: a batch through the gate, an export, tidying."""

from __future__ import annotations

import asyncio
import os
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from engine.studio import Studio, use_studio
from flows.selections import batch_selection, export_files
from flows.tidying import tidy_library
from interfaces.web import application
from library import uses_of
from library.tags import tag
from studio.clock import now
from tests.support.studios import OWNER, balance_of, opened_studio

pytestmark = pytest.mark.usefixtures("prefect_server")

CUT = 2_000_000


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    with opened_studio(tmp_path / "home", funds=5 * CUT) as opened:
        use_studio(opened)
        yield opened
        use_studio(None)


def brought(studio: Studio, folder: Path, *names: str) -> list[str]:
    found: list[str] = []
    for name in names:
        path = folder / f"{name}.png"
        Image.new("RGB", (20, 10 + len(found)), "azure").save(path)
        found.append(studio.inputs.find("image", str(path), OWNER).asset)
    studio.database.write(lambda each: tag(each, OWNER, found, "unsorted"))
    return found


def ended(flow: Any, **values: Any) -> Any:
    async def run() -> Any:
        return await flow(**values, return_state=True)

    return asyncio.run(run())


def test_many_are_done_once_and_only_what_is_new_is_bought(studio: Studio, tmp_path: Path) -> None:
    asked = {"operation": "remove_background", "tag": "unsorted", "owner": OWNER}
    brought(studio, tmp_path, "fox", "owl")
    state = ended(batch_selection, **asked)
    assert (state.name, state.message) == ("Completed", "2 done; 4 credits spent")
    assert balance_of(studio).captured == 2 * CUT
    brought(studio, tmp_path, "fox", "owl", "hare")
    state = ended(batch_selection, **asked)
    assert (state.name, state.message) == ("Completed", "3 done; 2 credits spent")
    balance = balance_of(studio)
    assert (balance.captured, balance.held) == (3 * CUT, 0)


def test_what_is_wrong_is_said_and_nothing_is_held(studio: Studio, tmp_path: Path) -> None:
    brought(studio, tmp_path, "fox", "owl")
    upscale = {"operation": "upscale", "tag": "unsorted"}
    for values, words in (
        ({"operation": "remove_background"}, "field: words, collection, tag, favourites"),
        ({**upscale, "most": 1}, "field: most"),
        ({**upscale, "operation": "paint_over"}, "field: operation; given: paint_over"),
        ({**upscale, "defaults": "factor=9x"}, "batch_invalid"),
        ({**upscale, "defaults": "factor"}, "field: defaults"),
        ({**upscale, "max_credits": "x"}, "field: max_credits"),
        ({**upscale, "max_credits": "1"}, "field: max_credits; given: 1; allowed: at least 6"),
    ):
        state = ended(batch_selection, **values, owner=OWNER)
        assert state.is_failed()
        assert words in state.message
    balance = balance_of(studio)
    assert (balance.captured, balance.held) == (0, 0)


def test_an_export_costs_nothing_and_says_where_it_is(studio: Studio, tmp_path: Path) -> None:
    brought(studio, tmp_path, "fox", "owl")
    state = ended(export_files, tag="unsorted", owner=OWNER)
    assert state.is_completed(), state.message
    path = studio.settings.folder / "exports" / str(state.state_details.flow_run_id) / "assets.zip"
    assert str(path) in state.message
    with zipfile.ZipFile(path) as packed:
        assert packed.namelist() == ["fox.png", "owl.png", "manifest.csv"]
    balance = balance_of(studio)
    assert (balance.captured, balance.held) == (0, 0)
    for wrong in ({"tag": "none"}, {}, {"tag": "unsorted", "user": "mallory"}):
        assert ended(export_files, **wrong, owner=OWNER).is_failed()
    assert len(list(path.parent.parent.iterdir())) == 1


def test_an_export_is_counted_when_it_is_written_and_not_by_its_link(
    studio: Studio, tmp_path: Path
) -> None:
    fox, owl = brought(studio, tmp_path, "fox", "owl")
    state = ended(export_files, words="fox", tag="unsorted", owner=OWNER)
    assert state.is_completed(), state.message
    run = str(state.state_details.flow_run_id)
    page = application(studio)

    async def fetched() -> int:
        transport = httpx.ASGITransport(app=page)
        async with httpx.AsyncClient(transport=transport, base_url="http://files") as client:
            return (await client.get(f"/exports/{run}")).status_code

    assert asyncio.run(fetched()) == 200
    assert ended(export_files, tag="unsorted", packed="folder", owner=OWNER).is_completed()
    assert ended(export_files, tag="none", owner=OWNER).is_failed()
    with studio.database.read() as connection:
        assert uses_of(connection, OWNER, fox) == {"view": 0, "download": 2, "share": 0}
        assert uses_of(connection, OWNER, owl) == {"view": 0, "download": 1, "share": 0}


def test_tidying_removes_what_nothing_needs_unless_it_only_looks(
    studio: Studio, tmp_path: Path
) -> None:
    brought(studio, tmp_path, "fox")
    orphan = studio.store.put(b"nobody needs me")
    export = studio.settings.folder / "exports" / "old"
    export.mkdir(parents=True)
    old = (now() - timedelta(days=30)).timestamp()
    for path in (export, *(studio.settings.folder / "blobs").rglob("*")):
        os.utime(path, (old, old))
    state = ended(tidy_library, look_only=True)
    assert "0 files and 0 exports removed" in state.message
    assert orphan in {each.digest for each in studio.store.list()}
    state = ended(tidy_library)
    assert state.is_completed(), state.message
    assert "1 files and 1 exports removed" in state.message
    blobs = {each.digest: each for each in studio.store.list()}
    assert blobs[orphan].aside  # for a day, in which whoever needs it after all still gets it
    lost = next(each.digest for each in blobs.values() if not each.aside)
    (studio.settings.folder / "blobs" / lost[:2] / lost[2:]).unlink(missing_ok=True)
    for path in (studio.settings.folder / "blobs").rglob(f"*{lost[4:]}"):
        path.unlink()
    state = ended(tidy_library)
    assert state.is_failed()
    assert "fault" in state.message
