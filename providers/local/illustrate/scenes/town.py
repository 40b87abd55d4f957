"""City skyline and open road."""

from __future__ import annotations

import numpy as np

from providers.local.illustrate.colour import Colour, between, lift, mix
from providers.local.illustrate.fields import Field, axis, blur, f32, ramp, soft_noise
from providers.local.illustrate.scenes import air, land
from providers.local.illustrate.stage import Polygon, Stage


def city(st: Stage) -> None:
    """Rows of towers in haze with lit windows, a wet street or a quay that mirrors them."""
    u, pal = st.u, st.pal
    horizon = st.h * 0.74
    air.sky(st, horizon, size=0.1 if pal.name == "neon" else 0.06, clouds=0.4)
    if pal.name == "neon":
        _retro_sun(st)
    dark = pal.local < 0.75
    for i in range(4):
        near = i / 3
        tall = min(st.h * (0.34 + 0.16 * near), u * 0.72)
        body = (0.42, 0.48, 0.6) if i % 2 else (0.55, 0.5, 0.55)
        colour = mix(
            pal.surface(body, 0.72 * (1 - near) ** 1.1), pal.shade, (0.42 if dark else 0.12) * near
        )
        _towers(st, horizon + u * 0.01, tall, colour, near, dark)
        if i < 3:
            air.mist(st, horizon - tall * 0.5, horizon + u * 0.1, 0.42)
    _street(st, horizon)
    st.ground = st.h * 0.88
    st.surface, st.mirror = "ground", 0.35 if dark else 0.18


def _retro_sun(st: Stage) -> None:
    """The striped sun of synthwave posters, warm above and pink below."""
    x, y = st.light[0], max(st.light[1], st.u * 0.24)
    st.light = (x, y)
    r = st.u * 0.17
    n = int(2 * r + 8)
    d = st.distance(n / 2, n / 2, n, n)
    t = axis(n) * f32(1 / n)
    stripes = np.ones(n, np.float32)
    for k in range(6):
        at, half = 0.52 + 0.08 * k, 0.006 + 0.0045 * k
        stripes *= ramp(half * 0.8, half * 1.25, np.abs(t - f32(at)))
    cover = np.clip(f32(r) - d + f32(0.5), 0, 1) * stripes[:, None]
    warm, pink = mix(st.pal.sun, (1.0, 0.85, 0.3), 0.5), st.pal.accent[0]
    paint = between(warm, pink, t)[:, :, None]
    st.glow(x, y, r * 2.2, pink, 0.5)
    st.over(cover, paint, int(y - n / 2), int(x - n / 2))


def _towers(st: Stage, base: float, tall: float, colour: Colour, near: float, dark: bool) -> None:
    """One row of buildings with windows; roofs differ."""
    u = st.u
    light, shade = lift(colour, 0.05 * near + 0.015), lift(colour, -0.035 * near - 0.01)
    side = 1 if st.light[0] < st.w / 2 else -1
    x = -u * 0.05 * st.pick(0, 1)
    windows: list[list[Polygon]] = [[], [], []]
    while x < st.w:
        wide = u * st.pick(0.045, 0.1) * (0.7 + 0.5 * near)
        # Lower towers around the subject's place, so that it stands before the sky.
        height = tall * st.pick(0.3, 1.0) * (0.8 if st.lead and 0.5 < x / st.w < 0.8 else 1.0)
        top = base - height
        outline = _roof(st, x, top, wide, base)
        mask_colour = st.rows(
            (light, colour, mix(colour, st.pal.haze, 0.4 * (1 - near * 0.7))), top, base
        )
        st.shapes(outline, mask_colour[:, :, None])
        edge = wide * 0.28
        ex = x + wide - edge if side > 0 else x
        st.shapes([[(ex, top), (ex + edge, top), (ex + edge, base), (ex, base)]], shade, 0.55)
        _windows(st, windows, x, top, wide, base, near)
        x += wide * st.pick(0.92, 1.35)
    tones = (
        ((1.0, 0.86, 0.55), st.pal.accent[1], st.pal.accent[0])
        if dark
        else (lift(colour, 0.14),) * 3
    )
    for polygons, tone in zip(windows, tones, strict=True):
        st.shapes(polygons, mix(tone, st.pal.haze, 0.5 * (1 - near)), 0.9 if dark else 0.6)


