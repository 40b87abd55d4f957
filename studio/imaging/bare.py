"""A picture's file with nothing in it but the picture: no place, no time, no camera, no comment.

Every pixel stays as it is. What stays beside them is how they are to be read (profile, gamma,
orientation, frames of an animation), and the label that tells how the picture came to be
(``studio.imaging.provenance``), which is nobody's secret. Content Credentials go: they are signed
for the whole file.

Sources: PNG (W3C, third edition, 5), JPEG (ITU-T T.81, annex B), GIF89a, WebP (RFC 9649).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Mapping

from PIL import Image

from studio.errors import PictureRefused
from studio.imaging.containers import survey
from studio.imaging.exif import ORIENTATION, orientation
from studio.imaging.kinds import ALLOWED, sniff
from studio.imaging.provenance import marked, source_of

_PNG_START, _PNG_BEHIND_HEADER = 8, 33
_PNG_KEPT = frozenset(
    {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"acTL", b"fcTL", b"fdAT"}
    | {b"iCCP", b"gAMA", b"sRGB", b"cHRM", b"cICP", b"pHYs", b"bKGD", b"sBIT"}
)
_RIFF_HEADER = 12
_WEBP_KEPT = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"})
_VP8X_EXIF, _VP8X_XMP = 0x08, 0x04
_GIF_EXTENSION, _GIF_IMAGE, _GIF_GRAPHIC, _GIF_APPLICATION = 0x21, 0x2C, 0xF9, 0xFF
_GIF_LOOPS = (b"\x0bNETSCAPE2.0", b"\x0bANIMEXTS1.0")
"""Extensions that say how often an animation is repeated."""


def bare(data: bytes) -> bytes:
    """Return a picture's file with nothing in it but the picture.

    Args:
        data: a whole PNG, JPEG, WebP or GIF.

    Raises:
        PictureRefused: it is none of these, or its structure is broken.
    """
    media_type = sniff(data)
    strip = _STRIPPERS.get(media_type or "")
    if strip is None:
        raise PictureRefused(
            "Metadata cannot be taken out of this file.", given=media_type, allowed=ALLOWED
        )
    found = survey(data, media_type or "")  # refuses what is broken, or has too many parts
    turn = orientation(found.exif) if found.exif else 1
    block = _orientation(turn) if turn != 1 else b""
    return marked(strip(data, block), source_of(data))


def _orientation(value: int) -> bytes:
    """Return an EXIF block that says how a picture is to be turned, and nothing else."""
    block = Image.Exif()
    block[ORIENTATION] = value
    return block.tobytes()


def _jpeg(data: bytes, exif: bytes) -> bytes:
    lean = survey(data, "image/jpeg").lean(data)
    if not exif:
        return lean
    place = 2
    if lean[place] == 0xFF and lean.startswith(b"JFIF\x00", place + 4):  # noqa: PLR2004 - a marker
        place += 2 + int.from_bytes(lean[place + 2 : place + 4], "big")
    segment = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
    return lean[:place] + segment + lean[place:]


def _png(data: bytes, exif: bytes) -> bytes:
    kept = [data[:_PNG_START]]
    place = _PNG_START
    while place + 8 <= len(data):
        (length,) = struct.unpack_from(">I", data, place)
        name, end = data[place + 4 : place + 8], place + 12 + length
        if name in _PNG_KEPT:
            kept.append(data[place:end])
        if exif and end == _PNG_BEHIND_HEADER:
            body = b"eXIf" + exif.removeprefix(b"Exif\x00\x00")
            kept.append(struct.pack(">I", len(body) - 4) + body)
            kept.append(struct.pack(">I", zlib.crc32(body)))
        place = end
        if name == b"IEND":
            break
    return b"".join(kept)


def _webp(data: bytes, exif: bytes) -> bytes:
    kept: list[bytes] = []
    place, end = _RIFF_HEADER, min(len(data), 8 + int.from_bytes(data[4:8], "little"))
    while place + 8 <= end:
        name, length = struct.unpack_from("<4sI", data, place)
        chunk = data[place : place + 8 + length + (length & 1)]
        if name == b"VP8X":
            flags = chunk[8] & ~(_VP8X_EXIF | _VP8X_XMP) | (_VP8X_EXIF if exif else 0)
            chunk = chunk[:8] + bytes([flags]) + chunk[9:]
        if name in _WEBP_KEPT:
            kept.append(chunk)
        place += 8 + length + (length & 1)
    if exif:
        kept.append(b"EXIF" + struct.pack("<I", len(exif)) + exif + b"\x00" * (len(exif) & 1))
    chunks = b"".join(kept)
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WEBP" + chunks


def _gif(data: bytes, _exif: bytes) -> bytes:
    place = 13 + _table(data[10])
    kept = [data[:place]]
    while place < len(data):
        start = place
        if data[place] == _GIF_EXTENSION:
            place = _behind(data, place + 2)
            wanted = data[start + 1] == _GIF_GRAPHIC or (
                data[start + 1] == _GIF_APPLICATION and data.startswith(_GIF_LOOPS, start + 2)
            )
        elif data[place] == _GIF_IMAGE:
            place = _behind(data, place + 11 + _table(data[place + 9]))
            wanted = True
        else:
            break
        if wanted:
            kept.append(data[start:place])
    return b"".join([*kept, b";"])


def _table(flags: int) -> int:
    """Return how many bytes the colour table takes that ``flags`` speak of."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _behind(data: bytes, place: int) -> int:
    """Return the place behind the sub-blocks that begin at ``place``."""
    while place < len(data) and (length := data[place]):
        place += length + 1
    return place + 1


_STRIPPERS: Mapping[str, Callable[[bytes, bytes], bytes]] = {
    "image/png": _png,
    "image/jpeg": _jpeg,
    "image/webp": _webp,
    "image/gif": _gif,
}
