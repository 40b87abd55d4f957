"""Studio podium, table top, living room, party: the scenes for products, food and celebrations."""

from __future__ import annotations

import numpy as np

from providers.local.illustrate.colour import Colour, lift, mix
from providers.local.illustrate.fields import axis, f32, fall, line, noise, ramp
from providers.local.illustrate.stage import Polygon, Stage


def _key(st: Stage) -> None:
    """The lamp: above left, outside the picture."""
    st.light = (st.w * 0.5 - st.u * 0.55, -st.u * 0.15)


def _wall(st: Stage, colour: Colour, floor_y: float) -> None:
    """A wall with the pool of light of a soft box."""
    st.fill((lift(colour, -0.02), colour, lift(colour, -0.05)), 0, floor_y)
    st.glow(st.w * 0.5 - st.u * 0.2, floor_y * 0.45, st.u * 0.75, lift(colour, 0.12), 0.55)


def _floor(st: Stage, y: float, colour: Colour) -> None:
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
    _key(st)
    back, front = _two_tones(st)
    floor = st.h * 0.7
    _wall(st, back, floor)
    st.horizon = floor
    cx = st.w * 0.5
    _arch(st, cx, floor, mix(back, front, 0.75))
    _floor(st, floor, mix(back, front, 0.3))
    top = max(st.h * 0.76, st.h - u * 0.26)
    for k, (wide, dy) in enumerate(((0.44, 0.09), (0.33, 0.0))):
        _drum(st, cx, top + u * dy, u * wide, u * 0.09, lift(mix(front, (1.0, 1.0, 1.0), 0.35 - 0.1 * k), 0.02))
    st.ground, st.surface, st.mirror = top + u * 0.012, "table", 0.12
    for side, r, y in ((-1, 0.055, 0.12), (1, 0.085, 0.13), (1, 0.03, 0.17)):
        x = cx + side * min(u * 0.57, st.w * 0.4) * (1.12 if r == 0.03 else 1.0)
        _ball(st, x, top + u * y - u * r * 0.2, u * r, pal.accent[2 if side < 0 else 1])


def _two_tones(st: Stage) -> tuple[Colour, Colour]:
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
    rim = ramp(-u * 0.006, 0, d) * ramp(u * 0.004, 0, d) * ramp(-u * 0.1, u * 0.3, x) * ramp(floor, floor - 2, st.y)[:, None]
    st.screen(rim * f32(0.5), st.pal.sun)


def _drum(st: Stage, cx: float, top: float, r: float, height: float, colour: Colour) -> None:
    """A round step: side with a light and a dark flank, top disc, bright rim, shadow on the floor."""
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
    paint = np.stack([(f32(d) + (f32(a) - f32(d)) * bright)[None, :] for a, d in zip(light, dark, strict=True)])
    st.over(side.astype(np.float32), paint)
    d = np.sqrt((t * t)[None, :] + ((st.y - f32(top)) * f32(1 / ry))[:, None] ** 2)
    disc = np.clip((f32(1) - d) * f32(ry) + f32(0.5), 0, 1)
    glow = np.clip(f32(0.85) - (t + f32(0.3))[None, :] ** 2 * f32(0.4), 0, 1) + np.zeros((st.h, 1), np.float32)
    face = np.stack([f32(b) + (f32(a) - f32(b)) * glow for a, b in zip(lift(colour, 0.1), lift(colour, -0.03), strict=True)])
    st.over(disc, face)
    rim = ramp(0.965, 0.99, d) * disc * ramp(-ry * 0.5, ry, st.y - f32(top))[:, None]
    st.screen(rim * f32(0.55), (1.0, 1.0, 1.0))


def _ball(st: Stage, x: float, y: float, r: float, colour: Colour) -> None:
    """A matte sphere with its shadow: the studio's props."""
    dx = (st.x - f32(x + r * 0.5)) * f32(1 / (r * 1.5))
    dy = (st.y - f32(y + r * 0.95)) * f32(1 / (r * 0.32))
    st.over(fall((dx * dx)[None, :] + (dy * dy)[:, None], 3) * f32(0.5), lift(st.pal.surface(colour), -0.35))
    n = int(2 * r + 8)
    px, py = (axis(n) - f32(n / 2)) * f32(1 / r), (axis(n) - f32(n / 2)) * f32(1 / r)
    d2 = (px * px)[None, :] + (py * py)[:, None]
    z = np.sqrt(np.clip(f32(1) - d2, 0, 1))
    lamp = np.clip(px[None, :] * f32(-0.5) + py[:, None] * f32(-0.55) + z * f32(0.67), 0, 1)
    bounce = np.clip(py[:, None], 0, 1) * (f32(1) - z) * f32(0.25)
    cover = np.clip((f32(1) - np.sqrt(d2)) * f32(r) + f32(0.5), 0, 1)
    light, dark = lift(colour, 0.1), lift(colour, -0.24)
    level = np.clip(lamp + bounce, 0, 1)
    st.over(cover, np.stack([f32(b) + (f32(a) - f32(b)) * level for a, b in zip(light, dark, strict=True)]), int(y - n / 2), int(x - n / 2))