def _roof(st: Stage, x: float, top: float, wide: float, base: float) -> list[Polygon]:
    """The outline of a tower: flat, stepped, slanted, or with a mast."""
    kind = int(st.rng.integers(0, 5))
    body: Polygon = [(x, top), (x + wide, top), (x + wide, base), (x, base)]
    if kind == 0:
        step = wide * 0.22
        return [
            body,
            [
                (x + step, top - wide * 0.3),
                (x + wide - step, top - wide * 0.3),
                (x + wide - step, top + 1),
                (x + step, top + 1),
            ],
        ]
    if kind == 1:
        return [[(x, top), (x + wide, top - wide * 0.35), (x + wide, base), (x, base)]]
    if kind == 2:
        m = max(wide * 0.025, 0.7)
        return [
            body,
            [
                (x + wide / 2 - m, top),
                (x + wide / 2 - m * 0.4, top - wide * 0.75),
                (x + wide / 2 + m * 0.4, top - wide * 0.75),
                (x + wide / 2 + m, top),
            ],
        ]
    if kind == 3:
        return [
            [
                (x, top),
                (x + wide / 2, top - wide * 0.45),
                (x + wide, top),
                (x + wide, base),
                (x, base),
            ]
        ]
    return [body]


def _windows(
    st: Stage, out: list[list[Polygon]], x: float, top: float, wide: float, base: float, near: float
) -> None:
    """A grid of windows, some lit; three groups by colour."""
    if near < 0.3:
        return
    columns = int(st.rng.integers(3, 6))
    gap = wide / (columns + 0.6)
    rows = int((base - top) / (gap * 1.35)) - 1
    if gap < 2.2 or rows < 1:
        return
    share = 0.42 if st.pal.local < 0.75 else 0.7
    lot = st.rng.random((rows, columns))
    for r in range(rows):
        for c in range(columns):
            if lot[r, c] < share:
                wx, wy = x + gap * (c + 0.55), top + gap * 1.35 * (r + 0.7)
                group = 0 if lot[r, c] < share * 0.74 else 1 if lot[r, c] < share * 0.9 else 2
                out[group].append(
                    [
                        (wx, wy),
                        (wx + gap * 0.5, wy),
                        (wx + gap * 0.5, wy + gap * 0.75),
                        (wx, wy + gap * 0.75),
                    ]
                )


def _street(st: Stage, top: float) -> None:
    """The foreground: a smooth, slightly wet quay that mirrors the town."""
    y0 = int(top)
    n = st.h - y0
    if n < 4:
        return
    u, pal = st.u, st.pal
    flip = np.clip(y0 - 1 - (axis(n) * f32(1.3)).astype(np.intp), 0, st.h - 1)
    mirror = st.image[:, flip, :].copy()
    ripple = soft_noise(st.rng, n, st.w, (u * 0.015, u * 0.2), 3)
    t = axis(n) * f32(1 / n)
    for c in range(3):
        mirror[c] = blur(mirror[c], u * 0.008)
    base = mix(pal.shade, pal.surface((0.45, 0.45, 0.5)), 0.35)
    ground = np.asarray(base, np.float32)[:, None, None]
    keep = (f32(0.62) - t * f32(0.42))[:, None] * (f32(0.55) + ripple * f32(0.6))
    st.image[:, y0:] = ground + (mirror - ground) * keep[None]
    edge = ramp(u * 0.012, 0, axis(n))[:, None] * np.ones((1, st.w), np.float32)
    st.over(edge * f32(0.75), lift(base, -0.05), y0)


