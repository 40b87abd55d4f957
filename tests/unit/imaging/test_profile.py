"""The name of a picture's colour space, out of its file alone; what is broken breaks nothing."""

from __future__ import annotations

import random
import struct
from io import BytesIO

import pytest
from PIL import Image, ImageCms

from studio.imaging import SRGB, profile_of

FORMATS = ("PNG", "JPEG", "WEBP")


def written(kind: str, profile: bytes | None = None, mode: str = "RGB") -> bytes:
    file = BytesIO()
    given = {} if profile is None else {"icc_profile": profile}
    Image.new(mode, (8, 8)).save(file, kind, **given)
    return file.getvalue()


def version_2(name: bytes) -> bytes:
    """Return a profile as version 2 has it, with nothing in it but its name."""
    tag = b"desc" + bytes(4) + struct.pack(">I", len(name) + 1) + name + b"\0" * 80
    body = struct.pack(">I4sII", 1, b"desc", 144, len(tag)) + tag
    return bytes(128) + body


def version_4(**texts: str) -> bytes:
    packed = [(language, text.encode("utf-16-be")) for language, text in texts.items()]
    place = 16 + 12 * len(packed)
    records = data = b""
    for language, text in packed:
        records += struct.pack(">2s2sII", language.encode(), b"XX", len(text), place + len(data))
        data += text
    tag = b"mluc" + bytes(4) + struct.pack(">II", len(packed), 12) + records + data
    return bytes(128) + struct.pack(">I4sII", 1, b"desc", 144, len(tag)) + tag


@pytest.mark.parametrize("kind", FORMATS)
def test_the_profile_is_told_by_its_description(kind: str) -> None:
    made = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    assert profile_of(written(kind)) == SRGB
    assert profile_of(written(kind, version_2(b"Adobe RGB (1998)"))) == "Adobe RGB (1998)"
    assert profile_of(written(kind, version_4(de="Anzeige", en="Display P3"))) == "Display P3"
    assert profile_of(written(kind, version_4(ja="画面"))) == "画面"
    assert "Lab" in profile_of(written(kind, made))


def test_a_profile_in_several_segments_is_joined_in_their_order() -> None:
    long = version_2(b"A wide space") + random.Random(1).randbytes(150_000)
    assert profile_of(written("JPEG", long)) == "A wide space"


def test_inks_without_a_profile_are_not_called_srgb() -> None:
    assert profile_of(written("JPEG", mode="CMYK")) == "CMYK without a profile"
    assert profile_of(written("GIF", mode="P")) == SRGB
    assert profile_of(written("JPEG", mode="L")) == SRGB


def test_what_is_no_picture_has_none() -> None:
    assert profile_of(b"{}") == profile_of(b"") == ""


def test_a_name_is_text_of_a_bounded_length() -> None:
    told = profile_of(written("PNG", version_2(b"a\x1b[31m\nb" + b"x" * 500)))
    assert told.startswith("a[31mbx")
    assert len(told) == 100
    assert profile_of(written("PNG", version_2(b""))) == "a profile without a name"
    assert profile_of(written("PNG", b"no profile")) == "a profile without a name"


@pytest.mark.parametrize("kind", FORMATS)
def test_no_damage_raises(kind: str) -> None:
    dice = random.Random(7)
    whole = written(kind, version_4(en="Display P3"))
    for _ in range(400):
        broken = bytearray(whole[: dice.randrange(12, len(whole) + 1)])
        for _ in range(dice.randrange(6)):
            broken[dice.randrange(8, len(broken))] = dice.randrange(256)
        assert isinstance(profile_of(bytes(broken)), str)
