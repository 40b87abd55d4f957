"""Desert, snow, sky: wide open places."""

from __future__ import annotations

import numpy as np

from providers.local.illustrate.colour import Colour, between, lift, mix
from providers.local.illustrate.fields import Field, axis, f32, line, noise, ramp
from providers.local.illustrate.scenes import air, land
from providers.local.illustrate.scenes.mountains import peaks
from providers.local.illustrate.stage import Polygon, Stage


def desert(st: Stage) -> None:
    """Dunes with a sharp crest between a lit and a shaded flank, table mountains far off."""
    u = st.u
    horizon = st.h * 0.56
    air.sky(st, horizon, size=0.085, clouds=0.35)
    _mesas(st, horizon + u * 0.02)
    air.mist(st, horizon - u * 0.1, horizon + u * 0.08, 0.5)
    for i in range(5):
        near = i / 4
        base = horizon + u * 0.03 + (st.h * 0.9 - horizon) * near**1.3 * 0.86
        dune(st, base, u * (0.07 + 0.13 * near), u * (0.5 + 0.75 * near), 0.6 * (1 - near), near)
    st.ground = st.h * 0.86
    st.front.append(_dry_grass)


def _mesas(st: Stage, base: float) -> None:
    """Flat-topped rocks at the horizon."""
    u, pal = st.u, st.pal
    colour = pal.surface((0.7, 0.42, 0.3), 0.6)
    for _ in range(max(2, round(2.5 * st.w / u))):
        cx, w, h = st.w * st.pick(0, 1), u * st.pick(0.06, 0.16), u * st.pick(0.04, 0.12)
        shape: Polygon = [
            (cx - w * 1.5, base),
            (cx - w * 1.05, base - h * 0.45),
            (cx - w * 0.95, base - h),
            (cx + w * 0.9, base - h * st.pick(0.95, 1.04)),
            (cx + w, base - h * 0.4),
            (cx + w * 1.5, base),
        ]
        st.shapes([shape], colour)
        st.shapes(
            [
                [
                    (cx + w * 0.3, base - h),
                    (cx + w * 0.9, base - h),
                    (cx + w, base - h * 0.4),
                    (cx + w * 1.5, base),
                    (cx + w * 0.45, base),
                ]
            ],
            mix(colour, pal.shade, 0.16),
        )


def dune(st: Stage, base: float, height: float, span: float, depth: float, near: float) -> None:
    """One row of dunes.

    The crest falls to the viewer as a winding edge between light and shadow.
    """
    u, pal = st.u, st.pal
    ridge = f32(base + height * 0.7) - line(st.rng, st.w, span, 2, 0.18) * f32(height * 2.6)
    mask, top = st.below(ridge)
    rows = st.h - top
    sand = pal.surface(land.SAND, depth)
    dark = mix(
        pal.surface(mix(land.SAND, (0.6, 0.32, 0.22), 0.7), depth), pal.shade, 0.26 * (1 - depth)
    )
    slope = np.zeros(st.w, np.float32)
    slope[1:-1] = (ridge[2:] - ridge[:-2]) * f32(0.5)
    side = 1.0 if st.light[0] < st.w / 2 else -1.0
    y = axis(rows)[:, None] + f32(top) - ridge[None, :]
    # The shadow begins where the crest falls away from the light and widens downwards, its edge
    # wavy.
    wander = (noise(st.rng, rows, st.w, (u * 0.25, u * 0.4), 2) - f32(0.5)) * f32(height * 0.9)
    drop = ramp(0.01, 0.3, slope * f32(side))[None, :] * f32(height * 2.4) + wander * f32(0.4)
    shaded = (
        ramp(u * 0.012 + height * 0.05, -u * 0.004, y - drop)
        * ramp(0.0, 0.05, slope * f32(side))[None, :]
    )
    ripple = noise(st.rng, rows, st.w, (u * 0.008 + u * 0.006 * near, u * 0.22), 3, 0.6)
    grade = np.clip(y * f32(1 / (u * 0.6)), 0, 1)
    level = np.clip(
        f32(0.94)
        - shaded * f32(0.85)
        - grade * f32(0.22)
        - ramp(0.5, 0.75, ripple) * f32(0.14 * near),
        0,
        1,
    )
    bright = lift(sand, 0.03)
    st.over(
        mask,
        between(dark, bright, level),
        top,
    )
    crest = ramp(u * 0.006, 0, np.abs(y)) * (f32(1) - shaded)
    st.screen(crest * f32(0.35 * (0.4 + 0.6 * near)), pal.sun, top)


def _dry_grass(st: Stage) -> None:
    """Dry tufts in the lower corners."""
    u = st.u
    t = np.abs(st.x * f32(2 / st.w) - f32(1))
    ridge: Field = f32(st.h + u * 0.05) - ramp(0.5, 1.0, t) * f32(u * 0.075)
    colour = mix(st.pal.surface((0.55, 0.45, 0.25)), st.pal.shade, 0.4)
    st.shapes(land.tufts(st, ridge, int(70 * st.w / u), (u * 0.03, u * 0.1), u * 0.02, 0.7), colour)


