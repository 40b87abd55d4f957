"""A mouth that opens: the picture below the lips goes down, and what is behind them is painted.

All is worked out in the face's own frame: ``u`` along the eyes, ``v`` down the face, in pixels,
from the middle between the corners of the mouth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from providers.local.motion import facemesh
from providers.local.motion.frame import Frame, smooth

Floats = NDArray[np.floating[Any]]
Pixels = NDArray[np.uint8]

_DROP = 0.15
"""How far the jaw goes down at most, by the distance from brows to chin."""
_SPREAD = 0.11
"""How much wider or narrower the lips become at most."""
_SHOWN_TEETH = 0.1
"""Inner lips further apart than this, by the mouth's width, show teeth in the picture itself."""
_DARK, _TONGUE, _TEETH = (52, 20, 22), (148, 74, 72), (206, 192, 176)
"""Colours (RGB) inside a mouth on a face of ``_USUAL_LIGHT``."""
_USUAL_LIGHT = 165.0
_EDGE = 1.3
"""Pixels over which the painted inside blends into the lips."""


@dataclass(frozen=True)
class _Lips:
    """The line along which the lips part, and the sizes that go with it, in pixels."""

    u: Floats
    v: Floats
    half: float
    jaw: float
    chin: float
    drop: float
    toothy: bool


class Mouth:
    """The mouth of one face in one picture.

    Args:
        rgb: the picture.
        points: of the face in that picture's pixels, (468, 3).
    """

    def __init__(self, rgb: Pixels, points: Floats) -> None:
        self._rgb = rgb
        corners = points[[facemesh.MOUTH_RIGHT, facemesh.MOUTH_LEFT], :2]
        self._frame = Frame(corners.mean(axis=0), points)
        self._lips = _measure(self._frame, points)
        lips = self._lips
        reach = lips.chin * 2.4 + lips.drop
        self._box = self._frame.box(
            (-lips.jaw * 1.1, -lips.half), (lips.jaw * 1.1, reach), rgb.shape
        )
        self._light = self._skin_light(points)

    def _skin_light(self, points: Floats) -> float:
        cheeks = points[[50, 280, 205, 425], :2].astype(int)  # four spots on the cheeks
        height, width = self._rgb.shape[:2]
        x, y = np.clip(cheeks[:, 0], 0, width - 1), np.clip(cheeks[:, 1], 0, height - 1)
        return float(np.clip(self._rgb[y, x].mean() / _USUAL_LIGHT, 0.25, 1.15))

    def draw(self, canvas: Pixels, opening: float, spread: float) -> None:
        """Put the mouth on ``canvas``, which is a copy of the picture.

        Args:
            canvas: changed in place.
            opening: 0..1.
            spread: -1 rounded, 1 wide.
        """
        x, y = self._box.grid()
        u, v = self._frame.inward(x, y)
        lips = self._lips
        bump = np.exp(-((u / (1.4 * lips.half)) ** 2) - (v / (1.1 * lips.half)) ** 2)
        u_from = u * (1 - _SPREAD * spread * bump)
        line = np.interp(u_from, lips.u, lips.v).astype(np.float32)
        below = v - line
        drop = lips.drop * opening
        gap = drop * _share(u_from, np.zeros_like(u), lips)
        depth = np.maximum(below - gap, 0)
        for _ in range(4):
            depth = np.maximum(below - drop * _share(u_from, depth, lips), 0)
        depth = np.where(below < gap / 2, np.minimum(below, 0), depth)
        map_x, map_y = self._frame.outward(u_from, line + depth)
        warped = cv2.remap(
            self._rgb, map_x, map_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        )
        inside = _between(below, gap)
        colour = self._inside(u_from, below, gap)
        mixed = warped + (colour - warped) * inside[..., None]
        canvas[self._box.slices()] = np.rint(np.clip(mixed, 0, 255)).astype(np.uint8)

    def _inside(self, u: Floats, below: Floats, gap: Floats) -> Floats:
        """Return the colours (height, width, 3) of what is behind the lips."""
        lips = self._lips
        across = np.clip(1 - (u / lips.half) ** 2, 0, 1)
        part = below / np.maximum(gap, 1)
        colour = np.ones((*u.shape, 3), np.float32) * np.array(_DARK, np.float32)
        tongue = smooth((part - 0.5) / 0.4) * smooth(across * 1.6 - 0.3) * 0.75
        colour += (np.array(_TONGUE, np.float32) - colour) * tongue[..., None]
        if not lips.toothy:
            length = np.minimum(0.32 * gap.max(), 0.22 * lips.half) * (0.6 + 0.4 * across)
            teeth = smooth((length - below) / 2.0 + 0.5) * smooth(across * 3)
            shade = (0.35 + 0.65 * across)[..., None]
            colour += (np.array(_TEETH, np.float32) * shade - colour) * (0.85 * teeth)[..., None]
        shadow = 0.72 + 0.28 * smooth(below / 4)  # of the upper lip
        return np.asarray(colour * shadow[..., None] * self._light, np.float32)


def _measure(frame: Frame, points: Floats) -> _Lips:
    lower_u, lower_v = frame.inward(*points[list(facemesh.INNER_LOWER), :2].T)
    upper_u, upper_v = frame.inward(*points[list(facemesh.INNER_UPPER), :2].T)
    _, chin = frame.inward(*points[facemesh.CHIN, :2])
    _, brow = frame.inward(*points[facemesh.BROW_MIDDLE, :2])
    side_u, _ = frame.inward(*points[[facemesh.RIGHT_CHEEK, facemesh.LEFT_CHEEK], :2].T)
    order = np.argsort(lower_u)
    half = max(2.0, float(np.ptp(lower_u)) / 2)
    middle = len(lower_v) // 2
    apart = float(lower_v[middle] - upper_v[np.argmin(np.abs(upper_u - lower_u[middle]))])
    return _Lips(
        lower_u[order],
        lower_v[order],
        half,
        max(half * 1.3, float(np.abs(side_u).min()) * 0.92),
        max(half * 0.6, float(chin) - float(lower_v[middle])),
        _DROP * (float(chin) - float(brow)),
        apart > _SHOWN_TEETH * 2 * half,
    )


def _share(u: Floats, depth: Floats, lips: _Lips) -> Floats:
    """Return how much of the jaw's way a spot goes: all in the middle, nothing in the corners."""
    width = lips.half + (lips.jaw - lips.half) * smooth(depth / (lips.chin * 1.1))
    side = np.clip(1 - (u / width) ** 2, 0, 1)
    reach = max(1.25 * lips.chin, 3 * lips.drop)
    return np.asarray(side * (1 - smooth((depth - lips.chin) / reach)), np.float32)


def _between(below: Floats, gap: Floats) -> Floats:
    """Return how much of a pixel lies between the lips; nothing while they hardly part."""
    inside = np.clip(below / _EDGE, 0, 1) * np.clip((gap - below) / _EDGE, 0, 1)
    return np.asarray(inside * np.clip(gap / (2 * _EDGE) - 0.3, 0, 1), np.float32)
