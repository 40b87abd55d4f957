"""Sea, beach, under water."""

from __future__ import annotations

import numpy as np

from providers.local.illustrate.colour import Colour, lift, mix
from providers.local.illustrate.fields import Field, axis, f32, line, noise, ramp, soft_noise
from providers.local.illustrate.scenes import air, land
from providers.local.illustrate.stage import Polygon, Stage


def sea(st: Stage) -> None:
    """Open water under a wide sky, far islands, the light's path on the waves."""
    u, pal = st.u, st.pal
    horizon = st.h * 0.58
    air.sky(st, horizon, clouds=0.75)
    if pal.height > 0.5 and not pal.night:
        for _ in range(max(1, round(1.6 * st.w / u))):
            air.cumulus(
                st, st.w * st.pick(0, 1), horizon * st.pick(0.6, 0.96), u * st.pick(0.2, 0.45), 0.85
            )
    islands(st, horizon)
    land.water(st, horizon)
    st.ground = st.h * 0.76
    st.surface, st.mirror = "water", 0.5


def islands(st: Stage, horizon: float) -> None:
    """Two low coasts at the horizon, mostly at the sides."""
    u, pal = st.u, st.pal
    for depth, tall, start in ((0.62, 0.07, 0.62), (0.42, 0.05, 0.0)):
        t = st.x * f32(1 / st.w)
        shape = ramp(start - 0.05, start + 0.2, t) if start > 0.3 else ramp(0.3, 0.02, t)
        ridge = f32(horizon + 1) - shape * (line(st.rng, st.w, u * 0.3, 5) * f32(u * tall * 1.2))
        ridge = np.where(shape > 0.01, ridge, f32(st.h + 9)).astype(np.float32)
        colour = mix(pal.surface((0.35, 0.42, 0.4), depth), pal.shade, 0.15)
        st.layer(ridge, (colour, mix(colour, pal.haze, 0.5)), u * tall)


def beach(st: Stage) -> None:
    """Sand in front, a bright shallow sea, palm leaves as a frame."""
    u, pal = st.u, st.pal
    horizon = st.h * 0.5
    air.sky(st, horizon, clouds=0.5)
    for _ in range(max(1, round(1.5 * st.w / u))):
        if not pal.night:
            air.cumulus(
                st, st.w * st.pick(0, 1), horizon * st.pick(0.6, 0.95), u * st.pick(0.2, 0.45), 0.85
            )
    islands(st, horizon)
    land.water(st, horizon, bottom=st.h * 0.8)
    shore = f32(st.h * 0.735) + (line(st.rng, st.w, u * 0.7, 3) - f32(0.5)) * f32(u * 0.09)
    sand = pal.surface(land.SAND, 0.03)
    shallow = mix(pal.surface((0.45, 0.87, 0.83), 0.2), pal.water[1], 0.3)
    _band(st, shore - f32(u * 0.085), shallow, 0.65, u * 0.1)
    wet = mix(sand, pal.shade, 0.25)
    st.layer(shore - f32(u * 0.014), (wet, wet), soft=u * 0.012)
    foam = pal.surface((1.0, 1.0, 1.0), 0.1)
    _foam(st, shore - f32(u * 0.014), foam)
    st.layer(
        shore + f32(u * 0.02), (lift(sand, 0.03), sand, lift(sand, -0.05)), u * 0.3, soft=u * 0.03
    )
    land.texture(st, shore + f32(u * 0.02), 0.25, u * 0.035, 5)
    _pebbles(st, st.h * 0.82, pal.surface((0.99, 0.9, 0.78)))
    st.ground = st.h * 0.87
    st.front.append(palms)


def _band(st: Stage, ridge: Field, colour: Colour, alpha: float, soft: float) -> None:
    """A translucent layer below a line."""
    mask, top = st.below(ridge, soft)
    st.over(mask * f32(alpha), colour, top)


def _foam(st: Stage, ridge: Field, colour: Colour) -> None:
    """Foam along the waterline: a bright lip and a torn lace above it."""
    u = st.u
    n = int(u * 0.07) + 4
    top = max(int(ridge.min() - n), 0)
    rows = min(int(ridge.max()) + 4, st.h) - top
    d = (axis(rows)[:, None] + f32(top)) - ridge[None, :]
    lace = noise(st.rng, rows, st.w, (u * 0.02, u * 0.05), 4, 0.6)
    lip = ramp(-u * 0.009, -u * 0.002, d) * ramp(u * 0.003, 0, d)
    net = ramp(0.5, 0.62, lace) * ramp(-u * 0.055, -u * 0.005, d) * ramp(u * 0.002, 0, d)
    st.over(np.maximum(lip * f32(0.9), net * f32(0.6)), colour, top)