def road(st: Stage) -> None:
    """A road that winds from the lower edge to the horizon through rolling land."""
    u, pal = st.u, st.pal
    horizon = st.h * 0.54
    air.sky(st, horizon, clouds=0.55)
    if not pal.night and pal.local > 0.5:
        for _ in range(max(2, round(2 * st.w / u))):
            air.cumulus(
                st, st.w * st.pick(0, 1), horizon * st.pick(0.4, 0.9), u * st.pick(0.2, 0.45), 0.9
            )
    green = {"autumn": (0.74, 0.55, 0.26), "sand": land.SAND}.get(pal.name, land.GRASS)
    far = land.rolling(st, horizon + u * 0.01, u * 0.16, u * 0.5, 4)
    land.hill(st, far, pal.surface(mix(green, land.PINE, 0.5), 0.62))
    mid = land.rolling(st, horizon + u * 0.015, u * 0.05, u * 0.7)
    land.hill(st, mid, pal.surface(green, 0.35))
    flat = np.full(st.w, horizon + u * 0.01, np.float32)
    land.hill(st, flat, pal.surface(green, 0.1), depth=0.6)
    land.texture(st, flat, 0.3, u * 0.05, 6)
    _ribbon(st, horizon + u * 0.012)
    st.ground = st.h * 0.87
    st.front.append(_verge)


def _ribbon(st: Stage, top: float) -> None:
    """The road itself: a strip that widens with the perspective, its lines and a soft shoulder."""
    y0 = int(top)
    n = st.h - y0
    if n < 4:
        return
    u, pal = st.u, st.pal
    t = (axis(n) * f32(1 / n))[:, None]
    centre = f32(st.w * 0.5) + (f32(0.5) - t) * (f32(1) - t) * f32(u * 0.5) * f32(
        1 if st.light[0] < st.w / 2 else -1
    )
    half = f32(u * 0.008) + t * t * f32(u * 0.2) + t * f32(u * 0.42)
    d = (st.x[None, :] - centre) / half
    soft = f32(1) / half
    asphalt = mix(pal.surface((0.36, 0.37, 0.42)), pal.shade, 0.2)
    paint = np.stack(
        [
            np.broadcast_to(f32(a) + (f32(b) - f32(a)) * ramp(0.0, 0.35, t), (n, 1))
            for a, b in zip(mix(asphalt, pal.haze, 0.6), asphalt, strict=True)
        ]
    )
    st.over(
        np.clip((f32(1.16) - np.abs(d)) / soft + f32(0.5), 0, 1),
        pal.surface((0.8, 0.72, 0.58), 0.1),
        y0,
    )
    st.over(np.clip((f32(1) - np.abs(d)) / soft + f32(0.5), 0, 1), paint, y0)
    white = pal.surface((0.98, 0.97, 0.92))
    side = np.clip((f32(0.022) - np.abs(np.abs(d) - f32(0.9))) / soft + f32(0.5), 0, 1)
    # Dashes of equal length on the ground: equal steps of 1/t in the picture.
    phase = f32(9) / (t + f32(0.12))
    dash = ramp(0.45, 0.5, np.abs(phase - np.floor(phase) - f32(0.5)) * f32(2))
    middle = np.clip((f32(0.02) - np.abs(d)) / soft + f32(0.5), 0, 1) * dash
    st.over(np.maximum(side, middle) * f32(0.85), white, y0)


def _verge(st: Stage) -> None:
    """Grass in the lower corners."""
    u = st.u
    t = np.abs(st.x * f32(2 / st.w) - f32(1))
    ridge: Field = f32(st.h + u * 0.05) - ramp(0.45, 1.0, t) * f32(u * 0.13)
    dark = mix(st.pal.surface((0.25, 0.42, 0.2)), st.pal.shade, 0.35)
    st.shapes(land.tufts(st, ridge, int(160 * st.w / u), (u * 0.02, u * 0.07), u * 0.02), dark)
    st.layer(ridge, (dark, mix(dark, st.pal.shade, 0.4)), u * 0.1, soft=2)
