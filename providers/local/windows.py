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
_WHOLE = 0.5
"""Worth of showing all that the subject reaches to."""
_CENTRED = 0.25
"""Cost of the mass's centre lying a whole window away from the window's middle."""
_FACE = 0.5
"""Part of a head's worth that is its face's: a cut through hair is none through a face."""


class Box(NamedTuple):
    """A rectangle; in this module in fractions of the picture, elsewhere as is said there."""

    left: float
    top: float
    right: float
    bottom: float


WHOLE = Box(0.0, 0.0, 1.0, 1.0)
"""All of the picture."""


class SafeZone(NamedTuple):
    """Margins that the place of publication covers with its own signs, as fractions of the crop."""

    top: float = 0.0
    bottom: float = 0.0
    left: float = 0.0
    right: float = 0.0


class Head(NamedTuple):
    """A head to be kept whole.

    Attributes:
        box: all of it.
        face: what of it must not be cut.
        weight: how much it counts (the main one about 1).
    """

    box: Box
    face: Box
    weight: float


class Matters(NamedTuple):
    """What a window is to show.

    Attributes:
        mass: importance of each spot, shape (rows, columns), sums to 1.
        heads: to be kept whole.
        subject: how far the subject reaches; ``None`` where nobody knows.
    """

    mass: Floats
    heads: Sequence[Head] = ()
    subject: Box | None = None


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


def best_window(matters: Matters, size: tuple[float, float], safe: SafeZone) -> tuple[float, Box]:
    """Try every place of a window of ``size`` (width, height) and return the best with its score.

    The steps are as fine as the map: between two cells there is nothing more to know.
    """
    rows, columns = matters.mass.shape
    free_x, free_y = max(0.0, 1 - size[0]), max(0.0, 1 - size[1])
    x = np.linspace(0, free_x, 1 + int(np.ceil(free_x * columns)))
    y = np.linspace(0, free_y, 1 + int(np.ceil(free_y * rows)))
    outer = _Windows(x, y[:, None], x + size[0], y[:, None] + size[1])
    # Rounded, so that a last bit that differs between machines decides nothing.
    scores = np.round(_scores(matters, outer, safe), 9)
    row, column = divmod(int(np.argmax(scores)), x.size)
    box = (x[column], y[row], outer.right[column], outer.bottom[row, 0])
    return float(scores[row, column]), Box(*(float(min(value, 1.0)) for value in box))


class _Windows(NamedTuple):
    """Windows at every pair of a place across and one down: (columns,) and (rows, 1).

    What is asked of a window is then asked of its columns and of its rows, which are few.
    """

    left: Floats
    top: Floats
    right: Floats
    bottom: Floats


def _scores(matters: Matters, outer: _Windows, safe: SafeZone) -> Floats:
    """Judge windows: mass and subject inside, heads whole, clear of the safe zone; (rows, columns).

    Among windows that show the same, the one whose mass lies nearest to its middle wins.
    """
    width, height = outer.right - outer.left, outer.bottom - outer.top
    clear = _Windows(
        outer.left + safe.left * width,
        outer.top + safe.top * height,
        outer.right - safe.right * width,
        outer.bottom - safe.bottom * height,
    )
    integral = cv2.integral(np.asarray(matters.mass, np.float64))
    scores = _MASS * _inside(integral, outer) + _CLEAR_MASS * _inside(integral, clear)
    if matters.subject is not None:
        scores += _WHOLE * _covered(matters.subject, outer)
    for head in matters.heads:
        shown = _FACE * _uncut(head.face, outer) + (1 - _FACE) * _uncut(head.box, outer)
        scores += head.weight * (_HEAD * shown + _CLEAR_HEAD * _covered(head.box, clear))
    x, y = centre(matters.mass)
    across = ((clear.left + clear.right) / 2 - x) / width
    down = ((clear.top + clear.bottom) / 2 - y) / height
    return np.asarray(scores - _CENTRED * np.sqrt(across * across + down * down))


def centre(mass: Floats) -> tuple[float, float]:
    """Return the centre of a mass that sums to 1: x and y, as fractions."""
    rows, columns = mass.shape
    x = np.sum(mass.sum(axis=0) * (np.arange(columns) + 0.5)) / columns
    y = np.sum(mass.sum(axis=1) * (np.arange(rows) + 0.5)) / rows
    return float(x), float(y)


def _inside(integral: Floats, windows: _Windows) -> Floats:
    """Return the mass inside each window; edges between two cells are interpolated."""
    upper, lower = (_rows(integral, edge[:, 0]) for edge in (windows.top, windows.bottom))
    across = lower - upper
    left, right = (_rows(across.T, edge) for edge in (windows.left, windows.right))
    return np.asarray((right - left).T)


def _rows(integral: Floats, places: Floats) -> Floats:
    """Read the rows of an integral image between its nodes, at fractions of its height."""
    cells = integral.shape[0] - 1
    exact = np.clip(places * cells, 0, cells)
    row = np.minimum(exact.astype(np.intp), cells - 1)
    share = (exact - row)[:, None]
    return np.asarray(integral[row] * (1 - share) + integral[row + 1] * share)


def _uncut(box: Box, windows: _Windows) -> Floats:
    """Return 1 for windows that show all of ``box``, 0 for none: what is cut is worse than that."""
    shown = _covered(box, windows)
    return np.asarray(2 * shown**4 - shown)


def _covered(box: Box, windows: _Windows) -> Floats:
    """Return which part of ``box`` lies inside each window, 0..1."""
    width = np.minimum(box.right, windows.right) - np.maximum(box.left, windows.left)
    height = np.minimum(box.bottom, windows.bottom) - np.maximum(box.top, windows.top)
    area = max((box.right - box.left) * (box.bottom - box.top), 1e-9)
    return np.asarray(np.clip(width, 0, None) * np.clip(height, 0, None) / area)
