"""Styles made of paint and light: water colour, digital art, enhance, cinema, film."""

from __future__ import annotations

import numpy as np

from providers.local.illustrate.colour import hexed
from providers.local.illustrate.fields import Field, blur, f32, noise, ramp, soft_noise
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


def watercolor(pixels: Pixels, st: Stage) -> Pixels:
    """Washes with darker rims, pigment that settles in the paper, a torn white margin."""
    image = planes(smooth(pixels, st, 2.2))
    image = shifted(image, st.rng, st, st.u * 0.006, st.u * 0.05)
    image = planes(smooth(pixels_of(image), st, 1.2))
    image = np.clip(saturate(image, 1.2) * f32(0.8) + f32(0.2), 0, 1)
    rims = np.zeros((st.h, st.w), np.float32)
    for c in range(3):
        rims = np.maximum(rims, blur(image[c], st.u * 0.006) - blur(image[c], st.u * 0.0012))
    bloom = soft_noise(st.rng, st.h, st.w, (st.u * 0.22, st.u * 0.22), 5, 0.6)
    density = f32(0.86) + (bloom - f32(0.5)) * f32(0.85) + np.clip(rims * f32(5), 0, 0.55)
    grain = paper(st.rng, st, 0.22)
    # Pigment absorbs: more of it darkens by the colour's own complement.
    image = np.clip(f32(1) - (f32(1) - image) * density * grain, 0, 1)
    page = np.asarray(hexed("#fbf8f0"), np.float32)[:, None, None] * paper(st.rng, st, 0.035)
    return pixels_of(np.clip(page + (image * page - page) * _margin(st), 0, 1), st.rng)


def _margin(st: Stage) -> Field:
    """1 inside, 0 in the ragged margin."""
    edge = st.u * 0.035
    x = np.minimum(st.x, f32(st.w) - st.x)[None, :]
    y = np.minimum(st.y, f32(st.h) - st.y)[:, None]
    rough = (noise(st.rng, st.h, st.w, (st.u * 0.07, st.u * 0.07), 5, 0.6) - f32(0.5)) * f32(
        edge * 2.2
    )
    return ramp(edge * 0.82, edge * 1.12, np.minimum(x, y) + rough)


def digital_art(pixels: Pixels, st: Stage) -> Pixels:
    """Broad soft strokes, deep colour, light that blooms."""
    strokes = planes(smooth(pixels, st, 1.6))
    strokes = shifted(strokes, st.rng, st, st.u * 0.006, st.u * 0.014)
    strokes = planes(smooth(pixels_of(strokes), st, 0.7))
    detail = planes(pixels)
    edge = lines(detail, max(st.u * 0.0013, 0.7))
    image = strokes + (detail - strokes) * (f32(0.25) + edge * f32(0.6))
    image = saturate(curve(image, 0.55), 1.28)
    bright = ramp(0.55, 1.0, gray(image))
    for c in range(3):
        light = blur(image[c] * bright, st.u * 0.03)
        image[c] += (f32(1) - image[c]) * light * f32(0.42)
    return pixels_of(np.clip(image, 0, 1), st.rng)


def enhance(pixels: Pixels, st: Stage) -> Pixels:
    """Local contrast, clearer colours, crisper edges."""
    image = planes(pixels)
    tone = gray(image)
    local = (tone - blur(tone, st.u * 0.04)) * f32(0.55) + (tone - blur(tone, st.u * 0.003)) * f32(
        0.7
    )
    image = np.clip(image + local, 0, 1)
    return pixels_of(saturate(curve(image, 0.35), 1.22), st.rng)


def cinematic(pixels: Pixels, st: Stage) -> Pixels:
    """Teal shadows, amber lights, a flare, black bars unless the format is wide already."""
    image = curve(planes(pixels), 0.65)
    tone = gray(image)
    cold, warm = hexed("#0f4f63"), hexed("#ffc27a")
    for c in range(3):
        image[c] += (f32(cold[c]) - image[c]) * ramp(0.62, 0.0, tone) * f32(0.36)
        image[c] *= f32(1) + (f32(warm[c]) - f32(0.86)) * ramp(0.35, 1.0, tone) * f32(0.55)
    lx, ly = st.light
    dx, dy = (st.x - f32(lx)) * f32(1 / (st.u * 0.7)), (st.y - f32(ly)) * f32(1 / (st.u * 0.012))
    flare = (f32(1) / (f32(1) + dx * dx))[None, :] * (f32(1) / (f32(1) + dy * dy))[:, None]
    for c in range(3):
        image[c] += (f32(1) - np.clip(image[c], 0, 1)) * flare * f32((0.35, 0.5, 0.62)[c])
    image = saturate(np.clip(image, 0, 1), 0.92)
    if st.w < st.h * 2.2:
        bar = max(int(st.h * 0.075), 1)
        image[:, :bar] = 0
        image[:, -bar:] = 0
    return pixels_of(image, st.rng)


def analog_film(pixels: Pixels, st: Stage) -> Pixels:
    """Faded blacks, a warm cast, red halation around lights, coarse grain, a light leak."""
    image = planes(pixels)
    for c in range(3):
        image[c] = blur(image[c], st.u * 0.0011)
    bright = blur(ramp(0.7, 1.0, gray(image)), st.u * 0.018)
    leak_t = np.clip(
        f32(1)
        - (st.x * f32(1 / (st.w * 0.34)))[None, :]
        + (noise(st.rng, st.h, 4, (st.h * 0.5, 4), 2)[:, :1] - f32(0.5)),
        0,
        1,
    )
    lift, gain, leak = (0.085, 0.06, 0.1), (0.9, 0.845, 0.72), (0.75, 0.3, 0.08)
    halo = (0.34, 0.1, 0.04)
    for c in range(3):
        image[c] = f32(lift[c]) + curve(image[c : c + 1], 0.3)[0] * f32(gain[c])
        image[c] += (f32(1) - image[c]) * (
            bright * f32(halo[c]) + leak_t * leak_t * f32(leak[c] * 0.7)
        )
    image = saturate(image, 0.84)
    size = max(st.u / 900, 1.0)
    grain = noise(st.rng, st.h, st.w, (size * 1.6, size * 1.6), 2, 0.7) - f32(0.5)
    image += grain * (f32(0.26) - np.abs(gray(image) - f32(0.45)) * f32(0.2))
    dx, dy = (st.x * f32(2 / st.w) - f32(1))[None, :], (st.y * f32(2 / st.h) - f32(1))[:, None]
    image *= f32(1) - ramp(0.7, 2.1, dx * dx + dy * dy) * f32(0.42)
    return pixels_of(np.clip(image, 0, 1), st.rng)
