"""Find faces with two small networks, BlazeFace "back" and "full range" (Bazarevsky et al. 2019).

Neither is enough alone: the first finds profiles and small faces but also cups and wheels, the
second is stricter. OpenCV 4 reads their TFLite files as they are (OpenCV 5 returns only one of two
outputs). Anchors and box decoding follow MediaPipe's published graphs
(modules/face_detection, ``ssd_anchors_calculator``).
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from providers.local import weights as store

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Face:
    """A face; positions and lengths are fractions of the picture's width and height.

    The box reaches from the brows to the chin, as the networks draw it.
    """

    left: float
    top: float
    right: float
    bottom: float
    score: float

    @property
    def area(self) -> float:
        """Share of the picture's area."""
        return (self.right - self.left) * (self.bottom - self.top)


@dataclass(frozen=True)
class _Net:
    """One detector: its file, its input side in pixels, its anchors, the least score believed."""

    file: str
    side: int
    grids: tuple[tuple[int, int], ...]
    least: float


_NETS = (
    # Anchor grids as (cells per side, anchors per cell); scores from LOCAL.md, section 1.
    _Net("face_detection_back.tflite", 256, ((16, 2), (8, 6)), 0.72),
    _Net("face_detection_full_range.tflite", 192, ((48, 1),), 0.6),
)
_OVERLAPPING = 0.3
"""Boxes that share more of their union than this are the same face (MediaPipe's own value)."""
_SCORE_LIMIT = 80.0
"""Raw scores are cut here before the sigmoid, which would overflow."""

_loaded: dict[tuple[int, Path], Any] = {}
_lock = threading.Lock()
"""Guards loading and running: an OpenCV network is not thread-safe, and needs 20 ms."""


def find_faces(rgb: NDArray[np.uint8], weights: Path) -> list[Face]:
    """Return the faces in a picture, the largest first.

    Args:
        rgb: shape (height, width, 3).
        weights: the cache directory of ``weights.fetch``.

    Raises:
        WeightsMissing: a network is not in the cache.
    """
    found: list[Face] = []
    for net in _NETS:
        found += _detect(rgb, net, store.path(net.file, weights))
    return sorted(_distinct(found), key=lambda face: face.area, reverse=True)


def _detect(rgb: NDArray[np.uint8], net: _Net, model: Path) -> list[Face]:
    """Run one network on the whole picture."""
    height, width = rgb.shape[:2]
    scale = net.side / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    square = np.full((net.side, net.side, 3), -1, np.float32)  # black bars right and below
    square[: size[1], : size[0]] = np.asarray(small, np.float32) / 127.5 - 1
    boxes, scores = _run(square, model)
    centres = _anchors(net.grids) + boxes[:, :2] / net.side
    halves = boxes[:, 2:4] / net.side / 2
    stretch = np.array([net.side / size[0], net.side / size[1]])
    low, high = (centres - halves) * stretch, (centres + halves) * stretch
    likely = 1 / (1 + np.exp(-np.clip(scores, -_SCORE_LIMIT, _SCORE_LIMIT)))
    found = []
    for i in np.flatnonzero((likely > net.least) & (halves > 0).all(axis=1)):
        left, top, right, bottom = (float(v) for v in np.clip([*low[i], *high[i]], 0, 1))
        found.append(Face(left, top, right, bottom, float(likely[i])))
    return found


def _run(square: Floats, model: Path) -> tuple[Floats, Floats]:
    """Return raw boxes (anchors, 16) and raw scores (anchors,)."""
    key = (os.getpid(), model)
    with _lock:
        if key not in _loaded:
            _loaded[key] = cv2.dnn.readNetFromTFLite(str(model))
        network = _loaded[key]
        network.setInput(np.ascontiguousarray(square.transpose(2, 0, 1)[None]))
        outputs = [np.array(out) for out in network.forward(network.getUnconnectedOutLayersNames())]
    scores, boxes = sorted(outputs, key=lambda out: int(out.shape[-1]))
    return boxes[0], scores[0, :, 0]


def _anchors(grids: tuple[tuple[int, int], ...]) -> Floats:
    """Return the anchors' centres, (count, 2) as x and y in fractions of the square."""
    parts = []
    for cells, repeats in grids:
        steps = (np.arange(cells) + 0.5) / cells
        y, x = np.meshgrid(steps, steps, indexing="ij")
        parts.append(np.repeat(np.stack([x.ravel(), y.ravel()], axis=1), repeats, axis=0))
    return np.concatenate(parts)


def _distinct(faces: list[Face]) -> list[Face]:
    """Keep the surest of every group of boxes that lie on each other."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: face.score, reverse=True):
        if all(_overlap(face, other) < _OVERLAPPING for other in kept):
            kept.append(face)
    return kept


def _overlap(one: Face, two: Face) -> float:
    """Return intersection over union."""
    width = min(one.right, two.right) - max(one.left, two.left)
    height = min(one.bottom, two.bottom) - max(one.top, two.top)
    shared = max(0.0, width) * max(0.0, height)
    return shared / max(one.area + two.area - shared, 1e-9)
