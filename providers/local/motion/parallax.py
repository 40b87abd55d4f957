"""A camera's move through a picture: its subject and its background at depths of their own.

The picture is taken apart into a cut-out subject and a clean plate; both get a depth (the subject
bulges, the ground runs up to its foot), and each frame looks at them through a pinhole camera that
has moved a little. Nothing in the picture acts by itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from providers.local import matte
from providers.local.motion.camera import Camera
from providers.local.motion.depth import inflated
from providers.local.motion.plate import clean_plate
from studio import imaging

Floats = NDArray[np.floating[Any]]
Pixels = NDArray[np.uint8]

_SPARE = 1.15
"""Layers are this much larger than a frame, since frames look at parts of them."""
_FAR, _NEAR = 0.35, 1.0
"""Nearness (one over the distance) of the horizon and of the subject."""
_BULGE = 0.16
"""How much nearer than its outline the middle of a subject is."""
_FLAT_GROUND = 0.25
"""Share of the usual slope of the ground, where the subject's foot is not in the picture."""
_LEAST_SUBJECT, _MOST_SUBJECT = 0.004, 0.85
"""Shares of the picture between which a matte is taken to be a subject before a background."""
_FOOT_ROOM = 0.96
"""A subject that ends above this share of the height stands in the picture."""

_ZOOM = 0.2
_PAN = 0.22
_ORBIT = 0.3
"""How far the camera goes with ``amount`` 1; pans and orbits in half heights of the picture."""


@dataclass(frozen=True)
class Layers:
    """A picture taken apart, larger than the frames by ``_SPARE``.

    Attributes:
        plate: RGB of the background.
        plate_nearness: one over the distance at every spot of it, (height, width).
        subject: RGBA with colours multiplied by alpha; ``None`` where no subject was found.
        subject_nearness: the same for the subject.
    """

    plate: Pixels
    plate_nearness: Floats
    subject: Pixels | None
    subject_nearness: Floats


@dataclass(frozen=True, slots=True)
class _View:
    """Where the camera is: ``along`` towards the picture; the others in half heights."""

    along: float
    turn: tuple[float, float]
    shift: tuple[float, float]
    pivot: float


def take_apart(image: Image.Image, size: tuple[int, int], weights: Path) -> Layers:
    """Return the layers for frames of ``size`` (width and height in pixels).

    Raises:
        WeightsMissing: the matting network is not in the cache.
    """
    large = (round(size[0] * _SPARE), round(size[1] * _SPARE))
    flat = imaging.flatten(image).resize(large, Image.Resampling.LANCZOS)
    rgb = np.asarray(flat)
    cut = np.asarray(matte.cut_out(flat, weights))
    alpha = cut[..., 3].astype(np.float32) / 255
    if not _LEAST_SUBJECT < float((alpha > 0.5).mean()) < _MOST_SUBJECT:  # noqa: PLR2004 - half
        return Layers(rgb, _ground(alpha.shape, 1.0, _FLAT_GROUND), None, alpha)
    rows = np.flatnonzero((alpha > 0.5).mean(axis=1) > 0.01)  # noqa: PLR2004 - half; a few pixels
    foot = float(rows[-1] + 1) / len(alpha)
    standing = foot < _FOOT_ROOM
    ground = _ground(alpha.shape, foot, 1.0 if standing else _FLAT_GROUND)
    premultiplied = np.rint(cut[..., :3] * alpha[..., None]).astype(np.uint8)
    subject = np.dstack([premultiplied, cut[..., 3]])
    return Layers(clean_plate(rgb, alpha), ground, subject, _bulging(alpha))


def _ground(shape: tuple[int, ...], foot: float, slope: float) -> Floats:
    """Return the nearness of a floor: far down to the middle, then rising to the foot."""
    height, width = shape[:2]
    y = (np.arange(height, dtype=np.float32) + 0.5) / height
    start = 0.45 * foot
    rise = np.clip((y - start) / (foot - start), 0, 1.3)
    nearness = _FAR + (_NEAR - _FAR) * slope * rise * rise * (1.6 - 0.6 * rise)
    return np.ascontiguousarray(np.broadcast_to(nearness[:, None], (height, width)), np.float32)


