"""The numbers of cards: they sort by the time of filing, and a stretch of time is one of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, bindparam, func, select

from library.card_tables import cards

_PLACES = 1024
"""Numbers in one microsecond; what is filed beyond goes on in the next ones."""

_SPILL = 100_000 // _PLACES + 1
"""Microseconds into which the largest group that is filed at one moment may spill."""

_LAST = select(func.max(cards.c.number)).where(
    cards.c.number.between(bindparam("first"), bindparam("end"))
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_GREATEST = 2**63 - 1


def number_at(moment: datetime) -> int:
    """Return the least number of what is filed at ``moment``, within what a database takes."""
    number = (moment - _EPOCH) // timedelta(microseconds=1) * _PLACES
    return max(0, min(number, _GREATEST))


def number_until(moment: datetime) -> int:
    """Return the least number that nothing filed before ``moment`` has."""
    return min(number_at(moment) + _SPILL * _PLACES, _GREATEST)


def take_numbers(connection: Connection, moments: Sequence[datetime]) -> list[int]:
    """Return a free number for each moment, in their order, within the caller's transaction.

    On Postgres another transaction may take the same ones; the key then refuses one of them.
    """
    if not moments:
        return []
    # What arrives is nearly always newer than all that is there: one look then does for all.
    first, end = number_at(min(moments)), number_until(max(moments))
    all_free = _last(connection, first, end) is None
    free: dict[datetime, int] = {}
    taken: set[int] = set()
    found = []
    for moment in moments:
        if moment not in free:
            free[moment] = number_at(moment) if all_free else _first_free(connection, moment)
        while free[moment] in taken:
            free[moment] += 1
        taken.add(free[moment])
        found.append(free[moment])
    return found


def _first_free(connection: Connection, moment: datetime) -> int:
    last = _last(connection, number_at(moment), number_until(moment))
    return number_at(moment) if last is None else last + 1


def _last(connection: Connection, first: int, end: int) -> int | None:
    last: int | None = connection.execute(_LAST, {"first": first, "end": end}).scalar()
    return last