def _pebbles(st: Stage, top: float, colour: Colour) -> None:
    """Small shells and stones."""
    polygons: list[Polygon] = []
    for a, b, c in st.rng.random((int(40 * st.w / st.u), 3)).tolist():
        r = st.u * (0.0015 + 0.004 * b * c)
        polygons.append(land.circle(a * st.w, top + (st.h - top) * b, r * 1.5, r, 10))
    st.shapes(polygons, colour, 0.7)


def palms(st: Stage) -> None:
    """Palm fronds hanging in from an upper corner."""
    u = st.u
    dark = mix(st.pal.surface((0.1, 0.34, 0.24)), st.pal.shade, 0.35)
    right = st.light[0] < st.w / 2
    ox, oy = (st.w + u * 0.03 if right else -u * 0.03), st.h * 0.02
    polygons: list[Polygon] = []
    for k in range(6):
        dx = (-1 if right else 1) * (0.5 - 0.085 * k) * u * st.pick(0.85, 1.1)
        dy = u * (-0.02 + 0.095 * k)
        polygons += _frond(st, ox, oy, dx, dy)
    st.shapes(polygons, dark)


def _frond(st: Stage, ox: float, oy: float, dx: float, dy: float) -> list[Polygon]:
    """One palm leaf: a bent spine with drooping leaflets."""
    u = st.u
    found: list[Polygon] = []
    steps = 26
    spine = []
    for i in range(steps + 1):
        t = i / steps
        spine.append((ox + dx * t, oy + dy * t + u * 0.11 * (t * t - 0.55 * t)))
    for i in range(3, steps):
        (x, y), t = spine[i], i / steps
        length = u * 0.12 * (1 - t**3) * (0.45 + 0.55 * min(1, t * 3)) * st.pick(0.8, 1.1)
        forward = dx * 0.12
        w = u * 0.0055
        for side in (-0.35, 1.0):
            tip = (x + forward * (1.0 if side > 0 else 1.3), y + length * side)
            found.append(
                [
                    (x - w, y),
                    ((x + tip[0]) / 2 - w * 0.8, (y + tip[1]) / 2),
                    tip,
                    ((x + tip[0]) / 2 + w * 1.2, (y + tip[1]) / 2),
                    (x + w, y),
                ]
            )
    back = [(x, y + u * 0.004) for x, y in reversed(spine)]
    found.append([*spine, *back])
    return found


def underwater(st: Stage) -> None:
    """Blue depth, shafts of light from the surface, a sea bed with corals and kelp."""
    u, pal = st.u, st.pal
    top, middle, low = (
        mix(pal.water[1], pal.sun, 0.3),
        mix(pal.water[1], pal.water[0], 0.55),
        mix(pal.water[0], pal.shade, 0.45),
    )
    st.fill((top, middle, low), -st.h * 0.05, st.h)
    st.light = (st.w * st.pick(0.28, 0.4), -u * 0.12)
    st.horizon, st.ground, st.surface = st.h * 0.7, st.h * 0.86, "deep"
    st.glow(st.light[0], -u * 0.05, u * 0.7, mix(pal.sun, top, 0.3), 0.75)
    _caustics(st)
    air.rays(st, 0.5, mix(pal.sun, pal.water[1], 0.25), spread=1.6)
    for i, depth in enumerate((0.75, 0.45, 0.12)):
        ridge = land.rolling(
            st, st.h * (0.8 + 0.07 * i), u * (0.1 - 0.015 * i), u * (0.4 + 0.3 * i), 4
        )
        colour = mix(mix(low, (0.72, 0.66, 0.5), 0.25 + 0.12 * i), middle, depth)
        _kelp(
            st, ridge, u * (0.16 + 0.1 * i), mix(mix(low, (0.1, 0.45, 0.35), 0.5), middle, depth), i
        )
        land.hill(st, ridge, colour, shine=0.05)
    land.texture(st, ridge, 0.3, u * 0.05, 4)
    _shoal(st, mix(low, middle, 0.5))
    st.front.append(_corals)
    st.front.append(bubbles)


