"""Searching the library: pages of what is asked for, and how much there is of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from library.assets import Asset, assets_by_id, check_limit
from library.card_tables import asset_tags, cards, counts, owned_by, tags
from library.collecting import collection_of, within_collection
from library.filters import EVERYTHING, Filters, filters_of
from library.hits import plan_for_values
from library.matches import searched
from library.numbers import number_at
from library.pages import stretch
from library.questions import Question, question
from library.ranking import ranked
from library.sorting import NEWEST, RANKED, sort_named
from library.totals import matched
from library.words import folded
from studio.errors import InvalidRequest, NotFound
from studio.ids import made_at

MOST_COUNTED = 10_000
"""What is asked for in combination is counted up to here."""

_DEEPEST = 8
"""Smart collections within the question of another."""

_ALONE = ("kind", "operation", "provider", "model", "template", "status", "tag", "favourite")


@dataclass(frozen=True, slots=True)
class Card:
    """What is said about an asset, beside the asset itself.

    Attributes:
        title: what people call it; empty for its file's name.
        notes: what people noted about it.
        rating: 1 to 5; 0 for none.
        favourite_at: since when it is a favourite; ``None`` if it is none.
        deleted_at: since when it is in the trash; ``None`` if it is not.
        kind: image, video, audio, text, model or file.
        status: ``completed``.
        template: the template that it was made by; empty for none.
        colours: the names of the colours that stand out in it.
        phash: its perceptual hash as a signed number; ``None`` for what is no picture.
        tags: its accepted tags, as they were first written.
        number: its place among all, by time.
    """

    title: str
    notes: str
    rating: int
    favourite_at: datetime | None
    deleted_at: datetime | None
    kind: str
    status: str
    template: str
    colours: tuple[str, ...]
    phash: int | None
    tags: tuple[str, ...]
    number: int


@dataclass(frozen=True, slots=True)
class Found:
    """An asset with its card."""

    asset: Asset
    card: Card


@dataclass(frozen=True, slots=True)
class Page:
    """Some of what was asked for.

    Attributes:
        found: the assets, in the order asked for.
        following: what the next page is asked for by; empty at the end.
        whole: whether the page is full or the last. ``False``: the search went as far as one page
            may, and goes on with the next.
    """

    found: tuple[Found, ...]
    following: str
    whole: bool


@dataclass(frozen=True, slots=True)
class Count:
    """How many there are.

    Attributes:
        number: so many.
        exact: ``False``: there are more than that.
    """

    number: int
    exact: bool


def find_page(
    connection: Connection,
    owner: str,
    filters: Filters = EVERYTHING,
    *,
    sort: str = "newest",
    limit: int = 50,
    after: str = "",
) -> Page:
    """Return a page of an owner's assets.

    Args:
        connection: a connection that reads.
        owner: whose; nobody else's are ever found.
        filters: which.
        sort: newest, oldest, largest, smallest, dearest, cheapest, rating (only what is rated),
            name, or ranked: how well the newest 500 matches meet the words searched for.
        limit: assets on a page, 1 to 500.
        after: ``following`` of the page before; empty for the first one.

    Raises:
        InvalidRequest: a value is not right, or ``after`` is of another order.
        NotFound: the owner has no such collection.
    """
    check_limit(limit)
    if searches_nothing(filters):
        return Page((), "", whole=True)
    plan_for_values(connection)
    asked = asked_for(connection, owner, filters)
    if sort == RANKED:
        part = ranked(connection, asked, filters.words, limit, after)
    else:
        part = stretch(connection, asked, sort_named(sort), limit, after)
    return Page(tuple(with_assets(connection, part.rows)), part.following, part.whole)


def list_assets(
    connection: Connection,
    owner: str,
    *,
    limit: int = 50,
    before: str = "",
    filters: Filters = EVERYTHING,
) -> list[Asset]:
    """Return a page of assets, the newest first; ``find_page`` knows other orders as well.

    Args:
        connection: a connection that reads.
        owner: whose.
        limit: assets on a page, 1 to 500.
        before: the last id of the page before; empty for the first page.
        filters: which assets; all of the owner's, if not given.

    Raises:
        InvalidRequest: ``limit`` is out of range.
    """
    check_limit(limit)
    found: list[Asset] = []
    after = NEWEST.at(number_of(connection, owner, before)) if before else ""
    while True:
        page = find_page(connection, owner, filters, limit=limit - len(found), after=after)
        found += [each.asset for each in page.found]
        after = page.following
        if page.whole:
            return found


def number_of(connection: Connection, owner: str, identifier: str) -> int:
    """Return an asset's number; for one that is gone for good, that of the time in its id."""
    query = select(cards.c.number).where(cards.c.owner == owner, cards.c.asset == identifier)
    known = connection.execute(query).scalar()
    return number_at(made_at(identifier)) if known is None else known


def searches_nothing(filters: Filters) -> bool:
    """Whether something is searched for that has no word in it: nothing is found by that."""
    return bool(filters.words.strip()) and not searched(filters.words)


def find_card(connection: Connection, owner: str, identifier: str) -> Found:
    """Return one asset of ``owner`` with its card, also when it is in the trash.

    Raises:
        NotFound: there is none with that id, or it belongs to somebody else.
    """
    rows = rows_of(connection, owner, [identifier])
    if not rows:
        raise NotFound("There is no such asset.", field="asset", given=identifier)
    return with_assets(connection, rows)[0]


