"""One picture in the formats of many places: cropped around what matters, or whole on a backdrop.

The picture is decoded once and analysed once; every format is then one resampling of a part of it.
Formats that are the same in everything are rendered once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageFilter

from providers.local.focus import NO_SAFE_ZONE, Importance, focal_crop
from providers.local.resample import Source
from providers.local.windows import WHOLE, Box, SafeZone, refuse_impossible
from studio.errors import InvalidRequest
from studio.imaging import flatten

Mode = Literal["crop", "center", "pad"]
Colour = tuple[int, int, int]
Whole = NDArray[np.integer[Any]]
Backdrop = Colour | Literal["blurred", "mirrored"]

MAX_SIDE = 8192
"""Longest side of a format, in pixels; no place of publication takes more."""

_BACKDROP_SIDE = 96
"""Longest side at which a backdrop is blurred: after that nobody sees the difference."""
_BACKDROP_BLUR = 5.0
"""Radius of the blur, in pixels at that size."""
_BACKDROP_LIGHT = 0.72
"""Backdrops are darkened a little, so that the picture stands out."""
_MIRROR_BLUR = 0.012
"""Radius of a mirrored backdrop's blur, as a part of the picture's shorter side."""
_MIRROR_LIGHT = 0.85


@dataclass(frozen=True)
class Target:
    """A format to render.

    Attributes:
        width: in pixels.
        height: in pixels.
        safe: what the place covers with its own signs; the subject is kept out of it.
        mode: ``"crop"`` fills the format with the part of the picture that matters, ``"center"``
            with its middle; ``"pad"`` shows all of it.
        backdrop: behind a padded picture: the picture itself, blurred or mirrored, or a colour.
        focus: what a crop keeps in view, as fractions of the picture; ``None`` to find it.
    """

    width: int
    height: int
    safe: SafeZone = NO_SAFE_ZONE
    mode: Mode = "crop"
    backdrop: Backdrop = "blurred"
    focus: tuple[float, float] | None = None


@dataclass(frozen=True)
class Rendered:
    """A rendered format.

    Attributes:
        target: what was asked for.
        image: exactly ``target.width`` x ``target.height`` pixels.
        shown: the part of the original that is seen, in its pixels.
        enlargement: above 1 where the original had fewer pixels than the format.
        placed: where in the format that part is, as fractions of the format.
    """

    target: Target
    image: Image.Image
    shown: Box
    enlargement: float
    placed: Box = WHOLE


def render(image: Image.Image, targets: Sequence[Target], importance: Importance) -> list[Rendered]:
    """Render the picture in all formats, in their order.

    Args:
        image: RGB or RGBA. Crops keep transparency; padding lays it on the backdrop.
        targets: what to render; equal ones share one result.
        importance: of this picture, from ``focus.importance``.

    Raises:
        InvalidRequest: an impossible size, mode, focal point or safe zone.
    """
    for target in targets:
        _check(target)
    source = Source(image)
    made = {target: _render(source, target, importance) for target in dict.fromkeys(targets)}
    return [made[target] for target in targets]


def _render(source: Source, target: Target, importance: Importance) -> Rendered:
    if target.mode == "pad":
        return _padded(source, target)
    return _cropped(source, target, importance)


def _check(target: Target) -> None:
    """Refuse formats that cannot be rendered."""
    if not (1 <= target.width <= MAX_SIDE and 1 <= target.height <= MAX_SIDE):
        raise InvalidRequest(
            "There is no format of that size.",
            field="format",
            given=f"{target.width} x {target.height}",
            allowed=f"sides of 1 to {MAX_SIDE} pixels",
        )
    if target.mode not in ("crop", "center", "pad"):
        raise InvalidRequest(
            "A format is cropped or padded.",
            field="mode",
            given=target.mode,
            allowed="crop, center, pad",
        )
    if target.focus is not None and not all(0 <= place <= 1 for place in target.focus):
        raise InvalidRequest(
            "The focal point is not in the picture.",
            field="focus",
            given=target.focus,
            allowed="fractions of the picture's width and height, 0 to 1",
        )
    refuse_impossible(target.safe)


def _cropped(source: Source, target: Target, importance: Importance) -> Rendered:
    """Fill the format with the part of the picture that matters."""
    size = (target.width, target.height)
    if target.mode == "center":
        box = _around(source.image, target, (0.5, 0.5), NO_SAFE_ZONE)
    elif target.focus is not None:
        box = _around(source.image, target, target.focus, target.safe)
    else:
        box = focal_crop(source.image, importance, *size, target.safe)
    enlargement = target.width / (box.right - box.left)
    return Rendered(target, source.part(box, size), box, enlargement)


def _around(image: Image.Image, target: Target, point: tuple[float, float], safe: SafeZone) -> Box:
    """Return the largest part of the format's shape whose clear middle is nearest to ``point``."""
    scale = min(image.width / target.width, image.height / target.height)
    width, height = target.width * scale, target.height * scale
    middle = ((safe.left + 1 - safe.right) / 2, (safe.top + 1 - safe.bottom) / 2)
    left = min(max(point[0] * image.width - middle[0] * width, 0.0), image.width - width)
    top = min(max(point[1] * image.height - middle[1] * height, 0.0), image.height - height)
    return Box(left, top, left + width, top + height)