def _caustics(st: Stage) -> None:
    """The rippling ceiling of light near the surface."""
    n = max(int(st.h * 0.3), 4)
    a = soft_noise(st.rng, n, st.w, (st.u * 0.05, st.u * 0.2), 3)
    b = soft_noise(st.rng, n, st.w, (st.u * 0.05, st.u * 0.2), 3)
    web = f32(1) - np.abs(a - b) * f32(7)
    fade = ramp(n, 0, axis(n))[:, None]
    st.screen(
        np.clip(web, 0, 1) ** 2 * fade * fade * f32(0.42), mix(st.pal.sun, st.pal.water[1], 0.3)
    )


def _kelp(st: Stage, ridge: Field, tall: float, colour: Colour, near: int) -> None:
    """Swaying blades of kelp."""
    polygons: list[Polygon] = []
    for a, b, c in st.rng.random((int((22 - 5 * near) * st.w / st.u), 3)).tolist():
        if near == 2 and 0.25 < a < 0.85:
            continue
        x, height = a * st.w, tall * (0.4 + 0.9 * b)
        y = float(ridge[min(int(x), st.w - 1)]) + 4
        left, right = [], []
        for i in range(13):
            t = i / 12
            wave = (t * (1 - t) * 4) * (1 if i % 6 < 3 else -0.6) * height * 0.05 + (
                c - 0.5
            ) * height * 0.5 * t * t
            half = height * 0.034 * (1 - t) ** 0.6 + 0.4
            left.append((x + wave - half, y - height * t))
            right.append((x + wave + half, y - height * t))
        polygons.append([*left, *reversed(right)])
    st.shapes(polygons, colour)


def _shoal(st: Stage, colour: Colour) -> None:
    """A far school of small fish."""
    polygons: list[Polygon] = []
    cx, cy = st.w * st.pick(0.12, 0.25), st.h * st.pick(0.4, 0.55)
    for a, b, c in st.rng.random((16, 3)).tolist():
        s = st.u * (0.006 + 0.006 * c)
        x, y = cx + (a - 0.5) * st.u * 0.26, cy + (b - 0.5) * st.u * 0.12
        polygons.append(land.circle(x, y, s * 1.5, s * 0.6, 12))
        polygons.append([(x - s * 1.2, y), (x - s * 2.2, y - s * 0.6), (x - s * 2.2, y + s * 0.6)])
    st.shapes(polygons, colour, 0.6)


def _corals(st: Stage) -> None:
    """Branching corals in both lower corners."""
    for side in (0.06, 0.93):
        for k in range(3):
            tone = mix(st.pal.accent[(k + 1) % 3], st.pal.water[0], 0.35 + 0.1 * k)
            x = st.w * side + st.u * st.pick(-0.09, 0.09)
            polygons: list[Polygon] = []
            _branch(
                st,
                polygons,
                x,
                st.h + st.u * 0.01,
                st.pick(-0.2, 0.2),
                st.u * st.pick(0.06, 0.085),
                st.u * 0.016,
                4,
            )
            for polygon in polygons:
                st.shapes([polygon], tone)


def _branch(
    st: Stage,
    out: list[Polygon],
    x: float,
    y: float,
    lean: float,
    length: float,
    half: float,
    depth: int,
) -> None:
    """A coral branch and its forks; ``lean`` is the sideways run per unit of height."""
    tx, ty = x + lean * length, y - length
    out.append([(x - half, y), (tx - half * 0.75, ty), (tx + half * 0.75, ty), (x + half, y)])
    out.append(land.circle(tx, ty, half * 0.8, half * 0.8, 12))
    if depth > 1:
        for turn in (-0.55, 0.5):
            _branch(
                st,
                out,
                tx,
                ty,
                lean + turn * st.pick(0.6, 1.3),
                length * st.pick(0.62, 0.85),
                half * 0.76,
                depth - 1,
            )


def bubbles(st: Stage) -> None:
    """Rising air bubbles: a rim, a highlight."""
    u = st.u
    for a, b, c in st.rng.random((int(24 * st.w / u), 3)).tolist():
        r = u * (0.003 + 0.014 * c**4)
        x, y = a * st.w, st.h * (0.1 + 0.8 * b)
        n = int(2 * r + 6)
        d = st.distance(n / 2, n / 2, n, n) * f32(1 / r)
        edge = max(1.4 / r, 0.12)
        ring = ramp(1.0 + edge, 1.0, d) * ramp(1.0 - 2.2 * edge, 1.0, d)
        st.screen(ring * f32(0.55), st.pal.sun, int(y - n / 2), int(x - n / 2))
        st.disc(x - r * 0.35, y - r * 0.35, max(r * 0.18, 0.6), (1.0, 1.0, 1.0), alpha=0.7)
