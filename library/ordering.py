"""Putting assets in order: favourites, ratings, titles, notes and collections.

Everything can be asked for again and comes to the same: what is so already is left as it is. Each
function works within its caller's transaction and returns what it did, which ``undo`` takes back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Text,
    case,
    delete,
    exists,
    insert,
    literal,
    select,
    type_coerce,
)

from library.bulk import Action, Chosen, choose, reindex
from library.card_tables import bulk_items, cards, collection_items
from library.cards import label_of
from library.collecting import collection_by_hand
from library.filters import check_name
from library.tables import assets
from library.words import mark
from studio import clock
from studio.database import UtcDateTime
from studio.errors import InvalidRequest

LONGEST_TITLE = 200
LONGEST_NOTES = 5_000

_BEST = 5
_FAVOURITE = mark("favourite", "")


def favourite(
    connection: Connection, owner: str, identifiers: Sequence[str], *, author: str = ""
) -> Action:
    """Make assets favourites; those that are stay so, since when they were.

    Raises:
        InvalidRequest: they are none, or more than 10,000.
        NotFound: one of them is not there, or somebody else's; nothing is changed.
    """
    known = cards.c.favourite_at.is_not(None)
    chosen = choose(connection, owner, "favourite", identifiers, author=author, unless=known)
    _love(chosen)
    return chosen.action


def unfavourite(
    connection: Connection, owner: str, identifiers: Sequence[str], *, author: str = ""
) -> Action:
    """Make assets favourites no more; raises as ``favourite`` does."""
    since = cards.c.favourite_at
    chosen = choose(
        connection,
        owner,
        "unfavourite",
        identifiers,
        author=author,
        unless=since.is_(None),
        was=type_coerce(since, BigInteger),
    )
    unlove(chosen)
    return chosen.action


def _love(chosen: Chosen) -> None:
    chosen.set(favourite_at=clock.now())
    chosen.mark(_FAVOURITE)
    chosen.count("favourite", "", 1)


def unlove(chosen: Chosen) -> None:
    """Make the chosen favourites no more."""
    chosen.set(favourite_at=None)
    chosen.unmark(_FAVOURITE)
    chosen.count("favourite", "", -1)


def rate(
    connection: Connection,
    owner: str,
    identifiers: Sequence[str],
    rating: int,
    *,
    author: str = "",
) -> Action:
    """Rate assets 1 to 5; 0 takes their rating away.

    Raises:
        InvalidRequest: it is no rating, or they are none or more than 10,000.
        NotFound: one of them is not there, or somebody else's; nothing is changed.
    """
    if not 0 <= rating <= _BEST:
        raise InvalidRequest(
            "That is no rating.", field="rating", given=rating, allowed="0 to 5; 0 for none"
        )
    chosen = choose(
        connection,
        owner,
        "rate",
        identifiers,
        subject=str(rating),
        author=author,
        unless=cards.c.rating == rating,
        was=cards.c.rating,
    )
    chosen.set(rating=rating)
    return chosen.action


def entitle(
    connection: Connection, owner: str, identifier: str, title: str, *, author: str = ""
) -> Action:
    """Give an asset a title, or none.

    Raises:
        InvalidRequest: it is too long.
        NotFound: there is no such asset, or it is somebody else's.
    """
    check_name("title", title, LONGEST_TITLE)
    title = " ".join(title.split())
    column = cards.c.title
    unless = column == title
    chosen = choose(
        connection, owner, "title", [identifier], author=author, unless=unless, was=column
    )
    return _write(chosen, title)


def note(
    connection: Connection, owner: str, identifier: str, notes: str, *, author: str = ""
) -> Action:
    """Note something about an asset, in the place of what was noted; raises as ``entitle``."""
    check_name("notes", notes, LONGEST_NOTES)
    column = cards.c.notes
    unless = column == notes
    chosen = choose(
        connection, owner, "notes", [identifier], author=author, unless=unless, was=column
    )
    return _write(chosen, notes)


def _write(chosen: Chosen, text: str) -> Action:
    if chosen.action.assets:
        write_chosen(chosen, {chosen.action.action: text})
    return chosen.action


def write_chosen(chosen: Chosen, values: Mapping[str, str]) -> None:
    """Give the only asset that was chosen another title, or other notes."""
    chosen.set(**values)
    query = (
        select(cards.c.title, assets.c.name)
        .join(assets, assets.c.id == cards.c.asset)
        .where(cards.c.number.in_(chosen.numbers()))
    )
    title, name = chosen.connection.execute(query).one()
    chosen.set(label=label_of(title, name))
    reindex(chosen.connection, chosen.numbers())


def collect(
    connection: Connection,
    owner: str,
    identifiers: Sequence[str],
    collection: str,
    *,
    author: str = "",
) -> Action:
    """Put assets into a collection, beside those that they are in.

    Raises:
        InvalidRequest: the collection is a smart one, or they are none or more than 10,000.
        NotFound: the collection or one of them is not there, or somebody else's; nothing is
            changed.
    """
    to = collection_by_hand(connection, owner, collection)
    chosen = choose(
        connection,
        owner,
        "collect",
        identifiers,
        subject=to.id,
        author=author,
        unless=_collected(to.id),
    )
    collect_chosen(chosen, to.id)
    return chosen.action


def uncollect(
    connection: Connection,
    owner: str,
    identifiers: Sequence[str],
    collection: str,
    *,
    author: str = "",
) -> Action:
    """Take assets out of a collection; raises as ``collect`` does."""
    of = collection_by_hand(connection, owner, collection)
    chosen = choose(
        connection,
        owner,
        "uncollect",
        identifiers,
        subject=of.id,
        author=author,
        unless=~_collected(of.id),
    )
    uncollect_chosen(chosen, of.id)
    return chosen.action


def move(
    connection: Connection,
    owner: str,
    identifiers: Sequence[str],
    of: str,
    to: str,
    *,
    author: str = "",
) -> Action:
    """Put assets into one collection and take them out of another, as one action.

    It keeps of each asset in which of the two it was: also one that was in both, or in neither, is
    there again when it is taken back.

    Args:
        of: the collection that they leave; those that are not in it only come to the other.
        to: the collection that they come to.

    Raises:
        InvalidRequest: both are the same collection; and as ``collect``.
        NotFound: as ``collect``.
    """
    left = collection_by_hand(connection, owner, of)
    reached = collection_by_hand(connection, owner, to, field="to")
    if left.id == reached.id:
        raise InvalidRequest(
            "They would come to where they leave.",
            field="to",
            given=to,
            allowed="another collection than the one that they leave",
        )
    inside, there = _collected(left.id), _collected(reached.id)
    chosen = choose(
        connection,
        owner,
        "move",
        identifiers,
        subject=reached.id,
        author=author,
        unless=there & ~inside,
        was=case((inside & there, f"{left.id} {reached.id}"), (inside, left.id), else_=""),
    )
    collect_chosen(chosen, reached.id, ~was_within(reached.id))
    uncollect_chosen(chosen, left.id, was_within(left.id))
    return chosen.action


def was_within(collection: str) -> ColumnElement[bool]:
    """Return that an asset was in a collection before it was moved."""
    return bulk_items.c.was.contains(collection, autoescape=True)


def _collected(collection: str) -> ColumnElement[bool]:
    return exists().where(
        collection_items.c.number == cards.c.number, collection_items.c.collection == collection
    )


def collect_chosen(chosen: Chosen, collection: str, *which: ColumnElement[bool]) -> None:
    """Put the chosen into a collection; those of them for which the conditions hold."""
    moment = literal(clock.now(), UtcDateTime)
    query = chosen.numbers(*which).add_columns(literal(collection, Text), moment)
    columns = ["number", "collection", "added_at"]
    chosen.connection.execute(insert(collection_items).from_select(columns, query))
    chosen.mark(mark("collection", collection), *which)
    chosen.count("collection", collection, 1, *which)


def uncollect_chosen(chosen: Chosen, collection: str, *which: ColumnElement[bool]) -> None:
    """Take the chosen out of a collection; those of them for which the conditions hold."""
    gone = delete(collection_items).where(
        collection_items.c.collection == collection,
        collection_items.c.number.in_(chosen.numbers(*which)),
    )
    chosen.connection.execute(gone)
    chosen.unmark(mark("collection", collection), *which)
    chosen.count("collection", collection, -1, *which)
