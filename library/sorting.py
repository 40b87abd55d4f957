"""The orders that assets are listed in, and where a page ends."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from sqlalchemy import Column, ColumnElement, UnaryExpression, and_, or_
from sqlalchemy.sql.operators import custom_op

from library.card_tables import cards
from studio.errors import InvalidRequest

_CURSOR = re.compile(r"([a-z]+)\.(-?[0-9a-f]{1,16})(?:\.([0-9a-f]{0,800}))?")


@dataclass(frozen=True, slots=True)
class Sort:
    """An order: by a column of the cards, and by their numbers where that is the same.

    Attributes:
        column: what it goes by.
        falling: whether the greatest comes first.
    """

    name: str
    column: Column[Any]
    falling: bool

    @property
    def by_time(self) -> bool:
        """Whether the numbers alone are the order."""
        return self.column is cards.c.number

    def order(self, *, indexed: bool = True) -> list[ColumnElement[Any]]:
        """Return what a query is ordered by.

        Args:
            indexed: ``False``: SQLite is not to go by the index of this order (a unary plus, see
                https://sqlite.org/optoverview.html).
        """
        first = cards.c.number if self.by_time else self.column
        columns: list[ColumnElement[Any]] = [first] if self.by_time else [first, cards.c.number]
        if not indexed:
            columns[0] = UnaryExpression(first, operator=custom_op("+"))
        return [each.desc() if self.falling else each.asc() for each in columns]

    def behind(self, cursor: Cursor) -> ColumnElement[bool]:
        """Return what is true of what comes behind a place."""
        number = cards.c.number
        later = number < cursor.number if self.falling else number > cursor.number
        if self.by_time:
            return later
        column = self.column
        further = column < cursor.key if self.falling else column > cursor.key
        bound = column <= cursor.key if self.falling else column >= cursor.key
        return and_(bound, or_(further, later))

    def at(self, number: int) -> str:
        """Return the place behind a number, in an order by time."""
        return f"{self.name}.{number:x}"

    def cursor(self, row: Any) -> str:
        """Return the place of a card, as text."""
        number = self.at(row.number)
        if self.by_time:
            return number
        return f"{number}.{str(getattr(row, self.column.name)).encode().hex()}"

    def read(self, text: str) -> Cursor | None:
        """Return the place that a text stands for; ``None`` for the beginning.

        Raises:
            InvalidRequest: it is no place in this order.
        """
        if not text:
            return None
        found = _CURSOR.fullmatch(text)
        try:
            if found is None or found[1] != self.name or (found[3] is None) != self.by_time:
                raise ValueError(text)  # noqa: TRY301 - answered alike, just below
            key: Any = bytes.fromhex(found[3] or "").decode()
            if not self.by_time and self.column is not cards.c.label:
                key = int(key)
            return Cursor(int(found[2], 16), key)
        except ValueError:
            raise InvalidRequest(
                "That is no place in this list.",
                field="after",
                given=text,
                allowed=f"what the page before named, in the same order ({self.name})",
            ) from None


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in an order: behind the card of this number, with this key."""

    number: int
    key: Any


NEWEST = Sort("newest", cards.c.number, falling=True)
_columns = cards.c

SORTS: Mapping[str, Sort] = MappingProxyType(
    {
        each.name: each
        for each in (
            NEWEST,
            Sort("oldest", _columns.number, falling=False),
            Sort("largest", _columns.bytes, falling=True),
            Sort("smallest", _columns.bytes, falling=False),
            Sort("dearest", _columns.credits, falling=True),
            Sort("cheapest", _columns.credits, falling=False),
            Sort("rating", _columns.rating, falling=True),
            Sort("name", _columns.label, falling=False),
        )
    }
)
"""The orders by their names. By rating, only what is rated is listed."""

RANKED = "ranked"
"""The name of the order of how well what was searched for is met; see ``library.ranking``."""


def sort_named(name: str) -> Sort:
    """Return an order by its name.

    Raises:
        InvalidRequest: there is none.
    """
    try:
        return SORTS[name]
    except KeyError:
        raise InvalidRequest(
            "There is no such order.",
            field="sort",
            given=name,
            allowed=", ".join((*SORTS, RANKED)),
        ) from None
