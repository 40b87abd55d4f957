"""Names are passed on; where, when and with what stay behind."""

from __future__ import annotations

from io import BytesIO

import pytest
from PIL import Image

from studio.imaging import NOBODY, Credit, Format, credit_of, encode, encode_within, shrink

ADA = Credit("Ada Lovelace", "© Ada 2026")
KINDS: list[Format] = ["png", "jpeg", "webp"]


def camera_file(kind: str = "JPEG", **names: bytes) -> bytes:
    exif = Image.Exif()
    exif[0x010F] = "Spy Camera"
    exif[0x0132] = "2026:01:02 03:04:05"
    exif.get_ifd(0x8825)[1] = "N"
    for tag, name in ((0x013B, "artist"), (0x8298, "copyright")):
        if name in names:
            exif[tag] = names[name]
    buffer = BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, kind, exif=exif)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", KINDS)
def test_names_go_through_every_kind_of_file_and_nothing_else_does(kind: Format) -> None:
    before = camera_file(kind.upper(), artist=b"Ada Lovelace", copyright="© Ada 2026".encode())
    assert credit_of(before) == ADA
    for data in (
        encode(Image.new("RGB", (9, 9)), kind, credit=credit_of(before)),
        encode_within(Image.new("RGB", (9, 9)), kind, 10_000, credit=ADA).data,
        shrink(Image.new("RGB", (9, 9)), kind, credit=ADA).data,
        shrink(Image.new("RGB", (9, 9)), kind, credit=ADA, max_bytes=10_000).data,
    ):
        assert credit_of(data) == ADA
        assert b"Spy" not in data
        with Image.open(BytesIO(data)) as again:
            assert set(again.getexif()) <= {0x013B, 0x8298, 0x8769}


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_leaves_no_block(kind: Format) -> None:
    with Image.open(BytesIO(encode(Image.new("RGB", (9, 9)), kind))) as again:
        assert "exif" not in again.info


@pytest.mark.parametrize(
    ("stored", "name"),
    [
        (b"Ada\x00", "Ada"),
        (b" Ada \n\x07 L. ", "Ada L."),
        ("José".encode("latin-1"), "José"),
        ("José 写真".encode(), "José 写真"),
        (b"x" * 300, "x" * 200),
        (b"   ", ""),
    ],
)
def test_names_are_one_clean_line(stored: bytes, name: str) -> None:
    assert credit_of(camera_file(artist=stored)) == Credit(name)


@pytest.mark.parametrize("data", [b"", b"no picture", camera_file()[:60], camera_file()])
def test_where_there_are_no_names_there_is_nobody(data: bytes) -> None:
    assert credit_of(data) == NOBODY