def _padded(source: Source, target: Target) -> Rendered:
    """Show the whole picture, in the middle of what the safe zone leaves, on a backdrop."""
    image, safe = source.image, target.safe
    room = (
        target.width * (1 - safe.left - safe.right),
        target.height * (1 - safe.top - safe.bottom),
    )
    scale = min(room[0] / image.width, room[1] / image.height)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    whole = Box(0, 0, image.width, image.height)
    front = source.part(whole, size)
    left = round(target.width * safe.left + (room[0] - size[0]) / 2)
    top = round(target.height * safe.top + (room[1] - size[1]) / 2)
    if target.backdrop == "mirrored":
        front = flatten(front)
        canvas = _mirrored(front, target, (left, top))
    else:
        canvas = _backdrop(source, target)
    canvas.paste(front, (left, top), mask=front if front.mode == "RGBA" else None)
    placed = Box(
        left / target.width,
        top / target.height,
        (left + size[0]) / target.width,
        (top + size[1]) / target.height,
    )
    return Rendered(target, canvas, whole, scale, placed)


def _mirrored(front: Image.Image, target: Target, corner: tuple[int, int]) -> Image.Image:
    """Let the picture go on beyond its edges as in mirrors, softly: the picture stands out."""
    columns = _folded(np.arange(target.width) - corner[0], front.width)
    rows = _folded(np.arange(target.height) - corner[1], front.height)
    mirrored = Image.fromarray(np.asarray(front)[rows][:, columns])
    soft = mirrored.filter(ImageFilter.GaussianBlur(_MIRROR_BLUR * min(front.size)))
    return ImageEnhance.Brightness(soft).enhance(_MIRROR_LIGHT)


def _folded(places: Whole, length: int) -> Whole:
    """Return the pixel of the picture that is seen at each place of its mirrored line."""
    inside = places % (2 * length)
    return np.asarray(np.minimum(inside, 2 * length - 1 - inside))


def _backdrop(source: Source, target: Target) -> Image.Image:
    """Return the plain colour, or the picture itself: filling the format, blurred, darker."""
    size = (target.width, target.height)
    if isinstance(target.backdrop, tuple):
        return Image.new("RGB", size, target.backdrop)
    image = source.image
    scale = min(image.width / size[0], image.height / size[1])
    left = (image.width - size[0] * scale) / 2
    top = (image.height - size[1] * scale) / 2
    middle = Box(left, top, image.width - left, image.height - top)
    shrink = min(1.0, _BACKDROP_SIDE / max(size))
    small_size = (max(1, round(size[0] * shrink)), max(1, round(size[1] * shrink)))
    small = source.part(middle, small_size)
    blurred = flatten(small).filter(ImageFilter.GaussianBlur(_BACKDROP_BLUR))
    darker = ImageEnhance.Brightness(blurred).enhance(_BACKDROP_LIGHT)
    return darker.resize(size, Image.Resampling.BICUBIC)
