"""What is in a picture's file, told by its container alone: no decoder runs here.

Sources: PNG (W3C, third edition, 5), JPEG (ITU-T T.81, annex B), GIF89a, WebP (RFC 9649).
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable, Mapping

from studio.imaging.survey import (
    MAX_EXIF_BYTES,
    MAX_FRAMES,
    MAX_TEXT_BYTES,
    Survey,
    Walk,
    damaged,
    too_many,
)

_CHUNK = struct.Struct(">I4s")
_PNG_HEADER = struct.Struct(">II")
_PNG_START, _PNG_HEADER_LENGTH = 8, 13
_PNG_PIXELS = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}
_PNG_LONGEST = 2**31 - 1
_PNG_HARMLESS = {b"gAMA", b"sRGB", b"cHRM", b"pHYs", b"bKGD", b"sBIT"}
"""These say how the pixels look and nothing of who, where or when."""
_PNG_FRAMES = {b"acTL", b"fcTL", b"fdAT"}
"""The parts of an animation."""

_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
"""A marker of JPEG. FF 00 is a byte of the pixels, FF D0 to FF D7 stand between them."""
_ALONE = {0x01, 0xD8}
"""Markers without a length: TEM and a second start of image."""
_EOI, _SOS, _COM = 0xD9, 0xDA, 0xFE
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
"""Start of frame, of any process (table B.1)."""
_USUAL_FRAMES = {0xC0, 0xC1, 0xC2}
"""Baseline, extended and progressive, with Huffman codes: what cameras and programs write."""
_FRAME = struct.Struct(">BHHB")
_APPS = range(0xE0, 0xF0)
_APP1 = 0xE1
_JPEG_XMP = b"http://ns.adobe.com/xap/1.0/\x00"
_PNG_XMP = b"XML:com.adobe.xmp\x00\x00"
"""With the mark of a text that is not packed."""
_PROFILE = b"ICC_PROFILE\x00"
_APPS_FOR_PIXELS = {0xE0: b"JFIF\x00", 0xE2: _PROFILE, 0xEE: b"Adobe"}
"""Application segments that say how the pixels are to be read."""

_GIF_HEADER = struct.Struct("<6xHHB")
_GIF_IMAGE = struct.Struct("<HHHHB")
_GIF_STEPS = 1_000_000
"""Blocks of up to 255 bytes; the largest file that is taken has 170,000 full ones."""
_EXTENSION, _IMAGE = 0x21, 0x2C
_GRAPHIC, _COMMENT = 0xF9, 0xFE

_RIFF = struct.Struct("<4sI")
_WEBP_LONGEST = 0x3FFF
_WEBP_PIXELS = {b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF"}


def survey(data: bytes, media_type: str) -> Survey:
    """Return what a picture's file holds.

    Args:
        data: the whole file.
        media_type: one of ``studio.imaging.kinds.FORMATS``, as sniffed.

    Raises:
        PictureRefused: the structure is broken, or a limit of ``studio.imaging.survey`` is passed.
    """
    try:
        found = _READERS[media_type](data)
    except (struct.error, IndexError) as cut:
        raise damaged(media_type, "cut short before its size is told") from cut
    if found.frames > MAX_FRAMES:
        raise too_many("frames", found.frames, MAX_FRAMES)
    return found


def _png(data: bytes) -> Survey:
    """Walk through the chunks; of an APNG the decoder gets the picture for viewers without APNG."""
    walk, place, frames, profile = Walk(len(data)), _PNG_START, 1, False
    if _CHUNK.unpack_from(data, place) != (_PNG_HEADER_LENGTH, b"IHDR"):
        raise damaged("image/png", "it does not begin with its header")
    width, height = _PNG_HEADER.unpack_from(data, place + 8)
    while place + 8 <= len(data):
        length, name = _CHUNK.unpack_from(data, place)
        body, end = place + 8, place + 12 + length
        if length > _PNG_LONGEST:
            raise damaged("image/png", "a chunk says that it is longer than any may be")
        walk.part()
        again = name == b"IHDR" and place > _PNG_START
        if name == b"iCCP" and not profile:
            profile = True
            walk.note("iCCP")
            walk.unpacks_to(_unpacked(data, body, end - 4, name))
        elif name not in _PNG_PIXELS or again:
            frames = max(frames, _png_extra(walk, data, name, body, end - 4))
            walk.leave_out(place, end)
        place = end
        if name == b"IEND":
            break
    walk.ends(place)
    return walk.survey(width, height, frames=frames, plain=not profile)


def _png_extra(walk: Walk, data: bytes, name: bytes, body: int, end: int) -> int:
    """Look at a chunk that is no pixels; return how many frames it speaks of."""
    if name in _PNG_FRAMES:
        walk.extras.add("frames")
    else:
        walk.note("" if name in _PNG_HARMLESS else name.decode("latin-1"))
    if name == b"eXIf" and not walk.exif:
        walk.exif = data[body : min(end, body + MAX_EXIF_BYTES)]
    elif name == b"iTXt" and not walk.xmp and data.startswith(_PNG_XMP, body):
        walk.xmp = data[body + len(_PNG_XMP) : min(end, body + MAX_EXIF_BYTES)]
    elif name in {b"zTXt", b"iTXt", b"iCCP"}:
        walk.unpacks_to(_unpacked(data, body, end, name))
    elif name == b"acTL":
        return int.from_bytes(data[body : body + 4], "big")
    return 1


def _unpacked(data: bytes, body: int, end: int, name: bytes) -> int:
    """Return how long a packed text or profile is unpacked, or just more than it may be.

    0 for a text that is not packed: what it takes is in the file already.
    """
    end = min(end, len(data))
    start = data.find(b"\x00", body, min(end, body + 80)) + 2
    if name == b"iTXt":
        packed = data[start - 1 : start] == b"\x01"
        language = data.find(b"\x00", start + 1, end)
        start = data.find(b"\x00", language + 1, end) + 1
        if not packed or language < 0:
            return 0
    if start <= body:
        return 0
    try:
        return len(zlib.decompressobj().decompress(data[start:end], MAX_TEXT_BYTES + 1))
    except zlib.error:
        return 0  # nobody can unpack it


def _jpeg(data: bytes) -> Survey:
    """Walk through the segments, those between the scans included."""
    walk, place = Walk(len(data)), 2
    frame: tuple[int, int, int, int] | None = None
    plain, end = True, len(data)
    while (mark := _MARKER.search(data, place)) is not None:
        start, code = mark.start(), data[mark.start() + 1]
        walk.part()
        if code == _EOI:
            end = start + 2
            break
        if code in _ALONE:
            place = start + 2
            continue
        place = start + 2 + max(2, int.from_bytes(data[start + 2 : start + 4], "big"))
        if code in _APPS or code == _COM:
            plain &= _jpeg_extra(walk, data, code, start, place)
        elif code in _FRAMES:
            if frame is not None:
                raise damaged("image/jpeg", "it tells its size twice")
            frame = _FRAME.unpack_from(data, start + 4)
            plain &= code in _USUAL_FRAMES and frame[0] == 8  # noqa: PLR2004 - bits
        elif code == _SOS:
            walk.scan()
    walk.ends(end)
    if frame is None:
        raise damaged("image/jpeg", "it does not tell its size")
    return walk.survey(frame[2], frame[1], plain=plain, channels=frame[3])


def _jpeg_extra(walk: Walk, data: bytes, code: int, start: int, end: int) -> bool:
    """Look at a segment that is no pixels; return whether it needs no decoder of its own."""
    needed = _APPS_FOR_PIXELS.get(code)
    if needed is not None and data.startswith(needed, start + 4):
        walk.note("ICC_PROFILE" if needed == _PROFILE else "")
        return needed != _PROFILE
    name = "COM" if code == _COM else f"APP{code - _APPS.start}"
    walk.note(name)
    if code == _APP1 and data.startswith(b"Exif\x00\x00", start + 4) and not walk.exif:
        walk.exif = data[start + 4 : end]
    if code == _APP1 and data.startswith(_JPEG_XMP, start + 4) and not walk.xmp:
        walk.xmp = data[start + 4 + len(_JPEG_XMP) : end]
    walk.leave_out(start, end)
    return True


def _gif(data: bytes) -> Survey:
    """Walk through the blocks; the decoder gets the first picture of them alone."""
    walk, steps = Walk(len(data)), _Steps(data)
    width, height, flags = _GIF_HEADER.unpack_from(data)
    place, frames = 13 + _table(flags), 0
    spans = [(0, place)]
    while place < len(data) and frames <= MAX_FRAMES:
        start = place
        walk.part()
        if data[place] == _EXTENSION:
            place = steps.over(place + 2)
            if data[start + 1] != _GRAPHIC:
                walk.note("COM" if data[start + 1] == _COMMENT else "extension")
            elif not frames:
                spans[1:] = [(start, place)]  # of several, the last one counts
        elif data[place] == _IMAGE:
            left, top, across, down, flags = _GIF_IMAGE.unpack_from(data, place + 1)
            place = steps.over(place + 11 + _table(flags))
            if not frames:
                # Pillow enlarges the canvas for a first picture that sticks out of it.
                width, height = max(width, left + across), max(height, top + down)
                spans.append((start, min(place, len(data))))
            frames += 1
        else:
            break
    if not frames:
        raise damaged("image/gif", "there is no picture in it")
    if place + 1 < len(data):
        walk.note("behind")
    return Survey(width, height, frames, extras=walk.names, spans=tuple(spans), tail=b";")


def _table(flags: int) -> int:
    """Return how many bytes the colour table takes that ``flags`` speak of."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


