"""Pages of cards: how each question is answered without reading a large library through.

Every way has a bound. What is rare is taken whole, by its index; what is common is met soon on the
way through an order. Only where both fail, a page ends before it is full: it says where it ended,
and the next one goes on from there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select

from library import bounds
from library.card_tables import cards, words
from library.hits import (
    End,
    at_most,
    entries,
    fits,
    fts5_index,
    fts5_match,
    has_rare,
    hits_of,
    known_counts,
    window,
)
from library.matches import as_conditions
from library.questions import Question, between
from library.sorting import Cursor, Sort
from library.words import body_of, marks_of_id


@dataclass(frozen=True, slots=True)
class Stretch:
    """Cards of one page, in their order.

    Attributes:
        rows: the cards.
        following: where the next page begins; empty at the end.
        whole: whether the page is full, or all there was.
    """

    rows: list[Any]
    following: str
    whole: bool = True


def stretch(
    connection: Connection, asked: Question, sort: Sort, limit: int, after: str = ""
) -> Stretch:
    """Return the cards of one page.

    Args:
        connection: a connection that reads.
        asked: which cards.
        sort: in which order.
        limit: cards on the page.
        after: where the page before ended; empty for the first page.

    Raises:
        InvalidRequest: ``after`` is no place in this order.
    """
    cursor = sort.read(after)
    if sort.column is cards.c.rating and all(name != "rating" for name, _, _ in asked.sizes):
        asked = replace(asked, sizes=(*asked.sizes, ("rating", 1, None)))
    few = _few(connection, asked, by_time=sort.by_time)
    if few is not None:
        query = _cards(asked, sort, cursor)
        # As an array on Postgres, which would rather go through all cards in their order than sort
        # a few; so would SQLite, which is told otherwise below.
        is_few = func.any(func.array(few.scalar_subquery()))
        query = query.where(
            cards.c.number.in_(few)
            if connection.dialect.name == "sqlite"
            else cards.c.number == is_few
        )
        if connection.dialect.name == "sqlite":
            query = query.order_by(None).order_by(*sort.order(indexed=False))
        if not asked.plain:
            query = query.join(words, words.c.number == cards.c.number)
            query = query.where(*as_conditions(asked.terms))
        return _page(connection.execute(query.limit(limit + 1)).all(), sort, limit)
    if sort.by_time and not asked.plain:
        return _by_index(connection, asked, sort, cursor, limit)
    return _on_the_way(connection, asked, sort, cursor, limit, most=bounds.CARDS)


def _cards(asked: Question, sort: Sort, cursor: Cursor | None) -> Select[Any]:
    query = select(cards).where(*asked.conditions()).order_by(*sort.order())
    return query.where(sort.behind(cursor)) if cursor else query


def _page(rows: Sequence[Any], sort: Sort, limit: int) -> Stretch:
    some = list(rows[:limit])
    return Stretch(some, sort.cursor(some[-1]) if len(rows) > limit else "")


def _few(connection: Connection, asked: Question, *, by_time: bool) -> Select[Any] | None:
    """Return the numbers of all that one part of the question leaves, if they are few."""
    for name, least, most in asked.sizes:
        some = select(cards.c.number).where(
            cards.c.owner == asked.owner, *between(name, least, most)
        )
        if at_most(connection, some, bounds.RARE):
            return some
    if not asked.plain and not by_time:
        hits = hits_of(connection, asked)
        known = known_counts(connection, asked)
        # It is gone through twice then: to count, and to take.
        possible = has_rare(connection, asked, known)
        if connection.dialect.name == "sqlite":
            possible = possible or fits(asked, known, bounds.ENTRIES // 2)
        if possible and at_most(connection, hits, bounds.RARE):
            return select(hits.subquery().c[0])
    return None


def _by_index(
    connection: Connection, asked: Question, sort: Sort, cursor: Cursor | None, limit: int
) -> Stretch:
    """Go through what the full-text index tells, the newest or the oldest first."""
    known = known_counts(connection, asked)
    rare = has_rare(connection, asked, known)
    if connection.dialect.name == "postgresql":
        if not rare:
            return _near_or_by_gin(connection, asked, sort, cursor, limit, known=known)
        return _by_gin(connection, asked, sort, cursor, limit)
    if rare or fits(asked, known, bounds.ENTRIES):
        rows = _walk_fts5(connection, asked, sort, cursor, limit + 1, end=None)
        return _page(rows, sort, limit)
    found: list[Any] = []
    size = window(asked, known)
    for part in (max(1, size // bounds.TRIED), size):  # most pages are full after a few cards
        end = end_of(connection, asked, sort, cursor, part)
        found += _walk_fts5(connection, asked, sort, cursor, limit + 1 - len(found), end=end)
        if end is None or len(found) > limit:
            return _page(found, sort, limit)
        # One before the end, which is not looked at yet.
        cursor = Cursor(end.number + (1 if sort.falling else -1), "")
    return Stretch(found, sort.at(cursor.number) if cursor else "", whole=False)


def upto(asked: Question, end: End | None, sort: Sort) -> Question:
    """Return the question of what comes before an end."""
    if end is None:
        return asked
    if sort.falling:
        return replace(asked, first=max(end.number + 1, asked.first or 0))
    return replace(asked, end=end.number if asked.end is None else min(end.number, asked.end))


def _walk_fts5(
    connection: Connection,
    asked: Question,
    sort: Sort,
    cursor: Cursor | None,
    limit: int,
    *,
    end: End | None,
) -> Sequence[Any]:
    asked = upto(asked, end, sort)
    number = fts5_index.c.rowid
    # FTS5 goes by the rowid itself, so nothing has to be sorted; the cards are looked at one by
    # one on the way, and no further than the page needs.
    query = (
        select(cards)
        .select_from(fts5_index)
        .join(cards, cards.c.number == number)
        .where(fts5_match(asked, end), *asked.conditions())
        .order_by(number.desc() if sort.falling else number.asc())
        .limit(limit)
    )
    within = []
    if asked.first is not None:
        within.append(number >= asked.first)
    if asked.end is not None:
        within.append(number < asked.end)
    if cursor:
        within.append(number < cursor.number if sort.falling else number > cursor.number)
    return connection.execute(query.where(*within)).all()


def _near_or_by_gin(
    connection: Connection,
    asked: Question,
    sort: Sort,
    cursor: Cursor | None,
    limit: int,
    *,
    known: Mapping[tuple[str, str], int],
) -> Stretch:
    """Try the next cards one by one; where too few of them fit, ask the index for all that do.

    Where the index has too much of that to be gone through, the page ends before it is full.
    """
    if asked.sizes or asked.others:  # all that the index tells would be looked at
        return _on_the_way(connection, asked, sort, cursor, limit, most=bounds.CARDS)
    near = _on_the_way(connection, asked, sort, cursor, limit, most=bounds.NEAR)
    if near.whole:
        return near
    if entries(connection, asked, known) <= bounds.GIN:
        return _by_gin(connection, asked, sort, cursor, limit)
    behind, left = sort.read(near.following), limit - len(near.rows)
    more = _on_the_way(connection, asked, sort, behind, left, most=bounds.FURTHER)
    return replace(more, rows=near.rows + more.rows)


def _by_gin(
    connection: Connection, asked: Question, sort: Sort, cursor: Cursor | None, limit: int
) -> Stretch:
    """Ask the index of Postgres for all that fits."""
    number = words.c.number
    hits = hits_of(connection, asked)
    if cursor:
        hits = hits.where(number < cursor.number if sort.falling else number > cursor.number)
    # Without an order of its own, or Postgres might go through all numbers to save the sorting; and
    # as an array, or it might go through all cards to join them in their order.
    found = hits.cte("hits").prefix_with("MATERIALIZED", dialect="postgresql")
    numbers = func.array(select(found.c.number).scalar_subquery())
    query = _cards(asked, sort, cursor).where(cards.c.number == func.any(numbers))
    return _page(connection.execute(query.limit(limit + 1)).all(), sort, limit)


def _on_the_way(
    connection: Connection,
    asked: Question,
    sort: Sort,
    cursor: Cursor | None,
    limit: int,
    *,
    most: int,
) -> Stretch:
    """Go through the cards in the order asked for, and pass over those that do not fit."""
    scope = replace(asked, terms=asked.terms[:1], others=(), sizes=_sorted_by(asked, sort))
    if asked.plain and not asked.others and scope.sizes == asked.sizes:
        passed = _cards(scope, sort, cursor)
        return _page(connection.execute(passed.limit(limit + 1)).all(), sort, limit)
    last = connection.execute(places(scope, sort, cursor).offset(most - 1).limit(1)).first()
    query = _cards(asked, sort, cursor)
    if last is not None:
        query = query.where(_not_behind(sort, last))
    if not asked.plain:
        query = query.join(words, words.c.number == cards.c.number)
        query = query.where(*as_conditions(asked.terms[1:]))
    found = _page(connection.execute(query.limit(limit + 1)).all(), sort, limit)
    if found.following or last is None:
        return found
    return Stretch(found.rows, sort.cursor(last), whole=len(found.rows) == limit)


def places(asked: Question, sort: Sort, cursor: Cursor | None) -> Select[Any]:
    """Return the places in an order, as its index alone tells them."""
    query = select(cards.c.number).order_by(*sort.order())
    if sort.by_time:
        query = query.where(*asked.conditions())
    else:
        # Also of what is in the trash, or not: to know which, every card would have to be read.
        query = query.add_columns(sort.column).where(cards.c.owner == asked.owner)
        for name, least, most in asked.sizes:
            query = query.where(*between(name, least, most))
    return query.where(sort.behind(cursor)) if cursor else query


def _sorted_by(asked: Question, sort: Sort) -> tuple[tuple[str, int | None, int | None], ...]:
    return tuple(each for each in asked.sizes if each[0] == sort.column.name)


def _not_behind(sort: Sort, last: Any) -> ColumnElement[bool]:
    number = cards.c.number
    within: ColumnElement[bool] = number >= last.number if sort.falling else number <= last.number
    if sort.by_time:
        return within
    key = getattr(last, sort.column.name)
    further = sort.column > key if sort.falling else sort.column < key
    bound = sort.column >= key if sort.falling else sort.column <= key
    return and_(bound, or_(further, within))


def end_of(
    connection: Connection, asked: Question, sort: Sort, cursor: Cursor | None, size: int
) -> End | None:
    """Return where the next cards end; ``None`` if all that is left are fewer."""
    scope = replace(asked, terms=asked.terms[:1], others=(), sizes=())
    query = select(cards.c.number, cards.c.asset).where(*scope.conditions())
    query = query.order_by(*sort.order())
    if cursor:
        query = query.where(sort.behind(cursor))
    behind = connection.execute(query.offset(size).limit(2)).all()
    bodies = [body_of(each.asset) for each in behind]
    if len(behind) < 2 or not all(bodies):  # noqa: PLR2004 - two assets
        return None
    # The outputs of one job share the mark of their id: all of them have to lie behind the end.
    nearest = behind[0].number
    for body in bodies:
        family = cards.c.asset.between(f"ast_{body}", f"ast_{body}~")
        first = select(cards.c.number).where(family).order_by(*sort.order()).limit(1)
        number = connection.execute(first).scalar_one()
        nearest = max(nearest, number) if sort.falling else min(nearest, number)
    passed = cursor and (nearest >= cursor.number if sort.falling else nearest <= cursor.number)
    return None if passed else End(nearest, tuple(next(marks_of_id(it.asset)) for it in behind))
