"""The studio: wall, floor, lamp, podium and props, also for the other indoor scenes."""

from __future__ import annotations

import numpy as np

from providers.local.illustrate.colour import Colour, between, lift, mix
from providers.local.illustrate.fields import axis, f32, fall, ramp
from providers.local.illustrate.stage import Stage


def key(st: Stage) -> None:
    """The lamp: above left, outside the picture."""
    st.light = (st.w * 0.5 - st.u * 0.55, -st.u * 0.15)


def wall(st: Stage, colour: Colour, floor_y: float) -> None:
    """A wall with the pool of light of a soft box."""
    st.fill((lift(colour, -0.02), colour, lift(colour, -0.05)), 0, floor_y)
    st.glow(st.w * 0.5 - st.u * 0.2, floor_y * 0.45, st.u * 0.75, lift(colour, 0.12), 0.55)


def paint_floor(st: Stage, y: float, colour: Colour) -> None:
    """A floor whose far edge melts into the wall (an infinity cove) and that shines a little."""
    n = st.h - int(y)
    t = axis(n) * f32(1 / max(n, 1))
    rows = st.rows((lift(colour, 0.05), colour, lift(colour, -0.07)), y, st.h)
    mask = np.repeat(ramp(0, 0.14, t)[:, None], st.w, 1)
    st.over(mask, rows[:, int(y) :, None], int(y))
    dx = (st.x - f32(st.w * 0.5)) * f32(1 / (st.u * 0.6))
    dy = (t - f32(0.35)) * f32(2.6)
    st.screen(fall((dx * dx)[None, :] + (dy * dy)[:, None]) * f32(0.22), st.pal.sun, int(y))


def studio(st: Stage) -> None:
    """A podium of round steps before an arch, lit from the upper left."""
    u, pal = st.u, st.pal
    key(st)
    back, front = two_tones(st)
    floor = st.h * 0.7
    wall(st, back, floor)
    st.horizon = floor
    cx = st.w * 0.5
    _arch(st, cx, floor, mix(back, front, 0.75))
    paint_floor(st, floor, mix(back, front, 0.3))
    top = max(st.h * 0.76, st.h - u * 0.26)
    for k, (wide, dy) in enumerate(((0.44, 0.09), (0.33, 0.0))):
        drum(
            st,
            cx,
            top + u * dy,
            u * wide,
            u * 0.09,
            lift(mix(front, (1.0, 1.0, 1.0), 0.35 - 0.1 * k), 0.02),
        )
    st.ground, st.surface, st.mirror = top + u * 0.012, "table", 0.12
    for side, r, y in ((-1, 0.055, 0.12), (1, 0.085, 0.13), (1, 0.03, 0.17)):
        x = cx + side * min(u * 0.57, st.w * 0.4) * (1.12 if r == 0.03 else 1.0)
        ball(st, x, top + u * y - u * r * 0.2, u * r, pal.accent[2 if side < 0 else 1])


def two_tones(st: Stage) -> tuple[Colour, Colour]:
    """Wall and podium colours that belong together: the palette's sky end and its accent."""
    pal = st.pal
    if pal.night:
        return mix(pal.sky[1], pal.sky[2], 0.4), mix(pal.accent[0], pal.sky[1], 0.35)
    return mix(pal.sky[2], pal.accent[0], 0.18), mix(pal.accent[0], (1.0, 1.0, 1.0), 0.12)


def _arch(st: Stage, cx: float, floor: float, colour: Colour) -> None:
    """A niche in the wall: half disc on a box, with the shadow of its left edge inside."""
    u = st.u
    r = min(u * 0.36, floor * 0.52)
    top = floor - r - min(u * 0.28, floor * 0.4)
    x, y = st.x[None, :] - f32(cx), st.y[:, None] - f32(top + r)
    d = np.where(y < 0, np.sqrt(x * x + y * y), np.abs(x)) - f32(r)
    inside = np.clip(f32(0.5) - d, 0, 1) * ramp(floor + u * 0.03, floor, st.y)[:, None]
    shade = st.rows((lift(colour, -0.06), colour, lift(colour, 0.04)), top, floor)
    st.over(inside, shade[:, :, None])
    xs = x - f32(u * 0.05)
    ys = y - f32(u * 0.045)
    d2 = np.where(ys < 0, np.sqrt(xs * xs + ys * ys), np.abs(xs)) - f32(r)
    st.over(inside * ramp(-u * 0.02, u * 0.05, d2) * f32(0.4), lift(colour, -0.28))
    rim = (
        ramp(-u * 0.006, 0, d)
        * ramp(u * 0.004, 0, d)
        * ramp(-u * 0.1, u * 0.3, x)
        * ramp(floor, floor - 2, st.y)[:, None]
    )
    st.screen(rim * f32(0.5), st.pal.sun)


