"""A picture's file says how the picture came to be, and each of its pixels stays as it is."""

from __future__ import annotations

from io import BytesIO

import pytest
from PIL import Image

from studio import imaging
from studio.imaging import Format, SourceType, marked, source_of
from studio.imaging.provenance import packet

MADE: SourceType = "trainedAlgorithmicMedia"
WAYS: list[tuple[Format, bool]] = [
    ("png", False),
    ("jpeg", False),
    ("webp", False),
    ("webp", True),
]


def noise(mode: str, side: int = 37) -> Image.Image:
    image = Image.effect_noise((61, side), 90).convert(mode)
    if mode == "RGBA":
        image.putalpha(Image.effect_noise((61, side), 90))
    return image


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize(("kind", "lossless"), WAYS)
def test_a_marked_file_is_the_same_picture(mode: str, kind: Format, *, lossless: bool) -> None:
    before = imaging.encode(noise(mode), kind, lossless=lossless)
    after = marked(before, MADE)
    assert source_of(before) == ""
    assert source_of(after) == MADE
    with Image.open(BytesIO(before)) as old, Image.open(BytesIO(after)) as new:
        assert new.mode == old.mode
        assert new.tobytes() == old.tobytes()
        # Pillow reads it as XMP, too: it stands where the format wants it.
        assert new.info["xmp"] == packet(MADE)
    assert imaging.probe(after).width == 61


@pytest.mark.parametrize(("kind", "lossless"), WAYS)
def test_what_is_said_already_stays(kind: Format, *, lossless: bool) -> None:
    said = marked(imaging.encode(noise("RGB"), kind, lossless=lossless), MADE)
    assert marked(said, "algorithmicMedia") == said


@pytest.mark.parametrize(("kind", "lossless"), WAYS)
def test_nothing_is_said_of_nothing(kind: Format, *, lossless: bool) -> None:
    plain = imaging.encode(noise("RGB"), kind, lossless=lossless)
    assert marked(plain, "") == plain


def test_a_label_of_others_is_read() -> None:
    buffer = BytesIO()
    words = b'<x xmlns:a="b">http://cv.iptc.org/newscodes/digitalsourcetype/compositeSynthetic</x>'
    noise("RGB").save(buffer, "JPEG", xmp=words)
    assert source_of(buffer.getvalue()) == "compositeWithTrainedAlgorithmicMedia"


def test_what_is_signed_is_left_alone() -> None:
    plain = imaging.encode(noise("RGB"), "jpeg")
    signed = plain[:2] + b"\xff\xeb\x00\x08JP\x00\x01cr" + plain[2:]
    assert marked(signed, MADE) == signed


@pytest.mark.parametrize(
    "data", [b"", b"%PDF-1.7", b"\x89PNG\r\n\x1a\nbroken", b"RIFF\0\0\0\0WEBP"]
)
def test_what_is_no_picture_says_nothing(data: bytes) -> None:
    assert source_of(data) == ""


@pytest.mark.parametrize(("kind", "lossless"), WAYS)
def test_the_label_goes_along_with_the_credit(kind: Format, *, lossless: bool) -> None:
    said = marked(imaging.encode(noise("RGB"), kind, lossless=lossless), MADE)
    again = imaging.encode(noise("RGB", 20), "webp", credit=imaging.credit_of(said))
    assert source_of(again) == MADE


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
def test_the_label_counts_among_the_bytes(kind: Format) -> None:
    credit = imaging.Credit(source=MADE)
    smallest = imaging.shrink(noise("RGB"), kind, credit=credit).data
    fitted = imaging.shrink(noise("RGB"), kind, max_bytes=len(smallest) + 40, credit=credit).data
    assert source_of(fitted) == MADE
    assert len(fitted) <= len(smallest) + 40
