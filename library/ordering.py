"""Putting assets in order: favourites, ratings, titles, tags, collections and the trash.

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
    delete,
    exists,
    func,
    insert,
    literal,
    select,
    type_coerce,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from library.bulk import Action, Chosen, choose, recount, reindex
from library.card_tables import asset_tags, cards, collection_items, tags
from library.cards import count, label_of
from library.collecting import collection_by_hand
from library.filters import check_name
from library.tables import assets
from library.words import folded, mark, words_of
from studio import clock
from studio.database import UtcDateTime
from studio.errors import InvalidRequest, NotFound

LONGEST_TAG = 60
"""Characters of a tag."""

LONGEST_TITLE = 200
LONGEST_NOTES = 5_000
MOST_TAGS = 100
"""Tags of one asset."""

_BEST = 5
_IN_CLAUSE = 500
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


def tag(
    connection: Connection,
    owner: str,
    identifiers: Sequence[str],
    label: str,
    *,
    author: str = "",
) -> Action:
    """Tag assets by hand; a suggested tag is thereby accepted.

    Raises:
        InvalidRequest: it is no tag, one of them has 100, or they are none or more than 10,000.
        NotFound: one of them is not there, or somebody else's; nothing is changed.
    """
    name, shown = tag_named(label)
    known = _tagged(name, "accepted")
    before = select(asset_tags.c.state).where(
        asset_tags.c.number == cards.c.number, asset_tags.c.tag == name
    )
    chosen = choose(
        connection,
        owner,
        "tag",
        identifiers,
        subject=name,
        author=author,
        unless=known,
        was=before.scalar_subquery(),
    )
    if chosen.action.assets:
        _check_tags(chosen)
        keep_tag(connection, owner, shown)
        _tag(chosen)
    return chosen.action


def untag(
    connection: Connection,
    owner: str,
    identifiers: Sequence[str],
    label: str,
    *,
    author: str = "",
) -> Action:
    """Take a tag away, also one that is only suggested; nobody suggests it for them again."""
    name, _ = tag_named(label)
    has = asset_tags.c.state.in_(["accepted", "pending"])
    there = exists().where(asset_tags.c.number == cards.c.number, asset_tags.c.tag == name, has)
    before = select(asset_tags.c.state).where(
        asset_tags.c.number == cards.c.number, asset_tags.c.tag == name
    )
    chosen = choose(
        connection,
        owner,
        "untag",
        identifiers,
        subject=name,
        author=author,
        unless=~there,
        was=before.scalar_subquery(),
    )
    _untag(chosen)
    return chosen.action


def tag_named(label: str) -> tuple[str, str]:
    """Return the name and the label of a tag as it was written.

    Raises:
        InvalidRequest: it is too long, or has no word.
    """
    shown = " ".join(check_name("tag", label, LONGEST_TAG).split())
    if not any(words_of(shown)):
        raise InvalidRequest(
            "That is no tag.",
            field="tag",
            given=ascii(label),
            allowed=f"up to {LONGEST_TAG} characters, with a word in them",
        )
    return folded(shown), shown


def keep_tag(connection: Connection, owner: str, shown: str) -> None:
    """Write a tag down, unless the owner has it."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    row = dialect.insert(tags).values(
        owner=owner, name=folded(shown), label=shown, created_at=clock.now()
    )
    connection.execute(row.on_conflict_do_nothing())


def _tagged(name: str, state: str) -> ColumnElement[bool]:
    return exists().where(
        asset_tags.c.number == cards.c.number,
        asset_tags.c.tag == name,
        asset_tags.c.state == state,
    )


def _check_tags(chosen: Chosen) -> None:
    query = (
        select(cards.c.asset)
        .join(asset_tags, asset_tags.c.number == cards.c.number)
        .where(cards.c.number.in_(chosen.numbers()), asset_tags.c.state == "accepted")
        .group_by(cards.c.asset)
        .having(func.count() >= MOST_TAGS)
        .limit(1)
    )
    if (full := chosen.connection.execute(query).scalar()) is not None:
        raise InvalidRequest(
            "This asset has as many tags as one can have.",
            field="tag",
            given=full,
            allowed=f"up to {MOST_TAGS}",
        )


def _tag(chosen: Chosen) -> None:
    """Make the chosen bear the action's tag, by hand where nobody had suggested it."""
    connection, name = chosen.connection, chosen.action.subject
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    values = {"tag": name, "owner": chosen.action.owner, "source": "manual", "state": "accepted"}
    given = [literal(value, Text).label(column) for column, value in values.items()]
    moment = literal(chosen.action.created_at, UtcDateTime).label("created_at")
    query = chosen.numbers().add_columns(*given, moment)
    row = dialect.insert(asset_tags).from_select(["number", *values, "created_at"], query)
    together = {"state": "accepted"}
    connection.execute(row.on_conflict_do_update(index_elements=["number", "tag"], set_=together))
    chosen.mark(mark("tag", name), *words_of(name))
    chosen.count("tag", name, 1)


