"""Ridges, trees, grass and water: the ground that scenes are built from."""

from __future__ import annotations

import math

import numpy as np

from providers.local.illustrate.colour import Colour, between, lift, mix
from providers.local.illustrate.fields import Field, axis, f32, line, noise, ramp, soft_noise
from providers.local.illustrate.stage import Polygon, Stage

GRASS: Colour = (0.44, 0.66, 0.27)
PINE: Colour = (0.16, 0.38, 0.29)
SNOW: Colour = (0.97, 0.98, 1.0)
SAND: Colour = (0.93, 0.76, 0.5)
ROCK: Colour = (0.47, 0.46, 0.5)
EARTH: Colour = (0.45, 0.33, 0.24)


def rolling(
    st: Stage, base: float, height: float, cell: float, octaves: int = 3, gain: float = 0.35
) -> Field:
    """A rolling ridge line: row per column, crests ``height`` above ``base``.

    ``cell`` = hill length, pixels.
    """
    return f32(base) - line(st.rng, st.w, cell, octaves, gain) * f32(height)


def hill(
    st: Stage, ridge: Field, colour: Colour, *, depth: float = 0.0, shine: float = 0.06
) -> None:
    """A hill with a lit crest that darkens downwards, and a soft unevenness."""
    top, bottom = lift(colour, shine), lift(colour, -0.09)
    st.layer(ridge, (mix(top, st.pal.haze, depth * 0.5), colour, bottom), st.u * 0.5)


def texture(st: Stage, ridge: Field, strength: float, cell: float, stretch_x: float = 4.0) -> None:
    """Soft horizontal unevenness of the ground below a ridge, larger towards the viewer."""
    mask, top = st.below(ridge)
    n = st.h - top
    if n < 4:
        return
    grain = soft_noise(st.rng, n, st.w, (cell, cell * stretch_x), 4) - f32(0.5)
    near = axis(n)[:, None] * f32(1 / n)
    st.screen(np.clip(grain, 0, 1) * mask * near * f32(strength), st.pal.key, top)
    st.over(np.clip(-grain, 0, 1) * mask * near * f32(strength * 1.4), st.pal.shade, top)


def conifer(st: Stage, x: float, y: float, tall: float, wide: float = 0.0) -> list[Polygon]:
    """A spruce with its foot at (x, y): a jagged outline, no two branches alike."""
    half = wide or tall * st.pick(0.15, 0.21)
    tiers = int(st.pick(7, 11)) if tall > st.u * 0.05 else 5
    lean = st.pick(-0.02, 0.02) * tall
    left: list[tuple[float, float]] = []
    right: list[tuple[float, float]] = []
    jitter = st.rng.random((tiers, 4)).tolist()
    for i in range(tiers):
        t = (i + 1) / tiers
        a, b, c, d = jitter[i]
        yy = y - tall * 0.97 * (1 - t) - tall * 0.05
        reach = half * (0.12 + 0.88 * t**0.85)
        droop = tall * 0.035
        left += [
            (x + lean * (1 - t) - reach * (0.75 + 0.45 * a), yy + droop * (0.4 + b)),
            (x + lean * (1 - t) - reach * (0.32 + 0.2 * c), yy - droop * 0.2),
        ]
        right += [
            (x + lean * (1 - t) + reach * (0.75 + 0.45 * c), yy + droop * (0.4 + d)),
            (x + lean * (1 - t) + reach * (0.32 + 0.2 * b), yy - droop * 0.2),
        ]
    crown = [(x + lean, y - tall), *right, *reversed(left)]
    t = max(tall * 0.018, 0.6)
    return [
        crown,
        [
            (x - t, y - tall * 0.12),
            (x + t, y - tall * 0.12),
            (x + t * 1.3, y + tall * 0.02),
            (x - t * 1.3, y + tall * 0.02),
        ],
    ]


def circle(x: float, y: float, rx: float, ry: float, n: int = 20) -> list[tuple[float, float]]:
    """An ellipse as a polygon."""
    return [
        (x + rx * math.cos(2 * math.pi * i / n), y + ry * math.sin(2 * math.pi * i / n))
        for i in range(n)
    ]


