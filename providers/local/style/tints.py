"""Colours for the areas of a sketch, from what the prompt says."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

from providers.local.illustrate.colour import Colour, hexed, lift, lit, luma, mix, to_lab
from providers.local.illustrate.compose import light_for
from providers.local.illustrate.palettes import Palette
from providers.local.illustrate.prompt import Brief, understand
from providers.local.illustrate.sprite import render
from providers.local.illustrate.subjects import subjects
from providers.local.style.regions import Area

_GROUNDS: dict[str, tuple[str, ...]] = {
    "forest": ("#4f7a3a", "#2f5a34", "#6d8a3f"),
    "meadow": ("#7fae45", "#5d9440", "#a3bf58"),
    "hills": ("#86a550", "#5f8a4a", "#a9b463"),
    "mountains": ("#7d8794", "#5f6f63", "#8f9aa8"),
    "sea": ("#2f7fa8", "#1f5f8f", "#e2cf9f"),
    "beach": ("#ead7a4", "#4fa8c0", "#dcc48a"),
    "underwater": ("#1f6f8a", "#2f8f8a", "#d9c890"),
    "city": ("#8a8f99", "#6f7683", "#a39a92"),
    "road": ("#7fae45", "#77797f", "#9cba5a"),
    "desert": ("#e0b06a", "#c98f4f", "#eac88a"),
    "snow": ("#f2f6fa", "#dbe7f2", "#c3d6e8"),
    "space": ("#3a3360", "#574a86", "#251f45"),
    "party": ("#c9a6dc", "#f2b8c6", "#9fd0e0"),
    "table": ("#b98a5a", "#8f6540", "#d9b88a"),
    "room": ("#c9a27a", "#a9805a", "#e0cbb0"),
}
"""Colours in daylight of what lies on the ground of a scene, the nearest first."""
_OTHER_GROUND = ("#8fae5a", "#6f9a50", "#b7bf78")

_WIDE, _LARGE = 0.33, 0.12
"""What lies at an edge and is as wide (of the width) or as large (of the picture) is backdrop."""
_SKY_END, _SUN_END, _CLOUD_END = 0.6, 0.45, 0.4
"""Shares of the height above which things in the sky, suns and clouds are."""
_DISC = (0.88, 1.12)
"""How near to an ellipse a sun is, and below how slim."""
_DISC_SLIM, _CLOUD_SLIM = 1.3, 1.2
_LARGEST_SUN = 0.09
_CLOUD_NEIGHBOURS = 2
_SOLID, _OUTLINE = 0.6, 0.12
"""Coverage of a drawing's pixel that counts; lightness below which its colour is an outline."""


@dataclass(frozen=True)
class Tint:
    """The paint of an area: from its top to its bottom, and whether it is flat, as the sky is."""

    top: Colour
    bottom: Colour
    flat: bool = False
    glows: bool = False


def tints(
    found: list[Area], prompt: str, negative: str, seed: int
) -> tuple[dict[int, Tint], Palette, Brief, str]:
    """Return the paint of each area, the light, what was understood, and the name of the light."""
    brief = understand(prompt, negative)
    rng = np.random.Generator(np.random.PCG64(seed))
    tint, brief.tint = brief.tint, None  # "green hills" have no green sky
    label, palette = light_for(brief, rng)
    own = _own_colours(brief)
    chosen: dict[int, Tint] = {}
    backdrop = [area for area in found if _is_backdrop(area)]
    for rank, area in enumerate(sorted(backdrop, key=lambda each: each.middle[1])):
        soil = palette.tint(tint) if tint else palette
        chosen[area.label] = _backdrop(area, (rank, len(backdrop)), brief.scene, palette, soil)
    things = sorted((area for area in found if area.label not in chosen), key=lambda a: -a.share)
    said = any(want.colour for want in brief.wanted)
    turn = 0 if said else int(rng.integers(0, max(len(own), 1)))
    for area in things:
        chosen[area.label] = _thing(area, chosen, own[turn:] + own[:turn], palette)
    return chosen, palette, brief, label