def rows_of(connection: Connection, owner: str, identifiers: Sequence[str]) -> list[Any]:
    """Return the cards of those of the assets that ``owner`` has, in no order."""
    query = select(cards).where(
        owned_by(owner), cards.c.asset.in_(identifiers), cards.c.purged_at.is_(None)
    )
    return list(connection.execute(query))


def asked_for(
    connection: Connection, owner: str, filters: Filters, deep: int = _DEEPEST
) -> Question:
    """Return the question that filters come to; that of a smart collection is a part of it.

    Raises:
        InvalidRequest: smart collections refer to each other without an end.
        NotFound: the owner has no such collection.
    """
    if not filters.collection:
        return question(owner, filters)
    if not deep:
        raise InvalidRequest(
            "Smart collections refer to each other too deeply.",
            field="collection",
            given=filters.collection,
            allowed=f"up to {_DEEPEST}",
        )
    chosen = collection_of(connection, owner, filters.collection)
    if chosen.query is None:
        return question(owner, filters, within_collection(connection, owner, chosen.id))
    outer = question(owner, replace(filters, collection=""))
    kept = replace(filters_of(chosen.query), trashed=filters.trashed)
    return _both(outer, asked_for(connection, owner, kept, deep - 1))


def _both(one: Question, other: Question) -> Question:
    begins = [each for each in (one.first, other.first) if each is not None]
    ends = [each for each in (one.end, other.end) if each is not None]
    return replace(
        one,
        terms=(*one.terms, *other.terms[1:]),
        sizes=(*one.sizes, *other.sizes),
        others=(*one.others, *other.others),
        first=max(begins, default=None),
        end=min(ends, default=None),
    )


def with_assets(connection: Connection, rows: Sequence[Any]) -> list[Found]:
    """Return the assets of cards, in the cards' order, each with what is said about it."""
    whole = {each.id: each for each in assets_by_id(connection, [row.asset for row in rows])}
    borne = tags_of(connection, [row.number for row in rows])
    return [
        Found(
            whole[row.asset],
            Card(
                title=row.title,
                notes=row.notes,
                rating=row.rating,
                favourite_at=row.favourite_at,
                deleted_at=row.deleted_at,
                kind=row.kind,
                status=row.status,
                template=row.template,
                colours=tuple(filter(None, row.colours.split(","))),
                phash=row.phash,
                tags=borne.get(row.number, ()),
                number=row.number,
            ),
        )
        for row in rows
    ]


def tags_of(connection: Connection, numbers: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """Return the accepted tags of cards, as they were first written."""
    query = (
        select(asset_tags.c.number, tags.c.label)
        .join(tags, (tags.c.owner == asset_tags.c.owner) & (tags.c.name == asset_tags.c.tag))
        .where(asset_tags.c.number.in_(numbers), asset_tags.c.state == "accepted")
        .order_by(asset_tags.c.number, tags.c.name)
    )
    found: dict[int, tuple[str, ...]] = {}
    for number, label in connection.execute(query):
        found[number] = (*found.get(number, ()), label)
    return found


def count_matches(connection: Connection, owner: str, filters: Filters = EVERYTHING) -> Count:
    """Return how many assets there are, without counting them all.

    One filter alone is known exactly; several together up to 10,000.

    Raises:
        InvalidRequest: a value is not right.
        NotFound: the owner has no such collection.
    """
    if searches_nothing(filters):
        return Count(0, exact=True)
    alone = filters.as_json()
    if not alone:
        return Count(_known(connection, owner, "live", ""), exact=True)
    if alone == {"trashed": True}:
        return Count(_known(connection, owner, "trash", ""), exact=True)
    if len(alone) == 1 and (field := next(iter(alone))) in _ALONE and alone[field] is not False:
        value = {"tag": folded(filters.tag).strip(), "favourite": ""}.get(field, alone[field])
        return Count(_known(connection, owner, field, value), exact=True)
    plan_for_values(connection)
    asked = asked_for(connection, owner, filters)
    number, exact = matched(connection, asked, MOST_COUNTED)
    return Count(number, exact=exact)


def _known(connection: Connection, owner: str, facet: str, value: str) -> int:
    query = select(counts.c.count).where(
        counts.c.owner == owner, counts.c.facet == facet, counts.c.value == value
    )
    return connection.execute(query).scalar() or 0


def facets(connection: Connection, owner: str, facet: str, limit: int = 100) -> Mapping[str, int]:
    """Return the values of a facet that an owner has, the most frequent first, with their counts.

    Args:
        connection: a connection that reads.
        owner: whose.
        facet: kind, operation, provider, model, template, status or tag.
        limit: values, 1 to 500.

    Raises:
        InvalidRequest: there is no such facet, or the limit is out of range.
    """
    check_limit(limit)
    allowed = [each for each in _ALONE if each != "favourite"]
    if facet not in allowed:
        raise InvalidRequest(
            "There is no such facet.", field="facet", given=facet, allowed=", ".join(allowed)
        )
    query = (
        select(counts.c.value, counts.c.count)
        .where(counts.c.owner == owner, counts.c.facet == facet, counts.c.count > 0)
        .order_by(counts.c.count.desc(), counts.c.value)
        .limit(limit)
    )
    return dict(connection.execute(query).tuples().all())


def stored_bytes(connection: Connection, owner: str) -> int:
    """Return the size of all files of an owner in bytes, those in the trash with them."""
    return _known(connection, owner, "bytes", "")
