"""Styles of dry tools: pencil, charcoal, pastel, chalk, and the wet brush of ink wash."""

from __future__ import annotations

import numpy as np

from providers.local.illustrate.colour import between, hexed, mix
from providers.local.illustrate.fields import Field, blur, f32, noise, ramp
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
    slanted,
    smooth,
    spread,
)


def pencil_sketch(pixels: Pixels, st: Stage) -> Pixels:
    """Graphite: contours, and shading in slanted strokes of which the dark parts get two layers."""
    image = planes(smooth(pixels, st, 0.6))
    wobbly = shifted(image, st.rng, st, st.u * 0.0012, st.u * 0.02)
    tone = spread(gray(wobbly))
    contour = np.maximum(
        lines(wobbly, max(st.u * 0.0012, 0.7), 1.4),
        lines(wobbly, max(st.u * 0.003, 1.0)) * f32(0.6),
    )
    one = slanted(st.rng, st, st.u * 0.03, max(st.u * 0.0028, 1.6), 0.9)
    two = slanted(st.rng, st, st.u * 0.03, max(st.u * 0.0028, 1.6), -0.5)
    dark = f32(1) - tone
    shade = ramp(0.12, 0.9, dark) * ramp(0.3, 0.62, one) * f32(0.75)
    shade += ramp(0.5, 1.0, dark) * ramp(0.35, 0.6, two) * f32(0.5)
    grain = noise(st.rng, st.h, st.w, (2.2, 2.2), 2, 0.7)
    graphite = np.clip(np.maximum(shade, contour) * (f32(0.55) + grain * f32(0.75)), 0, 0.94)
    page = between(hexed("#f8f5ee"), hexed("#3b3b42"), graphite)
    return pixels_of(np.clip(page * paper(st.rng, st, 0.04), 0, 1), st.rng)


def charcoal(pixels: Pixels, st: Stage) -> Pixels:
    """Smudged darks, broken by the tooth of the paper, and lights lifted with an eraser."""
    image = planes(smooth(pixels, st, 1.3))
    soft = shifted(image, st.rng, st, st.u * 0.004, st.u * 0.025)
    tone = spread(gray(soft))
    tone = curve(tone + (f32(1) - tone) * tone * f32(0.9), 0.4)
    smudge = blur(tone, st.u * 0.012)
    dark = f32(1) - (tone * f32(0.7) + smudge * f32(0.3))
    tooth = noise(st.rng, st.h, st.w, (max(st.u * 0.003, 2.0),) * 2, 3, 0.8)
    rubbed = slanted(st.rng, st, st.u * 0.08, st.u * 0.012, 0.7)
    cover = ramp(0.3, 0.75, dark * f32(0.95) + (tooth - f32(0.5)) * f32(0.8) * ramp(1.0, 0.5, dark))
    cover = np.clip(cover * f32(0.85) + dark * f32(0.3) + (rubbed - f32(0.5)) * f32(0.16), 0, 1)
    edge = lines(soft, max(st.u * 0.004, 1.2), 1.3) * (f32(0.4) + tooth)
    cover = np.clip(np.maximum(cover, edge), 0, 0.97)
    page = between(hexed("#e6e0d3"), hexed("#191817"), cover)
    return pixels_of(np.clip(page * paper(st.rng, st, 0.07), 0, 1), st.rng)


def pastel(pixels: Pixels, st: Stage) -> Pixels:
    """Soft chalks on toned paper that shows through the strokes."""
    image = shifted(planes(smooth(pixels, st, 1.8)), st.rng, st, st.u * 0.007, st.u * 0.02)
    image = saturate(np.clip(image * f32(0.82) + f32(0.2), 0, 1), 1.15)
    hatch = slanted(st.rng, st, st.u * 0.05, st.u * 0.006, 0.8)
    tooth = noise(st.rng, st.h, st.w, (max(st.u * 0.0032, 2.0),) * 2, 2, 0.7)
    image = np.clip(image + (hatch - f32(0.5)) * f32(0.24), 0, 1)
    cover = ramp(0.3, 0.55, tooth * f32(0.6) + hatch * f32(0.4)) * f32(0.6) + f32(0.4)
    page = np.asarray(mix(hexed("#c9b79c"), st.pal.haze, 0.25), np.float32)[:, None, None]
    return pixels_of(np.clip(page + (image - page) * cover, 0, 1), st.rng)


