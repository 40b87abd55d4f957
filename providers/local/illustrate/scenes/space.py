"""Outer space: nebula, stars, planets, the surface of a moon."""

from __future__ import annotations

import numpy as np

from providers.local.illustrate.colour import Colour, between, lift, mix
from providers.local.illustrate.fields import Field, axis, f32, line, ramp, soft_noise
from providers.local.illustrate.scenes import air, land
from providers.local.illustrate.stage import Stage


def space(st: Stage) -> None:
    """A nebula, stars, a planet at the side, the surface of a moon below."""
    u, pal = st.u, st.pal
    st.surface = "air"
    deep = mix(pal.sky[0], (0.015, 0.015, 0.045), 0.7)
    st.fill((deep, mix(deep, pal.sky[1], 0.4), deep))
    st.light = (st.w * 0.5 - u * 0.6, st.h * 0.1)
    _nebula(st)
    air.stars(st, st.h * 1.15, 1.5)
    side = 0.17 if st.w <= st.h * 1.6 else 0.13
    planet(
        st,
        st.w * side,
        st.h * 0.3,
        min(u * 0.15, st.h * 0.24),
        mix(pal.accent[0], (0.75, 0.6, 0.5), 0.25),
        ring=True,
    )
    planet(
        st,
        st.w * 0.88,
        st.h * 0.16,
        min(u * 0.045, st.h * 0.1),
        mix(pal.accent[2], (0.7, 0.7, 0.75), 0.4),
    )
    _moonscape(st)
    st.ground = st.h * 0.87


def _nebula(st: Stage) -> None:
    """Glowing gas: warped noise in two colours along a diagonal band, dark lanes in it."""
    u, pal = st.u, st.pal
    a = soft_noise(st.rng, st.h, st.w, (u * 0.5, u * 0.6), 6, 0.55)
    b = soft_noise(st.rng, st.h, st.w, (u * 0.35, u * 0.4), 6, 0.58)
    lane = soft_noise(st.rng, st.h, st.w, (u * 0.3, u * 0.3), 5, 0.6)
    t = (
        (st.x[None, :] - f32(st.w / 2)) * f32(0.55 / u)
        + (st.y[:, None] - f32(st.h * 0.46)) * f32(1.0 / u)
        + (lane - f32(0.5)) * f32(0.5)
    )
    band = f32(1) / (f32(1) + t * t * f32(9))
    one, two = pal.accent[0], pal.accent[1]
    st.screen(ramp(0.36, 0.8, a) * band * f32(0.75), mix(one, pal.sky[2], 0.35))
    st.screen(ramp(0.46, 0.8, b) * band * f32(0.6), mix(two, pal.sky[3], 0.25))
    st.screen(
        ramp(0.5, 0.78, a * f32(0.5) + b * f32(0.5)) * band * band * f32(0.6),
        mix(pal.sun, one, 0.3),
    )
    st.over(ramp(0.52, 0.68, lane) * band * f32(0.5), mix(pal.sky[0], (0.0, 0.0, 0.02), 0.6))


