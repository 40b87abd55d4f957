"""Small tools that several styles share. Pictures here are planar float32 (3, h, w), 0..1."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

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
