"""How many cards a question has, up to a bound: no further than a few pages are gone through."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection, func, select

from library import bounds
from library.card_tables import words
from library.hits import fits, has_rare, hits_of, known_counts, window
from library.matches import as_conditions
from library.pages import end_of, places, stretch, upto
from library.questions import Question
from library.sorting import NEWEST


def matched(connection: Connection, asked: Question, most: int) -> tuple[int, bool]:
    """Return how many cards there are, up to ``most``, and whether that is all of them."""
    if not (asked.plain or asked.sizes or asked.others):
        return _counted(connection, asked, most)
    found, after, steps = 0, "", 0
    while found < most and steps < bounds.STEPS:
        part = stretch(connection, asked, NEWEST, most - found, after)
        found, after, steps = found + len(part.rows), part.following, steps + 1
        if not after:
            return found, True
    return found, False


def _counted(connection: Connection, asked: Question, most: int) -> tuple[int, bool]:
    known = known_counts(connection, asked)
    rare, end = has_rare(connection, asked, known), None
    if connection.dialect.name == "postgresql" and not rare:
        return _counted_near(connection, asked, most)
    if connection.dialect.name == "sqlite" and not rare and not fits(asked, known, bounds.ENTRIES):
        end = end_of(connection, asked, NEWEST, None, window(asked, known))
    hits = hits_of(connection, upto(asked, end, NEWEST), end).limit(most + 1).subquery()
    number = connection.execute(select(func.count()).select_from(hits)).scalar_one()
    return min(number, most), number <= most and end is None


def _counted_near(connection: Connection, asked: Question, most: int) -> tuple[int, bool]:
    """Count among the newest cards, one by one: Postgres would build a vector of each."""
    scope = replace(asked, terms=asked.terms[:1], others=(), sizes=())
    last = connection.execute(
        places(scope, NEWEST, None).offset(bounds.STEPS * bounds.CARDS).limit(1)
    ).scalar()
    hits = select(words.c.number).where(*as_conditions(asked.terms))
    for bound in (last, asked.first):
        hits = hits.where(words.c.number >= bound) if bound is not None else hits
    hits = hits.where(words.c.number < asked.end) if asked.end is not None else hits
    some = hits.limit(most + 1).subquery()
    number = connection.execute(select(func.count()).select_from(some)).scalar_one()
    return min(number, most), number <= most and last is None
