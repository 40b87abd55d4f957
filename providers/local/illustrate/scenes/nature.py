"""Forest, meadow, misty hills, mountains."""

from __future__ import annotations

import numpy as np

from providers.local.illustrate.colour import Colour, lift, mix
from providers.local.illustrate.fields import Field, axis, f32, line, noise, ramp
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
        st.layer(ridge - f32(1), (colour, mix(colour, pal.haze, 0.35 * (1 - near))), u * 0.2, soft=2)
        if i < 3:
            air.mist(st, foot - tall * 0.35, foot + u * 0.12, 0.5 * (1.2 - near))
    air.rays(st, 0.3 if not pal.night else 0.16)
    floor = land.rolling(st, st.ground - u * 0.045, u * 0.035, u * 0.8)
    grass = pal.surface((0.55, 0.4, 0.22) if autumn else (0.3, 0.47, 0.27), 0.06)
    land.hill(st, floor, grass)
    land.texture(st, floor, 0.35, u * 0.1)
    st.front.append(_undergrowth)


def _wood(st: Stage, ridge: Field, tall: float, colour: Colour, near: float, round_ones: bool) -> None:
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
    # Overlapping outlines in one even-odd fill would cut holes: each tree is painted by itself, in two halves.
    st.shapes(polygons, colour)


def _undergrowth(st: Stage) -> None:
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
            air.cumulus(st, st.w * st.pick(0, 1), horizon * st.pick(0.35, 0.85), u * st.pick(0.22, 0.5), 0.9)
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
    for t, a, b in zip(rows.tolist(), st.rng.random(count).tolist(), st.rng.random(count).tolist(), strict=True):
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
            st.shapes([land.circle(x, y - size * 0.4, size * 0.42, size * 0.5, 14)], lift(colour, (b - 0.5) * 0.05))


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
    st.front.append(_undergrowth)


def _grove_pines(st: Stage, ridge: Field, tall: float, colour: Colour) -> None:
    """Pines in loose groups on a ridge."""
    density = line(st.rng, st.w, st.u * 0.25, 2)
    polygons: list[Polygon] = []
    for a, b in st.rng.random((int(90 * st.w / st.u), 2)).tolist():
        x = int(a * (st.w - 1))
        if density[x] > 0.5:
            polygons += land.conifer(st, x, float(ridge[x]) + tall * 0.1, tall * (0.6 + 0.7 * b))
    st.shapes(polygons, lift(colour, -0.03))


def mountains(st: Stage) -> None:
    """Peaks with a lit and a shadowed face and snow, a lake or dark woods before them."""
    u, pal = st.u, st.pal
    horizon = st.h * 0.64
    air.sky(st, horizon, size=0.055, clouds=0.35)
    peaks(st, horizon, min(st.h * 0.34, u * 0.4), 0.58)
    air.mist(st, horizon - u * 0.2, horizon + u * 0.05, 0.45)
    peaks(st, horizon + u * 0.01, min(st.h * 0.46, u * 0.56), 0.16, few=True)
    air.mist(st, horizon - u * 0.1, horizon + u * 0.08, 0.5)
    wood = land.rolling(st, horizon + u * 0.012, u * 0.045, u * 0.4)
    colour = pal.surface(land.PINE, 0.3)
    _ridge_pines(st, wood, u * 0.055, colour)
    st.layer(wood, (colour, colour))
    land.water(st, horizon + u * 0.012, path=not pal.night or pal.height < 0.5)
    bank = f32(st.h * 0.8) - ramp(0.1, 0.75, st.x * f32(1 / st.w)) * f32(-0.02 * st.h) - land.line(st.rng, st.w, u * 0.6, 3) * f32(st.h * 0.07)
    near = pal.surface((0.3, 0.42, 0.26), 0.02)
    _ridge_pines(st, bank, u * 0.2, pal.surface(land.PINE, 0.05), ends=True)
    land.hill(st, bank, near)
    land.texture(st, bank, 0.35, u * 0.06, 4)
    st.ground = st.h * 0.86
    st.front.append(_undergrowth)


