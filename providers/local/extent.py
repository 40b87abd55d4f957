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


class Extent(NamedTuple):
    """Where a subject is, in fractions of the picture.

    Attributes:
        whole: all of its parts.
        upper: the upper end of its largest part: of what stands, what it is known by.
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
    upper = labels == largest
    rows = np.flatnonzero(upper.any(axis=1))
    upper[rows[0] + max(1, round(_UPPER * rows.size)) :] = False
    return Extent(_box(parts), _box(upper))


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
