"""Where the subjects go.

Sizes, the rule of thirds, depth and overlap, and what each one rests on.
"""

from __future__ import annotations

from dataclasses import dataclass

from providers.local.illustrate.fields import Field
from providers.local.illustrate.light import cast, contact, halo, lit, mirrored, ripples
from providers.local.illustrate.prompt import Brief, Wanted
from providers.local.illustrate.sprite import render
from providers.local.illustrate.stage import Stage
from providers.local.illustrate.subjects import Subject, subjects

_FLYING = {"air", "symbol"}


@dataclass
class Item:
    """One figure: middle ``x``, foot row ``y``.

    Centre if it hovers, ``size`` of its longer side, pixels.
    """

    subject: Subject
    want: Wanted
    size: float
    rests: str
    x: float = 0.0
    y: float = 0.0
    depth: float = 0.0
    flip: bool = False


def rests_on(subject: Subject, surface: str) -> str:
    """How this subject behaves on this surface: stand, hover, float (on water), bust."""
    if subject.anchor == "bust":
        return "bust"
    if surface == "deep":
        return (
            "stand"
            if subject.anchor in {"item", "ground", "face"}
            and subject.home == "underwater"
            and subject.size < 0.9
            else "hover"
        )
    if subject.anchor in _FLYING or surface == "air":
        return "hover"
    if surface == "water":
        return "float"
    return "stand"


def arrange(st: Stage, brief: Brief) -> list[Item]:
    """Lay out all figures; the list is ordered from back to front."""
    items = _items(st, brief)
    groups = {
        kind: [i for i in items if (i.rests == "hover") is (kind == "hover")]
        for kind in ("stand", "hover")
    }
    focus = _focus(st, brief)
    if groups["stand"]:
        _on_ground(st, groups["stand"], focus)
    if groups["hover"]:
        _in_air(st, groups["hover"], focus, alone=not groups["stand"])
    for item in items:
        item.flip = (item.x < st.w * 0.45) is not _looks_right(item.subject)
    return sorted(items, key=lambda i: (i.rests != "hover", -i.depth, i.y))


def _looks_right(subject: Subject) -> bool:
    """Most Fluent drawings look left.

    These look right already, or have no direction worth turning.
    """
    return any(
        k in subject.name
        for k in ("facing-right", "rocket", "airplane", "biking", "dancing", "rowing")
    )


def _items(st: Stage, brief: Brief) -> list[Item]:
    total = sum(w.count for w in brief.wanted)
    base = _base_size(st, total)
    largest = max(subjects()[w.name].size for w in brief.wanted)
    found: list[Item] = []
    for want in brief.wanted:
        subject = subjects()[want.name]
        rests = rests_on(subject, st.surface)
        share = (subject.size / largest) ** 0.6
        size = base * want.scale * max(share, 0.42)
        if subject.anchor == "face":
            size *= 1.16  # head and body: taller than broad
        if rests == "bust":
            size *= 1.45
        for k in range(want.count):
            vary = 1.0 if want.count == 1 else 0.84 + 0.32 * float(st.rng.random())
            found.append(
                Item(
                    subject,
                    want,
                    min(size * vary, _limit(st, rests)),
                    rests,
                    depth=0.0 if k == 0 else st.pick(0.0, 1.0),
                )
            )
    return found


def _base_size(st: Stage, total: int) -> float:
    """Longer side of one figure, pixels.

    About two fifths of the short side, less when there are many.
    """
    share = {1: 0.46, 2: 0.38, 3: 0.33, 4: 0.3}.get(total, 0.27)
    roomy = min(st.u * share * 1.04, st.h * 0.62)
    return min(roomy, st.w * 0.66)


def _limit(st: Stage, rests: str) -> float:
    """No figure may outgrow the picture."""
    tall = st.h * 0.92 if rests in {"bust", "hover"} else max(st.ground * 0.92, st.h * 0.4)
    return min(tall, st.w * 0.9)


def _focus(st: Stage, brief: Brief) -> float:
    """The column of the main subject: the right third, the middle on a podium, or as asked."""
    if brief.place:
        return st.w * {"left": 0.3, "right": 0.7, "centre": 0.5}[brief.place]
    if st.surface == "table" or brief.scene == "road":
        return st.w * 0.5
    return st.w * (0.62 if st.w < st.h * 1.15 else 0.64)


def _on_ground(st: Stage, items: list[Item], focus: float) -> None:
    """A loose row around the focus.

    The first in front, the others beside it, alternately further back.
    """
    widths = [_width(i) for i in items]
    room = st.w * 0.92
    gap = 0.86 if len(items) < 4 else 0.74
    span = sum(widths) * gap
    if span > room:
        for item in items:
            item.size *= room / span
        widths = [w * room / span for w in widths]
        span = room
    order = _middle_out(len(items))
    left = min(max(focus - span / 2, st.w * 0.04), st.w * 0.96 - span)
    if len(items) == 1:
        left = min(max(focus - span / 2, st.w * 0.03), max(st.w * 0.97 - span, st.w * 0.03))
    x = left
    for place in range(len(items)):
        item, wide = items[order[place]], widths[order[place]]
        item.x = x + wide * gap / 2
        x += wide * gap
        back = order[place] % 2 == 1
        item.depth = (0.55 if back else 0.12 * (order[place] % 3)) if len(items) > 1 else 0.0
        item.y = st.ground - item.depth * min(st.u * 0.07, st.h * 0.06)
        item.size *= 1 - 0.16 * item.depth
        if st.surface == "table":
            item.y = st.ground - item.depth * st.u * 0.03
        if item.rests == "bust":
            item.y = st.h * 1.0 + item.size * 0.03


