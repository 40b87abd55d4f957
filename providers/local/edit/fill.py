"""Fill a hole in a picture with what is around it.

PatchMatch (Barnes et al. 2009, in the package pypatchmatch) finds for every spot of the hole a
patch of the rest that fits its neighbours. Its time grows with the pixels, so it works on the
hole and its surroundings at 512 pixels at most. In larger pictures that alone would be blurred:
fine detail is then taken from where it lies at full size, patch by patch (``detail.py``).

Nothing of a seed is kept in the library, whose seed is one for the whole process: another seed
turns or mirrors the problem, which gives another solution, eight in all.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import patchmatch

from providers.local.edit.detail import with_detail
from providers.local.edit.membrane import settled
from providers.local.edit.parts import Floats, Mask, Pixels, refused

METHOD = "PatchMatch (radius 5, at 512 pixels or less), fine detail copied from the rest"

_SIDE = 512
"""Longest side, in pixels, at which PatchMatch works (LOCAL.md: 1.6 CPU s for a tenth of it)."""
_RADIUS = 5
"""Radius of a patch, in pixels at that size."""
_CONTEXT = 1.0
"""Surroundings that are looked at on each side, as a part of the hole's longer side."""
_LEAST_CONTEXT = 96
"""The same, pixels of the picture."""
_FEWEST_SOURCES = 24 * 24
"""Pixels at working size that must be left to copy from."""
_FEATHER = 6.0
"""Widest seam, in pixels of the picture."""
_ORIENTATIONS = 8


@dataclass(frozen=True)
class _Window:
    """A part of a picture, in pixels."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def rows(self) -> slice:
        return slice(self.top, self.bottom)

    @property
    def columns(self) -> slice:
        return slice(self.left, self.right)


def fill(
    rgb: Pixels,
    hole: Mask,
    *,
    avoid: Mask | None = None,
    seam: Mask | None = None,
    seed: int = 0,
    field: str = "mask",
) -> Pixels:
    """Return the picture with its hole filled; every pixel outside keeps its bytes.

    Args:
        rgb: the picture.
        hole: what is to be filled.
        avoid: what must not be copied, such as the subject.
        seam: the part of the hole that may be blended with what is there, because it belongs to
            the surroundings (the margin that a mask was grown by).
        seed: any; there are eight different results.
        field: what to name when there is nothing to copy from.

    Raises:
        ProviderRejected: the hole leaves nothing to copy from.
    """
    window = _window(hole)
    part, gap = rgb[window.rows, window.columns], hole[window.rows, window.columns]
    scale = min(1.0, _SIDE / max(part.shape[:2]))
    size = (max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale)))
    small = cv2.resize(part, size, interpolation=cv2.INTER_AREA) if scale < 1 else part
    small_gap = _covered(gap, size)
    shut = None if avoid is None else _covered(avoid[window.rows, window.columns], size)
    closed = _sources_checked(small_gap, shut, field)
    solved = settled(_solve(small, small_gap, closed, seed), small_gap)
    whole = with_detail(part, gap, solved, small_gap, closed) if scale < 1 else solved
    share = _share(gap, None if seam is None else seam[window.rows, window.columns])
    result = rgb.copy()
    blended = part + (whole.astype(np.float32) - part) * share[..., None]
    result[window.rows, window.columns][gap] = np.rint(blended[gap]).astype(np.uint8)
    return result


def _window(hole: Mask) -> _Window:
    """Return the hole's box with its surroundings."""
    rows, columns = np.flatnonzero(hole.any(axis=1)), np.flatnonzero(hole.any(axis=0))
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    left, right = int(columns[0]), int(columns[-1]) + 1
    margin = max(_LEAST_CONTEXT, round(_CONTEXT * max(bottom - top, right - left)))
    return _Window(
        max(0, top - margin),
        max(0, left - margin),
        min(hole.shape[0], bottom + margin),
        min(hole.shape[1], right + margin),
    )


def _covered(mask: Mask, size: tuple[int, int]) -> Mask:
    """Return the mask at ``size`` (width, height): whatever it touches counts."""
    values = mask.astype(np.uint8) * 255
    return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_AREA) > 0, np.bool_)


def _sources_checked(gap: Mask, shut: Mask | None, field: str) -> Mask | None:
    """Return what must not be copied; none of it where too little else would be left."""
    if shut is not None and np.count_nonzero(~gap & ~shut) >= _FEWEST_SOURCES:
        return np.asarray(shut & ~gap, np.bool_)
    if np.count_nonzero(~gap) < min(_FEWEST_SOURCES, gap.size // 8):
        raise refused(
            "Too little of the picture is left to fill the gap from. Local work copies what is "
            "around a gap; stability and other providers with a key invent what was never there.",
            field=field,
            given=f"{np.count_nonzero(gap) / gap.size:.0%} of the picture",
            allowed="a gap that leaves at least an eighth of its surroundings",
        )
    return None


def _solve(rgb: Pixels, gap: Mask, shut: Mask | None, seed: int) -> Pixels:
    turn = seed % _ORIENTATIONS
    solved = patchmatch.inpaint(
        _turned(rgb, turn),
        _turned(gap.astype(np.uint8), turn),
        global_mask=None if shut is None else _turned(shut.astype(np.uint8), turn),
        patch_size=_RADIUS,
    )
    back = solved[:, ::-1] if turn >= _ORIENTATIONS // 2 else solved
    return np.ascontiguousarray(np.rot90(back, -(turn % 4)), np.uint8)


def _turned(values: Pixels, turn: int) -> Pixels:
    """Return one of the eight ways a picture can lie."""
    rotated = np.rot90(values, turn % 4)
    mirrored = turn >= _ORIENTATIONS // 2
    return np.ascontiguousarray(rotated[:, ::-1] if mirrored else rotated, np.uint8)


def _share(gap: Mask, seam: Mask | None) -> Floats:
    """Return how much of the filling each pixel takes: all of it, less towards a seam's edge."""
    if seam is None or not (seam & gap).any():
        return gap.astype(np.float32)
    # Pixels beyond the picture's edge are no surroundings: nothing is blended there.
    depth = cv2.distanceTransform(gap.astype(np.uint8), cv2.DIST_L2, 3)
    width = min(_FEATHER, float(depth[seam & gap].max()))
    ramp = np.clip(depth / (width + 1), 0, 1).astype(np.float32)
    return np.where(seam, ramp, gap.astype(np.float32)).astype(np.float32)