def snow(st: Stage) -> None:
    """Snowy hills with laden spruces, far peaks, falling flakes."""
    u, pal = st.u, st.pal
    horizon = st.h * 0.58
    air.sky(st, horizon, size=0.055, clouds=0.4)
    peaks(st, horizon, min(st.h * 0.24, u * 0.26), 0.66)
    air.mist(st, horizon - u * 0.12, horizon + u * 0.06, 0.6)
    for i in range(4):
        near = i / 3
        base = horizon + u * 0.03 + (st.h * 0.82 - horizon) * near**1.2
        ridge = land.rolling(st, base, u * (0.05 + 0.02 * near), u * (0.5 + 0.5 * near), 3)
        depth = 0.5 * (1 - near)
        white = pal.surface(land.SNOW, depth)
        blue = mix(pal.surface((0.7, 0.8, 0.95), depth), pal.sky[1], 0.18)
        _snow_trees(st, ridge, u * (0.06 + 0.2 * near), depth, white, near)
        st.layer(ridge, (white, mix(white, blue, 0.55), blue), u * (0.14 + 0.16 * near), soft=1.5)
        if i == 3:
            land.texture(st, ridge, 0.22, u * 0.09, 4)
    st.ground = st.h * 0.87
    st.front.append(_drift)
    st.front.append(lambda s: flakes(s, 160))


def _snow_trees(
    st: Stage, ridge: Field, tall: float, depth: float, white: Colour, near: float
) -> None:
    """Spruces whose branches carry snow, in groups; the nearest leave room for a subject."""
    green = mix(st.pal.surface((0.14, 0.34, 0.32), depth), st.pal.shade, 0.2 * (1 - depth))
    shade = mix(white, st.pal.sky[1], 0.35)
    density = line(st.rng, st.w, st.u * 0.35, 2)
    count = int((34 - 16 * near) * st.w / st.u)
    for a, b, c in st.rng.random((count, 3)).tolist():
        x = a * st.w
        column = min(int(x), st.w - 1)
        if (near > 0.6 and st.lead and 0.3 < a < 0.85) or density[column] < 0.42:
            continue
        height = tall * (0.6 + 0.7 * b)
        foot = float(ridge[column]) + height * 0.05
        left = 1 if st.light[0] < x else -1
        for k in range(5):
            half = height * (0.24 - 0.042 * k) * (0.9 + 0.2 * c)
            _tier(st, x, foot - height * 0.17 * k, half, height, (green, white, shade), left, k)


_SKIRT = ((-1.0, 0.0), (-0.45, 0.02), (0.0, -0.012), (0.5, 0.022), (1.0, 0.0))
_CAP = ((-0.62, -0.1), (-0.28, -0.065), (0.0, -0.12), (0.25, -0.07), (0.62, -0.105))
_DARK = ((0.62, -0.105), (0.25, -0.07), (0.0, -0.12))


def _tier(
    st: Stage,
    x: float,
    foot: float,
    half: float,
    height: float,
    tones: tuple[Colour, Colour, Colour],
    left: int,
    k: int,
) -> None:
    """One tier of a spruce: a dark skirt, a white cap, the cap's shaded side."""
    tip = foot - height * (0.34 - 0.015 * k)
    shapes = ((_SKIRT, 1, tip, 1.0), (_CAP, 1, tip - 1, 1.0), (_DARK, left, tip, 0.6))
    for (outline, side, top, alpha), tone in zip(shapes, tones, strict=True):
        polygon = [(x + side * dx * half, foot + dy * height) for dx, dy in outline]
        st.shapes([[*polygon, (x, top)]], tone, alpha)


def _drift(st: Stage) -> None:
    """A bank of snow along the lower edge."""
    u = st.u
    ridge = land.rolling(st, st.h * 1.0, st.h * 0.03, u * 0.6, 2)
    white = st.pal.surface(land.SNOW, 0.0)
    st.layer(ridge, (lift(white, 0.02), mix(white, st.pal.sky[1], 0.25)), u * 0.1, soft=u * 0.006)


def flakes(st: Stage, count: int) -> None:
    """Falling snow in three depths."""
    for a, b, c, d in st.rng.random((int(count * st.w / st.u), 4)).tolist():
        r = st.u * (0.0012 + 0.0065 * c**5)
        st.disc(a * st.w, b * st.h, r, (1.0, 1.0, 1.0), soft=max(r, 1.0), alpha=0.35 + 0.5 * d)


def skies(st: Stage) -> None:
    """Above the clouds: heap clouds in depth, a sea of them below."""
    u, pal = st.u, st.pal
    st.surface, st.ground = "air", st.h * 0.8
    air.sky(st, st.h * 1.02, clouds=0.35)
    st.light = (st.light[0], min(st.light[1], st.h * 0.6))
    far = max(2, round(2.4 * st.w / u))
    for i in range(far):
        air.cumulus(
            st,
            st.w * (i + st.pick(0.1, 0.9)) / far,
            st.h * st.pick(0.3, 0.72),
            u * st.pick(0.18, 0.36),
            0.75,
        )
    st.veil(st.h * 0.55, st.h * 1.0, mix(pal.haze, pal.sun, 0.25), 0.6)
    for row in range(3):
        n = max(2, round((3.4 - row * 0.6) * st.w / u))
        for i in range(n):
            x = st.w * (i + st.pick(0.0, 1.0)) / n
            air.cumulus(
                st, x, st.h * (0.9 + 0.09 * row), u * st.pick(0.36, 0.5) * (1 + 0.3 * row), 0.96
            )
    air.rays(st, 0.22)
    air.birds(st, 5, st.w * 0.2, st.h * 0.3, u * 0.07)
