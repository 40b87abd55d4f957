"""Sky, sun and moon, stars, clouds, light shafts: what most scenes begin with."""

from __future__ import annotations

import numpy as np

from providers.local.illustrate.colour import Colour, between, lift, mix
from providers.local.illustrate.fields import (
    Field,
    axis,
    blur,
    f32,
    ramp,
    shift,
    soft_noise,
    stretch,
)
from providers.local.illustrate.stage import Stage

WHITE: Colour = (1.0, 1.0, 1.0)


def sky(
    st: Stage, horizon: float, *, sun: bool = True, size: float = 0.07, clouds: float = 0.5
) -> None:
    """Paint the sky down to row ``horizon`` with its luminary.

    ``size`` in units and some clouds (0..1).
    """
    pal = st.pal
    st.horizon = horizon
    places = (0.0, 0.38, 0.74, 1.0)
    st.fill(pal.sky, -0.05 * st.h, horizon + 0.02 * st.h, places)
    # Away from the subject's place (the right third by default), so that light comes across the
    # picture.
    st.light = (
        st.w * st.pick(0.27, 0.38),
        horizon - pal.height * (horizon - st.u * 0.06) - st.u * 0.02,
    )
    st.light = (st.light[0], max(st.light[1], st.u * 0.1))
    if pal.night:
        stars(st, horizon)
    if clouds > 0:
        streaks(st, horizon, clouds)
    if sun:
        (moon if pal.night else disc)(st, size)


def disc(st: Stage, size: float) -> None:
    """A sun with a wide and a narrow glow."""
    x, y = st.light
    u, pal = st.u, st.pal
    low = 1.0 - pal.height
    st.glow(x, y, u * 0.62, pal.sun, 0.28 + 0.25 * low)
    st.glow(x, y, u * 0.2, pal.sun, 0.5)
    st.disc(x, y, u * size, mix(pal.sun, WHITE, 0.35), soft=max(u * 0.006, 1.2))


def moon(st: Stage, size: float) -> None:
    """A moon with maria and a dim limb."""
    x, y = st.light
    u, pal = st.u, st.pal
    r = u * size * 0.95
    st.glow(x, y, u * 0.5, pal.key, 0.3)
    st.glow(x, y, u * 0.16, pal.sun, 0.4)
    n = int(2 * r + 8)
    maria = ramp(0.45, 0.72, soft_noise(st.rng, n, n, (r * 0.9, r * 0.9), 4))
    d = st.distance(n / 2, n / 2, n, n) * f32(1 / r)
    cover = np.clip((f32(1) - d) * f32(r) + f32(0.5), 0, 1)
    body = np.stack(
        [f32(c) * (f32(1) - maria * f32(0.2)) * (f32(1) - d * d * f32(0.14)) for c in pal.sun]
    )
    st.over(cover, body, int(y - n / 2), int(x - n / 2))


def stars(st: Stage, horizon: float, density: float = 1.0) -> None:
    """Stars of many sizes; fewer and dimmer towards the horizon."""
    count = int(st.w * horizon / (st.u * st.u) * 420 * density)
    place = st.rng.random((count, 4))
    size = max(st.u / 1000, 0.55)
    for px, py, brightness, warm in place.tolist():
        y = py * horizon
        fade = 1 - (y / horizon) ** 2
        power = brightness**6
        r = size * (0.55 + 1.6 * power)
        tone: Colour = (
            (1.0, 0.93, 0.8) if warm > 0.75 else (0.85, 0.92, 1.0) if warm < 0.4 else WHITE
        )
        st.disc(px * st.w, y, r, tone, soft=r * 1.3, alpha=fade * (0.25 + 0.75 * power))
        if power > 0.75:
            st_halo(st, px * st.w, y, r * 7, tone, 0.28 * fade)


def st_halo(st: Stage, x: float, y: float, r: float, colour: Colour, strength: float) -> None:
    """A small local halo (a full-picture glow per star would cost too much)."""
    n = int(2 * r + 3)
    d = st.distance(n / 2, n / 2, n, n) * f32(1 / r)
    t = np.clip(f32(1) - d, 0, 1)
    st.screen(t * t * t * f32(strength), colour, int(y - n / 2), int(x - n / 2))


def streaks(st: Stage, horizon: float, amount: float) -> None:
    """High clouds: long and thin towards the horizon, lit from the side of the light."""
    h = max(int(horizon), 2)
    u, pal = st.u, st.pal
    body = soft_noise(st.rng, h, st.w, (u * 0.17, u * 0.75), 5, 0.55)
    band = ramp(0.02, 0.35, axis(h) * f32(1 / h)) * (
        f32(1) - ramp(0.75, 1.02, axis(h) * f32(1 / h))
    )
    cover = ramp(0.72 - 0.25 * amount, 0.86, body) * band[:, None]
    # Difference to the cloud a little nearer to the light: bright rims, dim bellies.
    step = max(int(u * 0.02), 1)
    rim = np.clip((body - shift(body, -step, 0)) * f32(4) + f32(0.5), 0, 1)
    bright = mix(pal.sun, pal.haze, 0.25) if not pal.night else mix(pal.key, pal.haze, 0.6)
    dim = mix(pal.sky[2], pal.sky[1], 0.35)
    paint = between(dim, bright, rim)
    st.over(cover * f32(0.25 + 0.5 * amount), paint)


