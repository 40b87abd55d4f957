"""Mountains by a lake, and the peaks that other scenes borrow."""

from __future__ import annotations

import numpy as np

from providers.local.illustrate.colour import Colour, mix
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


def peaks(st: Stage, base: float, height: float, depth: float, few: bool = False) -> None:
    """A mountain chain.

    Triangle waves roughened, faces lit from the light's side, snow above a wavy line.
    """
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
    lit_side = _faces(st, ridge, tops, rows)
    rock = pal.surface((0.62, 0.58, 0.58), depth)
    shade = mix(pal.surface(mix(land.ROCK, pal.shade, 0.5), depth), pal.shade, 0.34 * (1 - depth))
    paint = np.stack(
        [f32(b) + (f32(a) - f32(b)) * lit_side for a, b in zip(rock, shade, strict=True)]
    )
    below = axis(rows)[:, None] + f32(top) - ridge[None, :]
    line_y = f32(height * 0.26) * (f32(0.35) + high[None, :]) + (
        noise(st.rng, rows, st.w, (u * 0.16, u * 0.04), 5, 0.6) - f32(0.5)
    ) * f32(height * 0.85)
    snow = ramp(height * 0.02, -height * 0.02, below - line_y) * ramp(0.35, 0.5, high)[None, :]
    white, blue = (
        pal.surface(land.SNOW, depth * 0.7),
        mix(pal.surface((0.58, 0.68, 0.86), depth), pal.shade, 0.3 * (1 - depth)),
    )
    cold = np.stack(
        [f32(b) + (f32(a) - f32(b)) * lit_side for a, b in zip(white, blue, strict=True)]
    )
    paint = paint + (cold - paint) * snow
    fade = ramp(base - height * 0.55, base + u * 0.04, axis(rows) + f32(top))[None, :, None] * f32(
        0.42
    )
    haze = np.asarray(pal.haze, np.float32)[:, None, None]
    st.over(mask, paint + (haze - paint) * fade, top)


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
            polygons += land.conifer(
                st, x, float(ridge[int(min(max(x, 0), st.w - 1))]) + tall * 0.06, size
            )
        x += tall * st.pick(0.16, 0.34)
    st.shapes(polygons, colour)
