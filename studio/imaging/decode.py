"""Bytes from outside become a picture in memory, or a clear refusal.

Length, kind, structure, frames, sides and pixels are looked at before any decoder is started; then
the one decoder of that kind runs, in a process of its own unless the file is plain
(``studio.imaging.sandbox``), on what of the file is pixels and nothing else.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from PIL import Image

from studio.errors import PictureRefused
from studio.imaging import exif, pixels, sandbox
from studio.imaging.containers import survey
from studio.imaging.kinds import ALLOWED, FORMATS, sniff
from studio.imaging.survey import MAX_SIDE, Survey
from studio.settings import settings

_log = logging.getLogger(__name__)

MAX_BYTES = 40 * 1024 * 1024
"""Largest file that is decoded, in bytes; a 50-megapixel JPEG of a phone has about 25 MB."""

MAX_PIXELS = 64_000_000
"""Largest picture, in pixels (8000 x 8000): the studio's own 4x upscale of 4 megapixels fits.

Decoded as RGBA that is 256 MB, below the size at which Pillow starts to warn (89 million)."""


@dataclass(frozen=True)
class Probe:
    """What a picture's header says.

    Attributes:
        media_type: as ``sniff`` tells it.
        width: in pixels, as shown (EXIF orientation applied).
        height: in pixels, as shown.
        turned: whether the pixels are stored otherwise than they are shown.
        frames: 1 for a still picture.
        channels: of a JPEG (1, 3 or 4); 0 where it does not matter.
        extras: parts of the file that are no pixels, by name; see ``studio.imaging.survey``.
    """

    media_type: str
    width: int
    height: int
    turned: bool = False
    frames: int = 1
    channels: int = 0
    extras: frozenset[str] = frozenset()


def probe(data: bytes, *, max_pixels: int = MAX_PIXELS, max_bytes: int = MAX_BYTES) -> Probe:
    """Return kind and size from the file's structure alone; no decoder is started.

    A picture may still turn out to be broken: only ``open_picture`` knows.

    Raises:
        PictureRefused: not an accepted kind, a broken structure, too many bytes, frames or pixels.
    """
    with _noting(data):
        media_type, found = _surveyed(data, max_pixels, max_bytes)
        order = _order(media_type, found)
        return Probe(
            media_type,
            *order.size,
            turned=order.orientation != 1,
            frames=found.frames,
            channels=found.channels,
            extras=found.extras,
        )


def open_picture(
    data: bytes, *, max_pixels: int = MAX_PIXELS, max_bytes: int = MAX_BYTES
) -> Image.Image:
    """Decode a picture completely.

    Args:
        data: the whole file.
        max_pixels: refuse more pixels than this, before any memory is taken for them.
        max_bytes: refuse longer files than this.

    Returns:
        RGB, or RGBA where something is really transparent; 8 bits a channel, sRGB, upright,
        without metadata. Of an animation the first frame.

    Raises:
        PictureRefused: not an accepted kind, too large, truncated or otherwise broken; or its
            decoder crashed, took too long or wanted too much memory.
        StudioUnavailable: no process for decoding can be had.
    """
    with _noting(data):
        media_type, found = _surveyed(data, max_pixels, max_bytes)
        order = _order(media_type, found)
        lean = found.lean(data)
        here = found.plain and settings().decode_apart == "risky"
        return pixels.decode(lean, order) if here else sandbox.decode(lean, order)


def _surveyed(data: bytes, max_pixels: int, max_bytes: int) -> tuple[str, Survey]:
    """Return kind and contents, or refuse by length, kind, structure or size."""
    media_type = _accepted(data, max_bytes)
    found = survey(data, media_type)
    _check_size(found.width, found.height, max_pixels)
    return media_type, found


def _order(media_type: str, found: Survey) -> pixels.Order:
    return pixels.Order(media_type, found.width, found.height, exif.orientation(found.exif))


def _accepted(data: bytes, max_bytes: int) -> str:
    """Return the media type, or refuse by length or kind."""
    if not data:
        raise PictureRefused("The file is empty.", field="picture", given="0 bytes")
    if len(data) > max_bytes:
        raise PictureRefused(
            "The file is too long.",
            field="picture",
            given=f"{len(data)} bytes",
            allowed=f"at most {max_bytes} bytes",
        )
    media_type = sniff(data)
    if media_type not in FORMATS:
        raise PictureRefused(
            "The file is not a picture of an accepted kind.",
            field="picture",
            given=media_type or "unknown bytes",
            allowed=ALLOWED,
        )
    return media_type


def _check_size(width: int, height: int, max_pixels: int) -> None:
    """Refuse a picture with more pixels than allowed, too long a side, or no pixels."""
    if width < 1 or height < 1 or width * height > max_pixels:
        raise PictureRefused(
            "The picture has too many pixels." if width and height else "The picture is empty.",
            field="picture",
            given=f"{width} x {height} pixels",
            allowed=f"at most {max_pixels} pixels",
        )
    if max(width, height) > MAX_SIDE:
        raise PictureRefused(
            "The picture is too long or too wide.",
            field="picture",
            given=f"{width} x {height} pixels",
            allowed=f"at most {MAX_SIDE} pixels a side",
        )


@contextmanager
def _noting(data: bytes) -> Iterator[None]:
    """Put every refusal into the log, with what tells the file: never its contents or name."""
    try:
        yield
    except PictureRefused as refusal:
        start = hashlib.sha256(data[:MAX_BYTES]).hexdigest()[:16]
        _log.info(
            "picture refused: %s Given: %s. %d bytes, SHA-256 %s…",
            refusal.message,
            refusal.given,
            len(data),
            start,
        )
        raise
