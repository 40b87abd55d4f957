"""How far a picture's subject reaches, and where its upper end is.

A matte's mass says little of that: a spire, a beak or two raised hands are a few thousandths of it,
and a crop that looks at the mass alone cuts them off to have the rest nearer to its middle.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from providers.local.windows import Box

Floats = NDArray[np.floating[Any]]

_SURE = 0.5
"""A matte that nowhere exceeds this knows of no subject."""
_SUBJECT = 0.2
"""Matte from which on a spot belongs to the subject; its thin ends are seldom surer."""
_PART = 0.1
"""A part of the subject counts from so much of the largest part's area on."""
_UPPER = 0.25
"""The upper end of a subject: so much of its height. A standing person's head has an eighth."""
_FIRM = 0.1
"""Rows of the subject count as more than its fading rim from so much of its widest row on."""
_HEAD_ROW = 0.2
"""A row above a face belongs to its head while so much of the face's width is surely subject."""
_FOREHEAD = 0.3
"""Where in a face one looks upwards from: so much of its height below its upper edge."""
_HIGHEST = 1.8
"""A head with its hair or hat ends at most so many heights of its face above that."""


class Extent(NamedTuple):
    """Where a subject is, in fractions of the picture.

    Attributes:
        whole: all of its parts.
        upper: the upper end of its largest part: of what stands, what it is known by. How wide it
            is, its thinnest tip tells; how high, the first row that is more than a rim: a matte
            fades upwards, and a window that keeps the fading loses as much below.
    """

    whole: Box
    upper: Box


def extent(matte: Floats) -> Extent | None:
    """Return how far the subject reaches; ``None`` where the matte is nowhere sure of one.

    Args:
        matte: how much each spot belongs to the subject, 0..1, shape (rows, columns).
    """
    if float(matte.max()) <= _SURE:
        return None
    spots = (matte > _SUBJECT).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(spots, connectivity=8)
    areas = stats[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0
    largest = int(np.argmax(areas))
    parts = np.isin(labels, np.flatnonzero(areas >= _PART * areas[largest]))
    largest_part = labels == largest
    widths = largest_part.sum(axis=1)
    rows = np.flatnonzero(widths)
    tip = _end(largest_part, int(rows[0]), int(rows[-1]))
    firm = np.flatnonzero(widths >= _FIRM * widths.max())
    end = _end(largest_part, int(firm[0]), int(rows[-1]))
    return Extent(_box(parts), Box(tip.left, end.top, tip.right, end.bottom))


def crest(matte: Floats, face: Box) -> float | None:
    """Return how high the head of a face reaches: to where the subject ends above it.

    Args:
        matte: as for ``extent``.
        face: in fractions of the picture.

    Returns:
        A fraction of the picture's height; ``None`` where the subject ends further up than a head
        can, or not at all: someone else is behind.
    """
    rows, columns = matte.shape
    left = int(face.left * columns)
    right = max(left + 1, int(np.ceil(face.right * columns)))
    height = face.bottom - face.top
    start = int((face.top + _FOREHEAD * height) * rows)
    ends = np.flatnonzero((matte[:start, left:right] > _SURE).mean(axis=1) <= _HEAD_ROW)
    if ends.size == 0:
        return None
    top = float((ends[-1] + 1) / rows)
    return top if face.top - _HIGHEST * height <= top < face.top else None


def _end(part: NDArray[np.bool_], top: int, bottom: int) -> Box:
    """Return the box around the upper end of what lies in these rows, both included."""
    end = part.copy()
    end[:top] = False
    end[top + max(1, round(_UPPER * (bottom - top + 1))) :] = False
    return _box(end)


def _box(spots: NDArray[np.bool_]) -> Box:
    """Return the box around the spots, there is at least one."""
    rows, columns = np.flatnonzero(spots.any(axis=1)), np.flatnonzero(spots.any(axis=0))
    height, width = spots.shape
    return Box(
        float(columns[0] / width),
        float(rows[0] / height),
        float((columns[-1] + 1) / width),
        float((rows[-1] + 1) / height),
    )
