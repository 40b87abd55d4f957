"""Where the parts of a face are: 468 points by MediaPipe's FaceMesh (Kartynnik et al. 2019).

The network sees the face upright, so it is run twice: the first time tells how far the head is
tilted. Point numbers are those of MediaPipe's canonical face model.
"""

from __future__ import annotations

import math
import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from providers.local import weights as store
from providers.local.faces import Face, find_faces

Floats = NDArray[np.floating[Any]]
Pixels = NDArray[np.uint8]

WEIGHTS = "face_landmark.tflite"

_SIDE = 192
_REACH = 1.5
"""The network wants a square this many times as large as the detector's box."""
_LEAST = 0.5
"""Score below which the network itself says that this is no face (MediaPipe's own value)."""
_LIMIT = 80.0
"""Raw scores are cut here before the sigmoid, which would overflow."""

CHIN, NOSE, BROW_MIDDLE = 152, 1, 9
RIGHT_CHEEK, LEFT_CHEEK = 234, 454
RIGHT_EYE_OUT, LEFT_EYE_OUT = 33, 263
MOUTH_RIGHT, MOUTH_LEFT = 78, 308
LIP_TOP, LIP_BOTTOM = 13, 14
INNER_UPPER = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
INNER_LOWER = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)
OUTER_LOWER_MIDDLE = 17
EYES = (
    ((33, 246, 161, 160, 159, 158, 157, 173, 133), (33, 7, 163, 144, 145, 153, 154, 155, 133), 105),
    (
        (362, 398, 384, 385, 386, 387, 388, 466, 263),
        (362, 382, 381, 380, 374, 373, 390, 249, 263),
        334,
    ),
)
"""Of each eye: the upper lid and the lower one from left to right, and the middle of the brow."""

_loaded: dict[tuple[int, Path], Any] = {}
_lock = threading.Lock()
"""Guards loading and running: an OpenCV network is not thread-safe, and needs 10 ms."""


@dataclass(frozen=True)
class Mesh:
    """A face's points in pixels of the picture, (468, 3); z grows away from the camera."""

    points: Floats
    face: Face

    @property
    def yaw(self) -> float:
        """How far the head is turned, in degrees: 0 looks at the camera, 90 is a profile.

        It is the angle of the line from one side of the face to the other, out of the picture.
        """
        across = self.points[LEFT_CHEEK] - self.points[RIGHT_CHEEK]
        return math.degrees(math.atan2(abs(across[2]), float(np.hypot(*across[:2]))))


def find_meshes(rgb: Pixels, weights: Path) -> list[Mesh]:
    """Return the faces whose parts can be found, the largest first.

    Raises:
        WeightsMissing: a network is not in the cache.
    """
    model = store.path(WEIGHTS, weights)
    found = []
    for face in find_faces(rgb, weights):
        points = _points(rgb, face, model)
        if points is not None:
            found.append(Mesh(points, face))
    return found


def _points(rgb: Pixels, face: Face, model: Path) -> Floats | None:
    """Return the face's points, or ``None`` where the network sees no face."""
    height, width = rgb.shape[:2]
    centre = ((face.left + face.right) / 2 * width, (face.top + face.bottom) / 2 * height)
    side = _REACH * max((face.right - face.left) * width, (face.bottom - face.top) * height)
    points, score = _run(rgb, centre, side, 0.0, model)
    if score > _LEAST:
        right, left = points[RIGHT_EYE_OUT], points[LEFT_EYE_OUT]
        tilt = math.atan2(left[1] - right[1], left[0] - right[0])
        points, score = _run(rgb, centre, side, tilt, model)
    return points if score > _LEAST else None


def _run(
    rgb: Pixels, centre: tuple[float, float], side: float, tilt: float, model: Path
) -> tuple[Floats, float]:
    """Return the points in the picture's pixels, and how sure the network is, 0..1."""
    scale = _SIDE / side
    cos, sin = math.cos(tilt) * scale, math.sin(tilt) * scale
    to_net = np.array(
        [
            [cos, sin, _SIDE / 2 - cos * centre[0] - sin * centre[1]],
            [-sin, cos, _SIDE / 2 + sin * centre[0] - cos * centre[1]],
        ]
    )
    crop = cv2.warpAffine(rgb, to_net, (_SIDE, _SIDE), borderMode=cv2.BORDER_REPLICATE)
    batch = np.ascontiguousarray(crop.astype(np.float32).transpose(2, 0, 1)[None] / 255)
    key = (os.getpid(), model)
    with _lock:
        if key not in _loaded:
            _loaded[key] = cv2.dnn.readNetFromTFLite(str(model))
        network = _loaded[key]
        network.setInput(batch)
        outputs = [np.array(out) for out in network.forward(network.getUnconnectedOutLayersNames())]
    flag, raw = sorted((out.ravel() for out in outputs), key=len)
    local = raw.reshape(-1, 3).astype(np.float64)
    back = cv2.invertAffineTransform(to_net)
    points = np.column_stack([local[:, :2] @ back[:, :2].T + back[:, 2], local[:, 2] / scale])
    return points, float(1 / (1 + np.exp(-np.clip(flag[0], -_LIMIT, _LIMIT))))
