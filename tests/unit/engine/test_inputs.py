"""Input pictures: whatever a request names, it is a usable picture or a clear refusal."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import func, select

from engine.inputs import Inputs
from library import known_bytes
from library.tables import assets
from studio import imaging
from studio.database import Database
from studio.errors import InvalidRequest, NotFound, PictureRefused, StudioError
from studio.operations import RemoveBackground
from studio.storage import BlobStore
from tests.support.paid_server import tiny_png

ADA, EVE = "ada", "eve"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "fox.png").write_bytes(tiny_png("fox"))
    return tmp_path / "pictures"


@pytest.fixture
def inputs(sqlite_database: Database, tmp_path: Path, folder: Path) -> Inputs:
    return Inputs(sqlite_database, BlobStore((tmp_path / "blobs").as_uri()), folder)


@pytest.mark.parametrize(
    "reference",
    [
        "missing.png", "../../../../etc/missing", "a\0b.png", "x" * 5_000, "~nobody-at-all/x.png",
        ".", "..", "/", "/dev/zero", "/dev/stdin", "CON", "\udce4.png", " ", "http://127.0.0.1/x",
        "file:///etc/passwd", "s3://bucket/x.png", "data:image/png;base64,AAAA", "//host/share",
        "ast_", "ast_00000000000000000000000000", "ast_../../etc/passwd", "ast_' OR 1=1 --",
    ],
)  # fmt: skip
def test_hostile_names_are_refused_with_field_and_value(inputs: Inputs, reference: str) -> None:
    with pytest.raises((InvalidRequest, NotFound)) as refused:
        inputs.find("image", reference, ADA)
    assert refused.value.field == "image"
    assert refused.value.given is not None
    assert inputs.problem(reference, ADA) == refused.value.message


def test_a_pipe_is_not_read(inputs: Inputs, folder: Path) -> None:
    os.mkfifo(folder / "pipe.png")
    with pytest.raises(InvalidRequest):
        inputs.find("image", "pipe.png", ADA)


@pytest.mark.parametrize(
    "data",
    [b"", b"no picture", b"<svg/>", tiny_png("fox")[:40], b"\x89PNG\r\n\x1a\n" + b"\0" * 99],
)
def test_what_is_no_picture_is_not_filed(
    inputs: Inputs, sqlite_database: Database, folder: Path, data: bytes
) -> None:
    (folder / "odd.png").write_bytes(data)
    with pytest.raises(PictureRefused) as refused:
        inputs.find("image", "odd.png", ADA)
    assert refused.value.field == "image"
    assert "odd.png" in str(refused.value)
    with sqlite_database.read() as connection:
        assert connection.execute(select(func.count()).select_from(assets)).scalar() == 0


def test_a_file_that_is_too_large_is_not_read(inputs: Inputs, folder: Path) -> None:
    with (folder / "huge.png").open("wb") as file:
        file.truncate(imaging.MAX_BYTES + 1)
    with pytest.raises(PictureRefused, match="too large"):
        inputs.find("image", "huge.png", ADA)


def test_somebody_elses_asset_is_as_good_as_missing(inputs: Inputs) -> None:
    hers = inputs.find("image", "fox.png", ADA)
    assert inputs.find("image", hers.asset, ADA).sha256 == hers.sha256
    answers = []
    for identifier in (hers.asset, "ast_00000000000000000000000000"):
        with pytest.raises(NotFound) as refused:
            inputs.find("image", identifier, EVE)
        answers.append({**refused.value.as_dict(), "given": ""})
    assert answers[0] == answers[1]


def test_the_same_bytes_are_filed_once_for_each_owner(
    inputs: Inputs, sqlite_database: Database, folder: Path
) -> None:
    (folder / "copy.png").write_bytes(tiny_png("fox"))
    first = inputs.find("image", "fox.png", ADA)
    assert inputs.find("image", "copy.png", ADA).asset == first.asset
    assert inputs.find("image", str(folder / "fox.png"), ADA).asset == first.asset
    assert inputs.find("image", "fox.png", EVE).asset != first.asset
    (folder / "fox.png").write_bytes(tiny_png("another fox"))
    assert inputs.find("image", "fox.png", ADA).asset != first.asset
    with sqlite_database.read() as connection:
        assert connection.execute(select(func.count()).select_from(assets)).scalar() == 3


def test_resolve_finds_every_picture_of_an_operation(inputs: Inputs) -> None:
    (picture,) = inputs.resolve(RemoveBackground(image="fox.png"), ADA)
    assert (picture.field, picture.name, picture.width, picture.height) == (
        "image",
        "fox.png",
        8,
        8,
    )


def test_two_who_file_the_same_at_once_file_it_once(
    database: Database, tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On Postgres both may look before either has written; the second then finds the first's."""
    barrier = Barrier(2, timeout=5)
    rivals = [Inputs(database, BlobStore((tmp_path / "blobs").as_uri()), folder) for _ in "ab"]
    looks = []

    def together(*arguments: object) -> object:
        found = known_bytes(*arguments)  # type: ignore[arg-type]
        looks.append(found)
        # SQLite has one writer at a time: only the first looks, which write nothing, can meet.
        if len(looks) <= 2 or (not database.is_sqlite and len(looks) <= 4):
            barrier.wait()
        return found

    monkeypatch.setattr("engine.inputs.known_bytes", together)
    monkeypatch.setattr("library.imports.known_bytes", together)

    def find(mine: Inputs) -> str:
        try:
            return mine.find("image", "fox.png", ADA).asset
        except StudioError as error:
            return str(error)

    with ThreadPoolExecutor(2) as threads:
        found = list(threads.map(find, rivals))
    assert found[0] == found[1]
    assert found[0].startswith("ast_")
