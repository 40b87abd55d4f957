"""What the full-text index tells, and how much that is: what is rare is asked for as a whole.

How many an owner has of a thing is counted as it arrives; what is not counted is looked up, no
further than it takes to call it common.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Select,
    bindparam,
    cast,
    column,
    func,
    literal_column,
    select,
    table,
)
from sqlalchemy.dialects.postgresql import TSQUERY

from library import bounds
from library.card_tables import counts, words
from library.matches import as_fts5, as_fts5_until, as_tsquery
from library.questions import Question

fts5_index = table("asset_words_index", column("rowid"))
_vector = func.array_to_tsvector(func.string_to_array(func.btrim(words.c.words), " "))


@dataclass(frozen=True, slots=True)
class End:
    """Where the search for one page ends.

    Attributes:
        number: of the first card that is not looked at.
        marks: of two assets from there on.
    """

    number: int
    marks: tuple[str, ...]


def hits_of(connection: Connection, asked: Question, end: End | None = None) -> Select[Any]:
    """Return the query of the numbers that the full-text index tells."""
    if connection.dialect.name == "postgresql":
        number: ColumnElement[int] = words.c.number
        typed = cast(bindparam("terms", as_tsquery(asked.terms), unique=True), TSQUERY)
        found = select(number).where(_vector.bool_op("@@")(typed))
    else:
        number = fts5_index.c.rowid
        found = select(number.label("number")).select_from(fts5_index).where(fts5_match(asked, end))
    found = found.where(number >= asked.first) if asked.first is not None else found
    return found.where(number < asked.end) if asked.end is not None else found


def fts5_match(asked: Question, end: End | None = None) -> ColumnElement[bool]:
    """Return what the full-text index of SQLite is asked.

    FTS5 looks at a bound of the rowid only when it has found something: where two common words are
    never together, it goes through all there is. Two assets behind the end are therefore asked for
    as well. They lie beyond the bound: SQLite passes over the first, and FTS5 stops at the second.
    """
    asking = as_fts5_until(asked.terms, end.marks) if end else as_fts5(asked.terms)
    typed: BindParameter[str] = bindparam("terms", asking, unique=True)
    return literal_column("asset_words_index").bool_op("MATCH")(typed)


def at_most(connection: Connection, query: Select[Any], most: int) -> bool:
    """Whether a query has no more rows than that; no more are gone through."""
    counted = select(func.count()).select_from(query.limit(most + 1).subquery())
    return bool(connection.execute(counted).scalar_one() <= most)


def known_counts(connection: Connection, asked: Question) -> dict[tuple[str, str], int]:
    """Return how many an owner has of those things that are counted."""
    named = [term.counted for term in asked.terms if term.wanted and term.counted]
    query = select(counts.c.facet, counts.c.value, counts.c.count.label("number")).where(
        counts.c.owner == asked.owner,
        counts.c.facet.in_({facet for facet, _ in named}),
        counts.c.value.in_({value for _, value in named}),
    )
    there = {(row.facet, row.value): row.number for row in connection.execute(query)}
    return {each: there.get(each, 0) for each in named}


def has_rare(connection: Connection, asked: Question, known: Mapping[tuple[str, str], int]) -> bool:
    """Whether one of the things asked for is rare: the index is then quick, however it is asked."""
    # What is in the trash is counted as a whole, and not by what it is.
    scope = asked.terms[0].counted
    if any(
        count <= bounds.FEW for each, count in known.items() if each == scope or not asked.trashed
    ):
        return True
    if connection.dialect.name == "postgresql":
        # Without what is not wanted: that leaves less, and has the index go through as much.
        wanted = replace(asked, terms=tuple(term for term in asked.terms if term.wanted))
        return _estimate(connection, hits_of(connection, wanted)) <= bounds.FEW
    for term in asked.terms:
        if term.wanted and (term.counted is None or asked.trashed):
            alone = replace(asked, terms=(asked.terms[0], term))
            if at_most(connection, hits_of(connection, alone), bounds.FEW):
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


def entries(connection: Connection, asked: Question, known: Mapping[tuple[str, str], int]) -> int:
    """Return how many entries the index of Postgres has of all terms, by its statistics."""
    found = 0
    for term in asked.terms:
        if term.counted and term.counted in known and not asked.trashed:
            found += known[term.counted]
            continue
        alone = replace(asked, terms=(replace(term, wanted=True),), first=None, end=None)
        found += _estimate(connection, hits_of(connection, alone))
    return found


def _share(asked: Question, known: Mapping[tuple[str, str], int]) -> float:
    """Return how many entries of the index there may be for each card, all terms together."""
    whole = max(known[asked.terms[0].counted or ("", "")], 1)
    share = 0.0
    for term in asked.terms:
        counted = known.get(term.counted, whole) if term.counted else whole * len(term.ways)
        share += min(counted / whole, len(term.ways))
    return share


def window(asked: Question, known: Mapping[tuple[str, str], int]) -> int:
    """Return how many cards may be passed over: the more of them each term has, the fewer."""
    if asked.sizes or asked.others:
        return bounds.CARDS  # which are looked at one by one
    return max(1, int(bounds.ENTRIES / (bounds.TO_THE_END + _share(asked, known))))


def fits(asked: Question, known: Mapping[tuple[str, str], int], most: int) -> bool:
    """Whether the index may be gone through as a whole: it has no more entries than that."""
    whole = known[asked.terms[0].counted or ("", "")]
    if asked.sizes or asked.others:
        return whole <= bounds.CARDS
    return whole * _share(asked, known) <= most


def plan_for_values(connection: Connection) -> None:
    """Have Postgres plan what follows in this transaction for the values that it is given.

    The driver prepares what it is asked often, and Postgres then makes one plan for all values: it
    takes a rare mark for a frequent one, and goes through every text.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL plan_cache_mode = force_custom_plan")