def cumulus(st: Stage, cx: float, base: float, width: float, alpha: float = 1.0) -> None:
    """One heap cloud.

    A pile of discs with a flat base, broken up by noise and lit from the light's side.
    """
    w, h = int(width * 1.3) + 8, int(width * 0.62) + 8
    rng, pal = st.rng, st.pal
    dome = np.zeros((h, w), np.float32)
    for _ in range(11):
        t = st.pick(-1, 1)
        r = width * st.pick(0.09, 0.17) * (1.25 - abs(t))
        x, y = (
            w / 2 + t * width * 0.4,
            h * 0.8 - r * st.pick(0.4, 1.0) - (1 - t * t) * width * st.pick(0, 0.16),
        )
        d = st.distance(x, y, h, w) * f32(1 / r)
        np.maximum(dome, f32(1.25) - d, out=dome)
    rough = soft_noise(rng, h, w, (width * 0.16, width * 0.16), 5, 0.6) - f32(0.5)
    field = dome + rough * f32(0.75)
    floor = f32(1) - ramp(h * 0.72, h * 0.88, axis(h)[:, None] + rough * f32(width * 0.2))
    cover = ramp(0.05, 0.34, field) * floor
    left = 1 if st.light[0] < cx else -1
    thick = blur(np.clip(field * f32(0.8), 0, 1), width * 0.02)
    s = max(int(width * 0.035), 1)
    rim = thick - shift(thick, s, s * left)
    tall = f32(1) - axis(h)[:, None] * f32(1 / h)
    glow = np.clip(f32(0.5) + rim * f32(1.5) + (tall - f32(0.45)) * f32(0.8), 0, 1)
    bright = mix(pal.sun, WHITE, 0.5) if not pal.night else mix(pal.key, pal.haze, 0.3)
    dim = mix(pal.sky[2], pal.sky[1], 0.45)
    paint = between(dim, bright, glow)
    st.over(cover * f32(alpha), paint, int(base - h * 0.8), int(cx - w / 2))


def rays(st: Stage, strength: float, colour: Colour | None = None, spread: float = 2.5) -> None:
    """Shafts of light from the light's place downwards (by slope, not by angle: no arc tangent)."""
    x, y = st.light
    h2, w2 = st.h // 2 + 1, st.w // 2 + 1
    dx = axis(w2) * f32(2) - f32(x)
    dy = axis(h2) * f32(2) - f32(y)
    t = dx[None, :] / (np.abs(dy)[:, None] + f32(st.u * 0.12))
    t = t * f32(spread) / (f32(1) + np.abs(t))
    table = st.rng.random(64, np.float32)
    at = (t + f32(spread)) * f32(31.0 / spread)
    i = np.clip(at.astype(np.intp), 0, 62)
    f = np.clip(at - i.astype(np.float32), 0, 1)
    f = f * f * (f32(3) - f32(2) * f)
    beam = table[i] + (table[i + 1] - table[i]) * f
    reach = (
        ramp(st.h * 0.95, 0.0, np.abs(dy))[:, None] * ramp(-st.u * 0.02, st.u * 0.1, dy)[:, None]
    )
    field: Field = ramp(0.45, 1.0, beam) * reach * f32(strength)
    st.screen(stretch(field, st.h, st.w, smooth=False), colour or st.pal.sun)


def birds(st: Stage, count: int, x: float, y: float, spread: float) -> None:
    """A few distant birds around (x, y)."""
    colour = mix(st.pal.shade, st.pal.haze, 0.35)
    polygons = []
    for _ in range(count):
        s = st.u * st.pick(0.007, 0.015)
        bx, by = x + st.pick(-spread, spread), y + st.pick(-spread, spread) * 0.4
        dip = st.pick(0.1, 0.5)
        upper = [(-1.0, -0.1 - dip), (-0.5, -0.45), (0.0, 0.0), (0.5, -0.45), (1.0, -0.1 - dip)]
        lower = [(0.5, -0.27), (0.0, 0.22), (-0.5, -0.27)]
        polygons.append([(bx + px * s, by + py * s) for px, py in upper + lower])
    st.shapes(polygons, colour)


def mist(
    st: Stage, top: float, bottom: float, strength: float, colour: Colour | None = None
) -> None:
    """A bank of mist between two rows, uneven along the width."""
    y0, y1 = max(int(top), 0), min(int(bottom), st.h)
    if y1 - y0 < 4:
        return
    n = y1 - y0
    drift = soft_noise(st.rng, n, st.w, (n * 0.6, st.u * 0.6), 3)
    t = axis(n) * f32(1 / n)
    band = ramp(0.0, 0.55, t) * (f32(1) - ramp(0.6, 1.0, t))
    st.over(
        ramp(0.15, 0.75, drift) * band[:, None] * f32(strength),
        colour or lift(st.pal.haze, 0.02),
        y0,
    )