def _bokeh(st: Stage, bottom: float, colours: tuple[Colour, ...], count: int, size: float) -> None:
    """Out-of-focus lights: soft discs with a brighter rim."""
    for a, b, c, d in st.rng.random((int(count * st.w / st.u), 4)).tolist():
        r = st.u * size * (0.35 + 0.8 * c)
        n = int(2 * r + 6)
        dist = st.distance(n / 2, n / 2, n, n) * f32(1 / r)
        disc = ramp(1.04, 0.94, dist) * (f32(0.55) + ramp(0.6, 1.0, dist) * f32(0.45))
        st.screen(disc * f32(0.1 + 0.3 * d), colours[int(d * 977) % len(colours)], int(b * bottom - n / 2), int(a * st.w - n / 2))


def table(st: Stage) -> None:
    """A wooden table before a blurred room with window light."""
    u, pal = st.u, st.pal
    _key(st)
    edge = st.h * 0.66
    st.horizon = edge
    wall = mix(pal.sky[2], pal.surface((0.86, 0.76, 0.64)), 0.5)
    _wall(st, lift(wall, -0.08), edge)
    _window_blur(st, edge)
    _bokeh(st, edge * 0.95, (pal.sun, pal.accent[1], pal.haze), 16, 0.055)
    _wood(st, edge)
    st.ground, st.surface, st.mirror = st.h * 0.84, "table", 0.14


def _window_blur(st: Stage, edge: float) -> None:
    """The panes of a far window and plants, out of focus."""
    u = st.u
    soft = u * 0.05
    for k in range(max(2, round(2.2 * st.w / u))):
        x0 = u * (0.06 + 0.47 * k)
        width, top, bottom = u * 0.36, edge * 0.08, edge * 0.8
        x, y = st.x, st.y
        pane = ramp(x0 - soft, x0 + soft, x) * ramp(x0 + width + soft, x0 + width - soft, x)
        rows = ramp(top - soft, top + soft, y) * ramp(bottom + soft, bottom - soft, y)
        st.screen(rows[:, None] * pane[None, :] * f32(0.5), st.pal.sun)
    green = mix(st.pal.surface((0.3, 0.5, 0.3)), st.pal.haze, 0.3)
    for a, b, c in st.rng.random((int(12 * st.w / u), 3)).tolist():
        if 0.3 < a < 0.75:
            continue
        st.disc(a * st.w, edge * (0.72 + 0.3 * b), u * (0.06 + 0.07 * c), green, soft=u * 0.07, alpha=0.3)


def _wood(st: Stage, top: float) -> None:
    """A table top of boards: grain in perspective, a lit front edge."""
    y0, u = int(top), st.u
    n = st.h - y0
    wood = st.pal.surface((0.74, 0.52, 0.34), 0.02)
    rows = st.rows((lift(wood, 0.1), lift(wood, 0.02), lift(wood, -0.1)), top, st.h)
    st.over(np.ones((n, st.w), np.float32), rows[:, y0:, None], y0)
    grain = noise(st.rng, n, st.w, (u * 0.012, u * 0.7), 4, 0.6)
    wave = noise(st.rng, n, st.w, (u * 0.06, u * 0.5), 2)
    rings = np.abs(((wave * f32(5) + grain) % f32(1)) - f32(0.5)) * f32(2)
    st.over(ramp(0.35, 0.9, rings) * f32(0.16), lift(wood, -0.2), y0)
    st.over(ramp(0.5, 0.75, grain) * f32(0.22), lift(wood, -0.16), y0)
    t = axis(n) * f32(1 / n)
    for at in (0.16, 0.42, 0.78):
        seam = ramp(0.006 + 0.008 * at, 0.0, np.abs(t - f32(at)))[:, None] * np.ones((1, st.w), np.float32)
        st.over(seam * f32(0.4), lift(wood, -0.3), y0)
    dx = (st.x - f32(st.w * 0.42)) * f32(1 / (u * 0.75))
    dy = (t - f32(0.1)) * f32(1.5)
    st.screen(fall((dx * dx)[None, :] + (dy * dy)[:, None]) * f32(0.36), st.pal.sun, y0)
    st.over(ramp(u * 0.012, 0, axis(n))[:, None] * np.ones((1, st.w), np.float32) * f32(0.5), lift(wood, 0.16), y0)


def room(st: Stage) -> None:
    """A quiet room: plaster wall, slanting window light, wooden floor, a plant at the side."""
    u, pal = st.u, st.pal
    _key(st)
    floor = st.h * 0.74
    st.horizon = floor
    back, _ = _two_tones(st)
    wall = mix(back, pal.surface((0.95, 0.91, 0.86)), 0.35)
    _wall(st, wall, floor)
    _slant(st, floor)
    _wood(st, floor)
    board = mix(wall, (1.0, 1.0, 1.0), 0.45)
    st.shapes([[(0, floor - u * 0.035), (st.w, floor - u * 0.035), (st.w, floor + 1), (0, floor + 1)]], board)
    st.shapes([[(0, floor - 1), (st.w, floor - 1), (st.w, floor + u * 0.006), (0, floor + u * 0.006)]], lift(wall, -0.3), 0.5)
    _plant(st, st.w - u * 0.1 if st.w < u * 1.2 else st.w * 0.88, floor + u * 0.07)
    st.ground, st.surface, st.mirror = st.h * 0.87, "table", 0.1


