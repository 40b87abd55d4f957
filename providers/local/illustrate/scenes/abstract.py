"""Abstract backgrounds: silky ribbons over a flowing gradient."""

from __future__ import annotations

import numpy as np

from providers.local.illustrate.colour import Colour, between, gradient, lift, mix
from providers.local.illustrate.fields import axis, f32, line, ramp, soft_noise
from providers.local.illustrate.stage import Stage


def abstract(st: Stage) -> None:
    """A warped gradient, translucent ribbons with lit crests, a few large spheres."""
    u = st.u
    st.light = (st.w * 0.5 - u * 0.6, -u * 0.1)
    st.surface, st.ground, st.horizon = "air", st.h * 0.78, st.h * 0.5
    _flow(st)
    for i in range(6):
        _ribbon(st, i)
    _discs(st)


def _stops(st: Stage) -> list[Colour]:
    pal = st.pal
    return [
        pal.sky[0],
        pal.sky[1],
        pal.accent[0],
        pal.sky[3],
        pal.accent[1],
        mix(pal.accent[2], pal.sky[1], 0.4),
    ]


def _flow(st: Stage) -> None:
    """Colours along a direction bent by low noise: a mesh gradient without a mesh."""
    u = st.u
    a = soft_noise(st.rng, st.h, st.w, (u * 0.9, u * 0.9), 2, 0.35)
    b = soft_noise(st.rng, st.h, st.w, (u * 1.1, u * 1.1), 2, 0.35)
    t = (
        st.x[None, :] * f32(0.35 / st.w)
        + st.y[:, None] * f32(0.4 / st.h)
        + a * f32(0.55)
        + b * f32(0.35)
        - f32(0.35)
    )
    table = gradient(_stops(st), 1024)
    at = np.clip(t * f32(1023), 0, 1022.99)
    i = at.astype(np.intp)
    f = at - i.astype(np.float32)
    for c in range(3):
        st.image[c] = table[c][i] + (table[c][i + 1] - table[c][i]) * f


def _ribbon(st: Stage, index: int) -> None:
    """One ribbon: a wavy band, bright at its crest, transparent below, with a shadow above."""
    u, pal = st.u, st.pal
    colours = _stops(st)
    base = st.h * (0.26 + 0.125 * index) + u * st.pick(-0.04, 0.04)
    swing = min(u * 0.3, st.h * 0.34)
    tilt = st.pick(-0.22, 0.22) * st.h
    wave = (line(st.rng, st.w, u * st.pick(0.8, 1.3), 2, 0.3) - f32(0.5)) * f32(swing * 1.5)
    crest = f32(base) + wave + (st.x * f32(1 / st.w) - f32(0.5)) * f32(tilt)
    thick = f32(min(u * 0.34, st.h * 0.4)) * (f32(0.55) + line(st.rng, st.w, u * 0.9, 2, 0.3))
    y = st.y[:, None] - crest[None, :]
    t = y / thick[None, :]
    body = np.clip(y + f32(0.5), 0, 1) * ramp(1.0, 0.0, t)
    shadow = ramp(-u * 0.05, 0.0, y) * np.clip(f32(0.5) - y, 0, 1)
    st.over(shadow * f32(0.2), pal.shade if pal.local < 0.9 else lift(colours[0], -0.2))
    tone = colours[(index * 2 + 2) % len(colours)]
    bright, dark = (
        mix(tone, (1.0, 1.0, 1.0), 0.22),
        mix(tone, colours[(index + 1) % len(colours)], 0.7),
    )
    level = ramp(0.9, 0.0, t)
    st.over(
        body * f32(0.85),
        between(dark, bright, level),
    )
    edge = ramp(0, 1, y) * ramp(u * 0.012, 0, y)
    st.screen(edge * f32(0.5), mix(pal.sun, bright, 0.3))


def _discs(st: Stage) -> None:
    """A few spheres of glass-like gradient, for depth."""
    u = st.u
    for k in range(3):
        r = u * (0.035 + 0.03 * k) * st.pick(0.7, 1.2)
        x, y = (
            st.w * ((0.16, 0.84, 0.9)[k] + st.pick(-0.06, 0.06)),
            st.h * ((0.25, 0.72, 0.2)[k] + st.pick(-0.06, 0.06)),
        )
        n = int(2 * r + 8)
        p = (axis(n) - f32(n / 2)) * f32(1 / r)
        d2 = (p * p)[None, :] + (p * p)[:, None]
        z = np.sqrt(np.clip(f32(1) - d2, 0, 1))
        lamp = np.clip(p[None, :] * f32(-0.5) + p[:, None] * f32(-0.6) + z * f32(0.6), 0, 1)
        cover = np.clip((f32(1) - np.sqrt(d2)) * f32(r) + f32(0.5), 0, 1)
        tone = _stops(st)[(k * 2 + 2) % 6]
        light, dark = mix(tone, (1.0, 1.0, 1.0), 0.35), lift(tone, -0.16)
        st.disc(x + r * 0.25, y + r * 0.4, r * 0.95, lift(tone, -0.3), soft=r * 0.8, alpha=0.35)
        st.over(
            cover,
            between(dark, light, lamp),
            int(y - n / 2),
            int(x - n / 2),
        )
