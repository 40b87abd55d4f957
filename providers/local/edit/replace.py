"""Search and replace: a thing found by name is erased, and a drawn subject takes its place."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from providers.contract import Delivery, Request
from providers.local import matte
from providers.local.edit import fill
from providers.local.edit.find import Found, find
from providers.local.edit.parts import (
    Floats,
    Mask,
    Pixels,
    delivery,
    expect,
    grown,
    joined,
    picture,
    refused,
    split,
)
from providers.local.edit.relight import Lamp, lamp_of
from providers.local.illustrate.prompt import Brief, Wanted, understand
from providers.local.illustrate.sprite import Sprite, render
from providers.local.illustrate.subjects import subjects
from providers.offers import Offer
from studio.operations import SearchReplace

_RIM = 0.008
"""Erased around what was found, as a part of the longer side: its edge and what it reflects."""
_MOST = 4
"""Subjects put in, side by side."""
_LARGEST = 2_048
"""Longest side of a drawn subject, in pixels."""
_SMALLEST = 16
_MOST_OF_PICTURE = 0.6
"""A find that covers more than this cannot be erased: too little is left around it."""
_OF_LONGER = 0.5
"""Least size, as a part of what would cover the longer side: a cat for a tower is no dot."""
_HALF_OF_SUBJECT = 0.4
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


def search_replace(offer: Offer, request: Request, weights: Path) -> Delivery:
    """Find the thing, erase it, and put the drawing where it was.

    Raises:
        ProviderRejected: the thing cannot be found, or what is wanted cannot be drawn.
    """
    wanted = expect(SearchReplace, request.operation)
    brief = _drawable(wanted)
    image = picture(request)
    found = find(image, wanted.search, weights)
    rgb, alpha = split(image)
    core = _whole(_core(rgb, found, weights))
    covered = float(core.mean())
    if covered > _MOST_OF_PICTURE:
        raise refused(
            "What is to be replaced fills most of the picture, so nothing around it can be copied "
            "into its place. stability and other providers with a key can do it.",
            field="search",
            given=f"{wanted.search} ({covered:.0%} of the picture)",
            allowed=f"something of at most {_MOST_OF_PICTURE:.0%} of the picture",
        )
    rim = max(2, round(_RIM * max(rgb.shape[:2])))
    hole = grown(core, rim + wanted.grow_mask)
    plate = fill.fill(rgb, hole, avoid=_hidden(alpha), seed=wanted.seed, field="search")
    names = _put(plate, brief, core, lamp_of(Image.fromarray(plate)))
    unused = [f"prompt: {word}" for word in brief.ignored]
    return delivery(
        offer,
        joined(plate, alpha),
        wanted.output_format,
        method=f"found on this machine by {found.how}; erased by {fill.METHOD}; "
        "a vector drawing, lit as the picture is, put in its place",
        seed=wanted.seed,
        facts={"found": found.what, "found_share": round(covered, 4), "subjects": names},
        not_done=[*unused, *([f"search: {found.unsure}"] if found.unsure else [])],
    )


def _drawable(wanted: SearchReplace) -> Brief:
    brief = understand(wanted.prompt, wanted.negative_prompt)
    if not brief.wanted:
        raise refused(
            "Nothing that can be drawn here is named: local work puts a vector drawing of a known "
            "thing (a whale, a red balloon, a cat) in the place. stability, wavespeed and gemini, "
            "which need a key, paint anything.",
            field="prompt",
            given=wanted.prompt,
            allowed=f"one of {len(subjects())} things by its English name",
        )
    return brief


def _hidden(alpha: Pixels | None) -> Mask | None:
    return None if alpha is None else np.asarray(alpha == 0, np.bool_)


def _core(rgb: Pixels, found: Found, weights: Path) -> Mask:
    """Return what is to go.

    What was found by its colour alone, and is half of the subject, stands for all of it: with the
    red cup its white rim goes, too.
    """
    core = _main_part(np.asarray(found.share > 0.35, np.bool_))  # noqa: PLR2004 - somewhat
    if not found.unsure:
        return core
    salient = cv2.resize(matte.saliency(rgb, weights), (rgb.shape[1], rgb.shape[0]))
    subject = np.asarray(salient > 0.5, np.bool_)  # noqa: PLR2004 - rather than not
    if (core & subject).sum() > _HALF_OF_SUBJECT * max(int(subject.sum()), 1):
        return np.asarray(core | subject, np.bool_)
    return core


def _main_part(mask: Mask) -> Mask:
    """Return the largest part and those nearly as large; crumbs stay where they are."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    if count <= 2:  # noqa: PLR2004 - the ground and one part
        return mask
    areas = stats[1:, cv2.CC_STAT_AREA]
    large = 1 + np.flatnonzero(areas >= 0.05 * areas.max())
    return np.asarray(np.isin(labels, large), np.bool_)


def _whole(mask: Mask) -> Mask:
    """Return the mask with what it encloses: the coffee goes with the red cup."""
    outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = mask.astype(np.uint8)
    cv2.drawContours(filled, outlines, -1, 1, cv2.FILLED)
    return np.asarray(filled, np.bool_)


def _put(plate: Pixels, brief: Brief, core: Mask, lamp: Lamp) -> list[str]:
    """Draw the subjects into ``plate``, in place; return their names."""
    wanted = [want for want in brief.wanted for _ in range(want.count)][:_MOST]
    for want, place in zip(wanted, _places(wanted, core), strict=True):
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


def _places(wanted: list[Wanted], core: Mask) -> list[_Place]:
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
        room = 0.97 * min((rows[-1] + 1) / tall, core.shape[1] / wide)
        size = min(size * want.scale, _LARGEST, room)
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
