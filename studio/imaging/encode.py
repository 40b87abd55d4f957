"""A picture in memory becomes the bytes of a file: small, without metadata, the same every time.

The settings were measured on ten pictures (LOCAL.md, section 5): plain JPEG costs a sixth of
progressive with optimised tables, WebP method 2 half of method 4, for a few per cent of size.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Literal, get_args

from PIL import Image

from studio.errors import InvalidRequest
from studio.imaging.colour import flatten, without_metadata
from studio.imaging.credit import NOBODY, Credit
from studio.imaging.provenance import marked

Format = Literal["png", "jpeg", "webp"]

MEDIA_TYPES: dict[Format, str] = {
    "png": "image/png",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
}

QUALITY = 85
"""Of JPEG and WebP, where nothing else is asked for."""
LOWEST_QUALITY = 30
"""Below this artefacts are plain to see; ``encode_within`` refuses rather than go there."""

_PNG_LEVEL = 3
_PNG_SMALLEST = 9
_WEBP_METHOD = 2
_LONGEST_SIDE: dict[Format, int] = {"png": 2**31 - 1, "jpeg": 65_500, "webp": 16_383}
"""In pixels, by format: libjpeg's JPEG_MAX_DIMENSION, and the 14 bits of WebP."""


@dataclass(frozen=True)
class Fitted:
    """A file that was made to fit.

    Attributes:
        data: the file.
        quality: that it has, 1..100; 100 where nothing was lost.
    """

    data: bytes
    quality: int


def encode(
    image: Image.Image,
    format: Format,  # noqa: A002
    *,
    quality: int = QUALITY,
    lossless: bool = False,
    credit: Credit = NOBODY,
) -> bytes:
    """Return the picture as a file.

    Args:
        image: any mode; RGB and RGBA are kept as they are.
        format: ``"png"``, ``"jpeg"`` or ``"webp"``. JPEG has no transparency: it is laid on white.
        quality: 1..100, ignored by PNG.
        lossless: of WebP; PNG always is, JPEG never.
        credit: names and source to keep in the file; nothing else is.

    Raises:
        InvalidRequest: unknown format, or a picture larger than the format can hold.
    """
    return _encode(prepared(image, format), format, quality, lossless=lossless, credit=credit)


def encode_within(
    image: Image.Image,
    format: Format,  # noqa: A002
    max_bytes: int,
    *,
    credit: Credit = NOBODY,
) -> Fitted:
    """Return the picture as a file of at most ``max_bytes`` bytes, at the best quality that fits.

    JPEG and WebP are tried between the usual quality and ``LOWEST_QUALITY``; PNG has no quality and
    is only packed harder. The size in pixels never changes.

    Raises:
        InvalidRequest: it cannot be made that small; says how small it can be made.
    """
    ready = prepared(image, format)
    usual = 100 if format == "png" else QUALITY
    best = _encode(ready, format, QUALITY, credit=credit)
    if len(best) <= max_bytes:
        return Fitted(best, usual)
    smallest = _encode(ready, format, LOWEST_QUALITY, png_level=_PNG_SMALLEST, credit=credit)
    if len(smallest) > max_bytes:
        raise InvalidRequest(
            f"The picture does not fit into so few bytes as {format}.",
            field="max_bytes",
            given=max_bytes,
            allowed=f"at least {len(smallest)} bytes, or fewer pixels",
        )
    if format == "png":
        return Fitted(smallest, usual)
    return best_fit(
        lambda quality: _encode(ready, format, quality, credit=credit),
        max_bytes,
        Fitted(smallest, LOWEST_QUALITY),
        QUALITY - 1,
    )


def best_fit(attempt: Callable[[int], bytes], max_bytes: int, fits: Fitted, most: int) -> Fitted:
    """Search by halving for the highest quality that fits.

    Args:
        attempt: returns the file at a quality.
        max_bytes: what must not be exceeded.
        fits: is known to fit.
        most: the highest quality to try.
    """
    too_much = most + 1
    while too_much - fits.quality > 1:
        middle = (fits.quality + too_much) // 2
        data = attempt(middle)
        if len(data) <= max_bytes:
            fits = Fitted(data, middle)
        else:
            too_much = middle
    return fits


def prepared(image: Image.Image, kind: Format) -> Image.Image:
    """Return a picture without metadata in a mode that the format can hold.

    Raises:
        InvalidRequest: unknown format, or a picture larger than the format can hold.
    """
    if kind not in get_args(Format):
        raise InvalidRequest(
            "There is no such picture format.",
            field="format",
            given=kind,
            allowed=", ".join(get_args(Format)),
        )
    longest = _LONGEST_SIDE[kind]
    if max(image.size) > longest:
        raise InvalidRequest(
            f"The picture is too large for {kind}.",
            field="format",
            given=f"{image.width} x {image.height} pixels",
            allowed=f"sides of at most {longest} pixels",
        )
    if image.mode not in ("RGB", "RGBA"):
        has_alpha = "A" in image.getbands() or "transparency" in image.info
        image = image.convert("RGBA" if has_alpha else "RGB")
    if kind == "jpeg" and image.mode != "RGB":
        image = flatten(image)
    return without_metadata(image) if image.info else image


def _encode(
    image: Image.Image,
    kind: Format,
    quality: int,
    *,
    png_level: int = _PNG_LEVEL,
    lossless: bool = False,
    credit: Credit = NOBODY,
) -> bytes:
    """Write the prepared picture."""
    buffer, exif = BytesIO(), credit.exif()
    if kind == "png":
        image.save(buffer, "PNG", compress_level=png_level, exif=exif)
    elif kind == "jpeg":
        image.save(buffer, "JPEG", quality=quality, subsampling="4:2:0", exif=exif)
    else:
        image.save(
            buffer, "WEBP", quality=quality, method=_WEBP_METHOD, lossless=lossless, exif=exif
        )
    return marked(buffer.getvalue(), credit.source)


def format_of(media_type: str) -> Format:
    """Return the format written for a media type.

    Raises:
        InvalidRequest: the studio does not write that kind.
    """
    for name, known in MEDIA_TYPES.items():
        if known == media_type:
            return name
    raise InvalidRequest(
        "The studio does not write pictures of that kind.",
        field="media_type",
        given=media_type,
        allowed=", ".join(MEDIA_TYPES.values()),
    )
