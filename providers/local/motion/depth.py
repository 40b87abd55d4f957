"""Depths made up from silhouettes: how a thing bulges, and how the ground runs up to it."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]

_HALF = 0.5
_COARSEST = 12
"""Side, in pixels, at which solving begins; every step doubles it."""
_SWEEPS = 40
"""Passes of relaxation at each size; a size begins with what the one before found."""


def inflated(mask: Floats) -> Floats:
    """Return how far a thing of this outline bulges, in pixels: a disc gives half a ball.

    The height is the root of the solution of Poisson's equation with a constant right side and
    nothing at the outline (Baran & Lehtinen 2009, "Notes on inflating curves").

    Args:
        mask: (height, width), above 0.5 inside. What touches the frame is closed there.
    """
    inside = np.pad(mask > _HALF, 1).astype(np.float32)
    height, width = inside.shape
    sizes = [(height, width)]
    while min(sizes[-1]) > 2 * _COARSEST:
        sizes.append(((sizes[-1][0] + 1) // 2, (sizes[-1][1] + 1) // 2))
    solution = np.zeros(sizes[-1], np.float32)
    for rows, columns in reversed(sizes):
        here = cv2.resize(inside, (columns, rows), interpolation=cv2.INTER_AREA) > _HALF
        spacing = height / rows
        solution = np.asarray(cv2.resize(solution, (columns, rows)), np.float32)
        solution = _relaxed(solution, here, 4 * spacing * spacing)
    return np.sqrt(np.maximum(solution, 0))[1:-1, 1:-1]


def _relaxed(solution: Floats, inside: NDArray[np.bool_], source: float) -> Floats:
    """Sweep towards the solution of -laplace(u) = source, u = 0 outside."""
    kernel = np.array([[0, 0.25, 0], [0.25, 0, 0.25], [0, 0.25, 0]], np.float32)
    for _ in range(_SWEEPS):
        means = cv2.filter2D(solution, cv2.CV_32F, kernel, borderType=cv2.BORDER_CONSTANT)
        solution = np.where(inside, means + source / 4, 0).astype(np.float32)
    return solution
