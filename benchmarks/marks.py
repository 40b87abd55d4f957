"""The rule by which a crop is judged: does it keep what was marked?

It was written down before any crop was computed:

- All croppers place the same window, the largest one of the wanted shape. It slides along one side
  of the picture; where it cannot slide there is nothing to judge.
- A mark is **kept** if at least 95 % of its area are in the window. The marks are exact to about a
  hundredth of a side: a whole one cannot be asked for. Of a mark that is larger than the window,
  95 % of what any place of the window could hold are asked for.
- A crop has the marked region **inside** if it keeps as many heads as any place could keep, and
  95 % of as much of the subject as any of the places that keep so many heads could show.
- A head is **cut** if it could be kept, and between 5 % and 95 % of it are in the window.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from benchmarks.photographs import Mark, Photograph

KEPT = 0.95
_CUT = 1 - KEPT


@dataclass(frozen=True)
class Verdict:
    """What a crop keeps.

    Attributes:
        inside: by the rule.
        kept: heads.
        possible: heads that could be kept.
        cut: heads that are neither in nor out.
        subject: part of the subject that is shown, of what could be shown with those heads.
    """

    inside: bool
    kept: int
    possible: int
    cut: int
    subject: float


def window(size: tuple[int, int], ratio: Fraction) -> tuple[int, int]:
    """Return the largest window of a shape in a picture, in whole pixels."""
    width, height = size
    return (
        min(width, max(1, round(height * ratio))),
        min(height, max(1, round(width / ratio))),
    )


def places(size: tuple[int, int], inner: tuple[int, int]) -> list[Mark]:
    """Return every place that the window can have; it slides along one side."""
    across, down = size[0] - inner[0], size[1] - inner[1]
    return [
        Mark(x, y, x + inner[0], y + inner[1]) for x in range(across + 1) for y in range(down + 1)
    ]


def judge(photograph: Photograph, size: tuple[int, int], crop: Mark) -> Verdict:
    """Judge one crop of a picture of this size; see the rule above."""
    inner = (crop.right - crop.left, crop.bottom - crop.top)
    best, shown = 0, 0.0
    for place in places(size, inner):
        kept, part = _kept(photograph, place), _share(photograph.subject, place)
        best, shown = max((best, shown), (kept, part))
    kept, part = _kept(photograph, crop), _share(photograph.subject, crop)
    relative = part / shown if shown else 1.0
    cut = sum(_fits(head, inner) and _CUT < _share(head, crop) < KEPT for head in photograph.heads)
    return Verdict(kept >= best and relative >= KEPT, kept, best, cut, relative)


def _kept(photograph: Photograph, place: Mark) -> int:
    """Return how many heads are kept."""
    inner = (place.right - place.left, place.bottom - place.top)
    return sum(_share(head, place) >= KEPT * _most(head, inner) for head in photograph.heads)


def _most(mark: Mark, inner: tuple[int, int]) -> float:
    """Return which part of a mark a window can hold."""
    across = min(1.0, inner[0] / (mark.right - mark.left))
    return across * min(1.0, inner[1] / (mark.bottom - mark.top))


def _fits(mark: Mark, inner: tuple[int, int]) -> bool:
    return _most(mark, inner) == 1


def _share(mark: Mark, place: Mark) -> float:
    """Return which part of a mark lies in a window."""
    width = min(mark.right, place.right) - max(mark.left, place.left)
    height = min(mark.bottom, place.bottom) - max(mark.top, place.top)
    area = (mark.right - mark.left) * (mark.bottom - mark.top)
    return max(0, width) * max(0, height) / area
