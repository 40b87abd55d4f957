"""Which colours a picture mostly has, by their everyday names."""

from __future__ import annotations

from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from providers.local.tags.vocabulary import words

Floats = NDArray[np.floating[Any]]

_SIDE = 96
"""Pixels of the longer side at which colours are counted: grain and threads are no colours."""
_LEAST = 0.10
"""Part of the picture that a colour must have to be named; the commonest always is."""
_MOST = 5
_SEEN = 128
"""From this alpha on a pixel counts."""


def main_colours(image: Image.Image) -> dict[str, float]:
    """Return the names of the main colours, the commonest first, with their shares of the picture.

    Args:
        image: RGB or RGBA; what is transparent has no colour.

    Returns:
        At most five; none for a picture of which nothing is seen.
    """
    small = image.convert("RGBA")
    small.thumbnail((_SIDE, _SIDE), Image.Resampling.BOX)
    values = np.asarray(small)
    seen = values[values[..., 3] >= _SEEN][:, :3]
    if not len(seen):
        return {}
    names, examples = _examples()
    apart = np.linalg.norm(_lab(seen)[:, None] - examples, axis=2)
    counts = np.bincount(apart.argmin(axis=1), minlength=len(names))
    shares: dict[str, float] = dict.fromkeys(names, 0.0)
    for name, count in zip(names, counts, strict=True):
        shares[name] += float(count) / len(seen)
    ranked = sorted(shares.items(), key=lambda pair: -pair[1])[:_MOST]
    return {
        name: round(share, 3)
        for place, (name, share) in enumerate(ranked)
        if share >= _LEAST or place == 0
    }


@cache
def _examples() -> tuple[tuple[str, ...], Floats]:
    """Return a name for each example, and the examples as L*a*b*, (count, 3)."""
    pairs = [(name, value) for name, values in words().colours.items() for value in values]
    rgb = np.array([[int(value[at : at + 2], 16) for at in (1, 3, 5)] for _, value in pairs])
    return tuple(name for name, _ in pairs), _lab(rgb.astype(np.uint8))


def _lab(rgb: NDArray[np.uint8]) -> Floats:
    """Return L*a*b* of colours, (count, 3)."""
    return np.asarray(cv2.cvtColor(rgb[None].astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[0])
