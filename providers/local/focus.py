"""What matters in a picture, and the crop that keeps it.

The importance map is the sum of up to three parts: a subject matte (U²-Netp), the spots that differ
from their surroundings (spectral residual, Hou and Zhang 2007) and faces. Faces carry a fixed share
of the mass: a matte alone spreads it over the body, and a narrow crop would then cut heads off.

A crop is the best of all places a window of the wanted shape can have (``windows.py``). Heads weigh
more than any mass: a place that cuts the main head loses against one that does not, whenever there
is one. Where no face was found, the upper end of the subject is kept as a head would be, if less
firmly: faces are found of people alone, and only from before.

Positions are fractions of the picture's width and height unless they are called pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from providers.local.extent import Extent, crest, extent
from providers.local.faces import Face, find_faces
from providers.local.matte import saliency
from providers.local.windows import (
    WHOLE,
    Box,
    Head,
    Matters,
    SafeZone,
    best_window,
    refuse_impossible,
)
from studio.errors import InvalidRequest

Floats = NDArray[np.floating[Any]]

NO_SAFE_ZONE = SafeZone()
"""Nothing of the crop is covered where it is published."""

METHOD_NEURAL = "U²-Netp, spectral residual and BlazeFace"
METHOD_CLASSIC = "spectral residual (no weights: faces are not known)"

_MAP_SIDE = 192
"""Longest side of the map, in cells; a crop's place is refined to that."""
_SPECTRAL_SIDE = 64
"""Size at which the spectral residual is taken, as its authors do."""
_SPECTRAL_SHARE = 0.1
"""Part of the mass without faces that is not the matte's: it decides where the matte is flat."""
_FACE_SHARE = 0.45
"""Part of the whole mass that faces carry, if there are any."""
_FACE_SHARE_LARGE = 0.9
"""The same for a portrait: faces of ``_LARGE_FACE`` of the area are what the picture is about."""
_LARGE_FACE = 0.12
_TOP_WEIGHT = 0.5
"""How much more the top of a subject weighs than its middle: tips and heads tell what it is."""
_UPPER_END = 0.3
"""How much the upper end of a subject without a face counts, against the main head (1)."""

_FOREHEAD, _CHIN = 0.2, 0.05
"""What a face has above and below its box, in the box's height: of 42 faces that were marked from
hairline to chin, half had more than 0.19 above, and 0.08 below."""

_ZOOMS = (1.0, 0.94, 0.88, 0.82, 0.76, 0.7)
"""Window sizes tried where safe zones must be kept clear, as parts of the largest possible."""
_ZOOMED = 0.6
"""What showing nothing of the picture would cost, against showing all of what matters (1)."""


@dataclass(frozen=True)
class Importance:
    """What matters in one picture.

    Attributes:
        mass: float32, shape (rows, columns), not negative, sums to 1.
        faces: the largest first; empty without weights.
        method: how this was found, for the result's metadata.
        subject: how far the subject reaches; ``None`` where there is none to be sure of.
        crest: how high the head of the only face reaches, as a fraction of the height; ``None``
            where nobody knows, as in a group, where the subject above one face is someone else.
    """

    mass: Floats
    faces: tuple[Face, ...]
    method: str
    subject: Extent | None = None
    crest: float | None = None


def importance(image: Image.Image, weights: Path | None = None) -> Importance:
    """Return what matters in a picture.

    Args:
        image: RGB or RGBA; transparent parts matter nothing.
        weights: the cache directory of ``weights.fetch``; ``None`` for the classic method alone.

    Raises:
        WeightsMissing: a cache directory was given but a network is not in it.
    """
    scale = min(1.0, 1024 / max(image.size))
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    small = image.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
    rgb = np.asarray(_on_grey(small))
    cells = max(1, round(size[0] * min(1, _MAP_SIDE / max(size))))
    shape = (cells, max(1, round(size[1] * min(1, _MAP_SIDE / max(size)))))
    mass = _share(_fitted(_spectral_residual(rgb), shape))
    faces: tuple[Face, ...] = ()
    subject = top = None
    if weights is not None:
        matte = saliency(rgb, weights)
        subject, faces = extent(matte), tuple(find_faces(rgb, weights))
        if len(faces) == 1:
            top = crest(matte, _box(faces[0]))
        matte = _share(_top_heavy(_fitted(matte, shape)))
        mass = (1 - _SPECTRAL_SHARE) * matte + _SPECTRAL_SHARE * mass
        mass = _with_faces(mass, faces)
    if small.mode == "RGBA":
        visible = np.asarray(small.getchannel("A"), np.float32) / 255
        mass = _share(mass * _fitted(visible, shape))
    method = METHOD_CLASSIC if weights is None else METHOD_NEURAL
    return Importance(np.asarray(mass, np.float32), faces, method, subject, top)


def focal_crop(
    image: Image.Image,
    importance: Importance,
    width: int,
    height: int,
    safe: SafeZone = NO_SAFE_ZONE,
) -> Box:
    """Return the part of the picture to show in the shape ``width`` x ``height``.

    The largest window of that shape is slid over the picture. Where a safe zone is given smaller
    windows are tried too, since only they can move both ways.

    Returns:
        Box in pixels of ``image``, for ``image.resize((width, height), box=...)``.

    Raises:
        InvalidRequest: a side below 1, or a safe zone that leaves nothing.
    """
    _check(width, height, safe)
    matters = _matters(importance)
    scale = min(image.width / width, image.height / height)
    largest = (width * scale / image.width, height * scale / image.height)
    tried = []
    for zoom in _ZOOMS if any(safe) else _ZOOMS[:1]:
        size = (largest[0] * zoom, largest[1] * zoom)
        score, box = best_window(matters, size, safe)
        tried.append((score - _ZOOMED * (1 - zoom), zoom, box))
    left, top, right, bottom = max(tried)[2]
    return Box(left * image.width, top * image.height, right * image.width, bottom * image.height)


