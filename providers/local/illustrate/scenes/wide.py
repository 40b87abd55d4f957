"""Desert, snow, sky, space: wide open places."""

from __future__ import annotations

import numpy as np

from providers.local.illustrate.colour import Colour, lift, mix
from providers.local.illustrate.fields import Field, axis, f32, line, noise, ramp, soft_noise
from providers.local.illustrate.scenes import air, land
from providers.local.illustrate.scenes.nature import peaks
from providers.local.illustrate.stage import Polygon, Stage


def desert(st: Stage) -> None:
    """Dunes with a sharp crest between a lit and a shaded flank, table mountains far off."""
    u, pal = st.u, st.pal
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
        shape: Polygon = [(cx - w * 1.5, base), (cx - w * 1.05, base - h * 0.45), (cx - w * 0.95, base - h), (cx + w * 0.9, base - h * st.pick(0.95, 1.04)), (cx + w, base - h * 0.4), (cx + w * 1.5, base)]
        st.shapes([shape], colour)
        st.shapes([[(cx + w * 0.3, base - h), (cx + w * 0.9, base - h), (cx + w, base - h * 0.4), (cx + w * 1.5, base), (cx + w * 0.45, base)]], mix(colour, pal.shade, 0.16))


def dune(st: Stage, base: float, height: float, span: float, depth: float, near: float) -> None:
    """One row of dunes: the crest falls to the viewer as a winding edge between light and shadow."""
    u, pal = st.u, st.pal
    ridge = f32(base + height * 0.7) - line(st.rng, st.w, span, 2, 0.18) * f32(height * 2.6)
    mask, top = st.below(ridge)
    rows = st.h - top
    sand = pal.surface(land.SAND, depth)
    dark = mix(pal.surface(mix(land.SAND, (0.6, 0.32, 0.22), 0.7), depth), pal.shade, 0.26 * (1 - depth))
    slope = np.zeros(st.w, np.float32)
    slope[1:-1] = (ridge[2:] - ridge[:-2]) * f32(0.5)
    side = 1.0 if st.light[0] < st.w / 2 else -1.0
    y = axis(rows)[:, None] + f32(top) - ridge[None, :]
    # The shadow begins where the crest falls away from the light and widens downwards, its edge wavy.
    wander = (noise(st.rng, rows, st.w, (u * 0.25, u * 0.4), 2) - f32(0.5)) * f32(height * 0.9)
    drop = ramp(0.01, 0.3, slope * f32(side))[None, :] * f32(height * 2.4) + wander * f32(0.4)
    shaded = ramp(u * 0.012 + height * 0.05, -u * 0.004, y - drop) * ramp(0.0, 0.05, slope * f32(side))[None, :]
    ripple = noise(st.rng, rows, st.w, (u * 0.008 + u * 0.006 * near, u * 0.22), 3, 0.6)
    grade = np.clip(y * f32(1 / (u * 0.6)), 0, 1)
    level = np.clip(f32(0.94) - shaded * f32(0.85) - grade * f32(0.22) - ramp(0.5, 0.75, ripple) * f32(0.14 * near), 0, 1)
    bright = lift(sand, 0.03)
    st.over(mask, np.stack([f32(b) + (f32(a) - f32(b)) * level for a, b in zip(bright, dark, strict=True)]), top)
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


def _snow_trees(st: Stage, ridge: Field, tall: float, depth: float, white: Colour, near: float) -> None:
    """Spruces whose branches carry snow: each tier a dark skirt under a white one."""
    green = mix(st.pal.surface((0.14, 0.34, 0.32), depth), st.pal.shade, 0.2 * (1 - depth))
    shade = mix(white, st.pal.sky[1], 0.35)
    density = line(st.rng, st.w, st.u * 0.35, 2)
    count = int((34 - 16 * near) * st.w / st.u)
    for a, b, c in st.rng.random((count, 3)).tolist():
        x = a * st.w
        if (near > 0.6 and st.lead and 0.3 < a < 0.85) or density[min(int(x), st.w - 1)] < 0.42:
            continue
        height = tall * (0.6 + 0.7 * b)
        y = float(ridge[min(int(x), st.w - 1)]) + height * 0.05
        left = 1 if st.light[0] < x else -1
        for k in range(5):
            foot, half = y - height * 0.17 * k, height * (0.24 - 0.042 * k) * (0.9 + 0.2 * c)
            tip = foot - height * (0.34 - 0.015 * k)
            st.shapes([[(x - half, foot), (x - half * 0.45, foot + height * 0.02), (x, foot - height * 0.012), (x + half * 0.5, foot + height * 0.022), (x + half, foot), (x, tip)]], green)
            cap = 0.62
            st.shapes([[(x - half * cap, foot - height * 0.1), (x - half * 0.28, foot - height * 0.065), (x, foot - height * 0.12), (x + half * 0.25, foot - height * 0.07), (x + half * cap, foot - height * 0.105), (x, tip - 1)]], white)
            st.shapes([[(x, tip), (x + left * half * cap, foot - height * 0.105), (x + left * half * 0.25, foot - height * 0.07), (x, foot - height * 0.12)]], shade, 0.6)


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
        air.cumulus(st, st.w * (i + st.pick(0.1, 0.9)) / far, st.h * st.pick(0.3, 0.72), u * st.pick(0.18, 0.36), 0.75)
    st.veil(st.h * 0.55, st.h * 1.0, mix(pal.haze, pal.sun, 0.25), 0.6)
    for row in range(3):
        n = max(2, round((3.4 - row * 0.6) * st.w / u))
        for i in range(n):
            x = st.w * (i + st.pick(0.0, 1.0)) / n
            air.cumulus(st, x, st.h * (0.9 + 0.09 * row), u * st.pick(0.36, 0.5) * (1 + 0.3 * row), 0.96)
    air.rays(st, 0.22)
    air.birds(st, 5, st.w * 0.2, st.h * 0.3, u * 0.07)


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
    planet(st, st.w * side, st.h * 0.3, min(u * 0.15, st.h * 0.24), mix(pal.accent[0], (0.75, 0.6, 0.5), 0.25), ring=True)
    planet(st, st.w * 0.88, st.h * 0.16, min(u * 0.045, st.h * 0.1), mix(pal.accent[2], (0.7, 0.7, 0.75), 0.4))
    _moonscape(st)
    st.ground = st.h * 0.87


