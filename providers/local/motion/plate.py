"""The background as it may be behind the subject: PatchMatch (Barnes et al. 2009) fills the hole.

Solved at a reduced size, since what it fills is seen for a few pixels beside the moving subject.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from patchmatch import inpaint

Floats = NDArray[np.floating[Any]]
Pixels = NDArray[np.uint8]

_SOLVE_SIDE = 448
"""Longest side, in pixels, at which the hole is filled: 1.5 to 5 CPU-seconds."""
_PATCH = 3
"""Radius of the compared patches at that size."""
_SUBJECT = 0.04
"""Where the matte is above this, the background is not known."""


def clean_plate(rgb: Pixels, alpha: Floats) -> Pixels:
    """Return the picture without its subject.

    Args:
        rgb: (height, width, 3).
        alpha: the subject's matte, (height, width), 0..1.
    """
    height, width = alpha.shape
    scale = min(1.0, _SOLVE_SIDE / max(height, width))
    size = (max(16, round(width * scale)), max(16, round(height * scale)))
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    grown = _grown((alpha > _SUBJECT).astype(np.uint8), max(2, max(height, width) // 110))
    hole = (cv2.resize(grown * 255, size, interpolation=cv2.INTER_AREA) > 0).astype(np.uint8)
    if not hole.any():
        return rgb
    if hole.all():
        return np.broadcast_to(small.mean(axis=(0, 1)), rgb.shape).astype(np.uint8)
    filled = np.asarray(inpaint(np.ascontiguousarray(small), hole * 255, patch_size=_PATCH))
    large = cv2.resize(filled, (width, height), interpolation=cv2.INTER_CUBIC)
    soft = cv2.GaussianBlur(_grown(grown, 3).astype(np.float32), (0, 0), 2)[..., None]
    return np.asarray(np.rint(rgb + (large.astype(np.float32) - rgb) * soft), np.uint8)


def _grown(mask: NDArray[np.uint8], pixels: int) -> NDArray[np.uint8]:
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * pixels + 1, 2 * pixels + 1))
    return np.asarray(cv2.dilate(mask, disc), np.uint8)
