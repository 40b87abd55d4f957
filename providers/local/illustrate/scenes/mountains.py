"""Mountains by a lake, and the peaks that other scenes borrow."""

from __future__ import annotations

import numpy as np

from providers.local.illustrate.colour import Colour, between, mix
from providers.local.illustrate.fields import Field, axis, f32, line, noise, ramp
from providers.local.illustrate.scenes import air, land
from providers.local.illustrate.scenes.nature import undergrowth
from providers.local.illustrate.stage import Polygon, Stage


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
    bank = (
        f32(st.h * 0.8)
        - ramp(0.1, 0.75, st.x * f32(1 / st.w)) * f32(-0.02 * st.h)
        - line(st.rng, st.w, u * 0.6, 3) * f32(st.h * 0.07)
    )
    near = pal.surface((0.3, 0.42, 0.26), 0.02)
    _ridge_pines(st, bank, u * 0.2, pal.surface(land.PINE, 0.05), ends=True)
    land.hill(st, bank, near)
    land.texture(st, bank, 0.35, u * 0.06, 4)
    st.ground = st.h * 0.86
    st.front.append(undergrowth)


def peaks(st: Stage, base: float, height: float, depth: float, *, few: bool = False) -> None:
    """A mountain chain with lit and shaded faces and a jagged snow line."""
    pal, u = st.pal, st.u
    ridge, tops = _chain(st, base, height, u * (0.95 if few else 0.5))
    high = np.clip((f32(base) - ridge) * f32(1 / height), 0, 1)
    mask, top = st.below(ridge)
    rows = min(st.h, int(base + u * 0.1)) - top
    lit_side = _faces(st, ridge, tops, rows)
    rock = pal.surface((0.62, 0.58, 0.58), depth)
    shade = mix(pal.surface(mix(land.ROCK, pal.shade, 0.5), depth), pal.shade, 0.34 * (1 - depth))
    paint = between(shade, rock, lit_side)
    below = axis(rows)[:, None] + f32(top) - ridge[None, :]
    # Tongues of snow: long teeth of two sizes, clean-edged, a little ragged.
    teeth = (line(st.rng, st.w, u * 0.07, 3, 0.7) - f32(0.5)) * f32(height * 0.62)
    rag = (noise(st.rng, rows, st.w, (u * 0.02, u * 0.02), 2) - f32(0.5)) * f32(height * 0.07)
    snow_line = (f32(height * 0.3) * (f32(0.3) + high) + teeth)[None, :] + rag
    snow = ramp(1.5, -1.5, below - snow_line) * ramp(0.35, 0.5, high)[None, :]
    white = pal.surface(land.SNOW, depth * 0.7)
    blue = mix(pal.surface((0.58, 0.68, 0.86), depth), pal.shade, 0.3 * (1 - depth))
    paint += (between(blue, white, lit_side) - paint) * snow
    fade = ramp(base - height * 0.55, base + u * 0.04, axis(rows) + f32(top)) * f32(0.42)
    haze = np.asarray(pal.haze, np.float32)[:, None, None]
    st.over(mask[:rows], paint + (haze - paint) * fade[None, :, None], top)


def _chain(st: Stage, base: float, height: float, span: float) -> tuple[Field, list[float]]:
    """The ridge line of uneven triangles, roughened most near the tops, and the tops' columns."""
    offset = st.pick(0, 1) * span
    ridge = np.full(st.w, base, np.float32)
    tops: list[float] = []
    for i in range(max(2, int(st.w / span) + 2) + 1):
        cx = (i + st.pick(-0.25, 0.25)) * span - offset
        tall = height * st.pick(0.55, 1.0)
        slope_l, slope_r = st.pick(0.8, 1.25), st.pick(0.8, 1.25)
        d = st.x - f32(cx)
        flank = np.where(d < 0, -d * f32(slope_l), d * f32(slope_r))
        ridge = np.minimum(ridge, f32(base - tall) + flank * f32(tall / (span * 0.55)))
        tops.append(cx)
    high = np.clip((f32(base) - ridge) * f32(1 / height), 0, 1)
    rough = line(st.rng, st.w, st.u * 0.16, 6, 0.55) - f32(0.5)
    return ridge + rough * f32(height * 0.3) * (f32(0.25) + high), tops


def _faces(st: Stage, ridge: Field, tops: list[float], rows: int) -> Field:
    """1 on faces turned to the light, 0 on the others.

    A zigzag edge runs down from every summit.
    """
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
    gullies = (noise(st.rng, rows, st.w, (u * 0.1, u * 0.1), 3, 0.5) - f32(0.5)) * f32(u * 0.07)
    return ramp(u * 0.012, -u * 0.012, (x + gullies) * f32(side))


def _ridge_pines(st: Stage, ridge: Field, tall: float, colour: Colour, ends: bool = False) -> None:
    """A continuous row of pines; with ``ends`` only at the sides, as a frame."""
    polygons: list[Polygon] = []
    x = -tall * 0.3
    while x < st.w + tall * 0.3:
        t = x / st.w
        if not ends or t < 0.17 or t > 0.9:
            size = tall * st.pick(0.55, 1.15)
            polygons += land.conifer(
                st, x, float(ridge[int(min(max(x, 0), st.w - 1))]) + tall * 0.06, size
            )
        x += tall * st.pick(0.16, 0.34)
    st.shapes(polygons, colour)
