"""Styles made of lines and dots: line art, comic book, neon punk."""

from __future__ import annotations

import numpy as np

from providers.local.illustrate.colour import gradient, hexed, mix
from providers.local.illustrate.fields import Field, axis, blur, f32, ramp
from providers.local.illustrate.stage import Stage
from providers.local.illustrate.styles.tools import (
    Pixels,
    curve,
    gray,
    lines,
    paper,
    pixels_of,
    planes,
    saturate,
    shifted,
    smooth,
)


def line_art(pixels: Pixels, st: Stage) -> Pixels:
    """Pen and ink on paper: outlines, and hatching in three directions by tone."""
    image = planes(smooth(pixels, st, 0.8))
    wobbly = shifted(image, st.rng, st, st.u * 0.0016, st.u * 0.03)
    ink = np.maximum(
        lines(wobbly, max(st.u * 0.0011, 0.7), 1.5),
        lines(wobbly, max(st.u * 0.0026, 1.0), 1.1) * f32(0.9),
    )
    tone = gray(wobbly)
    low, high = (
        float(np.sort(tone[::16, ::16], axis=None)[tone[::16, ::16].size // 50]),
        float(tone.max()),
    )
    tone = np.clip((tone - f32(low)) * f32(1 / max(high - low, 0.2)), 0, 1)
    pitch = max(st.u * 0.0085, 4.0)
    x, y = st.x[None, :], st.y[:, None]
    for k, (ax, ay, level) in enumerate(((1.0, 1.0, 0.58), (1.0, -1.0, 0.36), (0.25, 1.4, 0.17))):
        t = (x * f32(ax) + y * f32(ay)) * f32(1 / (pitch * (1.4 if k < 2 else 1.2)))
        wave = np.abs(t - np.floor(t) - f32(0.5)) * f32(2)
        width = np.clip((f32(level) - tone) * f32(1.5), 0, 0.5)
        ink = np.maximum(
            ink, ramp(0.14, -0.14, wave - width) * ramp(level, level - 0.05, tone) * f32(0.8)
        )
    page = np.asarray(hexed("#faf6ec"), np.float32)[:, None, None] * paper(st.rng, st, 0.05)
    pen = np.asarray(mix(st.pal.shade, hexed("#15161c"), 0.6), np.float32)[:, None, None]
    return pixels_of(np.clip(page + (pen - page) * ink, 0, 1), st.rng)


def comic_book(pixels: Pixels, st: Stage) -> Pixels:
    """Few strong colours, halftone dots in the middle tones, black outlines."""
    image = saturate(curve(planes(smooth(pixels, st, 1.2)), 0.5), 1.4)
    tone = gray(image)
    levels = 5.0
    flat = np.floor(tone * f32(levels) + f32(0.5)) * f32(1 / levels)
    image = np.clip(image * ((flat + f32(0.06)) / (tone + f32(0.06))), 0, 1)
    dots = _halftone(tone * f32(levels) + f32(0.5), st)
    image = np.clip(image - dots * f32(0.13), 0, 1)
    ink = np.maximum(
        lines(planes(smooth(pixels, st)), max(st.u * 0.0017, 0.8), 1.7), ramp(0.1, 0.045, tone)
    )
    dark = np.asarray(hexed("#121018"), np.float32)[:, None, None]
    warm = np.asarray(hexed("#fff8e6"), np.float32)[:, None, None]
    return pixels_of((image + (dark - image) * ink) * warm, st.rng)


def _halftone(steps: Field, st: Stage) -> Field:
    """Dots on a slanted grid; they grow towards the next darker step."""
    pitch = max(st.u * 0.0105, 4.0)
    x, y = st.x[None, :] * f32(1 / pitch), st.y[:, None] * f32(1 / pitch)
    a, b = x * f32(0.8) + y * f32(0.6), y * f32(0.8) - x * f32(0.6)
    a, b = a - np.floor(a) - f32(0.5), b - np.floor(b) - f32(0.5)
    d = np.sqrt(a * a + b * b)
    rest = steps - np.floor(steps)
    return ramp(0.8 / pitch, -0.8 / pitch, d - (f32(1) - rest) * f32(0.5))


def neon_punk(pixels: Pixels, st: Stage) -> Pixels:
    """A dark violet night; outlines become glowing tubes of cyan and magenta."""
    image = planes(smooth(pixels, st))
    tone = gray(image)
    table = gradient(
        [hexed(c) for c in ("#05020f", "#170a3a", "#4a0f7a", "#b3168f", "#ff5fae")], 256
    )
    base = table[:, (np.clip(tone, 0, 1) * f32(255)).astype(np.intp)] * f32(0.72)
    base = base + (image - base) * f32(0.24)
    tube = lines(image, max(st.u * 0.0015, 0.8), 1.6)
    across = (st.x * f32(1 / st.w))[None, :] + (st.y * f32(0.7 / st.h))[:, None]
    share = ramp(0.45, 1.15, across)
    glow_near, glow_far = blur(tube, st.u * 0.006), blur(tube, st.u * 0.022)
    for c in range(3):
        one, two = hexed("#21e6ff")[c], hexed("#ff3bd4")[c]
        hue = f32(one) + f32(two - one) * share
        light = np.clip(glow_near * f32(1.3) + glow_far * f32(1.1), 0, 1) * hue
        base[c] += (f32(1) - base[c]) * light
        base[c] += (f32(1) - base[c]) * tube * (hue * f32(0.5) + f32(0.5))
    scan = f32(1) - ramp(
        0.5, 1.0, np.abs((axis(st.h) * f32(1 / max(st.u * 0.004, 3))) % f32(1) - f32(0.5)) * f32(2)
    ) * f32(0.1)
    return pixels_of(np.clip(base * scan[:, None], 0, 1), st.rng)