def drum(st: Stage, cx: float, top: float, r: float, height: float, colour: Colour) -> None:
    """A round step: side with light and dark flank, top disc, bright rim, shadow on the floor."""
    ry = r * 0.17
    dx = (st.x - f32(cx + r * 0.1)) * f32(1 / (r * 1.5))
    dy = (st.y - f32(top + height + ry * 0.35)) * f32(1 / (ry * 2.4))
    st.over(fall((dx * dx)[None, :] + (dy * dy)[:, None], 3) * f32(0.5), lift(colour, -0.35))
    t = (st.x - f32(cx)) * f32(1 / r)
    inside = np.clip(f32(1) - t * t, 0, 1)
    curve = np.sqrt(inside)
    cover = np.clip(f32(r) - np.abs(st.x - f32(cx)) + f32(0.5), 0, 1)
    low = f32(top + height) + curve * f32(ry)
    y = st.y[:, None]
    side = np.clip(low[None, :] - y + f32(0.5), 0, 1) * np.clip(y - f32(top), 0, 1) * cover
    bright = np.clip(f32(0.62) - (t + f32(0.42)) * (t + f32(0.42)) * f32(0.55), 0, 1)
    light, dark = lift(colour, 0.02), lift(colour, -0.22)
    paint = np.stack(
        [(f32(d) + (f32(a) - f32(d)) * bright)[None, :] for a, d in zip(light, dark, strict=True)]
    )
    st.over(side.astype(np.float32), paint)
    d = np.sqrt((t * t)[None, :] + ((st.y - f32(top)) * f32(1 / ry))[:, None] ** 2)
    disc = np.clip((f32(1) - d) * f32(ry) + f32(0.5), 0, 1)
    glow = np.clip(f32(0.85) - (t + f32(0.3))[None, :] ** 2 * f32(0.4), 0, 1) + np.zeros(
        (st.h, 1), np.float32
    )
    face = between(lift(colour, -0.03), lift(colour, 0.1), glow)
    st.over(disc, face)
    rim = ramp(0.965, 0.99, d) * disc * ramp(-ry * 0.5, ry, st.y - f32(top))[:, None]
    st.screen(rim * f32(0.55), (1.0, 1.0, 1.0))


def ball(st: Stage, x: float, y: float, r: float, colour: Colour) -> None:
    """A matte sphere with its shadow: the studio's props."""
    dx = (st.x - f32(x + r * 0.5)) * f32(1 / (r * 1.5))
    dy = (st.y - f32(y + r * 0.95)) * f32(1 / (r * 0.32))
    st.over(
        fall((dx * dx)[None, :] + (dy * dy)[:, None], 3) * f32(0.5),
        lift(st.pal.surface(colour), -0.35),
    )
    n = int(2 * r + 8)
    px, py = (axis(n) - f32(n / 2)) * f32(1 / r), (axis(n) - f32(n / 2)) * f32(1 / r)
    d2 = (px * px)[None, :] + (py * py)[:, None]
    z = np.sqrt(np.clip(f32(1) - d2, 0, 1))
    lamp = np.clip(px[None, :] * f32(-0.5) + py[:, None] * f32(-0.55) + z * f32(0.67), 0, 1)
    bounce = np.clip(py[:, None], 0, 1) * (f32(1) - z) * f32(0.25)
    cover = np.clip((f32(1) - np.sqrt(d2)) * f32(r) + f32(0.5), 0, 1)
    light, dark = lift(colour, 0.1), lift(colour, -0.24)
    level = np.clip(lamp + bounce, 0, 1)
    st.over(
        cover,
        between(dark, light, level),
        int(y - n / 2),
        int(x - n / 2),
    )


def bokeh(st: Stage, bottom: float, colours: tuple[Colour, ...], count: int, size: float) -> None:
    """Out-of-focus lights: soft discs with a brighter rim."""
    for a, b, c, d in st.rng.random((int(count * st.w / st.u), 4)).tolist():
        r = st.u * size * (0.35 + 0.8 * c)
        n = int(2 * r + 6)
        dist = st.distance(n / 2, n / 2, n, n) * f32(1 / r)
        disc = ramp(1.04, 0.94, dist) * (f32(0.55) + ramp(0.6, 1.0, dist) * f32(0.45))
        st.screen(
            disc * f32(0.1 + 0.3 * d),
            colours[int(d * 977) % len(colours)],
            int(b * bottom - n / 2),
            int(a * st.w - n / 2),
        )
