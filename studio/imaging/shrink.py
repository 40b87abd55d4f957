"""The smallest file: time is spent so that bytes are saved.

JPEG is progressive with optimised tables, WebP tries harder, and PNG first loses nothing (a palette
where there are few colours anyway, grey where nothing else is in it) and gets fewer colours only
where a limit cannot be met without.
"""

from __future__ import annotations

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from studio.errors import InvalidRequest
from studio.imaging.credit import NOBODY, Credit
from studio.imaging.encode import Fitted, Format, best_fit, prepared
from studio.imaging.provenance import marked

_MOST = 95
"""Above this quality files grow fast and nothing is seen of it."""
_WEBP_METHOD = 4
_PALETTE = 256
_FEW_GREYS = 16
"""Up to so many a palette takes at most half the bits of a grey channel."""
_COLOURS = ((256, 90), (128, 80), (64, 70), (32, 60), (16, 50), (8, 40), (4, 30), (2, 20))
"""Sizes of a PNG's palette, and the quality that each counts as."""


def shrink(
    image: Image.Image,
    format: Format,  # noqa: A002
    *,
    max_bytes: int = 0,
    least: int = 75,
    credit: Credit = NOBODY,
) -> Fitted:
    """Return the picture as a small file.

    Args:
        image: any mode.
        format: ``"png"``, ``"jpeg"`` or ``"webp"``. JPEG has no transparency: it is laid on white.
        max_bytes: the best quality that fits is taken; 0 for no limit, and the least quality.
        least: the least quality, 1..100. PNG stays lossless as long as it fits.
        credit: names and source to keep in the file.

    Raises:
        InvalidRequest: unknown format, too many pixels for it, or it cannot be made so small;
            ``details["smallest"]`` is then the least number of bytes.
    """
    ready = prepared(image, format)
    if format == "png":
        return _png(ready, max_bytes, least, credit)

    def attempt(quality: int) -> bytes:
        return _lossy(ready, format, quality, credit)

    smallest = attempt(least)
    if not max_bytes:
        return Fitted(smallest, least)
    if len(smallest) > max_bytes:
        raise _too_large(format, max_bytes, len(smallest), least)
    return best_fit(attempt, max_bytes, Fitted(smallest, least), _MOST)


def _lossy(image: Image.Image, kind: Format, quality: int, credit: Credit) -> bytes:
    buffer, exif = BytesIO(), credit.exif()
    if kind == "jpeg":
        image.save(
            buffer,
            "JPEG",
            quality=quality,
            subsampling="4:2:0",
            optimize=True,
            progressive=True,
            exif=exif,
        )
    else:
        image.save(buffer, "WEBP", quality=quality, method=_WEBP_METHOD, exif=exif)
    return marked(buffer.getvalue(), credit.source)


def _png(image: Image.Image, max_bytes: int, least: int, credit: Credit) -> Fitted:
    """Lose nothing if that fits; else take the largest palette that does and may be taken."""
    found = Fitted(_packed(_lossless(image), credit), 100)
    for colours, quality in _COLOURS:
        if not max_bytes or len(found.data) <= max_bytes:
            return found
        if quality >= least:
            data = _packed(_fewer(image, colours), credit)
            if len(data) < len(found.data):
                found = Fitted(data, quality)
    if len(found.data) > max_bytes:
        raise _too_large("png", max_bytes, len(found.data), least)
    return found


def _packed(image: Image.Image, credit: Credit) -> bytes:
    buffer, exif = BytesIO(), credit.exif()
    image.save(buffer, "PNG", optimize=True, exif=exif)
    return marked(buffer.getvalue(), credit.source)


def _fewer(image: Image.Image, colours: int) -> Image.Image:
    """Return a palette picture, dithered; only one of the methods knows transparency."""
    clear = image.mode == "RGBA"
    method = Image.Quantize.FASTOCTREE if clear else Image.Quantize.MEDIANCUT
    palette = image.quantize(colours, method=method)
    # The octree's own picture is not dithered, and with transparency nothing else can be had.
    return palette if clear else image.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)


def _lossless(image: Image.Image) -> Image.Image:
    """Return the same pixels in the mode that takes fewest bits."""
    colours = image.getcolors(_PALETTE)
    if colours is None:
        return image
    pixels = np.asarray(image)
    if len(colours) > _FEW_GREYS and _is_grey(pixels):
        return image.getchannel("R")
    channels = pixels.shape[2]
    found, places = np.unique(pixels.reshape(-1, channels), axis=0, return_inverse=True)
    indexed = Image.fromarray(places.reshape(pixels.shape[:2]).astype(np.uint8), "P")
    indexed.putpalette(found.tobytes(), image.mode)
    return indexed


def _is_grey(pixels: NDArray[np.uint8]) -> bool:
    """Whether all channels are the same; with transparency none is."""
    colours = pixels[..., :1] == pixels[..., 1:]
    return pixels.shape[2] == len("RGB") and bool(colours.all())


def _too_large(kind: Format, max_bytes: int, smallest: int, least: int) -> InvalidRequest:
    return InvalidRequest(
        f"The picture does not fit into so few bytes as {kind} of quality {least} or more.",
        field="max_bytes",
        given=max_bytes,
        allowed=f"at least {smallest} bytes, a lower quality, or fewer pixels",
        smallest=smallest,
    )
