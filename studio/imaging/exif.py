"""The few things that are wanted of EXIF, read with bounds.

EXIF is a small TIFF file, and each of its up to 65,535 entries may point at the same megabytes: a
reader that loads all of them takes terabytes for a file of 40 MB. This one looks at the entries of
the first directory and loads only those asked for, each cut short.

Source: CIPA DC-008 (EXIF 3.0), 4.6; TIFF 6.0, section 2.
"""

from __future__ import annotations

import struct

ORIENTATION = 0x0112
ARTIST = 0x013B
COPYRIGHT = 0x8298

_MOST_ENTRIES = 2_000
"""Cameras write some dozens."""
_LONGEST_TEXT = 1_024
"""Bytes that are read of a text."""
_PREFIX = b"Exif\x00\x00"
_ORDERS = {b"II*\x00": "<", b"MM\x00*": ">"}
_ASCII, _SHORT, _LONG = 2, 3, 4
_UPRIGHT, _LAST = 1, 8


def orientation(block: bytes) -> int:
    """Return the orientation, 1..8; 1 (upright) where none is told or nobody can read it.

    Args:
        block: an EXIF block, with or without its mark before it.
    """
    value = _entries(block, {ORIENTATION}).get(ORIENTATION, _UPRIGHT)
    return value if isinstance(value, int) and _UPRIGHT <= value <= _LAST else _UPRIGHT


def texts(block: bytes, *tags: int) -> dict[int, str]:
    """Return the texts of these tags, as far as they are there; each at most a kilobyte."""
    found = _entries(block, set(tags))
    return {tag: value for tag, value in found.items() if isinstance(value, str)}


def _entries(block: bytes, wanted: set[int]) -> dict[int, int | str]:
    """Return the wanted entries of the first directory; those that are broken are left out."""
    tiff = block.removeprefix(_PREFIX)
    order = _ORDERS.get(tiff[:4])
    if order is None:
        return {}
    found: dict[int, int | str] = {}
    try:
        (start,) = struct.unpack_from(f"{order}I", tiff, 4)
        (count,) = struct.unpack_from(f"{order}H", tiff, start)
        for number in range(min(count, _MOST_ENTRIES)):
            place = start + 2 + 12 * number
            (tag,) = struct.unpack_from(f"{order}H", tiff, place)
            if tag in wanted and tag not in found:
                value = _value(tiff, order, place)
                if value is not None:
                    found[tag] = value
    except struct.error:
        pass  # cameras write much broken EXIF; what came before the break counts
    return found


def _value(tiff: bytes, order: str, place: int) -> int | str | None:
    """Return the value of the entry at ``place``; ``None`` for a type that is not wanted."""
    kind, count = struct.unpack_from(f"{order}HI", tiff, place + 2)
    if kind in {_SHORT, _LONG}:
        letter = "H" if kind == _SHORT else "I"
        return int(struct.unpack_from(f"{order}{letter}", tiff, place + 8)[0])
    if kind != _ASCII:
        return None
    start = place + 8
    if count > 4:  # noqa: PLR2004 - what does not fit into four bytes lies elsewhere
        (start,) = struct.unpack_from(f"{order}I", tiff, start)
    raw = tiff[start : start + min(count, _LONGEST_TEXT)]
    return raw.split(b"\x00")[0].decode("latin-1")
