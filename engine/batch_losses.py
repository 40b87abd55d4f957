"""What rows of a batch lose: input pictures and styles of which not all is used."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from functools import cache

from engine import stills
from engine.batch_plan import PlannedBatch
from engine.jobs import Picture
from engine.studio import Studio
from engine.style_losses import unknown_style

_NAMED = 5


@dataclass(frozen=True, slots=True)
class Loss:
    """Something that is not used.

    Attributes:
        words: a sentence.
        rows: of how many rows it is true.
        first: the names of the first five of them.
    """

    words: str
    rows: int
    first: tuple[str, ...]

    def __str__(self) -> str:
        """Return the sentence, and of which rows it is true."""
        names = ", ".join(self.first)
        more = self.rows - len(self.first)
        return f"{self.words} ({names}{f' and {more} more rows' if more else ''})"


def batch_losses(
    studio: Studio, planned: PlannedBatch, free: Container[str] = ()
) -> tuple[Loss, ...]:
    """Say what is not used of what rows give, in the order of the first row of each.

    Args:
        free: names of rows that are not to be bought; nothing is said of them.

    Raises:
        NotFound: an input picture is not kept any more.
        StudioUnavailable: the storage refused.
    """

    # Thousands of rows may share an animation.
    @cache
    def stilled(picture: Picture) -> tuple[str, ...]:
        return stills.losses(studio.store, (picture,))

    found: dict[str, list[str]] = {}
    for row in planned.spec.rows:
        each = planned.rows.get(row.name)
        if each is None or row.name in free:
            continue
        for picture in each.pictures:
            for words in stilled(picture):
                found.setdefault(words, []).append(row.name)
        for words in unknown_style(each.plan.operation, each.plan.first.offer):
            found.setdefault(words, []).append(row.name)
    return tuple(Loss(words, len(names), tuple(names[:_NAMED])) for words, names in found.items())
