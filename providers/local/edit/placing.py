"""Put drawn subjects into a picture: where they stand, how large, and under which light."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from providers.local.edit.parts import Floats, Mask, Pixels
from providers.local.edit.relight import Lamp
from providers.local.illustrate.prompt import Brief, Wanted
from providers.local.illustrate.sprite import Sprite, render
from providers.local.illustrate.subjects import subjects

_MOST = 4
"""Subjects put in, side by side."""
_LARGEST = 2_048
"""Longest side of a drawn subject, in pixels."""
_SMALLEST = 16
_OF_LONGER = 0.5
"""Least size, as a part of what would cover the longer side: a cat for a tower is no dot."""
_JUST = 0.97
"""How much of a closed frame a drawing fills."""
_TINT = 0.55
"""How far the drawing takes on the colours and the brightness of the light around it."""
_FOG = 0.1
_SHADOW = 0.5
_AIRBORNE = {"air", "symbol"}


@dataclass(frozen=True)
class _Place:
    """Where a subject goes: its middle, the row of its foot, its longer side; pixels."""

    x: float
    foot: float
    size: float


def put(plate: Pixels, brief: Brief, core: Mask, lamp: Lamp, *, within: bool = False) -> list[str]:
    """Draw the subjects into ``plate``, in place; return their names.

    Args:
        plate: the picture without what was there.
        brief: what is wanted.
        core: where it goes.
        lamp: the light of the picture.
        within: whether nothing may reach beyond the box of ``core``.
    """
    wanted = [want for want in brief.wanted for _ in range(want.count)][:_MOST]
    for want, place in zip(wanted, _places(wanted, core, within=within), strict=True):
        subject = subjects()[want.name]
        sprite = render(subject, place.size, lamp.x, want.colour)
        height, width = sprite.alpha.shape
        left = round(place.x - width / 2)
        top = round(place.foot - sprite.foot)
        if subject.anchor in _AIRBORNE:
            top = round(place.foot - (core.any(axis=1).sum() + height) / 2)
        else:
            _stand(plate, place, width)
        _over(plate, sprite, _tinted(plate, sprite, (top, left), lamp), (top, left))
    return [want.name for want in wanted]


def _places(wanted: list[Wanted], core: Mask, *, within: bool) -> list[_Place]:
    """Side by side in the box of what was there, as large as fits, feet where its feet were."""
    rows, columns = np.flatnonzero(core.any(axis=1)), np.flatnonzero(core.any(axis=0))
    height, width = float(rows[-1] - rows[0] + 1), float(columns[-1] - columns[0] + 1)
    each = width / len(wanted)
    places = []
    for i, want in enumerate(wanted):
        x0, y0, x1, y1 = subjects()[want.name].box
        wide, tall = (x1 - x0) / max(x1 - x0, y1 - y0), (y1 - y0) / max(x1 - x0, y1 - y0)
        inside = min(each / wide, height / tall)
        size = max(1.05 * inside, _OF_LONGER * max(each / wide, height / tall))
        room = _JUST * min((rows[-1] + 1) / tall, core.shape[1] / wide)
        size = min(size * want.scale, _LARGEST, _JUST * inside if within else room)
        places.append(
            _Place(columns[0] + each * (i + 0.5), float(rows[-1]) + 1, max(size, _SMALLEST))
        )
    return places


def _stand(plate: Pixels, place: _Place, width: int) -> None:
    """Paint the soft dark under a thing that stands, in place."""
    height, whole = plate.shape[:2]
    y = np.arange(height, dtype=np.float32)[:, None]
    x = np.arange(whole, dtype=np.float32)[None, :]
    down = (y - place.foot + 0.01 * width) / max(0.06 * width, 1.5)
    across = (x - place.x) / max(0.46 * width, 2)
    near = np.exp(-(down**2) - across**4)
    rows = np.flatnonzero(near.max(axis=1) > 0.004)  # noqa: PLR2004 - less than a grey level
    if rows.size:
        part = slice(int(rows[0]), int(rows[-1]) + 1)
        plate[part] = np.rint(plate[part] * (1 - _SHADOW * near[part])[..., None])


def _tinted(plate: Pixels, sprite: Sprite, corner: tuple[int, int], lamp: Lamp) -> Floats:
    """Return the drawing's colours under the light of the place: (height, width, 3), 0..1."""
    height, width = sprite.alpha.shape
    top, left = max(0, corner[0]), max(0, corner[1])
    around = plate[top : corner[0] + height, left : corner[1] + width]
    rgb = sprite.rgb.transpose(1, 2, 0)
    if not around.size:
        return np.asarray(rgb, np.float32)
    mean = around.reshape(-1, 3).mean(axis=0) / 255
    luma = float(mean @ np.array([0.2126, 0.7152, 0.0722]))
    # A drawing is lit for a bright day; at night it would glow.
    level = min(1.05, 0.35 + 1.1 * luma)
    light = np.array(lamp.ambient) * level
    tinted = rgb * (1 + (light - 1) * _TINT)
    return np.asarray(np.clip(tinted + (mean - tinted) * _FOG, 0, 1), np.float32)


def _over(plate: Pixels, sprite: Sprite, rgb: Floats, corner: tuple[int, int]) -> None:
    """Blend the drawing in, in place; what is beyond the edges is cut off."""
    top, left = corner
    height, width = sprite.alpha.shape
    y0, x0 = max(0, top), max(0, left)
    y1, x1 = min(plate.shape[0], top + height), min(plate.shape[1], left + width)
    if y0 >= y1 or x0 >= x1:
        return
    part = (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
    share = sprite.alpha[part][..., None]
    under = plate[y0:y1, x0:x1].astype(np.float32)
    plate[y0:y1, x0:x1] = np.rint(under + (rgb[part] * 255 - under) * share)
