"""What a sketch encloses: its lines, and the areas between them.

Areas are found with balls of shrinking size (after "trapped-ball segmentation", Zhang et al. 2009),
so that a line with a gap still holds its colour.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from providers.local.style.network import Pixels

Labels = NDArray[np.int32]

_MANY_LINES = 0.45
"""Share of ink above which a picture is no line drawing."""
_EVEN = 5.5
"""Levels by which the paper may change over a hundredth of the shorter side, in all but the
steepest 5 %. Measured: drawings on paper lit from one side 4, photographs and paintings 7 to 37."""
_DARK = 96
"""Median level below which the ground is dark and the lines are light."""
_LINE = 0.4
"""Ink from which a pixel counts as line."""
_LEAST_AREA = 0.0006
"""Share of the picture below which an area is no area of its own."""


@dataclass(frozen=True)
class Area:
    """One area.

    Attributes:
        label: its number.
        share: of the picture's pixels.
        left, top, right, bottom: its box as shares of width and height.
        round: its area by that of the ellipse in its box; about 1 for discs.
        slim: its box's longer side by the shorter one, in pixels.
        touches: the picture's edges that it lies at: any of ``ltrb``.
        near: labels of the areas beside it.
    """

    label: int
    share: float
    left: float
    top: float
    right: float
    bottom: float
    round: float
    slim: float
    touches: str
    near: frozenset[int]

    @property
    def middle(self) -> tuple[float, float]:
        """Its box's middle (x, y)."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2


def ink(pixels: Pixels) -> NDArray[np.float32]:
    """Return how much ink is at each pixel, 0 to 1.

    Uneven paper and shadows are taken out; light lines on a dark ground are lines, too.
    """
    luma, ground = _paper(pixels)
    part = luma.astype(np.float32) / np.maximum(ground, 24)
    return np.asarray(np.clip((0.9 - part) / 0.28, 0, 1), np.float32)


def _paper(pixels: Pixels) -> tuple[Pixels, NDArray[np.float32]]:
    """Return the lightness, lines darker than the rest, and what it would be without lines."""
    luma = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    if float(np.median(luma)) < _DARK:
        luma = cv2.bitwise_not(luma)
    size = max(int(min(luma.shape) * 0.045), 3) | 1
    ball = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    ground = cv2.morphologyEx(luma, cv2.MORPH_CLOSE, ball)
    return luma, cv2.blur(ground, (size, size)).astype(np.float32)


def fault(pixels: Pixels, lines: NDArray[np.float32]) -> str:
    """Say why a picture is no line drawing; empty when it is one."""
    share = float((lines > _LINE).mean())
    if share == 0:
        return "a picture without lines"
    _, ground = _paper(pixels)
    across = cv2.Sobel(ground, cv2.CV_32F, 1, 0, scale=1 / 8)
    down = cv2.Sobel(ground, cv2.CV_32F, 0, 1, scale=1 / 8)
    steep = np.hypot(across, down)[::3, ::3]
    slope = float(np.percentile(steep, 95)) * min(ground.shape) / 100
    if share > _MANY_LINES or slope > _EVEN:
        return "a picture of many tones, such as a photograph"
    return ""


def areas(lines: NDArray[np.float32], gap: float) -> tuple[Labels, list[Area]]:
    """Part the picture into areas; every pixel belongs to one.

    Args:
        lines: of :func:`ink`.
        gap: width of the gaps in lines that still hold, in pixels.
    """
    free = np.where(lines < _LINE, np.uint8(1), np.uint8(0))
    labels = np.zeros(free.shape, np.int32)
    least = int(_LEAST_AREA * free.size) + 1
    for radius in (gap, gap / 2, gap / 4, 0.0):
        _grow(labels, free, int(radius), least)
    if not labels.any():
        labels[:] = 1
    nearest = _nearest(labels)
    return nearest, _described(nearest)


def _grow(labels: Labels, free: NDArray[np.uint8], radius: int, least: int) -> None:
    """Add what a ball of ``radius`` can reach in the part that has no label, in place."""
    rest = np.where(labels == 0, free, np.uint8(0))
    ball = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1,) * 2)
    cores = cv2.erode(rest, ball, borderType=cv2.BORDER_CONSTANT, borderValue=1)
    count, found, stats, _ = cv2.connectedComponentsWithStats(cores, connectivity=4)
    keep = np.zeros(count, np.int32)
    first = int(labels.max()) + 1
    for number in range(1, count):
        if stats[number, cv2.CC_STAT_AREA] >= max(least // (radius + 1), 4):
            keep[number] = first
            first += 1
    seeds = keep[found]
    if not seeds.any():
        return
    reach = cv2.dilate((seeds > 0).astype(np.uint8), ball)
    grown = _nearest(seeds)
    taken = (reach > 0) & (rest > 0)
    labels[taken] = grown[taken]


def _nearest(labels: Labels) -> Labels:
    """Give each pixel without a label that of the nearest one."""
    _, index = cv2.distanceTransformWithLabels(
        (labels == 0).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    table = np.zeros(int(index.max()) + 1, np.int32)
    at = labels > 0
    table[index[at]] = labels[at]
    return np.asarray(table[index], np.int32)


def _described(labels: Labels) -> list[Area]:
    h, w = labels.shape
    near: dict[int, set[int]] = {}
    for one, two in ((labels[:, 1:], labels[:, :-1]), (labels[1:], labels[:-1])):
        at = one != two
        for a, b in np.unique(np.stack([one[at], two[at]], 1), axis=0).tolist():
            near.setdefault(a, set()).add(b)
            near.setdefault(b, set()).add(a)
    found = []
    for label in np.unique(labels).tolist():
        mask = (labels == label).astype(np.uint8)
        x, y, width, height = cv2.boundingRect(mask)
        count = int(mask.sum())
        sides = (x == 0, y == 0, x + width == w, y + height == h)
        found.append(
            Area(
                label=label,
                share=count / (h * w),
                left=x / w,
                top=y / h,
                right=(x + width) / w,
                bottom=(y + height) / h,
                round=count / (0.7854 * width * height),
                slim=max(width, height) / min(width, height),
                touches="".join(each for each, at in zip("ltrb", sides, strict=True) if at),
                near=frozenset(near.get(label, ())),
            )
        )
    return found
