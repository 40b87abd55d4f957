"""The colour space that a picture's file is in, by name; read out of its structure alone.

No decoder and no colour engine sees the profile: it comes from strangers, and its name is text.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from studio.imaging.kinds import sniff

SRGB = "sRGB"
"""What a picture without a profile is in, as browsers and the studio take it."""

_UNNAMED = "a profile without a name"
_INKS = "CMYK without a profile"
_LONGEST = 100
_MAX_BYTES = 4 * 1024 * 1024
_MAX_PARTS = 10_000
_MAX_TAGS = 200

_CHUNK = struct.Struct(">I4s")
_RIFF = struct.Struct("<4sI")
_TAG = struct.Struct(">4sII")
_RECORD = struct.Struct(">2s2sII")
_HEADER = 128
_JPEG_PROFILE = b"ICC_PROFILE\x00"
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_SCAN, _APP2 = 0xDA, 0xE2


def profile_of(data: bytes) -> str:
    """Return the name of the colour space that a picture's numbers are meant in.

    Args:
        data: the whole file: PNG, JPEG, WebP or GIF.

    Returns:
        The description of its ICC profile, up to 100 characters, or ``sRGB`` where none is
        embedded. Empty for what is no picture. What is broken in it is passed over.
    """
    reader = {"image/png": _png, "image/jpeg": _jpeg, "image/webp": _webp}
    media_type = sniff(data) or ""
    if not media_type.startswith("image/"):
        return ""
    try:
        return reader.get(media_type, lambda _: SRGB)(data)
    except (struct.error, IndexError, zlib.error, ValueError):
        return SRGB


def _png(data: bytes) -> str:
    place = 8
    for _ in range(_MAX_PARTS):
        length, name = _CHUNK.unpack_from(data, place)
        body = data[place + 8 : place + 8 + length] if name == b"iCCP" else b""
        if name == b"iCCP":
            packed = body[body.index(b"\x00") + 2 :]
            return _named(zlib.decompressobj().decompress(packed, _MAX_BYTES))
        if name in {b"IDAT", b"IEND"}:
            break
        place += 12 + length
    return SRGB


def _jpeg(data: bytes) -> str:
    """A profile that is longer than a segment comes in several, which say their order."""
    parts: dict[int, bytes] = {}
    inks = False
    for code, body in _segments(data):
        if code == _APP2 and body.startswith(_JPEG_PROFILE):
            parts[body[len(_JPEG_PROFILE)]] = body[len(_JPEG_PROFILE) + 2 :]
        elif code in _FRAMES:
            inks = body[5] == 4  # noqa: PLR2004 - cyan, magenta, yellow and black
    if parts:
        return _named(b"".join(parts[each] for each in sorted(parts)))
    return _INKS if inks else SRGB


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    place = 2
    for _ in range(_MAX_PARTS):
        while data[place] == 0xFF and data[place + 1] == 0xFF:  # noqa: PLR2004 - filling
            place += 1
        code, length = data[place + 1], int.from_bytes(data[place + 2 : place + 4], "big")
        if data[place] != 0xFF or code == _SCAN or length < 2:  # noqa: PLR2004 - of this format
            return
        yield code, data[place + 4 : place + 2 + length]
        place += 2 + length


def _webp(data: bytes) -> str:
    place = 12
    for _ in range(_MAX_PARTS):
        if place + _RIFF.size > len(data):
            break
        name, length = _RIFF.unpack_from(data, place)
        if name == b"ICCP":
            return _named(data[place + 8 : place + 8 + min(length, _MAX_BYTES)])
        place += 8 + length + length % 2
    return SRGB


def _named(profile: bytes) -> str:
    """Return the description of an ICC profile (ICC.1, 9.2.41; version 2 has another type)."""
    try:
        text = _description(profile)
    except (struct.error, IndexError, ValueError):
        text = ""
    kept = "".join(each for each in text if each.isprintable())
    return " ".join(kept.split())[:_LONGEST] or _UNNAMED


def _description(profile: bytes) -> str:
    (number,) = struct.unpack_from(">I", profile, _HEADER)
    for each in range(min(number, _MAX_TAGS)):
        name, start, size = _TAG.unpack_from(profile, _HEADER + 4 + each * _TAG.size)
        if name != b"desc":
            continue
        tag = profile[start : start + size]
        if tag.startswith(b"desc"):
            (length,) = struct.unpack_from(">I", tag, 8)
            return tag[12 : 12 + length].split(b"\x00")[0].decode("latin-1")
        if tag.startswith(b"mluc"):
            return _in_english(tag)
    return ""


def _in_english(tag: bytes) -> str:
    """Return the text of a tag in several languages: the English one, else the first."""
    number, size = struct.unpack_from(">II", tag, 8)
    found = ""
    for each in range(min(number, _MAX_TAGS)):
        language, _, length, start = _RECORD.unpack_from(tag, 16 + each * max(size, 12))
        text = tag[start : start + min(length, 4 * _LONGEST)].decode("utf-16-be", "ignore")
        if language == b"en":
            return text
        found = found or text
    return found