def ink_wash(pixels: Pixels, st: Stage) -> Pixels:
    """Sumi-e: diluted black ink that runs on rice paper, a red seal in the corner."""
    image = planes(smooth(pixels, st, 2.0))
    wet = shifted(image, st.rng, st, st.u * 0.012, st.u * 0.045)
    tone = blur(spread(gray(wet)), st.u * 0.003)
    steps = np.floor(tone * f32(4.6) + f32(0.5)) * f32(1 / 4.6)
    dark = f32(1) - (blur(np.clip(steps, 0, 1), st.u * 0.003) * f32(0.75) + tone * f32(0.25))
    pool = blur(dark, st.u * 0.012) - dark
    cloud = noise(st.rng, st.h, st.w, (st.u * 0.2, st.u * 0.2), 4, 0.6)
    ink = np.clip(dark * (f32(0.6) + cloud * f32(0.6)) + np.clip(-pool, 0, 1) * f32(1.2), 0, 1)
    ink = ramp(0.12, 1.0, ink) * f32(0.85)
    brush = lines(wet, max(st.u * 0.003, 1.0), 1.3) * (f32(0.4) + cloud)
    ink = np.maximum(ink, np.clip(brush, 0, 0.95)) * _faded(st)
    page = between(hexed("#f4efe2"), hexed("#14171c"), np.clip(ink, 0, 1))
    page = page * paper(st.rng, st, 0.05)
    side = max(int(st.u * 0.065), 6)
    y0, x0 = st.h - int(side * 1.8), st.w - int(side * 1.8)
    for (top, left, bottom, right), tint in (
        ((0.0, 0.0, 1.0, 1.0), "#b3271e"),
        ((0.2, 0.2, 0.34, 0.8), "#f4efe2"),
        ((0.2, 0.43, 0.8, 0.57), "#f4efe2"),
        ((0.66, 0.2, 0.8, 0.8), "#f4efe2"),
    ):
        rows = slice(y0 + int(side * top), y0 + int(side * bottom))
        columns = slice(x0 + int(side * left), x0 + int(side * right))
        page[:, rows, columns] = np.asarray(hexed(tint), np.float32)[:, None, None]
    return pixels_of(np.clip(page, 0, 1), st.rng)


def _faded(st: Stage) -> Field:
    """1 in the middle, less towards an uneven rim."""
    dx, dy = (st.x * f32(2 / st.w) - f32(1))[None, :], (st.y * f32(2 / st.h) - f32(1))[:, None]
    rough = (noise(st.rng, st.h, st.w, (st.u * 0.15, st.u * 0.15), 4) - f32(0.5)) * f32(0.5)
    return ramp(1.12, 0.78, np.maximum(np.abs(dx), np.abs(dy)) + rough)


def chalkboard(pixels: Pixels, st: Stage) -> Pixels:
    """Chalk of many colours on a dark board that was wiped before."""
    image = planes(smooth(pixels, st, 1.0))
    tone = spread(gray(image))
    grain = noise(st.rng, st.h, st.w, (2.2, 2.2), 2, 0.8)
    hatch = slanted(st.rng, st, st.u * 0.04, max(st.u * 0.004, 1.8), 0.8)
    contour = np.maximum(
        lines(image, max(st.u * 0.0018, 0.8), 1.6), lines(image, max(st.u * 0.004, 1.2)) * f32(0.8)
    )
    fill = ramp(0.2, 0.95, tone) * ramp(0.34, 0.6, hatch) * f32(0.78)
    chalk = np.clip(np.maximum(contour, fill) * (f32(0.45) + grain * f32(0.85)), 0, 0.95)
    wiped = noise(st.rng, st.h, st.w, (st.u * 0.06, st.u * 0.5), 4, 0.6)
    board = between(hexed("#1d2b27"), hexed("#4b5f58"), ramp(0.3, 1.0, wiped) * f32(0.6))
    bright = saturate(np.clip(image * f32(0.55) + f32(0.45), 0, 1), 1.7)
    return pixels_of(np.clip(board + (bright - board) * chalk, 0, 1), st.rng)
