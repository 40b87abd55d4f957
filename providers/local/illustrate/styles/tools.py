"""Small tools that several styles share. Pictures here are planar float32 (3, h, w), 0..1."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from providers.local.illustrate.colour import hexed
from providers.local.illustrate.fields import Field, Rng, blur, f32, noise, ramp
from providers.local.illustrate.stage import Stage

Pixels = NDArray[np.uint8]


def planes(pixels: Pixels) -> Field:
    """8-bit (h, w, 3) -> planar floats."""
    out: Field = np.ascontiguousarray(pixels.transpose(2, 0, 1)).astype(np.float32) * f32(1 / 255)
    return out


def pixels_of(image: Field, rng: Rng | None = None) -> Pixels:
    """Planar floats -> 8-bit, dithered if a generator is given."""
    h, w = image.shape[1:]
    dither = rng.random((h, w), np.float32) if rng is not None else f32(0.5)
    out = np.empty((h, w, 3), np.uint8)
    for c in range(3):
        out[:, :, c] = np.clip(image[c] * f32(255) + dither, 0, 255.49).astype(np.uint8)
    return out


def gray(image: Field) -> Field:
    """Luma, Rec. 709 weights."""
    out: Field = image[0] * f32(0.2126) + image[1] * f32(0.7152) + image[2] * f32(0.0722)
    return out


def saturate(image: Field, by: float) -> Field:
    """Push colours away from (``by`` > 1) or towards gray."""
    g = gray(image)
    return np.clip(g + (image - g) * f32(by), 0, 1)


def curve(image: Field, contrast: float) -> Field:
    """S-curve around the middle; 0 = none, 1 = a full smooth step."""
    bent = image * image * (f32(3) - f32(2) * image)
    out: Field = image + (bent - image) * f32(contrast)
    return out


def smooth(pixels: Pixels, st: Stage, strength: float = 1.0) -> Pixels:
    """Flatten small detail but keep edges.

    Integer median filters, as wide as the picture allows.
    """
    size = max(3, int(st.u * 0.006 * strength)) | 1
    out = pixels
    for _ in range(2):
        # The exact large-kernel median of OpenCV works on bytes for any odd size.
        out = cv2.medianBlur(out, min(size, 31)).astype(np.uint8)
    return out


def lines(image: Field, width: float, strength: float = 1.0) -> Field:
    """Ink lines 0..1 where colours meet: a difference of Gaussians on all three channels."""
    edge = np.zeros(image.shape[1:], np.float32)
    for c in range(3):
        narrow, wide = blur(image[c], width), blur(image[c], width * 1.7)
        np.maximum(edge, (wide - narrow) * f32(9 * strength), out=edge)
    return ramp(0.16, 0.62, edge)


def paper(rng: Rng, st: Stage, strength: float) -> Field:
    """Paper tooth: a multiplier around 1."""
    grain = noise(rng, st.h, st.w, (3.0, 3.0), 2, 0.6) - f32(0.5)
    fibre = noise(rng, st.h, st.w, (max(st.u * 0.004, 2), max(st.u * 0.02, 3)), 2) - f32(0.5)
    out: Field = f32(1) + (grain * f32(0.8) + fibre * f32(0.5)) * f32(strength)
    return out


def shifted(image: Field, rng: Rng, st: Stage, reach: float, cell: float) -> Field:
    """Displace every pixel by smooth noise of ``reach`` pixels: the wobble of a hand."""
    dx = (noise(rng, st.h, st.w, (cell, cell), 2) - f32(0.5)) * f32(2 * reach)
    dy = (noise(rng, st.h, st.w, (cell, cell), 2) - f32(0.5)) * f32(2 * reach)
    rows = np.clip(
        np.arange(st.h, dtype=np.intp)[:, None] + np.floor(dy).astype(np.intp), 0, st.h - 1
    )
    columns = np.clip(
        np.arange(st.w, dtype=np.intp)[None, :] + np.floor(dx).astype(np.intp), 0, st.w - 1
    )
    out: Field = image[:, rows, columns]
    return out


def spread(tone: Field) -> Field:
    """Stretch a tone so that 1 % of the picture is black and 1 % white."""
    order = np.sort(tone[::7, ::7], axis=None)
    low, high = float(order[order.size // 100]), float(order[-1 - order.size // 100])
    out: Field = np.clip((tone - f32(low)) * f32(1 / max(high - low, 0.15)), 0, 1)
    return out


def slanted(rng: Rng, st: Stage, along: float, across: float, slope: float) -> Field:
    """Noise 0..1 in streaks of ``along`` x ``across`` pixels; ``slope`` is rows per column."""
    reach = int(st.w * abs(slope)) + 1
    field = noise(rng, st.h + reach, st.w, (max(across, 1.2), max(along, 2.0)), 2, 0.6)
    columns = np.arange(st.w, dtype=np.intp)
    drop = (columns.astype(np.float32) * f32(abs(slope))).astype(np.intp)
    drop = drop if slope > 0 else drop[::-1]
    out: Field = field[np.arange(st.h, dtype=np.intp)[:, None] + drop[None, :], columns[None, :]]
    order = np.sort(out[::7, ::7], axis=None)
    low, high = float(order[order.size // 50]), float(order[-1 - order.size // 50])
    level = (out - f32(low)) * f32(1 / max(high - low, 1e-3))
    return np.asarray(np.clip(level, 0, 1), np.float32)


def few(pixels: Pixels, st: Stage, count: int, strength: float) -> tuple[NDArray[np.uint8], Pixels]:
    """Flatten to ``count`` colours: (the number of its colour for each pixel, the colours)."""
    flat = smooth(pixels, st, strength)
    image = Image.fromarray(flat).quantize(
        count, Image.Quantize.MEDIANCUT, kmeans=2, dither=Image.Dither.NONE
    )
    table = np.asarray((image.getpalette() or [])[: count * 3], np.uint8).reshape(-1, 3)
    size = max(3, min(int(st.u * 0.008) | 1, 31))
    return cv2.medianBlur(np.asarray(image, np.uint8), size), table


def borders(labels: NDArray[np.integer], width: int) -> Field:
    """1 where areas of a label meet, ``width`` pixels wide, soft by one pixel."""
    edge = np.zeros(labels.shape, np.uint8)
    edge[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    edge[1:] |= labels[1:] != labels[:-1]
    size = max(width, 1) | 1
    wide = cv2.dilate(
        edge * np.uint8(255), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size,) * 2)
    )
    soft: Field = cv2.blur(wide, (3, 3)).astype(np.float32) * f32(1 / 255)
    return soft


def relief(height: Field, depth: float) -> Field:
    """Light from above left on a height field 0..1: about 0 in shade, 0.7 flat, 1 lit."""
    dx, dy = np.zeros_like(height), np.zeros_like(height)
    dx[:, 1:-1] = (height[:, 2:] - height[:, :-2]) * f32(depth / 2)
    dy[1:-1] = (height[2:] - height[:-2]) * f32(depth / 2)
    size = np.sqrt(dx * dx + dy * dy + f32(1))
    lit = (dx * f32(0.45) + dy * f32(0.5) + f32(0.74)) / size
    return np.asarray(np.clip(lit, 0, 1), np.float32)


def vignette(st: Stage, strength: float) -> Field:
    """A multiplier that darkens the corners by ``strength``."""
    dx, dy = (st.x * f32(2 / st.w) - f32(1))[None, :], (st.y * f32(2 / st.h) - f32(1))[:, None]
    return f32(1) - ramp(0.5, 2.0, dx * dx + dy * dy) * f32(strength)


def paint_of(text: str) -> Field:
    """A colour as planes that broadcast over a picture."""
    out: Field = np.asarray(hexed(text), np.float32)[:, None, None]
    return out


def dots(st: Stage, density: Field, pitch: float, angle: tuple[float, float]) -> Field:
    """A halftone screen: a grid of dots, turned by ``angle`` (cosine, sine), grown by density."""
    c, s = (f32(part / pitch) for part in angle)
    x, y = st.x[None, : density.shape[1]], st.y[: density.shape[0], None]
    a, b = x * c + y * s, y * c - x * s
    a, b = a - np.floor(a) - f32(0.5), b - np.floor(b) - f32(0.5)
    soft = 0.9 / pitch
    return ramp(soft, -soft, np.sqrt(a * a + b * b) - np.sqrt(density) * f32(0.72)) * ramp(
        0.01, 0.06, density
    )