def planet(st: Stage, x: float, y: float, r: float, colour: Colour, *, ring: bool = False) -> None:
    """A planet with bands, a soft terminator, a rim of atmosphere and perhaps a ring."""
    n = int(r * (5 if ring else 2.6)) + 10
    px, py = (axis(n) - f32(n / 2)) * f32(1 / r), (axis(n) - f32(n / 2)) * f32(1 / r)
    d2 = (px * px)[None, :] + (py * py)[:, None]
    z = np.sqrt(np.clip(f32(1) - d2, 0, 1))
    tilt = px[None, :] * f32(0.32) + py[:, None]
    swirl = soft_noise(st.rng, n, n, (r * 0.4, r * 0.9), 4) - f32(0.5)
    at = np.clip((tilt + swirl * f32(0.28)) * f32(14) + f32(32), 0, 62.99)
    table = line(st.rng, 64, 5, 3)
    i = at.astype(np.intp)
    band = table[i] + (table[i + 1] - table[i]) * (at - i.astype(np.float32))
    lamp = np.clip(px[None, :] * f32(-0.72) + py[:, None] * f32(-0.42) + z * f32(0.42), 0, 1)
    level = np.clip(lamp * f32(1.25) * (f32(0.62) + band * f32(0.6)), 0, 1)
    cover = np.clip((f32(1) - np.sqrt(d2)) * f32(r) + f32(0.5), 0, 1)
    top, left = int(y - n / 2), int(x - n / 2)
    dark, light = mix(colour, (0.02, 0.02, 0.06), 0.9), mix(colour, st.pal.sun, 0.3)
    halo = ramp(1.22, 0.98, np.sqrt(d2)) * np.clip(
        px[None, :] * f32(-0.7) + py[:, None] * f32(-0.45) + f32(0.35), 0, 1
    )
    st.screen(halo * halo * f32(0.55), mix(colour, st.pal.sun, 0.4), top, left)
    st.over(
        cover,
        between(dark, light, level),
        top,
        left,
    )
    if ring:
        _ring(st, (px, py), cover, table, light, top, left)


def _ring(
    st: Stage,
    at: tuple[Field, Field],
    cover: Field,
    table: Field,
    light: Colour,
    top: int,
    left: int,
) -> None:
    """A tilted ring of many bands, hidden behind the planet and in its shadow there."""
    px, py = at
    across = px[None, :] * f32(0.26) + py[:, None] * f32(0.966)
    along = px[None, :] * f32(0.966) - py[:, None] * f32(0.26)
    e = np.sqrt(along * along + across * across * f32(16))
    rows = np.clip((e - f32(1.3)) * f32(60), 0, 62.99)
    grain = table[rows.astype(np.intp)]
    disc = ramp(1.32, 1.4, e) * ramp(2.2, 2.05, e) * (f32(0.3) + grain * f32(0.75))
    behind = np.where(across < 0, cover, f32(0))
    shadow = f32(1) - ramp(-0.2, 0.5, along) * ramp(1.1, 0.8, np.abs(across * f32(2.2))) * np.where(
        across < 0, f32(0.6), f32(0)
    )
    st.over(
        np.clip(disc * (f32(1) - behind) * f32(0.85), 0, 1),
        np.stack([f32(c) * shadow for c in mix(light, st.pal.sun, 0.35)]),
        top,
        left,
    )


def _moonscape(st: Stage) -> None:
    """A cratered surface that closes the picture below."""
    u, pal = st.u, st.pal
    t = st.x * f32(2 / st.w) - f32(1)
    ridge = (
        f32(st.h * 0.8)
        + t * t * f32(st.h * 0.06)
        - line(st.rng, st.w, u * 0.25, 5, 0.45) * f32(u * 0.045)
    )
    mask, top = st.below(ridge)
    rows = st.h - top
    rock = mix(pal.surface((0.68, 0.68, 0.74)), pal.sky[2], 0.2)
    relief = soft_noise(st.rng, rows, st.w, (u * 0.09, u * 0.3), 5, 0.5) - f32(0.5)
    y = axis(rows)[:, None] + f32(top) - ridge[None, :]
    level = np.clip(f32(0.62) - y * f32(0.75 / (st.h * 0.26)) + relief * f32(0.55), 0, 1) + ramp(
        u * 0.012, 0, y
    ) * f32(0.3)
    dark = mix(rock, (0.02, 0.02, 0.05), 0.8)
    st.over(
        mask,
        between(dark, lift(rock, 0.05), np.clip(level, 0, 1)),
        top,
    )
    for a, b, c in st.rng.random((int(14 * st.w / u), 3)).tolist():
        cy = st.h * (0.86 + 0.13 * b)
        r = u * (0.012 + 0.03 * c * c) * (0.5 + b)
        st.shapes([land.circle(a * st.w, cy, r, r * 0.3)], dark, 0.6)
        st.shapes([land.circle(a * st.w + r * 0.08, cy + r * 0.1, r * 0.9, r * 0.24)], rock, 0.5)
