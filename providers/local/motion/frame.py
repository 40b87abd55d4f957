"""A face's own frame of reference, and boxes of pixels around its parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from providers.local.motion import facemesh

Floats = NDArray[np.floating[Any]]


def smooth(values: Any) -> Any:
    """Return 0 below 0, 1 above 1, and an S-shaped way between them."""
    held = np.clip(values, 0, 1)
    return held * held * (3 - 2 * held)


@dataclass(frozen=True, slots=True)
class Box:
    """Pixels of a picture, from (left, top) up to, but without, (right, bottom)."""

    left: int
    top: int
    right: int
    bottom: int

    def slices(self) -> tuple[slice, slice]:
        """Return the rows and columns."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def grid(self) -> tuple[Floats, Floats]:
        """Return x and y of every pixel."""
        y, x = np.mgrid[self.top : self.bottom, self.left : self.right].astype(np.float32)
        return x, y


class Frame:
    """Coordinates along the eyes (u) and down the face (v), in pixels, from an origin.

    Args:
        origin: in the picture's pixels.
        points: of the face, (468, 3).
    """

    def __init__(self, origin: Floats, points: Floats) -> None:
        along = points[facemesh.LEFT_EYE_OUT, :2] - points[facemesh.RIGHT_EYE_OUT, :2]
        along = along / max(float(np.hypot(*along)), 1e-6)
        self._x, self._y = float(origin[0]), float(origin[1])
        self._cos, self._sin = float(along[0]), float(along[1])

    def inward(self, x: Any, y: Any) -> tuple[Any, Any]:
        """Return u and v of spots in the picture."""
        across, down = x - self._x, y - self._y
        return (
            across * self._cos + down * self._sin,
            down * self._cos - across * self._sin,
        )

    def outward(self, u: Floats, v: Floats) -> tuple[Floats, Floats]:
        """Return x and y in the picture, float32 as OpenCV wants them."""
        x = u * self._cos - v * self._sin + self._x
        y = u * self._sin + v * self._cos + self._y
        return np.asarray(x, np.float32), np.asarray(y, np.float32)

    def box(
        self, least: tuple[float, float], most: tuple[float, float], shape: tuple[int, ...]
    ) -> Box:
        """Return the pixels that cover a rectangle of u and v, within a picture of ``shape``."""
        u = np.array([least[0], most[0], least[0], most[0]])
        v = np.array([least[1], least[1], most[1], most[1]])
        x, y = self.outward(u, v)
        height, width = shape[:2]
        left, top = max(0, int(x.min()) - 1), max(0, int(y.min()) - 1)
        return Box(
            left,
            top,
            max(left + 1, min(width, int(x.max()) + 2)),
            max(top + 1, min(height, int(y.max()) + 2)),
        )
