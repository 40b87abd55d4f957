"""A face that speaks, blinks and sways: the picture itself, bent along the face's points."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from providers.local.motion import facemesh
from providers.local.motion.frame import Frame, smooth
from providers.local.motion.mouth import Mouth
from providers.local.motion.speech import Performance

Floats = NDArray[np.floating[Any]]
Pixels = NDArray[np.uint8]

_SWAY = np.array([0.03, 0.016])
"""How far a head sways sideways and down at most, by the distance from brows to chin."""
_TURN = 0.6
"""How much further the middle of a face goes than its sides: the head turns a little."""
_ROLL = 0.022
"""Radians."""
_SHUT = 0.94
"""Share of the eye that the upper lid crosses; the rest is the lower lid's."""
_LASHES = 0.22
"""What lies this near above the eye, by its height, is lashes: they are not drawn out."""


class Puppet:
    """One face of a picture.

    Args:
        rgb: the picture.
        points: of the face in that picture's pixels, (468, 3).
    """

    def __init__(self, rgb: Pixels, points: Floats) -> None:
        self._mouth = Mouth(rgb, points)
        self._eyes = [_Eye(rgb, points, *eye) for eye in facemesh.EYES]
        self._head = _Head(rgb.shape, points)

    def play(self, canvas: Pixels, performance: Performance, frame: int) -> None:
        """Draw one frame onto ``canvas``, a copy of the picture."""
        opening = float(performance.opening[frame])
        self._mouth.draw(canvas, opening, float(performance.spread[frame]))
        for eye in self._eyes:
            eye.draw(canvas, float(performance.blink[frame]))
        self._head.move(canvas, performance.sway[frame])


class _Eye:
    """An eye whose upper lid can come down."""

    def __init__(
        self,
        rgb: Pixels,
        points: Floats,
        upper: tuple[int, ...],
        lower: tuple[int, ...],
        brow: int,
    ) -> None:
        self._rgb = rgb
        centre = points[[*upper, *lower], :2].mean(axis=0)
        self._frame = Frame(centre, points)
        upper_u, upper_v = self._frame.inward(*points[list(upper), :2].T)
        lower_u, lower_v = self._frame.inward(*points[list(lower), :2].T)
        _, brow_v = self._frame.inward(*points[brow, :2])
        first, last = float(upper_u.min()), float(upper_u.max())
        room = max(2.0, float(upper_v.min()) - float(brow_v))
        self._box = self._frame.box(
            (first, -room * 1.2 + float(upper_v.min())), (last, float(lower_v.max()) + 2), rgb.shape
        )
        u, self._v = self._frame.inward(*self._box.grid())
        self._u = u
        ends = smooth(np.clip((u - first) / (last - first) * 8, 0, 1)) * smooth(
            np.clip((last - u) / (last - first) * 8, 0, 1)
        )
        order_up, order_low = np.argsort(upper_u), np.argsort(lower_u)
        self._lid = np.interp(u, upper_u[order_up], upper_v[order_up])
        low = np.interp(u, lower_u[order_low], lower_v[order_low])
        self._way = np.maximum(low - self._lid, 0) * ends * _SHUT
        self._crease = self._lid - 0.6 * room

    def draw(self, canvas: Pixels, shut: float) -> None:
        """Let the lid down on ``canvas``: the skin above it is drawn out over the eye."""
        if shut <= 0:
            return
        edge = self._lid + self._way * shut
        skin = self._lid - _LASHES * self._way * shut
        share = (skin - self._crease) / np.maximum(edge - self._crease, 1e-3)
        source = np.where(
            self._v > self._crease, self._crease + (self._v - self._crease) * share, self._v
        )
        map_x, map_y = self._frame.outward(self._u, source)
        lidded = cv2.remap(
            self._rgb, map_x, map_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        )
        here = self._box.slices()
        covered = np.clip(edge - self._v + 0.5, 0, 1) * (self._way > 0)
        mixed = canvas[here] + (lidded.astype(np.float32) - canvas[here]) * covered[..., None]
        canvas[here] = np.rint(np.clip(mixed, 0, 255)).astype(np.uint8)


class _Head:
    """A head that sways; what is around it follows less and less."""

    def __init__(self, shape: tuple[int, ...], points: Floats) -> None:
        brow, chin = points[facemesh.BROW_MIDDLE, :2], points[facemesh.CHIN, :2]
        sides = points[[facemesh.RIGHT_CHEEK, facemesh.LEFT_CHEEK], :2]
        self._height = float(np.hypot(*(chin - brow)))
        width = float(np.hypot(*(sides[1] - sides[0])))
        self._neck = chin
        frame = Frame((brow * 2 + chin) / 3, points)
        across, down = 0.85 * width, 1.15 * self._height
        far = 2.4
        self._box = frame.box((-across * far, -down * far), (across * far, down * far), shape)
        # The sway is smooth: every other pixel is enough to work it out.
        self._x, self._y = (values[::2, ::2] for values in self._box.grid())
        u, v = frame.inward(self._x, self._y)
        away = np.hypot(u / across, v / down)
        self._follows = np.asarray(1 - smooth((away - 0.85) / (far - 0.9)), np.float32)
        face = np.hypot(u / (0.55 * width), (v - 0.15 * self._height) / (0.8 * self._height))
        self._middle = np.asarray(np.clip(1 - face * face, 0, 1), np.float32)

    def move(self, canvas: Pixels, sway: Floats) -> None:
        """Sway on ``canvas``: sideways, down and roll, each about -1..1."""
        if not np.any(sway):
            return
        sideways, down = sway[:2] * _SWAY * self._height
        roll = _ROLL * float(sway[2])
        by_x = sideways * (1 + _TURN * self._middle) - roll * (self._y - self._neck[1])
        by_y = down * (1 + _TURN * self._middle) + roll * (self._x - self._neck[0])
        part = canvas[self._box.slices()]
        size = (part.shape[1], part.shape[0])
        x, y = self._box.grid()
        map_x = x - _enlarged(by_x * self._follows, size) - self._box.left
        map_y = y - _enlarged(by_y * self._follows, size) - self._box.top
        moved = cv2.remap(
            part,
            map_x.astype(np.float32),
            map_y.astype(np.float32),
            cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_REPLICATE,
        )
        canvas[self._box.slices()] = moved


def _enlarged(values: Floats, size: tuple[int, int]) -> Floats:
    """Return values of every other pixel at every pixel."""
    mapping = np.array([[0.5, 0, 0], [0, 0.5, 0]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    large = cv2.warpAffine(
        values.astype(np.float32), mapping, size, flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(large)


def frames(rgb: Pixels, cast: Sequence[tuple[Puppet, Performance]], count: int) -> Iterator[Pixels]:
    """Yield ``count`` frames of the picture, RGB, in which every puppet plays its performance."""
    for number in range(count):
        canvas = rgb.copy()
        for puppet, performance in cast:
            puppet.play(canvas, performance, number)
        yield canvas
