"""Tags: given by hand, or accepted from what suggested them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import (
    ColumnElement,
    Connection,
    Text,
    exists,
    func,
    literal,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from library.bulk import Action, Chosen, choose
from library.card_tables import asset_tags, bulk_items, cards, tags
from library.cards import count
from library.filters import check_name
from library.words import borne, folded, words_of
from studio import clock
from studio.database import UtcDateTime
from studio.errors import InvalidRequest

LONGEST_TAG = 60
"""Characters of a tag."""

MOST_TAGS = 100
"""Tags of one asset."""


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
    chosen.mark(borne(name))
    chosen.count("tag", name, 1)


def _untag(chosen: Chosen) -> None:
    """Make the chosen bear the action's tag no more."""
    connection, name = chosen.connection, chosen.action.subject
    theirs = (asset_tags.c.number.in_(chosen.numbers()), asset_tags.c.tag == name)
    # By what was written down: joined to the tags, Postgres took all of them once for each.
    counted = chosen.numbers(bulk_items.c.was == "accepted").subquery()
    number = connection.execute(select(func.count()).select_from(counted)).scalar_one()
    connection.execute(update(asset_tags).where(*theirs).values(state="rejected"))
    chosen.unbear(name)
    count(connection, {(chosen.action.owner, "tag", name): -number})