def _is_backdrop(area: Area) -> bool:
    """Whether it reaches along an edge of the picture: sky, hills, ground."""
    wide = area.right - area.left
    return ("l" in area.touches and "r" in area.touches) or (
        bool(area.touches) and (wide > _WIDE or area.share > _LARGE)
    )


def _backdrop(area: Area, order: tuple[int, int], scene: str, pal: Palette, soil: Palette) -> Tint:
    """Sky, or ground: what lies ``order[0]``-th of ``order[1]`` from the top."""
    rank, count = order
    if "t" in area.touches and (rank == 0 or "b" not in area.touches):
        low = min(area.bottom, 1.0)
        stops = pal.sky
        return Tint(stops[0], mix(stops[1], stops[-1], min(low * 1.25, 1.0)), flat=True)
    albedos = _GROUNDS.get(scene, _OTHER_GROUND)
    # The nearest lies lowest; what is higher up is farther away and takes more of the haze.
    nearness = rank / max(count - 1, 1)
    depth = 0.62 * (1 - nearness) if count > 1 else 0.1
    albedo = hexed(albedos[(count - 1 - rank) % len(albedos)])
    colour = soil.surface(albedo, depth)
    return Tint(lift(colour, 0.05), lift(colour, -0.07))


def _thing(area: Area, done: dict[int, Tint], own: list[Colour], pal: Palette) -> Tint:
    """A sun or moon, a cloud, or a part of what the prompt names."""
    y = area.middle[1]
    wide = area.right - area.left
    tall = area.bottom - area.top
    beside = [done[label] for label in area.near if label in done]
    in_sky = any(each.flat for each in beside) and area.bottom < _SKY_END
    disc = _DISC[0] < area.round < _DISC[1] and area.slim < _DISC_SLIM
    if in_sky and disc and y < _SUN_END and area.share < _LARGEST_SUN:
        return Tint(pal.sun, mix(pal.sun, pal.key, 0.4), glows=True)
    alone = len(area.near) <= _CLOUD_NEIGHBOURS
    if in_sky and alone and y < _CLOUD_END and wide > tall * _CLOUD_SLIM:
        cloud = mix(pal.haze, (1.0, 1.0, 1.0), 0.6)
        return Tint(cloud, mix(cloud, pal.sky[1], 0.25))
    # A thing that is named keeps more of its colour than the light would leave it.
    colours = [mix(pal.surface(each, 0.0), each, 0.5) for each in own] or list(pal.accent)
    if not own:
        colours += [mix(pal.accent[0], pal.haze, 0.5), lift(pal.accent[1], 0.12)]
    best = max(range(len(colours)), key=lambda k: _apart(colours[k], beside) - 0.03 * k)
    colour = colours[best]
    return Tint(lift(colour, 0.06), lift(colour, -0.06))


def _apart(colour: Colour, beside: list[Tint]) -> float:
    """How far a colour is from all those around it; beyond 0.2 more makes no difference."""
    one = to_lab(colour)
    far = [
        sum((a - b) ** 2 for a, b in zip(one, to_lab(mix(t.top, t.bottom, 0.5)), strict=True))
        for t in beside
    ]
    return float(min(math.sqrt(min(far, default=1.0)), 0.2))


def _own_colours(brief: Brief) -> list[Colour]:
    """Return the main colours of the things that the prompt names, the largest areas first."""
    found: list[Colour] = []
    for want in brief.wanted:
        if want.colour is not None:
            found.append(want.colour)
        sprite = render(subjects()[want.name], 72.0, 0.0, want.colour)
        solid = sprite.alpha > _SOLID
        if not solid.any():
            continue
        flat = (np.clip(sprite.rgb[:, solid].T, 0, 1) * 255).astype(np.uint8)[None]
        few = Image.fromarray(np.ascontiguousarray(flat)).quantize(5, kmeans=2)
        counts = sorted(few.getcolors() or [], reverse=True)
        table = few.getpalette() or []
        for _, index in counts:
            r, g, b = (table[int(str(index)) * 3 + c] / 255 for c in range(3))
            found.append(lit((r, g, b), (1.0, 0.98, 0.95)))
    # Outlines of the drawings are not colours of the things.
    return [each for each in found if luma(each) > _OUTLINE]
