"""Let a filling meet its surroundings in tone.

Where a filling's rim differs a little from what it borders on (a sky that is brighter elsewhere),
the difference is spread smoothly over the filling and taken away, as gradient-domain blending does
(Pérez, Gangnet, Blake 2003). Large differences are edges of things and are left alone.
"""

from __future__ import annotations

import cv2
import numpy as np

from providers.local.edit.parts import Floats, Mask, Pixels

_REACHES = (12, 3)
"""Radii, in pixels, in which the tones of both sides of the rim are taken: first what the sides
are like as a whole, then what still differs right at the rim."""
_TONE = 26.0
"""Differences beyond this (of 255) are edges, not tones."""
_SMALLEST = 2
"""Side at which the pyramid of the interpolation ends."""


def settled(solved: Pixels, gap: Mask) -> Pixels:
    """Return the solution with the tones of its gap fitted to what is around it."""
    values = solved.astype(np.float32)
    rim = gap & np.asarray(cv2.dilate((~gap).astype(np.uint8), np.ones((3, 3), np.uint8)), np.bool_)
    for reach in _REACHES:
        difference = _near(values, ~gap, reach) - _near(values, gap, reach)
        sure = rim & (np.abs(difference).max(axis=2) < _TONE)
        if sure.any():
            spread = _interpolated(difference * sure[..., None], sure.astype(np.float32))
            values += np.where(gap[..., None], spread, 0)
    return np.rint(np.clip(values, 0, 255)).astype(np.uint8)


def _near(values: Floats, mask: Mask, reach: int) -> Floats:
    """Return the mean of the pixels within reach that belong to ``mask``."""
    side = (2 * reach + 1, 2 * reach + 1)
    weight = mask.astype(np.float32)
    total = cv2.blur(values * weight[..., None], side, borderType=cv2.BORDER_CONSTANT)
    share = cv2.blur(weight, side, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(total / np.maximum(share, 1e-6)[..., None], np.float32)


def _interpolated(values: Floats, weight: Floats) -> Floats:
    """Spread values known where ``weight`` is 1 over everything: down and up a pyramid."""
    if min(weight.shape) <= _SMALLEST:
        mean = values.sum(axis=(0, 1)) / max(float(weight.sum()), 1e-6)
        return np.broadcast_to(mean, values.shape).astype(np.float32)
    size = (weight.shape[1], weight.shape[0])
    half = ((size[0] + 1) // 2, (size[1] + 1) // 2)
    sums = cv2.resize(values, half, interpolation=cv2.INTER_AREA)
    shares = np.asarray(cv2.resize(weight, half, interpolation=cv2.INTER_AREA), np.float32)
    known = np.minimum(1, shares * 4)
    coarse = _interpolated(sums / np.maximum(shares, 1e-6)[..., None] * known[..., None], known)
    smooth = cv2.resize(coarse, size, interpolation=cv2.INTER_LINEAR)
    smooth = cv2.blur(smooth, (3, 3), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(values + (1 - weight)[..., None] * smooth, np.float32)