def round_tree(
    st: Stage, x: float, y: float, tall: float
) -> tuple[list[Polygon], list[Polygon], list[Polygon]]:
    """A broad-leaved tree: (trunk, crown, lit parts of the crown)."""
    t = tall * 0.03
    trunk: list[Polygon] = [
        [
            (x - t * 1.5, y),
            (x - t * 0.7, y - tall * 0.55),
            (x + t * 0.7, y - tall * 0.55),
            (x + t * 1.5, y),
        ]
    ]
    trunk.append(
        [
            (x, y - tall * 0.3),
            (x + tall * 0.13, y - tall * 0.52),
            (x + tall * 0.15, y - tall * 0.5),
            (x, y - tall * 0.25),
        ]
    )
    crown: list[Polygon] = []
    lights: list[Polygon] = []
    side = -1 if st.light[0] < x else 1
    for a, b, c in st.rng.random((13, 3)).tolist():
        px, py = x + (a - 0.5) * tall * 0.5, y - tall * (0.48 + 0.4 * b)
        r = tall * (0.1 + 0.09 * c) * (1.15 - abs(a - 0.5))
        crown.append(circle(px, py, r, r * 0.92))
        lights.append(circle(px + side * r * 0.22, py - r * 0.26, r * 0.62, r * 0.54))
    return trunk, crown, lights


def tufts(
    st: Stage,
    ridge: Field,
    count: int,
    tall: tuple[float, float],
    spread: float,
    lean: float = 0.35,
) -> list[Polygon]:
    """Blades of grass growing from a ridge line or up to ``spread`` pixels below it."""
    polygons: list[Polygon] = []
    for a, b, c, d in st.rng.random((count, 4)).tolist():
        x = a * st.w
        y = float(ridge[min(int(x), st.w - 1)]) + spread * b
        height = tall[0] + (tall[1] - tall[0]) * c
        bend = (d - 0.5 + 0.15) * lean * height
        half = max(height * 0.045, 0.5)
        tip = (x + bend, y - height)
        mid = (x + bend * 0.35, y - height * 0.55)
        polygons.append(
            [
                (x - half, y + height * 0.1),
                (mid[0] - half * 0.7, mid[1]),
                tip,
                (mid[0] + half * 0.7, mid[1]),
                (x + half, y + height * 0.1),
            ]
        )
    return polygons


def water(
    st: Stage, top: float, *, bottom: float | None = None, calm: float = 0.5, path: bool = True
) -> None:
    """Water from row ``top`` down: mirrored sky, swell in perspective, the light's glitter path."""
    y0, y1 = int(top), st.h if bottom is None else int(bottom)
    n = y1 - y0
    if n < 2:
        return
    u, pal = st.u, st.pal
    far, near = pal.water[1], pal.water[0]
    t = axis(n) * f32(1 / n)
    flip = np.clip(y0 - 1 - (axis(n) * f32(0.9)).astype(np.intp), 0, st.h - 1)
    base = between(far, near, np.sqrt(t))
    mirror = st.image[:, flip, :]
    keep = f32(0.5) * (f32(1) - t * f32(0.75))
    st.image[:, y0:y1] = base[:, :, None] + (mirror - base[:, :, None]) * keep[None, :, None]
    wave = _swell(st, n, u)
    near_t = (f32(0.25) + f32(0.75) * t)[:, None]
    st.over(
        ramp(0.52, 0.85, wave) * near_t * f32(0.32 * (1.4 - calm)), mix(near, pal.shade, 0.55), y0
    )
    st.screen(ramp(0.5, 0.12, wave) * near_t * f32(0.2), mix(pal.haze, pal.sun, 0.4), y0)
    if path:
        _glitter(st, y0, n, wave)


def _swell(st: Stage, n: int, u: float) -> Field:
    """Wave heights 0..1 of ``n`` rows: rows of noise picked ever faster towards the horizon."""
    depth = np.sqrt(axis(n) * f32(n))  # rows in the noise per row in the picture: dense when far
    flat = noise(st.rng, n + 2, st.w, (u * 0.02, u * 0.16), 3, 0.55)
    wide = noise(st.rng, n + 2, st.w, (u * 0.03, u * 0.5), 3, 0.55)
    rows = np.clip(f32(n) - depth, 0, n).astype(np.intp)
    t = (axis(n) * f32(1 / n))[:, None]
    out: Field = flat[rows] * (f32(1) - t) + wide[rows] * t
    return out


def _glitter(st: Stage, y0: int, n: int, wave: Field) -> None:
    """Broken reflections below the light, widening towards the viewer."""
    t = axis(n) * f32(1 / n)
    width = f32(st.u * 0.035) + t * f32(st.u * 0.16)
    dx = (st.x - f32(st.light[0]))[None, :] / width[:, None]
    lane = f32(1) / (f32(1) + dx * dx * dx * dx)
    sparkle = ramp(0.5, 0.66, wave + lane * f32(0.16) - f32(0.06))
    low = 1.0 - 0.6 * st.pal.height
    st.screen(lane * sparkle * (f32(1) - t * f32(0.55))[:, None] * f32(0.95 * low), st.pal.sun, y0)
    st.screen(lane * (f32(1) - t)[:, None] * f32(0.3 * low), st.pal.sun, y0)
