"""Styles made of pieces: pixel art, low poly, poster, cut paper."""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image

from providers.local.illustrate.colour import Colour, hexed, luma, mix
from providers.local.illustrate.fields import blur, f32, ramp, shift
from providers.local.illustrate.stage import Stage
from providers.local.illustrate.styles.tools import (
    Pixels,
    curve,
    gray,
    paper,
    pixels_of,
    planes,
    saturate,
    smooth,
)

_BAYER = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]], np.float32)


def pixel_art(pixels: Pixels, st: Stage) -> Pixels:
    """Large square pixels, 28 colours, ordered dithering."""
    block = max(2, round(min(st.u, 1400) / 118))
    rows, columns = -(-st.h // block), -(-st.w // block)
    image = pixels_of(saturate(curve(planes(pixels), 0.4), 1.25))
    padded = np.pad(image, ((0, rows * block - st.h), (0, columns * block - st.w), (0, 0)), "edge")
    small = np.asarray(Image.fromarray(padded).reduce(block)).astype(np.int32)
    pattern = np.tile(_BAYER, (rows // 4 + 1, columns // 4 + 1))[:rows, :columns]
    small = np.clip(small + ((pattern - f32(7.5)) * f32(1.5)).astype(np.int32)[:, :, None], 0, 255)
    few = Image.fromarray(small.astype(np.uint8)).quantize(
        28, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE
    )
    big = np.asarray(few.convert("RGB")).repeat(block, 0).repeat(block, 1)
    return np.ascontiguousarray(big[: st.h, : st.w])


def low_poly(pixels: Pixels, st: Stage) -> Pixels:
    """Triangles: a jittered grid whose corners are drawn to the picture's edges."""
    cell = max(st.u / 34, 6.0)
    rows, columns = max(2, round(st.h / cell)), max(2, round(st.w / cell))
    soft = smooth(pixels, st, 1.5)
    points = _corners(soft, st, rows, columns, cell)
    double = np.zeros((st.h * 2, st.w * 2, 3), np.uint8)
    sides = st.rng.random((rows, columns)) < 0.5
    for r in range(rows):
        for c in range(columns):
            a, b, d, e = points[r, c], points[r, c + 1], points[r + 1, c], points[r + 1, c + 1]
            for triangle in ((a, b, e), (a, e, d)) if sides[r, c] else ((a, b, d), (b, e, d)):
                _facet(double, soft, np.asarray(triangle))
    halves = double.astype(np.uint16)
    out = (halves[::2, ::2] + halves[1::2, ::2] + halves[::2, 1::2] + halves[1::2, 1::2] + 2) // 4
    return pixels_of(saturate(curve(planes(out.astype(np.uint8)), 0.25), 1.15))


def _corners(
    soft: Pixels, st: Stage, rows: int, columns: int, cell: float
) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """Grid corners (rows+1, columns+1, xy).

    Each goes to the strongest edge near its random place.
    """
    tone = gray(planes(soft))
    edge = np.zeros_like(tone)
    edge[:-1] += np.abs(tone[1:] - tone[:-1])
    edge[:, :-1] += np.abs(tone[:, 1:] - tone[:, :-1])
    jitter = st.rng.random((rows + 1, columns + 1, 2))
    reach = int(cell * 0.34)
    points = np.zeros((rows + 1, columns + 1, 2), np.int64)
    for r in range(rows + 1):
        for c in range(columns + 1):
            x = int(st.w * c / columns + (jitter[r, c, 0] - 0.5) * cell * 0.5)
            y = int(st.h * r / rows + (jitter[r, c, 1] - 0.5) * cell * 0.5)
            x, y = min(max(x, 0), st.w - 1), min(max(y, 0), st.h - 1)
            y0, x0 = max(y - reach, 0), max(x - reach, 0)
            patch = edge[y0 : y + reach + 1, x0 : x + reach + 1]
            best = int(patch.argmax())
            if patch.flat[best] > 0.02:
                y, x = y0 + best // patch.shape[1], x0 + best % patch.shape[1]
            x = 0 if c == 0 else st.w if c == columns else x
            y = 0 if r == 0 else st.h if r == rows else y
            points[r, c] = (x, y)
    return points


def _facet(
    double: Pixels, soft: Pixels, triangle: np.ndarray[tuple[int, ...], np.dtype[np.int64]]
) -> None:
    """Fill one triangle with the median of a few samples, lighter or darker by its slant."""
    h, w = soft.shape[:2]
    (ax, ay), (bx, by), (cx, cy) = ((int(x), int(y)) for x, y in triangle)
    samples = []
    for i, j, k in ((2, 2, 2), (4, 1, 1), (1, 4, 1), (1, 1, 4), (3, 2, 1), (1, 3, 2), (2, 1, 3)):
        x, y = (i * ax + j * bx + k * cx) // 6, (i * ay + j * by + k * cy) // 6
        samples.append(soft[min(y, h - 1), min(x, w - 1)])
    middle = np.sort(np.asarray(samples, np.int32), axis=0)[3]
    slant = ((bx - ax) * (cy - ay) - (cx - ax) * (by - ay)) % 13 - 6
    tone = [int(min(max(v + slant, 0), 255)) for v in middle]
    cv2.fillConvexPoly(double, (triangle * 2).astype(np.int32), tone)


def _inks(st: Stage) -> list[Colour]:
    """Six ink colours of a print, dark to light, from the palette."""
    pal = st.pal
    found = [
        pal.shade,
        mix(pal.shade, pal.accent[0], 0.5),
        pal.accent[0],
        mix(pal.accent[1], pal.accent[0], 0.25),
        pal.accent[1],
        mix(pal.sky[3], hexed("#fbf3e0"), 0.5),
    ]
    return sorted(found, key=luma)


def poster(pixels: Pixels, st: Stage) -> Pixels:
    """A screen print in six inks with grainy transitions and plates a little out of register."""
    image = planes(smooth(pixels, st, 1.4))
    tone = gray(image)
    order = np.sort(tone[::7, ::7], axis=None)
    inks = _inks(st)
    rough = st.rng.random((st.h, st.w), np.float32) - f32(0.5)
    slip = max(int(st.u * 0.0022), 1)
    out = np.empty_like(image)
    for c in range(3):
        out[c] = inks[0][c]
    for k in range(1, 6):
        # Equal areas for every ink, half way to equal steps of tone.
        level = 0.6 * float(order[int(order.size * k / 6)]) + 0.4 * k / 6
        mask = ramp(-0.012, 0.012, tone + rough * f32(0.06) - f32(level))
        mask = shift(mask, slip * (k % 2), slip * ((k + 1) % 3 - 1))
        for c in range(3):
            out[c] += (f32(inks[k][c]) - out[c]) * mask
    # A fifth of the picture's own hue keeps subjects of another colour apart.
    hue = saturate(image, 1.3)
    out += (hue - out) * f32(0.26)
    return pixels_of(np.clip(out * paper(st.rng, st, 0.1), 0, 1), st.rng)


def origami(pixels: Pixels, st: Stage) -> Pixels:
    """Cut paper: sheets stacked by brightness, each throwing a shadow on the one below."""
    image = planes(smooth(pixels, st, 2.4))
    tone = gray(image)
    tone = blur(tone, st.u * 0.004)
    order = np.sort(tone[::7, ::7], axis=None)
    out = image * f32(0.86)
    levels = 7
    for k in range(1, levels):
        level = 0.5 * float(order[int(order.size * k / levels)]) + 0.5 * (
            float(order[0]) + (float(order[-1]) - float(order[0])) * k / levels
        )
        sheet = ramp(-0.006, 0.006, tone - f32(level))
        d = max(int(st.u * 0.007), 1)
        shadow = blur(shift(sheet, d, d), st.u * 0.009) * (f32(1) - sheet)
        out *= f32(1) - shadow * f32(0.42)
        lip = sheet - shift(sheet, 2, 2) * sheet
        out = np.clip(out + lip * f32(0.12), 0, 1)
    return pixels_of(np.clip(saturate(out, 1.12) * paper(st.rng, st, 0.13), 0, 1), st.rng)