def _bulging(alpha: Floats) -> Floats:
    """Return the subject's nearness, continued softly beyond its outline."""
    height, width = alpha.shape
    small = (max(8, width // 6), max(8, height // 6))
    bulge = inflated(cv2.resize(alpha, small, interpolation=cv2.INTER_AREA))
    bulge = bulge / max(float(bulge.max()), 1e-6)
    bulge = cv2.GaussianBlur(bulge, (0, 0), max(small) / 40)
    large = cv2.resize(bulge, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(_NEAR + _BULGE * large, np.float32)


def frames(layers: Layers, size: tuple[int, int], camera: Camera, count: int) -> Iterator[Pixels]:
    """Yield ``count`` frames, RGB (height, width, 3), while the camera goes its way."""
    views = [_view(camera, step / max(1, count - 1)) for step in range(count)]
    crop = _crop(views, size[0] / size[1])
    for view in views:
        plate = _seen(layers.plate, layers.plate_nearness, view, crop, size)
        if layers.subject is None:
            yield plate
            continue
        subject = _seen(layers.subject, layers.subject_nearness, view, crop, size)
        clear = cv2.merge([255 - subject[..., 3]] * 3)
        yield cv2.add(cv2.multiply(plate, clear, scale=1 / 255), subject[..., :3].copy())


def _view(camera: Camera, moment: float) -> _View:
    """Return the camera at ``moment`` (0 to 1): it starts and stops softly."""
    eased = 0.5 - 0.5 * math.cos(math.pi * moment)
    eased = 0.35 * moment + 0.65 * eased
    swing = (eased - 0.5) * camera.amount
    along, turn, shift = 0.0, [0.0, 0.0], [0.0, 0.0]
    for move in camera.moves:
        kind, _, way = move.partition("_")
        sign = -1 if way in {"left", "up"} else 1
        if kind == "zoom":
            along = _ZOOM * camera.amount * (eased if way == "in" else 1 - eased)
        elif kind == "pan":
            turn[way in {"up", "down"}] += sign * _PAN * swing
        elif kind == "orbit":
            shift[0] += sign * _ORBIT * swing
    return _View(along, (turn[0], turn[1]), (shift[0], shift[1]), _NEAR)


def _crop(views: list[_View], aspect: float) -> float:
    """Return the share of the layers that frames show, so that no view sees beyond their edges."""
    share = 1.0
    for view in views:
        for nearness in (_FAR, _NEAR, _NEAR * 1.3):
            for axis, half in ((0, aspect), (1, 1.0)):
                offset = abs(_offset(view, axis, nearness)) / half
                share = min(share, (1 - offset) / (1 - view.along * nearness))
    return max(share, 0.5)


def _offset(view: _View, axis: int, nearness: Any) -> Any:
    """Return how far a spot of this nearness is moved: a turn moves all, a shift what is near."""
    near = nearness - view.pivot
    return view.turn[axis] * (0.65 + 0.35 * nearness) + view.shift[axis] * near


def _seen(
    layer: Pixels, nearness: Floats, view: _View, crop: float, size: tuple[int, int]
) -> Pixels:
    """Return a layer as the camera sees it.

    Where a frame's pixel comes from depends on the nearness there, which is not known before; two
    rounds at a quarter of the size find it, as depths are smooth within a layer.
    """
    height, width = layer.shape[:2]
    columns, rows = max(2, size[0] // 4), max(2, size[1] // 4)
    half = height / 2
    y, x = np.mgrid[:rows, :columns].astype(np.float32)
    x = ((x + 0.5) / columns * 2 - 1) * (width / height) * crop
    y = ((y + 0.5) / rows * 2 - 1) * crop
    map_x, map_y = x, y
    for _ in range(3):
        near = cv2.remap(
            nearness,
            map_x * half + width / 2 - 0.5,
            map_y * half + half - 0.5,
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        map_x = x * (1 - view.along * near) + _offset(view, 0, near)
        map_y = y * (1 - view.along * near) + _offset(view, 1, near)
    full_x = cv2.resize(map_x * half + width / 2 - 0.5, size, interpolation=cv2.INTER_LINEAR)
    full_y = cv2.resize(map_y * half + half - 0.5, size, interpolation=cv2.INTER_LINEAR)
    seen = cv2.remap(layer, full_x, full_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(seen, np.uint8)
