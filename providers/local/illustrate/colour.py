"""Colours: sRGB triples of floats in 0..1, mixed in OKLab so that blends stay clean.

OKLab: Björn Ottosson, 2020, https://bottosson.github.io/posts/oklab/
Only single colours pass through here, never whole pictures; results are rounded to 1e-5 so that the
last bit of a machine's cube root does not matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from providers.local.illustrate.fields import Field, f32

Colour: TypeAlias = tuple[float, float, float]


def hexed(text: str) -> Colour:
    """``"#ff8000"`` -> (1.0, 0.50196, 0.0)."""
    r, g, b = (int(text[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return (r, g, b)


def _linear(v: float) -> float:
    return v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4


def _gamma(v: float) -> float:
    v = min(max(v, 0.0), 1.0)
    return round(12.92 * v if v <= 0.0031308 else 1.055 * v ** (1 / 2.4) - 0.055, 5)


def to_lab(colour: Colour) -> Colour:
    """SRGB -> OKLab (L 0..1, a and b about -0.4..0.4)."""
    r, g, b = (_linear(v) for v in colour)
    x = (0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b) ** (1 / 3)
    y = (0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b) ** (1 / 3)
    z = (0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b) ** (1 / 3)
    return (
        0.2104542553 * x + 0.7936177850 * y - 0.0040720468 * z,
        1.9779984951 * x - 2.4285922050 * y + 0.4505937099 * z,
        0.0259040371 * x + 0.7827717662 * y - 0.8086757660 * z,
    )


def from_lab(lab: Colour) -> Colour:
    """OKLab -> sRGB, clipped to the gamut."""
    light, a, b = lab
    x = (light + 0.3963377774 * a + 0.2158037573 * b) ** 3
    y = (light - 0.1055613458 * a - 0.0638541728 * b) ** 3
    z = (light - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        _gamma(4.0767416621 * x - 3.3077115913 * y + 0.2309699292 * z),
        _gamma(-1.2684380046 * x + 2.6097574011 * y - 0.3413193965 * z),
        _gamma(-0.0041960863 * x - 0.7034186147 * y + 1.7076147010 * z),
    )


def mix(one: Colour, other: Colour, t: float) -> Colour:
    """Blend in OKLab; ``t`` 0 gives ``one``, 1 gives ``other``."""
    p, q = to_lab(one), to_lab(other)
    return from_lab((p[0] + (q[0] - p[0]) * t, p[1] + (q[1] - p[1]) * t, p[2] + (q[2] - p[2]) * t))


def lift(colour: Colour, by: float) -> Colour:
    """Lighter (``by`` > 0) or darker (< 0) by OKLab lightness, hue kept."""
    light, a, b = to_lab(colour)
    return from_lab((min(max(light + by, 0.0), 1.0), a, b))


def lit(albedo: Colour, key: Colour) -> Colour:
    """A surface colour under a light: the product."""
    return (albedo[0] * key[0], albedo[1] * key[1], albedo[2] * key[2])


def tinted(colour: Colour, tint: Colour, strength: float) -> Colour:
    """Keep the lightness of ``colour``, move its hue towards ``tint`` (0..1)."""
    light, a, b = to_lab(colour)
    _, ta, tb = to_lab(tint)
    return from_lab((light, a + (ta - a) * strength, b + (tb - b) * strength))


def luma(colour: Colour) -> float:
    """Rec. 709 luma of gamma-encoded values."""
    return 0.2126 * colour[0] + 0.7152 * colour[1] + 0.0722 * colour[2]


def between(dark: Colour, light: Colour, level: Field) -> Field:
    """Planes (3, …) that run from ``dark`` to ``light`` as ``level`` runs from 0 to 1."""
    planes = [f32(d) + f32(b - d) * level for d, b in zip(dark, light, strict=True)]
    out: Field = np.stack(planes)
    return out


def gradient(stops: Sequence[Colour], n: int, places: Sequence[float] | None = None) -> Field:
    """A (3, n) table through ``stops`` at ``places`` (0..1, evenly spread if not given)."""
    at = list(places) if places is not None else [i / (len(stops) - 1) for i in range(len(stops))]
    rows: list[Colour] = []
    steps = min(n, 96)
    for k in range(steps):
        t = k / max(steps - 1, 1)
        i = max(j for j in range(len(at) - 1) if at[j] <= t or j == 0)
        u = min(max((t - at[i]) / max(at[i + 1] - at[i], 1e-6), 0.0), 1.0)
        rows.append(mix(stops[i], stops[i + 1], u * u * (3 - 2 * u) if len(at) == 2 else u))
    table = np.asarray(rows, np.float32).T
    x = np.arange(n, dtype=np.float32) * f32((steps - 1) / max(n - 1, 1))
    i0 = np.minimum(x.astype(np.intp), max(steps - 2, 0))
    i1 = np.minimum(i0 + 1, steps - 1)
    out: Field = table[:, i0] + (table[:, i1] - table[:, i0]) * (x - i0.astype(np.float32))
    return out