class _Steps:
    """Goes over the sub-blocks of a GIF, with a limit for the whole file."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._left = _GIF_STEPS

    def over(self, place: int) -> int:
        """Return the place behind the sub-blocks that begin at ``place``.

        Raises:
            PictureRefused: there are too many in this file.
        """
        data, size, steps = self._data, len(self._data), 0
        while place < size and (length := data[place]):
            place += length + 1
            steps += 1
            if steps > self._left:
                raise too_many("blocks", _GIF_STEPS, _GIF_STEPS)
        self._left -= steps
        return place + 1


def _webp(data: bytes) -> Survey:
    """Walk through the RIFF chunks; the decoder gets all of them, in a process of its own."""
    (length,) = struct.unpack_from("<4xI", data)
    end = min(len(data), 8 + length + (length & 1))
    walk, place, frames = Walk(len(data)), 12, 0
    size: tuple[int, int] | None = None
    while place + 8 <= end:
        name, length = _RIFF.unpack_from(data, place)
        walk.part()
        if size is None:
            size = _webp_size(data, name, place + 8)
        if name == b"ANMF":
            frames += 1
        elif name not in _WEBP_PIXELS:
            walk.note(name.decode("latin-1"))
        if name == b"EXIF" and not walk.exif:
            walk.exif = data[place + 8 : place + 8 + min(length, MAX_EXIF_BYTES)]
        if name == b"XMP " and not walk.xmp:
            walk.xmp = data[place + 8 : place + 8 + min(length, MAX_EXIF_BYTES)]
        place += 8 + length + (length & 1)
    walk.ends(end)
    if size is None:
        raise damaged("image/webp", "it does not tell its size")
    return walk.survey(*size, frames=max(1, frames))


def _webp_size(data: bytes, name: bytes, body: int) -> tuple[int, int] | None:
    """Return the size that a chunk tells (RFC 9649, 2.5 to 2.7); ``None`` if it tells none."""
    if name == b"VP8X":
        across, down = data[body + 4 : body + 7], data[body + 7 : body + 10]
        return int.from_bytes(across, "little") + 1, int.from_bytes(down, "little") + 1
    if name == b"VP8 ":
        width, height = struct.unpack_from("<6xHH", data, body)
        return width & _WEBP_LONGEST, height & _WEBP_LONGEST
    if name == b"VP8L":
        (bits,) = struct.unpack_from("<xI", data, body)
        return (bits & _WEBP_LONGEST) + 1, (bits >> 14 & _WEBP_LONGEST) + 1
    return None


_READERS: Mapping[str, Callable[[bytes], Survey]] = {
    "image/png": _png,
    "image/jpeg": _jpeg,
    "image/gif": _gif,
    "image/webp": _webp,
}
