"""Give a filling that was worked out at a small size the fine detail of the large one.

What PatchMatch puts into a gap consists of pieces of the rest. For patches of the small solution
the most similar spot of the small surroundings is looked up, and what the large picture has there
beyond its own enlargement (its fine detail) is added at the patch's place. Where neighbouring
patches come from neighbouring spots, as they mostly do, that restores texture; where not, the
overlapping patches cancel out and the filling stays soft.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from providers.local.edit.parts import Floats, Mask, Pixels

_PATCH = 8
"""Side of a patch, in pixels of the small picture."""
_STEP = 4
"""Distance of patches in the gap."""
_MOST_PATCHES = 6_000
"""Patches in the gap; in large gaps they are further apart."""
_MOST_SOURCES = 24_000
"""Spots that are compared with; 6,000 x 24,000 comparisons took 0.7 CPU s here."""
_BLOCK = 256
"""Patches compared at a time: 256 x 24,000 float32 are 25 MB."""


def with_detail(
    rgb: Pixels, gap: Mask, solved: Pixels, small_gap: Mask, shut: Mask | None
) -> Pixels:
    """Return the solution as large as ``rgb``.

    Args:
        rgb: the picture at full size.
        gap: what is filled, at full size.
        solved: the solution at the small size.
        small_gap: what is filled, at that size.
        shut: what must not be copied, at that size.
    """
    height, width = rgb.shape[:2]
    large = cv2.resize(solved, (width, height), interpolation=cv2.INTER_CUBIC)
    closed = small_gap if shut is None else small_gap | shut
    sources = _corners(~closed, _spacing(~closed, _MOST_SOURCES, 1), whole=True)
    targets = _corners(small_gap, _spacing(small_gap, _MOST_PATCHES, _STEP), whole=False)
    if not len(sources) or not len(targets):
        return np.asarray(large, np.uint8)
    nearest = _nearest(_patches(solved, targets), _patches(solved, sources))
    # The gap's own pixels are no detail of anything: they count as the solution's.
    known = np.where(gap[..., None], large, rgb)
    fine = known.astype(np.int16) - large
    added = _placed(fine, targets, sources[nearest], solved.shape[:2])
    return np.asarray(np.clip(large + added, 0, 255), np.uint8)


def _spacing(free: Mask, most: int, least: int) -> int:
    """Return how far apart spots must be for there to be at most ``most``."""
    return max(least, int(np.ceil(np.sqrt(np.count_nonzero(free) / most))))


def _corners(free: Mask, step: int, *, whole: bool) -> NDArray[np.intp]:
    """Return the upper left corners of patches that lie in ``free``, wholly or partly."""
    if min(free.shape) < _PATCH:
        return np.zeros((0, 2), np.intp)
    counts = cv2.boxFilter(
        free.astype(np.float32), -1, (_PATCH, _PATCH), anchor=(0, 0), normalize=False
    )[: free.shape[0] - _PATCH + 1, : free.shape[1] - _PATCH + 1]
    wanted = counts > (_PATCH * _PATCH - 0.5 if whole else 0.5)
    grid = np.zeros_like(wanted)
    grid[::step, ::step] = True
    if not whole:  # else the last rows and columns would have no patch
        grid[-1, ::step] = True
        grid[::step, -1] = True
        grid[-1, -1] = True
    return np.argwhere(wanted & grid)


def _patches(rgb: Pixels, corners: NDArray[np.intp]) -> Floats:
    """Return the patches as rows of numbers, at half their resolution: fine enough to compare."""
    half = cv2.blur(rgb, (2, 2), anchor=(0, 0))
    rows = corners[:, :1, None] + np.arange(0, _PATCH, 2)[None, :, None]
    columns = corners[:, 1:, None] + np.arange(0, _PATCH, 2)[None, None, :]
    return np.asarray(half[rows, columns].reshape(len(corners), -1), np.float32)


def _nearest(patches: Floats, sources: Floats) -> NDArray[np.intp]:
    """Return for every patch the most similar source."""
    lengths = np.einsum("ij,ij->i", sources, sources)
    found = np.empty(len(patches), np.intp)
    for first in range(0, len(patches), _BLOCK):
        block = patches[first : first + _BLOCK]
        found[first : first + _BLOCK] = np.argmin(lengths - 2 * (block @ sources.T), axis=1)
    return found


def _placed(
    fine: NDArray[np.int16],
    targets: NDArray[np.intp],
    sources: NDArray[np.intp],
    small: tuple[int, ...],
) -> Floats:
    """Return the details of ``sources`` at the places of ``targets``, faded into each other."""
    height, width = fine.shape[:2]
    down, across = height / small[0], width / small[1]
    rows, columns = int(np.ceil(_PATCH * down)), int(np.ceil(_PATCH * across))
    tent = np.minimum(np.arange(1, rows + 1), np.arange(rows, 0, -1))[:, None] * np.minimum(
        np.arange(1, columns + 1), np.arange(columns, 0, -1)
    )
    weight = (tent / tent.max()).astype(np.float32)
    total = np.zeros((height, width, 3), np.float32)
    weights = np.full((height, width), 1e-6, np.float32)
    for target, source in zip(targets, sources, strict=True):
        y, x = _at(target, down, across, (height - rows, width - columns))
        v, u = _at(source, down, across, (height - rows, width - columns))
        total[y : y + rows, x : x + columns] += (
            fine[v : v + rows, u : u + columns] * weight[..., None]
        )
        weights[y : y + rows, x : x + columns] += weight
    return total / weights[..., None]


def _at(
    corner: NDArray[np.intp], down: float, across: float, last: tuple[int, int]
) -> tuple[int, int]:
    """Return a corner's place at full size, so far inside that the patch fits."""
    y, x = round(float(corner[0]) * down), round(float(corner[1]) * across)
    return max(0, min(y, last[0])), max(0, min(x, last[1]))
