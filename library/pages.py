"""Pages of cards: how each question is answered without reading a large library through.

Every way has a bound. What is rare is taken whole, by its index; what is common is met soon on the
way through an order. Only where both fail, a page ends before it is full: it says where it ended,
and the next one goes on from there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    cast,
    column,
    func,
    literal_column,
    or_,
    select,
    table,
)
from sqlalchemy.dialects.postgresql import TSQUERY

from library.card_tables import cards, counts, words
from library.filters import Filters
from library.matches import (
    Term,
    as_conditions,
    as_fts5,
    as_fts5_until,
    as_tsquery,
    scope_of,
    terms_of,
)
from library.numbers import number_at
from library.sorting import NEWEST, Cursor, Sort
from library.words import body_of, marks_of_id

RARE = 5_000
"""As many matches are taken whole and put in order."""

_FEW = 10_000
"""Up to as many of one thing, the index is asked for it without a bound."""

_ENTRIES = 800_000
"""Entries of indexes that are passed over for one page, where all asked for is common."""

_TO_THE_END = 3
"""To find the end of so many cards costs as much as so many entries for each of them."""

_TRIED = 20
"""So small a part of that is tried first."""

_CARDS = 10_000
"""Cards that are looked at on the way to one page."""

_STEPS = 3
"""Pages that are gone through to count what the index alone cannot tell."""

_NEAR = 2_000
"""Newest cards that are tried on Postgres before its index, whose answers have no order."""

_index = table("asset_words_index", column("rowid"))
_vector = func.array_to_tsvector(func.string_to_array(func.btrim(words.c.words), " "))


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


@dataclass(frozen=True, slots=True)
class End:
    """Where the search for one page ends.

    Attributes:
        number: of the first card that is not looked at.
        marks: of two assets from there on.
    """

    number: int
    marks: tuple[str, ...]


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
            found += _between(name, least, most)
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


def plan_for_values(connection: Connection) -> None:
    """Have Postgres plan what follows in this transaction for the values that it is given.

    The driver prepares what it is asked often, and Postgres then makes one plan for all values: it
    takes a rare mark for a frequent one, and goes through every text.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL plan_cache_mode = force_custom_plan")


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
    return _on_the_way(connection, asked, sort, cursor, limit)


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
            cards.c.owner == asked.owner, *_between(name, least, most)
        )
        if name == "rating":
            some = some.where(cards.c.rating > 0)
        if _at_most(connection, some, RARE):
            return some
    if not asked.plain and not by_time:
        matches = _matches(connection, asked)
        known = _known(connection, asked)
        # It is gone through twice then: to count, and to take.
        possible = _has_rare(connection, asked, known)
        if connection.dialect.name == "sqlite":
            possible = possible or _fits(asked, known, _ENTRIES // 2)
        if possible and _at_most(connection, matches, RARE):
            return select(matches.subquery().c[0])
    return None


def _at_most(connection: Connection, query: Select[Any], most: int) -> bool:
    counted = select(func.count()).select_from(query.limit(most + 1).subquery())
    return bool(connection.execute(counted).scalar_one() <= most)


def _between(name: str, least: int | None, most: int | None) -> list[ColumnElement[bool]]:
    found = [cards.c[name] >= least] if least is not None else []
    return [*found, cards.c[name] <= most] if most is not None else found


def _matches(connection: Connection, asked: Question, end: End | None = None) -> Select[Any]:
    """Return the query of the numbers that the full-text index tells."""
    if connection.dialect.name == "postgresql":
        number: ColumnElement[int] = words.c.number
        typed = cast(bindparam("terms", as_tsquery(asked.terms), unique=True), TSQUERY)
        found = select(number).where(_vector.bool_op("@@")(typed))
    else:
        number = _index.c.rowid
        found = select(number.label("number")).select_from(_index).where(_match(asked, end))
    found = found.where(number >= asked.first) if asked.first is not None else found
    return found.where(number < asked.end) if asked.end is not None else found


def _match(asked: Question, end: End | None = None) -> ColumnElement[bool]:
    """Return what the full-text index of SQLite is asked.

    FTS5 looks at a bound of the rowid only when it has found something: where two common words are
    never together, it goes through all there is. Two assets behind the end are therefore asked for
    as well. They lie beyond the bound: SQLite passes over the first, and FTS5 stops at the second.
    """
    asking = as_fts5_until(asked.terms, end.marks) if end else as_fts5(asked.terms)
    typed: BindParameter[str] = bindparam("terms", asking, unique=True)
    return literal_column("asset_words_index").bool_op("MATCH")(typed)


def _by_index(
    connection: Connection, asked: Question, sort: Sort, cursor: Cursor | None, limit: int
) -> Stretch:
    """Go through what the full-text index tells, the newest or the oldest first."""
    known = _known(connection, asked)
    rare = _has_rare(connection, asked, known)
    if connection.dialect.name == "postgresql":
        return _by_gin(connection, asked, sort, cursor, limit, rare=rare)
    if rare or _fits(asked, known, _ENTRIES):
        rows = _walk_fts5(connection, asked, sort, cursor, limit + 1, end=None)
        return _page(rows, sort, limit)
    found: list[Any] = []
    size = _window(asked, known)
    for part in (max(1, size // _TRIED), size):  # most pages are full after a few cards
        end = _end(connection, asked, sort, cursor, part)
        found += _walk_fts5(connection, asked, sort, cursor, limit + 1 - len(found), end=end)
        if end is None or len(found) > limit:
            return _page(found, sort, limit)
        # One before the end, which is not looked at yet.
        cursor = Cursor(end.number + (1 if sort.falling else -1), "")
    return Stretch(found, sort.at(cursor.number) if cursor else "", whole=False)


def _window(asked: Question, known: Mapping[tuple[str, str], int]) -> int:
    """Return how many cards may be passed over: the more of them each term has, the fewer."""
    if asked.sizes or asked.others:
        return _CARDS  # which are looked at one by one
    return max(1, int(_ENTRIES / (_TO_THE_END + _share(asked, known))))


def _share(asked: Question, known: Mapping[tuple[str, str], int]) -> float:
    """Return how many entries of the index there may be for each card, all terms together."""
    whole = max(known[asked.terms[0].counted or ("", "")], 1)
    share = 0.0
    for term in asked.terms:
        counted = known.get(term.counted, whole) if term.counted else whole * len(term.ways)
        share += min(counted / whole, len(term.ways))
    return share


def _fits(asked: Question, known: Mapping[tuple[str, str], int], most: int) -> bool:
    """Whether the index may be gone through as a whole: it has no more entries than that."""
    whole = known[asked.terms[0].counted or ("", "")]
    if asked.sizes or asked.others:
        return whole <= _CARDS
    return whole * _share(asked, known) <= most


def _upto(asked: Question, end: End | None, sort: Sort) -> Question:
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
    asked = _upto(asked, end, sort)
    number = _index.c.rowid
    # FTS5 goes by the rowid itself, so nothing has to be sorted; the cards are looked at one by
    # one on the way, and no further than the page needs.
    query = (
        select(cards)
        .select_from(_index)
        .join(cards, cards.c.number == number)
        .where(_match(asked, end), *asked.conditions())
        .order_by(number.desc() if sort.falling else number.asc())
        .limit(limit)
    )
    bounds = []
    if asked.first is not None:
        bounds.append(number >= asked.first)
    if asked.end is not None:
        bounds.append(number < asked.end)
    if cursor:
        bounds.append(number < cursor.number if sort.falling else number > cursor.number)
    return connection.execute(query.where(*bounds)).all()


def _by_gin(
    connection: Connection,
    asked: Question,
    sort: Sort,
    cursor: Cursor | None,
    limit: int,
    *,
    rare: bool,
) -> Stretch:
    """Try the next cards one by one; where too few of them fit, ask the index for all that do."""
    if not rare:
        look = bool(asked.sizes or asked.others)  # and all that the index tells would be looked at
        near = _on_the_way(connection, asked, sort, cursor, limit, most=_CARDS if look else _NEAR)
        if near.whole or look:
            return near
    number = words.c.number
    hits = _matches(connection, asked)
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
    most: int = _CARDS,
) -> Stretch:
    """Go through the cards in the order asked for, and pass over those that do not fit."""
    scope = replace(asked, terms=asked.terms[:1], others=(), sizes=_sorted_by(asked, sort))
    if asked.plain and not asked.others and scope.sizes == asked.sizes:
        passed = _cards(scope, sort, cursor)
        return _page(connection.execute(passed.limit(limit + 1)).all(), sort, limit)
    last = connection.execute(_places(scope, sort, cursor).offset(most - 1).limit(1)).first()
    query = _cards(asked, sort, cursor)
    if last is not None:
        query = query.where(_not_behind(sort, last))
    if not asked.plain:
        query = query.join(words, words.c.number == cards.c.number)
        query = query.where(*as_conditions(asked.terms[1:]))
    found = _page(connection.execute(query.limit(limit + 1)).all(), sort, limit)
    if found.following or last is None:
        return found
    return Stretch(found.rows, sort.cursor(last), whole=False)


def _places(asked: Question, sort: Sort, cursor: Cursor | None) -> Select[Any]:
    """Return the places in an order, as its index alone tells them."""
    query = select(cards.c.number).order_by(*sort.order())
    if sort.by_time:
        query = query.where(*asked.conditions())
    else:
        # Also of what is in the trash, or not: to know which, every card would have to be read.
        query = query.add_columns(sort.column).where(cards.c.owner == asked.owner)
        for name, least, most in asked.sizes:
            query = query.where(*_between(name, least, most))
        if sort.column is cards.c.rating:
            query = query.where(cards.c.rating > 0)
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


def _end(
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


def _known(connection: Connection, asked: Question) -> dict[tuple[str, str], int]:
    """Return how many an owner has of those things that are counted."""
    named = [term.counted for term in asked.terms if term.wanted and term.counted]
    query = select(counts.c.facet, counts.c.value, counts.c.count.label("number")).where(
        counts.c.owner == asked.owner,
        counts.c.facet.in_({facet for facet, _ in named}),
        counts.c.value.in_({value for _, value in named}),
    )
    there = {(row.facet, row.value): row.number for row in connection.execute(query)}
    return {each: there.get(each, 0) for each in named}


def _has_rare(
    connection: Connection, asked: Question, known: Mapping[tuple[str, str], int]
) -> bool:
    """Whether one of the things asked for is rare: the index is then quick, however it is asked."""
    # What is in the trash is counted as a whole, and not by what it is.
    scope = asked.terms[0].counted
    if any(count <= _FEW for each, count in known.items() if each == scope or not asked.trashed):
        return True
    if connection.dialect.name == "postgresql":
        return _estimate(connection, _matches(connection, asked)) <= _FEW
    for term in asked.terms:
        if term.wanted and (term.counted is None or asked.trashed):
            alone = replace(asked, terms=(asked.terms[0], term))
            if _at_most(connection, _matches(connection, alone), _FEW):
                return True
    return False


def _estimate(connection: Connection, query: Select[Any]) -> int:
    """Return how many rows Postgres expects, by its statistics; to count them takes too long."""
    compiled = query.compile(connection)
    plan = connection.exec_driver_sql(
        f"EXPLAIN (FORMAT JSON) {compiled}",
        compiled.construct_params(),
    ).scalar_one()
    return int(plan[0]["Plan"]["Plan Rows"])


def matched(connection: Connection, asked: Question, most: int) -> tuple[int, bool]:
    """Return how many cards there are, up to ``most``, and whether that is all of them."""
    if not (asked.plain or asked.sizes or asked.others):
        return _counted(connection, asked, most)
    found, after, steps = 0, "", 0
    while found < most and steps < _STEPS:
        part = stretch(connection, asked, NEWEST, most - found, after)
        found, after, steps = found + len(part.rows), part.following, steps + 1
        if not after:
            return found, True
    return found, False


def _counted(connection: Connection, asked: Question, most: int) -> tuple[int, bool]:
    known = _known(connection, asked)
    rare, end = _has_rare(connection, asked, known), None
    if connection.dialect.name == "postgresql" and not rare:
        return _counted_near(connection, asked, most)
    if connection.dialect.name == "sqlite" and not rare and not _fits(asked, known, _ENTRIES):
        end = _end(connection, asked, NEWEST, None, _window(asked, known))
    hits = _matches(connection, _upto(asked, end, NEWEST), end).limit(most + 1).subquery()
    number = connection.execute(select(func.count()).select_from(hits)).scalar_one()
    return min(number, most), number <= most and end is None


def _counted_near(connection: Connection, asked: Question, most: int) -> tuple[int, bool]:
    """Count among the newest cards, one by one: Postgres would build a vector of each."""
    scope = replace(asked, terms=asked.terms[:1], others=(), sizes=())
    last = connection.execute(
        _places(scope, NEWEST, None).offset(_STEPS * _CARDS).limit(1)
    ).scalar()
    hits = select(words.c.number).where(*as_conditions(asked.terms))
    for bound in (last, asked.first):
        hits = hits.where(words.c.number >= bound) if bound is not None else hits
    hits = hits.where(words.c.number < asked.end) if asked.end is not None else hits
    some = hits.limit(most + 1).subquery()
    number = connection.execute(select(func.count()).select_from(some)).scalar_one()
    return min(number, most), number <= most and last is None