def _untag(chosen: Chosen) -> None:
    """Make the chosen bear the action's tag no more."""
    connection, name = chosen.connection, chosen.action.subject
    theirs = (asset_tags.c.number.in_(chosen.numbers()), asset_tags.c.tag == name)
    counted = select(func.count()).where(*theirs, asset_tags.c.state == "accepted")
    number = connection.execute(counted).scalar_one()
    connection.execute(update(asset_tags).where(*theirs).values(state="rejected"))
    reindex(connection, chosen.numbers())
    count(connection, {(chosen.action.owner, "tag", name): -number})


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
) -> tuple[Action, Action]:
    """Move assets from one collection to another; raises as ``collect`` does.

    Returns:
        What was done to the second collection and to the first; each can be undone.
    """
    there = collect(connection, owner, identifiers, to, author=author)
    return there, uncollect(connection, owner, identifiers, of, author=author)


def _collected(collection: str) -> ColumnElement[bool]:
    return exists().where(
        collection_items.c.number == cards.c.number, collection_items.c.collection == collection
    )


def collect_chosen(chosen: Chosen, collection: str) -> None:
    """Put the chosen into a collection."""
    moment = literal(clock.now(), UtcDateTime)
    query = chosen.numbers().add_columns(literal(collection, Text), moment)
    columns = ["number", "collection", "added_at"]
    chosen.connection.execute(insert(collection_items).from_select(columns, query))
    chosen.mark(mark("collection", collection))
    chosen.count("collection", collection, 1)


def uncollect_chosen(chosen: Chosen, collection: str) -> None:
    """Take the chosen out of a collection."""
    gone = delete(collection_items).where(
        collection_items.c.collection == collection,
        collection_items.c.number.in_(chosen.numbers()),
    )
    chosen.connection.execute(gone)
    chosen.unmark(mark("collection", collection))
    chosen.count("collection", collection, -1)


def trash(
    connection: Connection, owner: str, identifiers: Sequence[str], *, author: str = ""
) -> Action:
    """Put assets into the trash; what was made from them stays; raises as ``favourite`` does."""
    # Asked for again it finds them in the trash: that is no fault.
    there = choose_living(connection, owner, identifiers)
    if not there:
        return Action("", owner, "trash", "", 0, author or owner, clock.now())
    chosen = choose(connection, owner, "trash", there, author=author)
    trash_chosen(chosen)
    return chosen.action


def choose_living(connection: Connection, owner: str, identifiers: Sequence[str]) -> list[str]:
    """Return those assets that are not in the trash yet.

    Raises:
        NotFound: one of them is not there, or somebody else's.
    """
    found: dict[str, bool] = {}
    for start in range(0, len(identifiers), _IN_CLAUSE):
        query = select(cards.c.asset, cards.c.deleted_at.is_(None)).where(
            cards.c.owner == owner,
            cards.c.asset.in_(identifiers[start : start + _IN_CLAUSE]),
            cards.c.purged_at.is_(None),
        )
        found |= {asset: bool(living) for asset, living in connection.execute(query)}
    missing = next((each for each in identifiers if each not in found), None)
    if missing is not None:
        raise NotFound("There is no such asset.", field="asset", given=missing)
    return [each for each in identifiers if found[each]]


def restore(
    connection: Connection, owner: str, identifiers: Sequence[str], *, author: str = ""
) -> Action:
    """Bring assets back from the trash.

    Raises:
        InvalidRequest: they are none, or more than 10,000.
        NotFound: one of them is not in the trash, or somebody else's; nothing is changed.
    """
    chosen = choose(connection, owner, "restore", identifiers, author=author, trashed=True)
    restore_chosen(chosen)
    return chosen.action


def trash_chosen(chosen: Chosen) -> None:
    """Put the chosen into the trash."""
    if not chosen.action.assets:
        return
    recount(chosen, -1)
    chosen.set(deleted_at=clock.now())
    owner = chosen.action.owner
    chosen.unmark(mark("live", owner), mark("trash", owner))
    chosen.count("trash", "", 1)


def restore_chosen(chosen: Chosen) -> None:
    """Bring the chosen back from the trash."""
    if not chosen.action.assets:
        return
    chosen.set(deleted_at=None)
    owner = chosen.action.owner
    chosen.unmark(mark("trash", owner), mark("live", owner))
    chosen.count("trash", "", -1)
    recount(chosen, 1)
