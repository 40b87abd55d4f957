"""What the full-text index is asked for: terms that must all be there, or must not.

The same terms are written as a query of FTS5, as one of Postgres, and as a condition on a row's
words, for rows that are at hand already. All three are made of words and marks alone, so nothing
that somebody typed is ever read as a query.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, not_, or_

from library.card_tables import words
from library.filters import Filters
from library.words import folded, mark, marks_of_part, words_of
from studio.errors import InvalidRequest

MOST_TERMS = 20
"""Words in one search."""

_NAMED = ("kind", "operation", "provider", "model", "module", "template", "status")
_SEEN = ("colour", "shape")


@dataclass(frozen=True, slots=True)
class Term:
    """One of several things, each of which is all of several words or marks.

    Attributes:
        ways: any of these is enough; of each, all must be there.
        wanted: whether it must be there; else it must not.
        counted: facet and value, where it is counted how many there are.
    """

    ways: tuple[tuple[str, ...], ...]
    wanted: bool = True
    counted: tuple[str, str] | None = None


def _one(made: str, counted: tuple[str, str] | None = None) -> Term:
    return Term(((made,),), counted=counted)


def scope_of(owner: str, filters: Filters) -> Term:
    """Return the term of all that is an owner's, in the trash or not."""
    facet = "trash" if filters.trashed else "live"
    return _one(mark(facet, owner), (facet, ""))


def terms_of(filters: Filters, within: Sequence[str] = ()) -> list[Term]:
    """Return the terms that filters come to, without the owner's.

    Args:
        filters: what is asked for.
        within: the ids of the collections that are meant by that of the filters.

    Raises:
        InvalidRequest: more than 20 words are searched for.
    """
    found: list[Term] = []
    for facet in (*_NAMED, *_SEEN):
        if value := getattr(filters, facet):
            counted = facet not in {"module", *_SEEN}
            found.append(_one(mark(facet, value), (facet, value) if counted else None))
    if filters.tag:
        name = folded(filters.tag).strip()
        found.append(_one(mark("tag", name), ("tag", name)))
    if filters.favourite is not None:
        marked = ((mark("favourite", ""),),)
        known = ("favourite", "") if filters.favourite else None
        found.append(Term(marked, filters.favourite, known))
    if filters.collection:
        only = ("collection", within[0]) if len(within) == 1 else None
        ways = tuple((mark("collection", each),) for each in within)
        found.append(Term(ways, counted=only))
    return [*found, *searched(filters.words)]


def searched(typed: str) -> list[Term]:
    """Return the terms of what somebody typed; signs alone are no words and ask for nothing.

    Raises:
        InvalidRequest: it is more than 20 words.
    """
    found = []
    for part in typed.split():
        bare = part.removeprefix("-")
        cut = tuple(words_of(bare))
        if cut:
            ways = (cut, *((each,) for each in marks_of_part(bare)))
            found.append(Term(ways, wanted=bare == part))
    number = sum(len(term.ways[0]) for term in found)
    if number > MOST_TERMS:
        raise InvalidRequest(
            "That is too much to search for.",
            field="words",
            given=f"{number} words",
            allowed=f"up to {MOST_TERMS} words",
        )
    return found


def as_fts5(terms: Iterable[Term]) -> str:
    """Return a query of SQLite's FTS5; the first term must be wanted."""
    return _written(terms, '"', " AND ", " OR ", " NOT ")


def as_fts5_until(terms: Sequence[Term], ends: Sequence[str]) -> str:
    """Return a query of FTS5 that finds the assets with these marks as well, beside its own.

    Args:
        terms: what is asked for; the first is whose, and holds for the others too.
        ends: marks of two assets of the owner, or two marks of one.
    """
    also = " OR ".join(f'"{each}"' for each in ends)
    scope, *others = (_term(each, '"', " AND ", " OR ") for each in terms)
    kinds = [term.wanted for term in terms[1:]]
    wanted = [f"({each} OR {also})" for each, yes in zip(others, kinds, strict=True) if yes]
    without = [
        f" NOT ({each} NOT ({also}))" for each, yes in zip(others, kinds, strict=True) if not yes
    ]
    if not wanted:
        return scope + "".join(without)
    return f"{scope} AND (({' AND '.join(wanted)}){''.join(without)})"


def as_tsquery(terms: Iterable[Term]) -> str:
    """Return a query of Postgres; the first term must be wanted."""
    return _written(terms, "'", " & ", " | ", " & !")


def _written(terms: Iterable[Term], quote: str, both: str, either: str, without: str) -> str:
    known = [(term.wanted, _term(term, quote, both, either)) for term in terms]
    wanted = both.join(written for yes, written in known if yes)
    return f"({wanted})" + "".join(f"{without}{written}" for yes, written in known if not yes)


def _term(term: Term, quote: str, both: str, either: str) -> str:
    ways = (both.join(f"{quote}{each}{quote}" for each in way) for way in term.ways)
    return f"({either.join(f'({way})' for way in ways)})"


def as_conditions(terms: Iterable[Term]) -> Iterator[ColumnElement[bool]]:
    """Yield what the words of a row must fulfil."""
    for term in terms:
        ways = [and_(*(words.c.words.contains(f" {each} ") for each in way)) for way in term.ways]
        yield or_(*ways) if term.wanted else not_(or_(*ways))