def _width(item: Item) -> float:
    """Width in pixels of a figure whose longer side is ``item.size``."""
    x0, y0, x1, y1 = item.subject.box
    if item.subject.anchor == "face":
        return item.size * 0.6
    return item.size * (x1 - x0) / max(x1 - x0, y1 - y0)


def _middle_out(n: int) -> list[int]:
    """Order from left to right so that the first item is in the middle: n=5 -> 3 1 0 2 4."""
    left = [i for i in range(n) if i % 2 == 1][::-1]
    return left + [i for i in range(n) if i % 2 == 0]


_SPOTS: dict[int, tuple[tuple[float, float], ...]] = {
    1: ((0.0, 0.0),),
    2: ((-0.5, 0.16), (0.56, -0.2)),
    3: ((0.05, 0.26), (-0.86, -0.32), (0.92, -0.36)),
}
"""Offsets of hovering figures from the centre, in reaches; more than three use the cloud below."""
_CLOUD = (
    (0.0, 0.0),
    (-0.75, -0.42),
    (0.62, -0.55),
    (-0.55, 0.55),
    (0.75, 0.42),
    (-1.5, 0.1),
    (1.45, -0.1),
    (0.1, -1.0),
    (-1.3, -0.85),
)


def _in_air(st: Stage, items: list[Item], focus: float, *, alone: bool) -> None:
    """Hovering figures: one by the rule of thirds, several scattered, the further ones smaller."""
    n = len(items)
    level = _level(st, alone=alone)
    centre = focus
    if n > 1 and (alone or st.surface == "deep"):
        centre = st.w * 0.5
    elif not alone:  # on the other side of what stands on the ground
        centre = st.w - focus if abs(focus - st.w / 2) > st.w * 0.05 else st.w * 0.24
    spots = _SPOTS.get(n, _CLOUD)
    reach_x = min(items[0].size * 1.25, st.w * (0.44 if n <= len(_SPOTS) + 2 else 0.3))
    reach_y = min(items[0].size * 0.95, st.h * 0.3)
    for k, item in enumerate(items):
        sx, sy = spots[k % len(spots)]
        many = item.want.count > 1
        item.depth = 0.0 if k == 0 else min(0.25 + 0.12 * k, 0.9) if many else 0.1
        item.size *= (1 - 0.42 * item.depth if many else 1.0) * (1.0 if alone else 0.8)
        item.size = min(item.size, st.h * 0.8)
        half_w, half_h = _width(item) / 2, item.size / 2
        item.x = min(max(centre + sx * reach_x, half_w + st.w * 0.03), st.w * 0.97 - half_w)
        item.y = min(max(level + sy * reach_y, half_h + st.h * 0.03), st.h * 0.96 - half_h)


def _level(st: Stage, *, alone: bool) -> float:
    """The row around which figures hover."""
    if st.surface == "deep":
        return st.h * (0.5 if alone else 0.4)
    if st.surface == "air":
        return st.h * 0.46
    return st.h * (0.44 if alone else 0.26)


def draw(st: Stage, item: Item) -> None:
    """Paint one figure with its shadow or reflection."""
    side = 1.0 if st.light[0] > item.x else -1.0
    side *= min(1.0, abs(st.light[0] - item.x) / (st.u * 0.3) + 0.3)
    # Flipping happens after lighting: so the lamp is mirrored first.
    sprite = render(item.subject, item.size, -side if item.flip else side, item.want.colour)
    if item.flip:
        sprite = sprite.flipped()
    h, w = sprite.alpha.shape
    left = int(item.x - w / 2)
    haze = 0.0 if st.surface == "table" else (0.14 if item.rests == "hover" else 0.1) * item.depth
    if st.surface == "deep":
        haze += 0.05
    rgb = lit(st, sprite, side, haze)
    if item.rests == "hover":
        top = int(item.y - h / 2)
        halo(st, item.x, item.y, item.size * 0.75, strength=0.16)
        st.over(sprite.alpha, rgb, top, left)
        return
    foot = item.y
    top = int(foot - sprite.foot)
    if item.rests == "float":
        _afloat(st, item, sprite.alpha, rgb, top, left)
        mirrored(st, rgb, sprite, left, foot, 0.5, waves=True)
        ripples(st, item.x, foot, w * 0.92)
        return
    if item.rests == "stand":
        if st.mirror:
            mirrored(st, rgb, sprite, left, foot - 1, st.mirror, waves=False)
        cast(st, sprite, left, foot, side, 0.3 if st.surface == "table" else 0.42)
        _feet(st, sprite.alpha, sprite.foot, left, foot)
    st.over(sprite.alpha, rgb, top, left)


def _afloat(st: Stage, item: Item, alpha: Field, rgb: Field, top: int, left: int) -> None:
    """What is above the water line."""
    rows = int(item.y) - top
    if item.subject.anchor != "boat":
        rows = int(rows * 0.8)
    st.over(alpha[:rows], rgb[:, :rows], top + (int(item.y) - top - rows), left)


def _feet(st: Stage, alpha: Field, foot_row: float, left: int, foot: float) -> None:
    """A contact shadow under each run of pixels that touches the ground (four legs.

    Four shadows).
    """
    row = (
        alpha[max(int(foot_row) - max(int(alpha.shape[0] * 0.035), 2), 0) : int(foot_row)].max(
            axis=0
        )
        > 0.4
    )
    start = None
    for i, on in enumerate([*row.tolist(), False]):
        if on and start is None:
            start = i
        elif not on and start is not None:
            if i - start > 1:
                contact(
                    st,
                    left + (start + i) / 2,
                    foot,
                    max(float(i - start), alpha.shape[1] * 0.06) * 1.15,
                )
            start = None