def _matters(importance: Importance) -> Matters:
    """Return what windows are judged by."""
    subject, faces = importance.subject, importance.faces
    whole = WHOLE if subject is None else subject.whole
    heads = [_head(face, faces[0], whole, importance.crest) for face in faces]
    if subject is not None and not heads:
        heads = [Head(subject.upper, subject.upper, _UPPER_END)]
    return Matters(importance.mass, heads, None if subject is None else whole)


def _head(face: Face, main: Face, subject: Box, top: float | None) -> Head:
    """Return the whole head of a face, and what of it must not be cut: hairline to chin.

    The network's box ends at the brows and somewhat above the chin. How high the hair is nobody
    measured, but for a lone face, whose ``top`` is known at times; no head is higher than the
    subject that it is part of.
    """
    width, height = face.right - face.left, face.bottom - face.top
    guess = max(subject.top, face.top - 0.55 * height)
    box = Box(
        min(face.left, max(subject.left, face.left - 0.2 * width)),
        min(face.top, guess if top is None else min(guess, top)),
        max(face.right, min(subject.right, face.right + 0.2 * width)),
        max(face.bottom, min(subject.bottom, face.bottom + 0.1 * height)),
    )
    inner = Box(
        face.left,
        max(box.top, face.top - _FOREHEAD * height),
        face.right,
        min(box.bottom, face.bottom + _CHIN * height),
    )
    return Head(box, inner, face.score * (face.area / main.area) ** 0.5)


def _box(face: Face) -> Box:
    return Box(face.left, face.top, face.right, face.bottom)


def _check(width: int, height: int, safe: SafeZone) -> None:
    """Refuse shapes that are none."""
    if width < 1 or height < 1:
        raise InvalidRequest(
            "A format needs a width and a height.",
            field="format",
            given=f"{width} x {height}",
            allowed="at least 1 x 1 pixels",
        )
    refuse_impossible(safe)


def _on_grey(image: Image.Image) -> Image.Image:
    """Return RGB; transparent parts become grey."""
    if image.mode != "RGBA":
        return image.convert("RGB")
    flat = Image.new("RGB", image.size, (128, 128, 128))
    flat.paste(image, mask=image.getchannel("A"))
    return flat


def _fitted(values: Floats, shape: tuple[int, int]) -> Floats:
    """Return ``values`` at ``shape`` (columns, rows)."""
    return np.asarray(cv2.resize(values, shape, interpolation=cv2.INTER_AREA), np.float32)


def _share(values: Floats) -> Floats:
    """Scale to a sum of 1; what is empty becomes even."""
    total = float(values.sum())
    if total <= 0:
        return np.full(values.shape, 1 / values.size, np.float32)
    return np.asarray(values / total, np.float32)


def _spectral_residual(rgb: NDArray[np.uint8]) -> Floats:
    """Return what is unexpected in the picture's spectrum, shape (64, 64)."""
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    side = (_SPECTRAL_SIDE, _SPECTRAL_SIDE)
    small = np.asarray(cv2.resize(grey, side, interpolation=cv2.INTER_AREA), np.float32)
    spectrum = np.fft.fft2(small)
    log = np.log(np.abs(spectrum) + 1e-6).astype(np.float32)
    residual = log - cv2.blur(log, (3, 3))
    unexpected = np.abs(np.fft.ifft2(np.exp(residual + 1j * np.angle(spectrum)))) ** 2
    return np.asarray(cv2.GaussianBlur(unexpected.astype(np.float32), (0, 0), 2.5), np.float32)


def _top_heavy(matte: Floats) -> Floats:
    """Let the upper end of the subject weigh more, falling evenly to its lower end.

    Narrow rows count for more than their width, else a spire would be nothing beside its tower.
    """
    widths = matte.sum(axis=1)
    rows = np.flatnonzero((matte > 0.5).any(axis=1))  # noqa: PLR2004 - rather subject than not
    if rows.size == 0:
        return matte
    ramp = np.interp(
        np.arange(matte.shape[0]), [rows[0], rows[-1]], [1 + _TOP_WEIGHT, 1 - _TOP_WEIGHT]
    )
    ramp /= np.sqrt(np.maximum(widths, 0.05 * float(widths.max())))
    return np.asarray(matte * ramp[:, None], np.float32)


def _with_faces(mass: Floats, faces: tuple[Face, ...]) -> Floats:
    """Give the faces their share, each by its size and how sure it is."""
    if not faces:
        return mass
    rows, columns = mass.shape
    drawn = np.zeros_like(mass)
    for face in faces:
        left, right = int(face.left * columns), int(np.ceil(face.right * columns))
        top, bottom = int(face.top * rows), int(np.ceil(face.bottom * rows))
        drawn[top:bottom, left:right] += face.score
    size = min(1.0, sum(face.area for face in faces) / _LARGE_FACE)
    share = _FACE_SHARE + (_FACE_SHARE_LARGE - _FACE_SHARE) * size
    return (1 - share) * mass + share * _share(drawn)
