"""A picture in memory becomes the bytes of a file: small, without metadata, the same every time.

The settings were measured on ten pictures (LOCAL.md, section 5): plain JPEG costs a sixth of
progressive with optimised tables, WebP method 2 half of method 4, for a few per cent of size.
"""

from __future__ import annotations

from io import BytesIO
from typing import Literal, get_args

from PIL import Image

from studio.errors import InvalidRequest
from studio.imaging.colour import flatten, without_metadata

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


def encode(image: Image.Image, format: Format, *, quality: int = QUALITY) -> bytes:  # noqa: A002
    """Return the picture as a file.

    Args:
        image: any mode; RGB and RGBA are kept as they are.
        format: ``"png"``, ``"jpeg"`` or ``"webp"``. JPEG has no transparency: it is laid on white.
        quality: 1..100, ignored by PNG.

    Raises:
        InvalidRequest: unknown format, or a picture larger than the format can hold.
    """
    return _encode(_prepared(image, format), format, quality)


def encode_within(image: Image.Image, format: Format, max_bytes: int) -> bytes:  # noqa: A002
    """Return the picture as a file of at most ``max_bytes`` bytes, at the best quality that fits.

    JPEG and WebP are tried between the usual quality and ``LOWEST_QUALITY``; PNG has no quality and
    is only packed harder. The size in pixels never changes.

    Raises:
        InvalidRequest: it cannot be made that small; says how small it can be made.
    """
    prepared = _prepared(image, format)
    best = _encode(prepared, format, QUALITY)
    if len(best) <= max_bytes:
        return best
    smallest = _encode(prepared, format, LOWEST_QUALITY, png_level=_PNG_SMALLEST)
    if len(smallest) > max_bytes:
        raise InvalidRequest(
            f"The picture does not fit into so few bytes as {format}.",
            field="max_bytes",
            given=max_bytes,
            allowed=f"at least {len(smallest)} bytes, or fewer pixels",
        )
    return smallest if format == "png" else _best_fit(prepared, format, max_bytes, smallest)


def _best_fit(image: Image.Image, kind: Format, max_bytes: int, smallest: bytes) -> bytes:
    """Search by halving for the highest quality that fits; ``smallest`` is known to fit."""
    fits, too_much = LOWEST_QUALITY, QUALITY
    best = smallest
    while too_much - fits > 1:
        middle = (fits + too_much) // 2
        attempt = _encode(image, kind, middle)
        if len(attempt) <= max_bytes:
            fits, best = middle, attempt
        else:
            too_much = middle
    return best


def _prepared(image: Image.Image, kind: Format) -> Image.Image:
    """Return a picture without metadata in a mode that the format can hold."""
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
    return without_metadata(flatten(image) if kind == "jpeg" else image)


def _encode(image: Image.Image, kind: Format, quality: int, png_level: int = _PNG_LEVEL) -> bytes:
    """Write the prepared picture."""
    buffer = BytesIO()
    if kind == "png":
        image.save(buffer, "PNG", compress_level=png_level)
    elif kind == "jpeg":
        image.save(buffer, "JPEG", quality=quality, subsampling="4:2:0")
    else:
        image.save(buffer, "WEBP", quality=quality, method=_WEBP_METHOD)
    return buffer.getvalue()


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