def _slant(st: Stage, floor: float) -> None:
    """The light of a paned window on the wall, slanting."""
    u = st.u
    x0, y0 = st.w * 0.5 - u * 0.4, floor * 0.14
    panes: list[Polygon] = []
    for i in range(2):
        for j in range(2):
            x, y = x0 + i * u * 0.21, y0 + j * floor * 0.29 + i * u * 0.05
            panes.append([(x, y), (x + u * 0.19, y + u * 0.045), (x + u * 0.19, y + u * 0.045 + floor * 0.26), (x, y + floor * 0.26)])
    st.shapes(panes, mix(st.pal.sun, (1.0, 1.0, 1.0), 0.2), 0.4)


def _plant(st: Stage, x: float, foot: float) -> None:
    """A potted plant with arching leaves."""
    u = st.u
    pot = st.pal.surface(mix(st.pal.accent[2], (0.9, 0.88, 0.85), 0.45))
    w = u * 0.06
    green = st.pal.surface((0.24, 0.5, 0.34))
    for k in range(9):
        lean = (k - 4) / 4 * u * 0.15 * st.pick(0.7, 1.1)
        tall = u * st.pick(0.22, 0.36) * (1.1 - abs(k - 4) * 0.08)
        y0 = foot - u * 0.1
        tip = (x + lean, y0 - tall)
        mid = (x + lean * 0.35, y0 - tall * 0.62)
        half = u * 0.017
        leaf: Polygon = [(x, y0), (mid[0] - half, mid[1]), tip, (mid[0] + half, mid[1] + half)]
        st.shapes([leaf], lift(green, -0.05 + 0.025 * (k % 4)))
        st.shapes([[(x, y0), mid, tip, (mid[0] + half, mid[1] + half)]], lift(green, -0.12), 0.5)
    st.shapes([[(x - w, foot - u * 0.11), (x + w, foot - u * 0.11), (x + w * 0.75, foot), (x - w * 0.75, foot)]], pot)
    st.shapes([[(x + w * 0.2, foot - u * 0.11), (x + w, foot - u * 0.11), (x + w * 0.75, foot), (x + w * 0.2, foot)]], lift(pot, -0.12), 0.6)


def party(st: Stage) -> None:
    """A stage with bunting, bokeh and confetti."""
    u, pal = st.u, st.pal
    _key(st)
    back, front = _two_tones(st)
    floor = st.h * 0.72
    st.horizon = floor
    _wall(st, mix(back, front, 0.35), floor)
    _bokeh(st, floor, (*pal.accent, pal.sun), 22, 0.05)
    _floor(st, floor, mix(back, front, 0.6))
    top = max(st.h * 0.8, st.h - u * 0.2)
    _drum(st, st.w * 0.5, top, u * 0.36, u * 0.08, mix(front, (1.0, 1.0, 1.0), 0.4))
    st.ground, st.surface, st.mirror = top + u * 0.012, "table", 0.12
    _bunting(st)
    st.front.append(confetti)


def _bunting(st: Stage) -> None:
    """Two garlands of pennants."""
    u = st.u
    for row in range(2):
        sag = u * (0.09 + 0.05 * row)
        step = u * 0.085
        count = int(st.w / step) + 2
        for i in range(count):
            t = i / max(count - 1, 1)
            y = u * (0.015 + 0.055 * row) + sag * 4 * t * (1 - t)
            x = t * st.w
            tone = (*st.pal.accent, (1.0, 0.98, 0.95))[(i + row) % 4]
            flag: Polygon = [(x - step * 0.36, y), (x + step * 0.36, y), (x, y + step * 0.82)]
            st.shapes([flag], st.pal.surface(tone))
            st.shapes([[(x, y), (x + step * 0.36, y), (x, y + step * 0.82)]], st.pal.shade, 0.12)


def confetti(st: Stage) -> None:
    """Falling paper: turned rectangles, near ones larger and out of focus."""
    u = st.u
    tones = (*st.pal.accent, (1.0, 0.98, 0.95), (1.0, 0.83, 0.3))
    sway = line(st.rng, 64, 8, 2)
    for a, b, c, d in st.rng.random((int(90 * st.w / u), 4)).tolist():
        x, y = a * st.w, b**1.2 * st.h
        s = u * (0.004 + 0.009 * c * c)
        cx, sx = d * 2 - 1, float(sway[int(a * 63)]) * 2 - 1
        quad: Polygon = [(x - s, y - s * cx), (x + s * cx, y - s * 0.7), (x + s, y + s * cx), (x - s * sx, y + s * 0.8)]
        st.shapes([quad], st.pal.surface(tones[int(d * 977) % 5]), 0.9)


