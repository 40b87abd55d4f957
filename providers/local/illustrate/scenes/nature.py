"""Forest, meadow, misty hills."""

from __future__ import annotations

import numpy as np

from providers.local.illustrate.colour import Colour, lift, mix
from providers.local.illustrate.fields import Field, f32, line
from providers.local.illustrate.scenes import air, land
from providers.local.illustrate.stage import Polygon, Stage

AUTUMN: tuple[Colour, ...] = ((0.85, 0.42, 0.16), (0.93, 0.66, 0.2), (0.68, 0.24, 0.13))


def forest(st: Stage) -> None:
    """Layers of trees in mist, a clearing in front."""
    u, pal = st.u, st.pal
    horizon = st.h * 0.62
    air.sky(st, horizon, size=0.06, clouds=0.3)
    autumn = pal.name == "autumn"
    st.ground = st.h * 0.84
    for i in range(4):
        near = (i + 1) / 4
        foot = horizon + (st.ground - horizon) * (near**1.6) * 0.75
        tall = st.h * (0.17 + 0.3 * near**1.4) * (0.75 if st.h < st.w * 0.5 else 1.0)
        tall = min(tall, u * 0.62)
        depth = 0.72 * (1 - near) ** 0.9
        ridge = land.rolling(st, foot, u * 0.04, u * 0.5)
        base = AUTUMN[i % 3] if autumn else land.PINE
        colour = pal.surface(base, depth)
        _wood(st, ridge, tall, colour, near, autumn)
        st.layer(
            ridge - f32(1), (colour, mix(colour, pal.haze, 0.35 * (1 - near))), u * 0.2, soft=2
        )
        if i < 3:
            air.mist(st, foot - tall * 0.35, foot + u * 0.12, 0.5 * (1.2 - near))
    air.rays(st, 0.3 if not pal.night else 0.16)
    floor = land.rolling(st, st.ground - u * 0.045, u * 0.035, u * 0.8)
    grass = pal.surface((0.55, 0.4, 0.22) if autumn else (0.3, 0.47, 0.27), 0.06)
    land.hill(st, floor, grass)
    land.texture(st, floor, 0.35, u * 0.1)
    st.front.append(undergrowth)


def _wood(
    st: Stage, ridge: Field, tall: float, colour: Colour, near: float, round_ones: bool
) -> None:
    """One row of trees along a ridge; the nearest row leaves the middle open for a subject."""
    step = tall * (0.2 if near < 1 else 0.3)
    polygons: list[Polygon] = []
    lights: list[Polygon] = []
    x = -tall * 0.2
    while x < st.w + tall * 0.2:
        size = tall * st.pick(0.55, 1.08)
        # Nearest trees frame the picture: the closer to the subject's place, the fewer.
        open_middle = near == 1 and 0.26 < x / st.w < 0.86
        if not (open_middle and (st.lead or st.rng.random() < 0.6)):
            y = float(ridge[int(min(max(x, 0), st.w - 1))]) + tall * 0.02
            if round_ones:
                trunk, crown, light = land.round_tree(st, x, y, size * 0.9)
                polygons += trunk + crown
                lights += light
            else:
                polygons += land.conifer(st, x, y, size)
        x += step * st.pick(0.55, 1.5)
    if round_ones:
        for polygon in polygons:
            st.shapes([polygon], colour)
        lit = lift(colour, 0.05)
        for polygon in lights:
            st.shapes([polygon], lit, 0.6)
        return
    # Overlapping outlines in one even-odd fill would cut holes: each tree is painted by itself,
    # in two halves.
    st.shapes(polygons, colour)


def undergrowth(st: Stage) -> None:
    """Ferns and blades along the lower edge, before the subject."""
    u = st.u
    base = st.pal.surface((0.12, 0.3, 0.2), 0.0)
    dark = mix(base, st.pal.shade, 0.55)
    ridge = land.rolling(st, st.h * 0.985, st.h * 0.03, u * 0.4)
    st.shapes(land.tufts(st, ridge, int(90 * st.w / u), (u * 0.03, u * 0.09), st.h * 0.02), dark)
    st.layer(ridge, (dark, mix(dark, st.pal.shade, 0.5)), u * 0.1, soft=2)


def meadow(st: Stage) -> None:
    """Rolling green under a wide sky, flowers growing larger towards the viewer."""
    u, pal = st.u, st.pal
    horizon = st.h * 0.58
    air.sky(st, horizon, clouds=0.35)
    if not pal.night:
        for _ in range(max(2, round(2.2 * st.w / u))):
            air.cumulus(
                st, st.w * st.pick(0, 1), horizon * st.pick(0.35, 0.85), u * st.pick(0.22, 0.5), 0.9
            )
    green = land.GRASS if pal.name != "autumn" else (0.72, 0.6, 0.28)
    far = land.rolling(st, horizon + u * 0.02, u * 0.07, u * 0.7)
    land.hill(st, far, pal.surface(mix(green, land.PINE, 0.4), 0.55))
    _grove(st, far, u * 0.05, pal.surface(land.PINE, 0.5))
    middle = land.rolling(st, horizon + u * 0.1, u * 0.09, u * 1.1)
    land.hill(st, middle, pal.surface(green, 0.28))
    land.texture(st, middle, 0.25, u * 0.06, 6)
    st.ground = st.h * 0.83
    near = land.rolling(st, st.h * 0.72, u * 0.05, u * 1.5, 2)
    land.hill(st, near, pal.surface(green, 0.04), shine=0.08)
    land.texture(st, near, 0.4, u * 0.07, 5)
    petals = _petals(st)
    flowers(st, petals, st.h * 0.74, st.h * 0.97, int(230 * st.w / u))
    st.front.append(lambda s: _border(s, petals, green))