def peaks(st: Stage, base: float, height: float, depth: float, few: bool = False) -> None:
    """A mountain chain: triangle waves roughened, faces lit from the light's side, snow above a wavy line."""
    pal, u = st.pal, st.u
    span = u * (0.95 if few else 0.5)
    n = max(2, int(st.w / span) + 2)
    offset = st.pick(0, 1) * span
    ridge = np.full(st.w, base, np.float32)
    tops = []
    for i in range(n + 1):
        cx = (i + st.pick(-0.25, 0.25)) * span - offset
        tall = height * st.pick(0.55, 1.0)
        slope_l, slope_r = st.pick(0.8, 1.25), st.pick(0.8, 1.25)
        d = st.x - f32(cx)
        flank = np.where(d < 0, -d * f32(slope_l), d * f32(slope_r))
        ridge = np.minimum(ridge, f32(base - tall) + flank * f32(tall / (span * 0.55)))
        tops.append(cx)
    rough = line(st.rng, st.w, u * 0.16, 6, 0.55) - f32(0.5)
    high = np.clip((f32(base) - ridge) * f32(1 / height), 0, 1)
    ridge = ridge + rough * f32(height * 0.3) * (f32(0.25) + high)
    mask, top = st.below(ridge)
    rows = min(st.h, int(base + u * 0.1)) - top
    mask = mask[:rows]
    lit_side = _faces(st, ridge, tops, top, rows)
    rock = pal.surface((0.62, 0.58, 0.58), depth)
    shade = mix(pal.surface(mix(land.ROCK, pal.shade, 0.5), depth), pal.shade, 0.34 * (1 - depth))
    paint = np.stack([f32(b) + (f32(a) - f32(b)) * lit_side for a, b in zip(rock, shade, strict=True)])
    below = axis(rows)[:, None] + f32(top) - ridge[None, :]
    line_y = f32(height * 0.26) * (f32(0.35) + high[None, :]) + (noise(st.rng, rows, st.w, (u * 0.16, u * 0.04), 5, 0.6) - f32(0.5)) * f32(height * 0.85)
    snow = ramp(height * 0.02, -height * 0.02, below - line_y) * ramp(0.35, 0.5, high)[None, :]
    white, blue = pal.surface(land.SNOW, depth * 0.7), mix(pal.surface((0.58, 0.68, 0.86), depth), pal.shade, 0.3 * (1 - depth))
    cold = np.stack([f32(b) + (f32(a) - f32(b)) * lit_side for a, b in zip(white, blue, strict=True)])
    paint = paint + (cold - paint) * snow
    fade = ramp(base - height * 0.55, base + u * 0.04, axis(rows) + f32(top))[None, :, None] * f32(0.42)
    haze = np.asarray(pal.haze, np.float32)[:, None, None]
    st.over(mask, paint + (haze - paint) * fade, top)


def _faces(st: Stage, ridge: Field, tops: list[float], top: int, rows: int) -> Field:
    """1 on faces turned to the light, 0 on the others: a zigzag edge runs down from every summit."""
    u = st.u
    wander = (noise(st.rng, rows, 8, (u * 0.09, 8), 4, 0.6)[:, 0] - f32(0.5)) * f32(u * 0.28)
    down = axis(rows)
    crest: list[float] = []
    for cx in tops:
        lo, hi = int(max(cx - u * 0.12, 0)), int(min(cx + u * 0.12, st.w))
        crest.append(float(lo + int(np.argmin(ridge[lo:hi]))) if hi > lo else cx)
    crests = np.asarray(sorted(crest), np.float32)
    nearest = np.abs(st.x[None, :] - crests[:, None]).argmin(axis=0)
    x = st.x[None, :] - crests[nearest][None, :] + wander[:, None] + down[:, None] * f32(0.12)
    side = 1.0 if st.light[0] < st.w / 2 else -1.0
    gullies = (noise(st.rng, rows, st.w, (u * 0.12, u * 0.045), 4, 0.6) - f32(0.5)) * f32(u * 0.16)
    return ramp(u * 0.012, -u * 0.012, (x + gullies) * f32(side))


def _ridge_pines(st: Stage, ridge: Field, tall: float, colour: Colour, ends: bool = False) -> None:
    """A continuous row of pines; with ``ends`` only at the sides, as a frame."""
    polygons: list[Polygon] = []
    x = -tall * 0.3
    while x < st.w + tall * 0.3:
        t = x / st.w
        if not ends or t < 0.17 or t > 0.9:
            size = tall * st.pick(0.55, 1.15)
            polygons += land.conifer(st, x, float(ridge[int(min(max(x, 0), st.w - 1))]) + tall * 0.06, size)
        x += tall * st.pick(0.16, 0.34)
    st.shapes(polygons, colour)
