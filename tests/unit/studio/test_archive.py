"""Archives: the same bytes every day, and nothing in them that is not ours."""

from __future__ import annotations

import io
import zipfile
from datetime import datetime

import pytest

from studio import archive, media
from studio.errors import InvalidRequest, PictureRefused

FILES = [("b.jpg", b"two" * 500), ("a.jpg", b"one")]


def foreign(*entries: tuple[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as file:
        for name, data in entries:
            file.writestr(name, data)
    return out.getvalue()


def test_files_are_stored_in_their_order_and_come_to_the_same_bytes_every_day(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = archive.pack(FILES)
    monkeypatch.setattr("time.time", lambda: 4_000_000_000.0)
    monkeypatch.setattr("time.localtime", lambda *_: datetime(2040, 5, 6).timetuple())  # noqa: DTZ001
    monkeypatch.setattr("sys.platform", "win32")
    assert archive.pack(FILES) == data
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        assert file.testzip() is None
        entries = file.infolist()
        assert [(entry.filename, file.read(entry)) for entry in entries] == FILES
        assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
        assert {entry.external_attr >> 16 for entry in entries} == {0o100644}
    assert len(data) <= sum(len(content) + 300 for _, content in FILES)


@pytest.mark.parametrize(
    "files",
    [
        [],
        [("a.jpg", b"1"), ("a.jpg", b"2")],
        [(f"{number}.jpg", b"") for number in range(65)],
        *[[(name, b"1")] for name in ("", "../a", "a/b", "/a", ".a", "a\\b", "\u00e4", "a" * 101)],
    ],
)
def test_what_is_no_list_of_files_is_refused(files: list[tuple[str, bytes]]) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        archive.pack(files)
    assert refusal.value.field == "zip"


def test_an_archive_has_a_limit_and_nothing_is_packed_above_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(archive, "MAX_BYTES", 1_000)
    monkeypatch.setattr("zipfile.ZipFile.writestr", None)
    with pytest.raises(InvalidRequest, match="too large"):
        archive.pack(FILES)


def test_an_archive_is_kept_and_shown_as_a_card() -> None:
    data = archive.pack(FILES)
    assert media.look(data) == media.Media("application/zip")
    assert len(media.face(data, media.look(data)).getcolors(100_000) or ()) > 1


@pytest.mark.parametrize(
    "data",
    [
        archive.pack(FILES)[:-30],
        b"PK\x03\x04 and nothing more",
        foreign(("../../etc/passwd", b"x")),
        foreign(("a/b.jpg", b"x")),
        foreign(*[(f"{number}.jpg", b"") for number in range(65)]),
        foreign(("bomb.jpg", bytes(10**7)), compression=zipfile.ZIP_DEFLATED),
    ],
    ids=["cut", "empty", "climbing", "folder", "many", "bomb"],
)
def test_other_archives_are_refused(data: bytes) -> None:
    with pytest.raises(PictureRefused):
        media.look(data)
