"""The quota holds wherever bytes come in, and never against bytes that are there already."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.importing import Imported, bring_in
from engine.studio import Studio
from engine.uploads import take_in
from library import add_assets, stored_bytes
from library.trash import trash
from studio.errors import LimitReached
from tests.support.paid_server import tiny_png
from tests.support.studios import OWNER, make_studio
from tests.unit.library.kit import asset, identifier

MOST = 1_000_000


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    opened = make_studio(tmp_path / "home", storage_quota_mb=1)
    yield opened
    opened.close()


def kept(studio: Studio) -> int:
    with studio.database.read() as connection:
        return stored_bytes(connection, OWNER)


def leave(studio: Studio, left: int) -> None:
    """Fill the library, up to so many bytes."""
    filler = asset(1, OWNER, bytes=MOST - kept(studio) - left)
    studio.database.write(lambda connection: add_assets(connection, [filler]))


def blobs(studio: Studio) -> set[str]:
    return {each.digest for each in studio.store.list()}


def refused(studio: Studio, name: str, data: bytes) -> LimitReached:
    with pytest.raises(LimitReached) as caught:
        take_in(studio.inputs, name, data, OWNER)
    return caught.value


def test_an_upload_fits_to_the_byte_or_leaves_nothing(studio: Studio) -> None:
    fox, owl = tiny_png("fox"), tiny_png("owl")
    leave(studio, len(fox))
    before = blobs(studio)
    big = np.random.default_rng(7).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    path = studio.settings.folder / "big.png"
    Image.fromarray(big).save(path)
    told = refused(studio, "big.png", path.read_bytes())
    assert (told.field, told.given) == ("file", f"{path.stat().st_size:,} bytes")
    assert told.allowed == f"at most {len(fox):,} bytes, which are left"
    assert (told.details["limit_on"], told.details["limit"]) == ("storage", MOST)
    assert (told.details["used"], told.details["asked"]) == (MOST - len(fox), path.stat().st_size)
    assert "empty-trash" in told.message
    assert blobs(studio) == before
    mine = take_in(studio.inputs, "fox.png", fox, OWNER)
    assert kept(studio) == MOST
    assert refused(studio, "owl.png", owl).allowed == "at most 0 bytes, which are left"
    # Bytes that are there take no room.
    assert take_in(studio.inputs, "again.png", fox, OWNER).id == mine.id
    assert take_in(studio.inputs, "owl.png", owl, "eve").owner == "eve"
    for name, data in (("rows.csv", b"operation,prompt\ngenerate,a fox\n"),):
        assert refused(studio, name, data).field == "file"
    # The trash counts until it is emptied.
    studio.database.write(lambda connection: trash(connection, OWNER, [identifier(1)]))
    assert refused(studio, "owl.png", owl).field == "file"


def test_a_picture_that_a_request_names_by_its_path_fits_or_is_refused(
    studio: Studio, tmp_path: Path
) -> None:
    path = tmp_path / "fox.png"
    path.write_bytes(tiny_png("fox"))
    leave(studio, 10)
    with pytest.raises(LimitReached) as caught:
        studio.inputs.find("image", str(path), OWNER)
    told = caught.value
    assert (told.field, told.allowed) == ("image", "at most 10 bytes, which are left")
    assert studio.inputs.find("image", str(path), "eve").asset


def test_an_import_stops_where_the_room_ends_and_tells_what_came_in(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.importing._GROUP", 2)
    folder = tmp_path / "in"
    folder.mkdir()
    sizes = {}
    for name in ("a", "b", "c", "d", "e", "f"):
        (folder / f"{name}.png").write_bytes(tiny_png(name))
        sizes[name] = len(tiny_png(name))
    leave(studio, sizes["a"] + sizes["b"] + sizes["c"] + 5)
    told: list[int] = []
    before = blobs(studio)
    done = bring_in(studio, OWNER, [str(folder)], tell=lambda it: told.append(it.new))
    assert (done.new, told) == (3, [2, 3])
    (fault,) = done.refused
    assert fault.name.endswith("d.png")
    assert "keeps 1.0 MB" in fault.reason
    assert "what comes after it was not read" in fault.reason
    assert (fault.given, fault.allowed) == (
        f"{sizes['d']:,} bytes",
        "at most 5 bytes, which are left",
    )
    assert len(blobs(studio) - before) == 2 * 3  # each with its small picture
    assert kept(studio) == MOST - 5
    # Run again with room, it goes on; what is there is known, and needs none.
    again: Imported = bring_in(studio, OWNER, [str(folder / f"{it}.png") for it in "abc"])
    assert (again.known, again.refused) == (3, [])


def test_within_a_group_each_file_is_told_that_did_not_fit(studio: Studio, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "1.png").write_bytes(tiny_png("1"))
    (folder / "2.png").write_bytes(tiny_png("2"))
    (folder / "3.png").write_bytes(b"no picture \x00")
    (folder / "4.png").write_bytes(tiny_png("1"))
    (folder / "5.png").write_bytes(tiny_png("5"))
    leave(studio, len(tiny_png("1")) + 1)
    done = bring_in(studio, OWNER, [str(folder)])
    assert (done.new, done.known) == (1, 1)
    assert [Path(each.name).name for each in done.refused] == ["2.png", "3.png", "5.png"]


def test_without_a_quota_nothing_is_refused(tmp_path: Path) -> None:
    opened = make_studio(tmp_path / "home")
    try:
        leave(opened, 0)
        assert take_in(opened.inputs, "fox.png", tiny_png("fox"), OWNER).bytes
    finally:
        opened.close()
