"""Fit a rough mask to the edges of a picture: the colour guided filter (He, Sun, Tang 2010).

As in ``matte.py``: coefficients at reduced size, applied at full size; here for masks that come
from colours and from GrabCut.
"""

from __future__ import annotations

import cv2
import numpy as np

from providers.local.edit.parts import Floats, Pixels

_SIDE = 768
"""Longest side at which coefficients are computed."""
_REGULAR = 2e-4
"""How much a colour must vary (as variance, of 0..1) to count as an edge."""
_LOW, _HIGH = 0.15, 0.85
"""Filtered values below and above become 0 and 1."""
_STRIP = 512
"""Rows finished at a time."""


def fitted(rgb: Pixels, mask: Floats) -> Floats:
    """Return the mask with its edges where the picture has them; same size, 0..1."""
    height, width = mask.shape
    scale = min(1.0, _SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    guide = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    slope, offset = _coefficients(guide, cv2.resize(mask, size, interpolation=cv2.INTER_AREA))
    result = np.empty((height, width), np.float32)
    planes = [np.ascontiguousarray(slope[..., channel]) for channel in range(3)]
    whole = [_resized(plane, (width, height)) for plane in (*planes, offset)]
    for top in range(0, height, _STRIP):
        rows = slice(top, top + _STRIP)
        part = rgb[rows].astype(np.float32) / 255
        value = whole[3][rows] + sum(whole[i][rows] * part[..., i] for i in range(3))
        result[rows] = np.clip((value - _LOW) / (_HIGH - _LOW), 0, 1)
    return result


def _resized(values: Floats, size: tuple[int, int]) -> Floats:
    return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_LINEAR), np.float32)


def _coefficients(guide: Floats, mask: Floats) -> tuple[Floats, Floats]:
    radius = max(2, round(max(mask.shape) / 130))

    def mean(values: Floats) -> Floats:
        side = (2 * radius + 1, 2 * radius + 1)
        return np.asarray(cv2.blur(values, side, borderType=cv2.BORDER_REPLICATE), np.float32)

    colour, level = mean(guide), mean(np.asarray(mask, np.float32))
    covariance = mean(guide * mask[..., None]) - colour * level[..., None]
    pairs = guide[..., :, None] * guide[..., None, :]
    flat = pairs.reshape(*mask.shape, 9)
    squares = np.dstack([mean(np.ascontiguousarray(flat[..., i])) for i in range(9)])
    spread = squares.reshape(*mask.shape, 3, 3) - colour[..., :, None] * colour[..., None, :]
    spread = spread + np.eye(3, dtype=np.float32) * _REGULAR
    slope = np.linalg.solve(spread, covariance[..., None])[..., 0]
    offset = level - np.sum(slope * colour, axis=2)
    return mean(np.asarray(slope, np.float32)), mean(np.asarray(offset, np.float32))