def _petals(st: Stage) -> list[Colour]:
    """Flower colours: the palette's accents and white."""
    return [st.pal.surface(c, 0.0) for c in (*st.pal.accent, (1.0, 0.98, 0.95))]


def flowers(st: Stage, petals: list[Colour], top: float, bottom: float, count: int) -> None:
    """Scatter flowers between two rows; size and spacing follow the perspective."""
    rows = np.sort(st.rng.random(count))
    groups: dict[int, list[Polygon]] = {}
    hearts: list[Polygon] = []
    for t, a, b in zip(
        rows.tolist(), st.rng.random(count).tolist(), st.rng.random(count).tolist(), strict=True
    ):
        y = top + (bottom - top) * t**1.3
        r = st.u * (0.0018 + 0.0085 * t**2) * (0.7 + 0.6 * b)
        groups.setdefault(int(b * 977) % len(petals), []).extend(_bloom(a * st.w, y, r))
        if r > 3:
            hearts.append(land.circle(a * st.w, y, r * 0.32, r * 0.26, 10))
    for key, polygons in sorted(groups.items()):
        st.shapes(polygons, petals[key])
    st.shapes(hearts, st.pal.surface((0.98, 0.78, 0.25)))


def _bloom(x: float, y: float, r: float) -> list[Polygon]:
    """Five petals seen a little from above, or a dot when tiny."""
    if r < 2.2:
        return [land.circle(x, y, r, r * 0.8, 8)]
    spots = ((0.0, -0.6), (0.57, -0.18), (0.36, 0.49), (-0.36, 0.49), (-0.57, -0.18))
    return [land.circle(x + px * r, y + py * r * 0.85, r * 0.42, r * 0.38, 10) for px, py in spots]


def _border(st: Stage, petals: list[Colour], green: Colour) -> None:
    """Grass and a few big flowers before the subject, along the lower edge."""
    u = st.u
    dark = st.pal.surface(mix(green, land.PINE, 0.6))
    ridge = land.rolling(st, st.h * 1.0, st.h * 0.02, u * 0.3)
    st.shapes(land.tufts(st, ridge, int(150 * st.w / u), (u * 0.03, u * 0.085), u * 0.01), dark)
    light = st.pal.surface(green, 0.0)
    st.shapes(land.tufts(st, ridge, int(90 * st.w / u), (u * 0.02, u * 0.07), u * 0.02), light)
    for a, b, c in st.rng.random((int(16 * st.w / u), 3)).tolist():
        if 0.4 < a < 0.62 and st.lead:
            continue
        x, y, r = a * st.w, st.h - u * (0.015 + 0.06 * b), u * (0.012 + 0.009 * c)
        st.shapes([[(x - 1, st.h), (x - 1, y), (x + 1, y), (x + 1, st.h)]], dark)
        st.shapes(_bloom(x, y, r), petals[int(c * 977) % len(petals)])
        st.shapes([land.circle(x, y, r * 0.3, r * 0.26, 12)], st.pal.surface((0.98, 0.78, 0.25)))


def _grove(st: Stage, ridge: Field, tall: float, colour: Colour) -> None:
    """Small far trees along a ridge, in groups."""
    density = line(st.rng, st.w, st.u * 0.3, 2)
    for a, b in st.rng.random((int(70 * st.w / st.u), 2)).tolist():
        x = int(a * (st.w - 1))
        if density[x] > 0.52:
            size = tall * (0.4 + 0.6 * b)
            y = float(ridge[x])
            st.shapes(
                [land.circle(x, y - size * 0.4, size * 0.42, size * 0.5, 14)],
                lift(colour, (b - 0.5) * 0.05),
            )


def hills(st: Stage) -> None:
    """Many soft ridges, each further one paler; mist in the valleys."""
    u, pal = st.u, st.pal
    horizon = st.h * 0.45
    air.sky(st, horizon + st.h * 0.1, clouds=0.4)
    layers = 7
    st.ground = st.h * 0.85
    green = (0.36, 0.5, 0.36) if pal.name != "autumn" else (0.6, 0.42, 0.22)
    for i in range(layers):
        near = i / (layers - 1)
        base = horizon + (st.h * 0.8 - horizon) * near**1.25
        tall = min(u * (0.3 - 0.1 * near), st.h * 0.34)
        ridge = land.rolling(st, base + tall * 0.35, tall, u * (0.34 + 0.5 * near), 5, 0.4)
        colour = mix(pal.surface(green, 0.84 * (1 - near) ** 0.9), pal.shade, 0.1 * near)
        land.hill(st, ridge, colour, depth=1 - near, shine=0.035)
        if 2 <= i < layers - 1:
            _grove_pines(st, ridge, u * 0.05 * near, colour)
        if i < layers - 1:
            air.mist(st, base - u * 0.02, base + st.h * 0.14, 0.5 * (1 - near * 0.5))
        else:
            land.texture(st, ridge, 0.3, u * 0.09, 5)
    air.birds(st, 6, st.w * 0.62, horizon * 0.55, u * 0.09)
    st.front.append(undergrowth)


def _grove_pines(st: Stage, ridge: Field, tall: float, colour: Colour) -> None:
    """Pines in loose groups on a ridge."""
    density = line(st.rng, st.w, st.u * 0.25, 2)
    polygons: list[Polygon] = []
    for a, b in st.rng.random((int(90 * st.w / st.u), 2)).tolist():
        x = int(a * (st.w - 1))
        if density[x] > 0.5:
            polygons += land.conifer(st, x, float(ridge[x]) + tall * 0.1, tall * (0.6 + 0.7 * b))
    st.shapes(polygons, lift(colour, -0.03))
