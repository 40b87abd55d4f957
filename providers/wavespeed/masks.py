"""Masks and canvases: what WaveSpeed has no field for is drawn here.

All of its masks are white where the picture changes. How far a mask is grown is no field of any
of its models, so the mask is grown before it is sent.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from providers.pictures import mask_for
from studio import imaging
from studio.errors import ProviderRejected

_WHITE = 128
"""From this grey on, a pixel counts as white."""
_FILLING = (127, 127, 127)
"""The colour of what is to be painted; a model that is given a mask does not look at it."""

LARGEST_CANVAS = 25_000_000
"""Pixels: Bria's own limit for an expanded picture is 5000 x 5000 (docs.bria.ai)."""


def grown(picture: bytes, mask: bytes | None, pixels: int) -> bytes:
    """Return the mask of a picture as a PNG of its size, its white parts grown all around.

    Args:
        picture: whose transparency is the mask where there is none.
        mask: white where to change.
        pixels: how far to grow; 0 leaves the mask as it is.

    Raises:
        ProviderRejected: there is neither a mask nor transparency; nothing was sent.
    """
    plain = mask_for(picture, mask)
    if plain is None:
        raise ProviderRejected(
            "There is no mask, and the picture has no transparency that could be one. "
            "Nothing was sent.",
            provider="wavespeed",
            field="mask",
            given="",
            allowed="a picture, white where to change",
        )
    if not pixels:
        return plain
    import cv2  # noqa: PLC0415 - 0.2 s that only masks are worth

    grey = np.asarray(imaging.open_picture(plain).convert("L"))
    if grey.max() < _WHITE:
        return plain
    distance = cv2.distanceTransform(
        (grey < _WHITE).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE
    )
    wide = np.where(distance <= pixels, np.uint8(255), grey)
    return imaging.encode(Image.fromarray(wide).convert("RGB"), "png")


def expanded(picture: bytes, *, left: int, right: int, up: int, down: int) -> tuple[bytes, bytes]:
    """Return a picture on a canvas with margins, and a mask that is white where the margins are.

    Raises:
        ProviderRejected: the canvas would be too large; nothing was sent.
    """
    image = imaging.flatten(imaging.open_picture(picture))
    size = image.width + left + right, image.height + up + down
    if size[0] * size[1] > LARGEST_CANVAS:
        raise ProviderRejected(
            "The picture with its margins is too large. Nothing was sent.",
            provider="wavespeed",
            field="image",
            given=f"{size[0]}x{size[1]} pixels",
            allowed=f"at most {LARGEST_CANVAS} pixels with the margins",
        )
    canvas = Image.new("RGB", size, _FILLING)
    canvas.paste(image, (left, up))
    mask = Image.new("L", size, 255)
    mask.paste(0, (left, up, left + image.width, up + image.height))
    return imaging.encode(canvas, "png"), imaging.encode(mask.convert("RGB"), "png")
