"""Scalar fields: noise, blur, smooth steps. Float32 arrays (rows, columns), mostly in 0..1.

Everything here is built from operations whose result IEEE 754 or integer arithmetic fixes to the
last bit (+ - * /, square root, table look-ups, integer blurs), never from vectorised sin/exp/pow,
whose last bit differs between processors. That is what makes the same prompt give the same bytes
everywhere.
"""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Field: TypeAlias = NDArray[np.float32]
Rng: TypeAlias = np.random.Generator


def f32(value: float) -> np.float32:
    """A float32 scalar, so that arithmetic with arrays stays in float32."""
    return np.float32(value)


def ramp(low: float, high: float, x: Field) -> Field:
    """Cubic smooth step of ``x`` from 0 at ``low`` to 1 at ``high``.

    ``low`` may exceed ``high``.
    """
    t = np.clip((x - f32(low)) * f32(1.0 / (high - low)), 0, 1).astype(np.float32)
    out: Field = t * t * (f32(3) - f32(2) * t)
    return out


def fall(d2: Field, power: int = 2) -> Field:
    """A soft fall-off 1/(1+d²)^power: looks like a Gaussian glow with a longer tail."""
    base = f32(1) / (f32(1) + d2)
    out = base
    for _ in range(power - 1):
        out = out * base
    return out


def axis(n: int) -> Field:
    """Pixel centres 0.5 .. n-0.5."""
    return np.arange(n, dtype=np.float32) + f32(0.5)


def _weights(n: int, cells: int, smooth: bool) -> tuple[NDArray[np.intp], Field]:
    """Index of the lattice cell and position inside it for ``n`` samples over ``cells`` cells."""
    x = np.arange(n, dtype=np.float32) * f32(cells / n)
    i = np.minimum(x.astype(np.intp), cells - 1)
    t: Field = (x - i.astype(np.float32)).astype(np.float32)
    bent: Field = (t * t * t * (t * (t * f32(6) - f32(15)) + f32(10))).astype(np.float32)
    return i, bent if smooth else t


def stretch(lattice: Field, h: int, w: int, *, smooth: bool = True) -> Field:
    """Interpolate a.

    Rows+1, columns+1 lattice to ``h`` x ``w`` (quintic if ``smooth``, else linear).
    """
    iy, ty = _weights(h, lattice.shape[0] - 1, smooth)
    ix, tx = _weights(w, lattice.shape[1] - 1, smooth)
    across = lattice[:, ix] + (lattice[:, ix + 1] - lattice[:, ix]) * tx
    top = across[iy]
    out: Field = top + (across[iy + 1] - top) * ty[:, None]
    return out


def noise(
    rng: Rng, h: int, w: int, cell: tuple[float, float], octaves: int = 4, gain: float = 0.5
) -> Field:
    """Fractal value noise in about 0..1.

    ``cell`` is the size (y, x) in pixels of the coarsest lattice.
    """
    out = np.zeros((h, w), np.float32)
    amplitude, total = 1.0, 0.0
    cy, cx = cell
    for _ in range(octaves):
        rows, columns = max(1, round(h / cy)), max(1, round(w / cx))
        lattice = rng.random((rows + 1, columns + 1), np.float32)
        out += stretch(lattice, h, w) * f32(amplitude)
        total += amplitude
        amplitude *= gain
        cy, cx = max(cy / 2, 1.0), max(cx / 2, 1.0)
    out *= f32(1.0 / total)
    return out


def soft_noise(
    rng: Rng, h: int, w: int, cell: tuple[float, float], octaves: int = 4, gain: float = 0.5
) -> Field:
    """Like :func:`noise`, computed at half size.

    For mist and clouds, where nobody sees the difference.
    """
    half = noise(
        rng, h // 2 + 2, w // 2 + 2, (max(cell[0] / 2, 1), max(cell[1] / 2, 1)), octaves, gain
    )
    return stretch(half, h, w, smooth=False)


def line(rng: Rng, n: int, cell: float, octaves: int = 4, gain: float = 0.5) -> Field:
    """One-dimensional fractal noise in about 0..1, for ridge lines."""
    out: Field = noise(rng, 2, n, (2, cell), octaves, gain)[0]
    return out


def blur(field: Field, sigma: float) -> Field:
    """Gaussian-like blur of a field in 0..1.

    ``sigma`` in pixels. Exact: OpenCV's 16-bit integer path.
    """
    if sigma < 0.3:
        return field
    h, w = field.shape
    shrink = max(1, int(sigma / 4))
    if shrink > 1:
        small_h, small_w = max(2, h // shrink), max(2, w // shrink)
        return stretch(
            blur(shrink_to(field, small_h, small_w), sigma * small_h / h), h, w, smooth=False
        )
    fixed = (np.clip(field, 0, 1) * f32(65535) + f32(0.5)).astype(np.uint16)
    size = 2 * int(sigma * 3 + 0.5) + 1
    soft = cv2.GaussianBlur(fixed, (size, size), sigma, borderType=cv2.BORDER_REPLICATE)
    out: Field = soft.astype(np.float32)
    out *= f32(1 / 65535)
    return out


def shrink_to(field: Field, h: int, w: int) -> Field:
    """Reduce a field to a lattice of ``h`` x ``w`` samples of its once-smoothed self."""
    rows = np.linspace(0, field.shape[0] - 1, h).astype(np.intp)
    columns = np.linspace(0, field.shape[1] - 1, w).astype(np.intp)
    step_y, step_x = max(1, field.shape[0] // h), max(1, field.shape[1] // w)
    fixed = (np.clip(field, 0, 1) * f32(255) + f32(0.5)).astype(np.uint8)
    # A box as wide as the step before sampling, else thin shapes would vanish or flicker.
    boxed = cv2.blur(fixed, (step_x | 1, step_y | 1), borderType=cv2.BORDER_REPLICATE)
    out: Field = boxed[rows][:, columns].astype(np.float32) * f32(1 / 255)
    return out


def shift(field: Field, dy: int, dx: int) -> Field:
    """Move a field by whole pixels.

    What comes in from outside repeats the border (np.roll would wrap around).
    """
    h, w = field.shape
    rows = np.clip(np.arange(h) - dy, 0, h - 1)
    columns = np.clip(np.arange(w) - dx, 0, w - 1)
    out: Field = field[rows][:, columns] if dx else field[rows]
    return out


def slope(field: Field) -> tuple[Field, Field]:
    """Central differences (d/dx, d/dy) per pixel."""
    dx = np.zeros_like(field)
    dy = np.zeros_like(field)
    dx[:, 1:-1] = (field[:, 2:] - field[:, :-2]) * f32(0.5)
    dy[1:-1] = (field[2:] - field[:-2]) * f32(0.5)
    return dx, dy
