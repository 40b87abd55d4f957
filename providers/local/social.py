"""One picture in the formats of many places: cropped around what matters, or whole on a backdrop.

The picture is decoded once and analysed once; every format is then one resampling of a part of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from PIL import Image, ImageEnhance, ImageFilter

from providers.local.focus import NO_SAFE_ZONE, Importance, focal_crop
from providers.local.windows import Box, SafeZone, refuse_impossible
from studio.errors import InvalidRequest

Mode = Literal["crop", "pad"]
Colour = tuple[int, int, int]

MAX_SIDE = 8192
"""Longest side of a format, in pixels; no place of publication takes more."""

_BACKDROP_SIDE = 96
"""Longest side at which a backdrop is blurred: after that nobody sees the difference."""
_BACKDROP_BLUR = 5.0
"""Radius of the blur, in pixels at that size."""
_BACKDROP_LIGHT = 0.72
"""Backdrops are darkened a little, so that the picture stands out."""

_HALVING = 2.5
"""From this reduction on a half-size copy is used: half the time, and no visible difference."""


@dataclass(frozen=True)
class Target:
    """A format to render.

    Attributes:
        width: in pixels.
        height: in pixels.
        safe: what the place covers with its own signs; the subject is kept out of it.
        mode: ``"crop"`` fills the format with a part of the picture; ``"pad"`` shows all of it.
        backdrop: behind a padded picture: ``None`` for the picture itself, blurred, or a colour.
    """

    width: int
    height: int
    safe: SafeZone = NO_SAFE_ZONE
    mode: Mode = "crop"
    backdrop: Colour | None = None


@dataclass(frozen=True)
class Rendered:
    """A rendered format.

    Attributes:
        target: what was asked for.
        image: exactly ``target.width`` x ``target.height`` pixels.
        shown: the part of the original that is seen, in its pixels.
        enlargement: above 1 where the original had fewer pixels than the format.
    """

    target: Target
    image: Image.Image
    shown: Box
    enlargement: float


def render(image: Image.Image, targets: Sequence[Target], importance: Importance) -> list[Rendered]:
    """Render the picture in all formats, in their order.

    Args:
        image: RGB or RGBA. Crops keep transparency; padding lays it on the backdrop.
        targets: what to render.
        importance: of this picture, from ``focus.importance``.

    Raises:
        InvalidRequest: an impossible size, mode or safe zone.
    """
    for target in targets:
        _check(target)
    source = _Source(image)
    return [
        _cropped(source, target, importance) if target.mode == "crop" else _padded(source, target)
        for target in targets
    ]


class _Source:
    """The picture, with a half-size copy that is made when it is first needed."""

    def __init__(self, image: Image.Image) -> None:
        self.image = image
        self._half: Image.Image | None = None

    def part(self, box: Box, size: tuple[int, int]) -> Image.Image:
        """Return the part ``box`` (in pixels of the original) at ``size``."""
        reduction = min((box.right - box.left) / size[0], (box.bottom - box.top) / size[1])
        if reduction < _HALVING:
            return self.image.resize(size, Image.Resampling.LANCZOS, box=box)
        if self._half is None:
            self._half = self.image.reduce(2)
        # An odd width leaves half a pixel more in the copy; it must not be read beyond its edge.
        right, bottom = (min(box[i + 2] / 2, self._half.size[i]) for i in (0, 1))
        half = (box.left / 2, box.top / 2, right, bottom)
        return self._half.resize(size, Image.Resampling.LANCZOS, box=half)


def _check(target: Target) -> None:
    """Refuse formats that cannot be rendered."""
    if not (1 <= target.width <= MAX_SIDE and 1 <= target.height <= MAX_SIDE):
        raise InvalidRequest(
            "There is no format of that size.",
            field="format",
            given=f"{target.width} x {target.height}",
            allowed=f"sides of 1 to {MAX_SIDE} pixels",
        )
    if target.mode not in ("crop", "pad"):
        raise InvalidRequest(
            "A format is cropped or padded.", field="mode", given=target.mode, allowed="crop, pad"
        )
    refuse_impossible(target.safe)


def _cropped(source: _Source, target: Target, importance: Importance) -> Rendered:
    """Fill the format with the part of the picture that matters."""
    size = (target.width, target.height)
    box = focal_crop(source.image, importance, *size, target.safe)
    enlargement = target.width / (box.right - box.left)
    return Rendered(target, source.part(box, size), box, enlargement)


def _padded(source: _Source, target: Target) -> Rendered:
    """Show the whole picture, in the middle of what the safe zone leaves, on a backdrop."""
    image, safe = source.image, target.safe
    room = (
        target.width * (1 - safe.left - safe.right),
        target.height * (1 - safe.top - safe.bottom),
    )
    scale = min(room[0] / image.width, room[1] / image.height)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    whole = Box(0, 0, image.width, image.height)
    canvas = _backdrop(source, target)
    front = source.part(whole, size)
    left = round(target.width * safe.left + (room[0] - size[0]) / 2)
    top = round(target.height * safe.top + (room[1] - size[1]) / 2)
    canvas.paste(front, (left, top), mask=front if front.mode == "RGBA" else None)
    return Rendered(target, canvas, whole, scale)


def _backdrop(source: _Source, target: Target) -> Image.Image:
    """Return the plain colour, or the picture itself: filling the format, blurred, darker."""
    size = (target.width, target.height)
    if target.backdrop is not None:
        return Image.new("RGB", size, target.backdrop)
    image = source.image
    scale = min(image.width / size[0], image.height / size[1])
    left = (image.width - size[0] * scale) / 2
    top = (image.height - size[1] * scale) / 2
    middle = Box(left, top, image.width - left, image.height - top)
    shrink = min(1.0, _BACKDROP_SIDE / max(size))
    small_size = (max(1, round(size[0] * shrink)), max(1, round(size[1] * shrink)))
    small = source.part(middle, small_size)
    if small.mode == "RGBA":
        flat = Image.new("RGB", small.size, (255, 255, 255))
        flat.paste(small, mask=small.getchannel("A"))
        small = flat
    blurred = small.filter(ImageFilter.GaussianBlur(_BACKDROP_BLUR))
    darker = ImageEnhance.Brightness(blurred).enhance(_BACKDROP_LIGHT)
    return darker.resize(size, Image.Resampling.BICUBIC)