def _nebula(st: Stage) -> None:
    """Glowing gas: warped noise in two colours along a diagonal band, dark lanes in it."""
    u, pal = st.u, st.pal
    a = soft_noise(st.rng, st.h, st.w, (u * 0.5, u * 0.6), 6, 0.55)
    b = soft_noise(st.rng, st.h, st.w, (u * 0.35, u * 0.4), 6, 0.58)
    lane = soft_noise(st.rng, st.h, st.w, (u * 0.3, u * 0.3), 5, 0.6)
    t = (st.x[None, :] - f32(st.w / 2)) * f32(0.55 / u) + (st.y[:, None] - f32(st.h * 0.46)) * f32(1.0 / u) + (lane - f32(0.5)) * f32(0.5)
    band = f32(1) / (f32(1) + t * t * f32(9))
    one, two = pal.accent[0], pal.accent[1]
    st.screen(ramp(0.36, 0.8, a) * band * f32(0.75), mix(one, pal.sky[2], 0.35))
    st.screen(ramp(0.46, 0.8, b) * band * f32(0.6), mix(two, pal.sky[3], 0.25))
    st.screen(ramp(0.5, 0.78, a * f32(0.5) + b * f32(0.5)) * band * band * f32(0.6), mix(pal.sun, one, 0.3))
    st.over(ramp(0.52, 0.68, lane) * band * f32(0.5), mix(pal.sky[0], (0.0, 0.0, 0.02), 0.6))


def planet(st: Stage, x: float, y: float, r: float, colour: Colour, ring: bool = False) -> None:
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
    halo = ramp(1.22, 0.98, np.sqrt(d2)) * np.clip(px[None, :] * f32(-0.7) + py[:, None] * f32(-0.45) + f32(0.35), 0, 1)
    st.screen(halo * halo * f32(0.55), mix(colour, st.pal.sun, 0.4), top, left)
    st.over(cover, np.stack([f32(b) + (f32(a) - f32(b)) * level for a, b in zip(light, dark, strict=True)]), top, left)
    if not ring:
        return
    across = px[None, :] * f32(0.26) + py[:, None] * f32(0.966)
    along = px[None, :] * f32(0.966) - py[:, None] * f32(0.26)
    e = np.sqrt(along * along + across * across * f32(16))
    rows = np.clip((e - f32(1.3)) * f32(60), 0, 62.99)
    grain = table[rows.astype(np.intp)]
    disc = ramp(1.32, 1.4, e) * ramp(2.2, 2.05, e) * (f32(0.3) + grain * f32(0.75))
    behind = np.where(across < 0, cover, f32(0))
    shadow = f32(1) - ramp(-0.2, 0.5, along) * ramp(1.1, 0.8, np.abs(across * f32(2.2))) * np.where(across < 0, f32(0.6), f32(0))
    st.over(np.clip(disc * (f32(1) - behind) * f32(0.85), 0, 1), np.stack([f32(c) * shadow for c in mix(light, st.pal.sun, 0.35)]), top, left)


def _moonscape(st: Stage) -> None:
    """A cratered surface that closes the picture below."""
    u, pal = st.u, st.pal
    t = st.x * f32(2 / st.w) - f32(1)
    ridge = f32(st.h * 0.8) + t * t * f32(st.h * 0.06) - line(st.rng, st.w, u * 0.25, 5, 0.45) * f32(u * 0.045)
    mask, top = st.below(ridge)
    rows = st.h - top
    rock = mix(pal.surface((0.68, 0.68, 0.74)), pal.sky[2], 0.2)
    relief = noise(st.rng, rows, st.w, (u * 0.05, u * 0.12), 5, 0.55)
    dx = np.zeros_like(relief)
    dx[:, 1:] = (relief[:, 1:] - relief[:, :-1]) * f32(u * 0.035)
    y = axis(rows)[:, None] + f32(top) - ridge[None, :]
    level = np.clip(f32(0.62) - y * f32(0.75 / (st.h * 0.26)) + dx, 0, 1) + ramp(u * 0.012, 0, y) * f32(0.3)
    dark = mix(rock, (0.02, 0.02, 0.05), 0.8)
    st.over(mask, np.stack([f32(b) + (f32(a) - f32(b)) * np.clip(level, 0, 1) for a, b in zip(lift(rock, 0.05), dark, strict=True)]), top)
    for a, b, c in st.rng.random((int(14 * st.w / u), 3)).tolist():
        cy = st.h * (0.86 + 0.13 * b)
        r = u * (0.012 + 0.03 * c * c) * (0.5 + b)
        st.shapes([land.circle(a * st.w, cy, r, r * 0.3)], dark, 0.6)
        st.shapes([land.circle(a * st.w + r * 0.08, cy + r * 0.1, r * 0.9, r * 0.24)], rock, 0.5)
