"""Table top and living room: the scenes for food and things of the house."""

from __future__ import annotations

import numpy as np

from providers.local.illustrate.colour import lift, mix
from providers.local.illustrate.fields import axis, f32, fall, noise, ramp
from providers.local.illustrate.scenes.studio import bokeh, key, two_tones
from providers.local.illustrate.scenes.studio import wall as paint_wall
from providers.local.illustrate.stage import Polygon, Stage


def table(st: Stage) -> None:
    """A wooden table before a blurred room with window light."""
    pal = st.pal
    key(st)
    edge = st.h * 0.66
    st.horizon = edge
    wall = mix(pal.sky[2], pal.surface((0.86, 0.76, 0.64)), 0.5)
    paint_wall(st, lift(wall, -0.08), edge)
    _window_blur(st, edge)
    bokeh(st, edge * 0.95, (pal.sun, pal.accent[1], pal.haze), 16, 0.055)
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
        st.disc(
            a * st.w,
            edge * (0.72 + 0.3 * b),
            u * (0.06 + 0.07 * c),
            green,
            soft=u * 0.07,
            alpha=0.3,
        )


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
        seam = ramp(0.006 + 0.008 * at, 0.0, np.abs(t - f32(at)))[:, None] * np.ones(
            (1, st.w), np.float32
        )
        st.over(seam * f32(0.4), lift(wood, -0.3), y0)
    dx = (st.x - f32(st.w * 0.42)) * f32(1 / (u * 0.75))
    dy = (t - f32(0.1)) * f32(1.5)
    st.screen(fall((dx * dx)[None, :] + (dy * dy)[:, None]) * f32(0.36), st.pal.sun, y0)
    st.over(
        ramp(u * 0.012, 0, axis(n))[:, None] * np.ones((1, st.w), np.float32) * f32(0.5),
        lift(wood, 0.16),
        y0,
    )


def room(st: Stage) -> None:
    """A quiet room: plaster wall, slanting window light, wooden floor, a plant at the side."""
    u, pal = st.u, st.pal
    key(st)
    floor = st.h * 0.74
    st.horizon = floor
    back, _ = two_tones(st)
    wall = mix(back, pal.surface((0.95, 0.91, 0.86)), 0.35)
    paint_wall(st, wall, floor)
    _slant(st, floor)
    _wood(st, floor)
    board = mix(wall, (1.0, 1.0, 1.0), 0.45)
    st.shapes(
        [[(0, floor - u * 0.035), (st.w, floor - u * 0.035), (st.w, floor + 1), (0, floor + 1)]],
        board,
    )
    st.shapes(
        [[(0, floor - 1), (st.w, floor - 1), (st.w, floor + u * 0.006), (0, floor + u * 0.006)]],
        lift(wall, -0.3),
        0.5,
    )
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
            panes.append(
                [
                    (x, y),
                    (x + u * 0.19, y + u * 0.045),
                    (x + u * 0.19, y + u * 0.045 + floor * 0.26),
                    (x, y + floor * 0.26),
                ]
            )
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
    st.shapes(
        [
            [
                (x - w, foot - u * 0.11),
                (x + w, foot - u * 0.11),
                (x + w * 0.75, foot),
                (x - w * 0.75, foot),
            ]
        ],
        pot,
    )
    st.shapes(
        [
            [
                (x + w * 0.2, foot - u * 0.11),
                (x + w, foot - u * 0.11),
                (x + w * 0.75, foot),
                (x + w * 0.2, foot),
            ]
        ],
        lift(pot, -0.12),
        0.6,
    )
