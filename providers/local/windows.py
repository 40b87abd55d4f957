"""The places a crop window can have, and how good each is.

Pure geometry over an importance map: no pictures, no networks. All places are judged at once
through integral images, so that trying every one costs a few milliseconds.

Positions and lengths are fractions of the picture's width and height.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from studio.errors import InvalidRequest

Floats = NDArray[np.floating[Any]]

_MASS = 1.0
"""Worth of showing all of the mass; the other weights are relative to this one."""
_CLEAR_MASS = 0.5
"""Worth of having all of the mass clear of the safe zone."""
_HEAD = 3.0
"""Worth of showing the main head whole: more than everything else together."""
_CLEAR_HEAD = 1.0
"""Worth of having it clear of the safe zone."""
_CENTRED = 0.25
"""Cost of the mass's centre lying a whole window away from the window's middle."""


class Box(NamedTuple):
    """A rectangle; in this module in fractions of the picture, elsewhere as is said there."""

    left: float
    top: float
    right: float
    bottom: float


class SafeZone(NamedTuple):
    """Margins that the place of publication covers with its own signs, as fractions of the crop."""

    top: float = 0.0
    bottom: float = 0.0
    left: float = 0.0
    right: float = 0.0


class Head(NamedTuple):
    """A head to be kept whole, and how much it counts (the main one about 1)."""

    box: Box
    weight: float


def refuse_impossible(safe: SafeZone) -> None:
    """Refuse a safe zone that is none.

    Raises:
        InvalidRequest: a margin below 0, or margins that leave nothing between them.
    """
    if min(safe) < 0 or safe.top + safe.bottom >= 1 or safe.left + safe.right >= 1:
        raise InvalidRequest(
            "The safe zone leaves nothing of the picture.",
            field="safe",
            given=tuple(safe),
            allowed="fractions from 0, opposite ones below 1 together",
        )


def best_window(
    mass: Floats, heads: Sequence[Head], size: tuple[float, float], safe: SafeZone
) -> tuple[float, Box]:
    """Try every place of a window of ``size`` (width, height) and return the best with its score.

    The steps are as fine as the map: between two cells there is nothing more to know.
    """
    rows, columns = mass.shape
    free_x, free_y = max(0.0, 1 - size[0]), max(0.0, 1 - size[1])
    x = np.linspace(0, free_x, 1 + int(np.ceil(free_x * columns)))
    y = np.linspace(0, free_y, 1 + int(np.ceil(free_y * rows)))
    left, top = (grid.ravel() for grid in np.meshgrid(x, y))
    outer = np.stack([left, top, left + size[0], top + size[1]])
    # Rounded, so that a last bit that differs between machines decides nothing.
    scores = np.round(_scores(mass, heads, outer, safe), 9)
    best = int(np.argmax(scores))
    return float(scores[best]), Box(*(float(min(value, 1.0)) for value in outer[:, best]))


def _scores(mass: Floats, heads: Sequence[Head], outer: Floats, safe: SafeZone) -> Floats:
    """Judge windows, (4, count): mass inside, heads whole, both clear of the safe zone.

    Among windows that show the same, the one whose mass lies nearest to its middle wins.
    """
    width, height = outer[2] - outer[0], outer[3] - outer[1]
    clear = np.stack(
        [
            outer[0] + safe.left * width,
            outer[1] + safe.top * height,
            outer[2] - safe.right * width,
            outer[3] - safe.bottom * height,
        ]
    )
    integral = cv2.integral(np.asarray(mass, np.float64))
    scores = _MASS * _inside(integral, outer) + _CLEAR_MASS * _inside(integral, clear)
    for head in heads:
        shown, clearly = _covered(head.box, outer), _covered(head.box, clear)
        # A head that is cut is worse than one that is not there.
        scores += head.weight * (_HEAD * (2 * shown**4 - shown) + _CLEAR_HEAD * clearly)
    x, y = _centre(mass)
    across = ((clear[0] + clear[2]) / 2 - x) / width
    down = ((clear[1] + clear[3]) / 2 - y) / height
    return np.asarray(scores - _CENTRED * np.sqrt(across * across + down * down))


def _centre(mass: Floats) -> tuple[float, float]:
    """Return the centre of the mass, x and y."""
    rows, columns = mass.shape
    x = np.sum(mass.sum(axis=0) * (np.arange(columns) + 0.5)) / columns
    y = np.sum(mass.sum(axis=1) * (np.arange(rows) + 0.5)) / rows
    return float(x), float(y)


def _inside(integral: Floats, boxes: Floats) -> Floats:
    """Return the mass inside each box; edges between two cells are interpolated."""
    rows, columns = integral.shape[0] - 1, integral.shape[1] - 1
    x0, x1 = (np.clip(boxes[i] * columns, 0, columns) for i in (0, 2))
    y0, y1 = (np.clip(boxes[i] * rows, 0, rows) for i in (1, 3))
    upper = _at(integral, x1, y0) - _at(integral, x0, y0)
    return np.asarray(_at(integral, x1, y1) - _at(integral, x0, y1) - upper)


def _at(integral: Floats, x: Floats, y: Floats) -> Floats:
    """Read the integral image between its nodes."""
    column = np.minimum(x.astype(np.intp), integral.shape[1] - 2)
    row = np.minimum(y.astype(np.intp), integral.shape[0] - 2)
    dx, dy = x - column, y - row
    upper = integral[row, column] * (1 - dx) + integral[row, column + 1] * dx
    lower = integral[row + 1, column] * (1 - dx) + integral[row + 1, column + 1] * dx
    return np.asarray(upper * (1 - dy) + lower * dy)


def _covered(box: Box, windows: Floats) -> Floats:
    """Return which part of ``box`` lies inside each window, 0..1."""
    width = np.minimum(box.right, windows[2]) - np.maximum(box.left, windows[0])
    height = np.minimum(box.bottom, windows[3]) - np.maximum(box.top, windows[1])
    area = max((box.right - box.left) * (box.bottom - box.top), 1e-9)
    return np.asarray(np.clip(width, 0, None) * np.clip(height, 0, None) / area)
