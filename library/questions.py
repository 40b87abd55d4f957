"""What is asked of an owner's cards: what the full-text index tells of it, and what the cards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement

from library.card_tables import cards
from library.filters import Filters
from library.matches import Term, scope_of, terms_of
from library.numbers import number_at


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of one owner's cards.

    Attributes:
        terms: what the full-text index tells; the first is the owner's own.
        sizes: what only the cards tell, by the columns that have an index of their own.
        others: what only the cards tell, without an index.
        first: the least number; a stretch of time begins with it.
        end: the least number beyond.
    """

    owner: str
    terms: tuple[Term, ...]
    sizes: tuple[tuple[str, int | None, int | None], ...]
    others: tuple[ColumnElement[bool], ...]
    trashed: bool
    first: int | None
    end: int | None

    @property
    def plain(self) -> bool:
        """Whether the index has nothing to tell but whose they are."""
        return len(self.terms) == 1

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return what a card must fulfil, but for the terms."""
        gone = cards.c.deleted_at
        found = [cards.c.owner == self.owner, *self.others]
        found += [gone.is_not(None), cards.c.purged_at.is_(None)] if self.trashed else []
        found += [] if self.trashed else [gone.is_(None)]
        for name, least, most in self.sizes:
            found += between(name, least, most)
        found += [cards.c.number >= self.first] if self.first is not None else []
        found += [cards.c.number < self.end] if self.end is not None else []
        return found


def question(owner: str, filters: Filters, within: Sequence[str] = ()) -> Question:
    """Return what filters ask of an owner's cards.

    Args:
        filters: what is asked for.
        within: the ids of the collections that are meant by that of the filters.

    Raises:
        InvalidRequest: more words are searched for than one may.
    """
    sizes = (
        ("bytes", filters.least_bytes, filters.most_bytes),
        ("credits", filters.least_credits, filters.most_credits),
        ("rating", filters.rating or None, None),
    )
    others = [
        cards.c[name] >= least
        for name, least in (("width", filters.least_width), ("height", filters.least_height))
        if least
    ]
    return Question(
        owner,
        (scope_of(owner, filters), *terms_of(filters, within)),
        tuple(each for each in sizes if each[1:] != (None, None)),
        tuple(others),
        filters.trashed,
        number_at(filters.since) if filters.since else None,
        number_at(filters.until) if filters.until else None,
    )


def between(name: str, least: int | None, most: int | None) -> list[ColumnElement[bool]]:
    """Return that a column is within bounds; ``None`` is no bound."""
    found = [cards.c[name] >= least] if least is not None else []
    # What is rated has an index of its own. That 1 or more is above 0, SQLite does not see.
    found += [cards.c.rating > 0] if name == "rating" else []
    return [*found, cards.c[name] <= most] if most is not None else found
