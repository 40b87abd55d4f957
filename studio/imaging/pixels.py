"""From a file to pixels: the one place where a decoder runs.

It is called in this process for what is plain, and in a child for what is not; see
``studio.imaging.sandbox``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO

from PIL import Image

from studio.errors import PictureRefused
from studio.imaging.colour import normalise
from studio.imaging.kinds import ALLOWED, FORMATS

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""By EXIF orientation (CIPA DC-008, 4.6.5)."""
SWAPPING = (5, 6, 7, 8)
"""Orientations that swap width and height."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be decoded.

    Attributes:
        media_type: one of ``studio.imaging.kinds.FORMATS``.
        width: pixels, as stored.
        height: pixels, as stored.
        orientation: EXIF's, 1..8.
    """

    media_type: str
    width: int
    height: int
    orientation: int = 1

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the picture when it stands upright."""
        if self.orientation in SWAPPING:
            return self.height, self.width
        return self.width, self.height


def decode(data: bytes, order: Order) -> Image.Image:
    """Decode the first frame of a file.

    Returns:
        RGB, or RGBA where something is really transparent; 8 bits a channel, sRGB, upright,
        without metadata.

    Raises:
        PictureRefused: it is truncated or damaged, or not as large as ``order`` says.
        MemoryError: there is too little.
    """
    with (
        refusing(order.media_type),
        Image.open(BytesIO(data), formats=(FORMATS[order.media_type],)) as image,
    ):
        if image.size != (order.width, order.height):
            raise ValueError(f"it tells two sizes, {order.width}x{order.height} and {image.size}")
        image.load()
        turn = _TURNS.get(order.orientation)
        return normalise(image if turn is None else image.transpose(turn))


@contextmanager
def refusing(media_type: str) -> Iterator[None]:
    """Turn whatever a decoder throws at broken or hostile bytes into a refusal.

    Decoders raise OSError (truncated, unidentified), SyntaxError (broken PNG chunks), ValueError
    (oversized text chunks), and now and then something rarer; all of it means the same here.
    """
    try:
        yield
    except (PictureRefused, MemoryError):
        raise
    except Exception as broken:
        raise broken_picture(media_type, str(broken)) from broken


def broken_picture(media_type: str, why: str) -> PictureRefused:
    """Return the refusal of a picture that its decoder cannot read."""
    return PictureRefused(
        "The picture is truncated or damaged.",
        field="picture",
        given=f"{media_type}: {why}",
        allowed=f"a complete {ALLOWED} file",
    )
