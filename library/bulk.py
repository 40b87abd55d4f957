"""Doing something to many assets at once, in one transaction, so that it can be undone.

Each action writes down first which assets it changes, with what they had before; what follows is
a few statements about those, however many they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Text,
    bindparam,
    case,
    cast,
    func,
    insert,
    literal,
    null,
    select,
    update,
)

from library.assets import assets_by_id
from library.card_tables import (
    asset_tags,
    bulk_actions,
    bulk_items,
    cards,
    collection_items,
    owned_by,
    words,
)
from library.cards import COUNTED, Counted, count, fixed_marks, texts_of
from library.words import borne, document, mark
from studio import clock
from studio.errors import InvalidRequest, NotFound
from studio.ids import new_id

MOST_AT_ONCE = 10_000
"""Assets of one action."""

_IN_CLAUSE = 500

_NEW_WORDS = update(words).where(words.c.number == bindparam("key")).values(words=bindparam("new"))


@dataclass(frozen=True, slots=True)
class Action:
    """Something that was done to some assets.

    Attributes:
        id: ``act_`` and 26 characters; empty where nothing had to be changed.
        action: favourite, unfavourite, rate, tag, untag, collect, uncollect, move, trash, restore,
            title or note.
        subject: the tag or the collection, where it is about one.
        assets: how many were changed; those that were so already are not among them.
        author: who did it.
        undone_at: when it was undone; ``None`` if it was not.
    """

    id: str
    owner: str
    action: str
    subject: str
    assets: int
    author: str
    created_at: datetime
    undone_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Chosen:
    """The assets that an action under way changes."""

    connection: Connection
    action: Action

    def numbers(self, *conditions: ColumnElement[bool]) -> Select[Any]:
        """Return the query of their numbers."""
        return select(bulk_items.c.number).where(bulk_items.c.action == self.action.id, *conditions)

    def mark(self, made: str, *conditions: ColumnElement[bool]) -> None:
        """Add a mark, or what a tag adds, to what they are found by.

        Args:
            made: the mark.
            conditions: what holds for those of them that get it; none for all.
        """
        self._words(words.c.words + f"{made} ", self.numbers(*conditions))

    def unmark(self, made: str, *conditions: ColumnElement[bool], instead: str = "") -> None:
        """Take a mark away, or put another in its place.

        Args:
            made: the mark.
            conditions: what holds for those of them that lose it; none for all.
            instead: the other mark.
        """
        left = func.replace(words.c.words, f" {made} ", f" {instead} " if instead else " ")
        self._words(left, self.numbers(*conditions))

    def unbear(self, name: str) -> None:
        """Take away what a tag added to what they are found by; the state of the tag is changed."""
        made, numbers = borne(name), self.numbers()
        marked = (words.c.number.in_(numbers), words.c.words.contains(f" {mark('tag', name)} "))
        whole = words.c.words.contains(f" {made} ")
        # Written by an earlier version: the words of the tag do not stand with its mark.
        reindex(self.connection, select(words.c.number).where(*marked, ~whole))
        changed = update(words).where(words.c.number.in_(numbers), whole)
        shorter = func.replace(words.c.words, f" {made} ", " ")
        self.connection.execute(changed.values(words=shorter))

    def _words(self, value: ColumnElement[str], numbers: Select[Any]) -> None:
        changed = update(words).where(words.c.number.in_(numbers))
        self.connection.execute(changed.values(words=value))

    def set(self, **values: Any) -> None:
        """Change their cards."""
        changed = update(cards).where(cards.c.number.in_(self.numbers()))
        self.connection.execute(changed.values(**values))

    def count(self, facet: str, value: str, sign: int, *conditions: ColumnElement[bool]) -> None:
        """Count them in or out; those of them for which the conditions hold."""
        number = self.action.assets
        if conditions:
            some = self.numbers(*conditions).subquery()
            number = self.connection.execute(select(func.count()).select_from(some)).scalar_one()
        count(self.connection, {(self.action.owner, facet, value): sign * number})


def choose(
    connection: Connection,
    owner: str,
    action: str,
    identifiers: Sequence[str],
    *,
    subject: str = "",
    author: str = "",
    unless: ColumnElement[bool] | None = None,
    was: ColumnElement[Any] | None = None,
    trashed: bool = False,
) -> Chosen:
    """Write down which of the assets an action changes.

    Args:
        connection: a transaction that writes.
        owner: whose assets they must be.
        action: what is done.
        identifiers: the assets, up to 10,000.
        subject: the tag or collection that it is about.
        author: who does it.
        unless: what is true of cards that are so already.
        was: what they had before, to be kept.
        trashed: whether they must be in the trash; else they must not.

    Raises:
        InvalidRequest: they are none, or too many.
        NotFound: one of them is not there, or somebody else's; nothing is changed.
    """
    wanted = list(dict.fromkeys(identifiers))
    if not 1 <= len(wanted) <= MOST_AT_ONCE:
        raise InvalidRequest(
            "That is no number of assets for one action.",
            field="assets",
            given=len(wanted),
            allowed=f"1 to {MOST_AT_ONCE}",
        )
    identity, moment = new_id("act"), clock.now()
    connection.execute(
        insert(bulk_actions).values(
            id=identity,
            owner=owner,
            author=author or owner,
            action=action,
            subject=subject,
            assets=0,
            created_at=moment,
        )
    )
    for start in range(0, len(wanted), _IN_CLAUSE):
        some = wanted[start : start + _IN_CLAUSE]
        theirs = _theirs(owner, some, trashed=trashed)
        _check_all(connection, theirs, some, trashed=trashed)
        before = cast(was, Text) if was is not None else null()
        query = select(literal(identity), cards.c.number, before).where(*theirs)
        query = query.where(~unless) if unless is not None else query
        columns = ["action", "number", "was"]
        connection.execute(insert(bulk_items).from_select(columns, query))
    total = select(func.count()).where(bulk_items.c.action == identity)
    chosen = connection.execute(total).scalar_one()
    done = Action(identity, owner, action, subject, chosen, author or owner, moment)
    mine = bulk_actions.c.id == identity
    if chosen:
        connection.execute(update(bulk_actions).where(mine).values(assets=chosen))
    else:
        connection.execute(bulk_actions.delete().where(mine))
        done = Action("", owner, action, subject, 0, author or owner, moment)
    return Chosen(connection, done)


def _theirs(owner: str, some: Sequence[str], *, trashed: bool) -> tuple[ColumnElement[bool], ...]:
    gone = cards.c.deleted_at
    # As a case: Postgres would else take the index of the trash, which it believes to be nearly
    # empty, and go through all that is in it for each few hundred ids.
    kept = case((gone.is_not(None) & cards.c.purged_at.is_(None), 1), else_=0) == 1
    there = kept if trashed else gone.is_(None)
    return owned_by(owner), cards.c.asset.in_(some), there


def _check_all(
    connection: Connection,
    theirs: tuple[ColumnElement[bool], ...],
    some: Sequence[str],
    *,
    trashed: bool,
) -> None:
    known = set(connection.execute(select(cards.c.asset).where(*theirs)).scalars())
    missing = next((each for each in some if each not in known), None)
    if missing is not None:
        raise NotFound(
            "There is no such asset.",
            field="asset",
            given=missing,
            allowed="an asset of yours in the trash"
            if trashed
            else "an asset of yours, not in the trash (`studio library restore` brings it back)",
        )


def recount(chosen: Chosen, sign: int) -> None:
    """Count the chosen in or out of all that is counted about what is not in the trash."""
    connection, owner, numbers = chosen.connection, chosen.action.owner, chosen.numbers()
    found: Counter[Counted] = Counter()
    # All columns in one pass: ten thousand cards of a million lie far apart.
    kinds = [*(cards.c[name] for name in COUNTED), cards.c.favourite_at.is_not(None)]
    query = select(func.count(), *kinds).where(cards.c.number.in_(numbers)).group_by(*kinds)
    for number, *values, loved in connection.execute(query):
        for name, value in zip(COUNTED, values, strict=True):
            if value:
                found[owner, name, value] += sign * number
        if loved:
            found[owner, "favourite", ""] += sign * number
    tag, within = asset_tags.c.tag, collection_items.c.collection
    tagged = select(tag, func.count()).where(
        asset_tags.c.number.in_(numbers), asset_tags.c.state == "accepted"
    )
    for value, number in connection.execute(tagged.group_by(tag)):
        found[owner, "tag", value] += sign * number
    collected = select(within, func.count()).where(collection_items.c.number.in_(numbers))
    for value, number in connection.execute(collected.group_by(within)):
        found[owner, "collection", value] += sign * number
    found[owner, "live", ""] = sign * chosen.action.assets
    count(connection, found)


def reindex(connection: Connection, numbers: Select[Any]) -> None:
    """Write anew what assets are found by, out of all that is known about them."""
    wanted = list(connection.execute(numbers).scalars())
    for start in range(0, len(wanted), _IN_CLAUSE):
        some = wanted[start : start + _IN_CLAUSE]
        query = select(cards).where(cards.c.number.in_(some))
        rows = [dict(row) for row in connection.execute(query).mappings()]
        whole = {each.id: each for each in assets_by_id(connection, [row["asset"] for row in rows])}
        tagged = _by_number(
            connection,
            select(asset_tags.c.number, asset_tags.c.tag).where(
                asset_tags.c.number.in_(some), asset_tags.c.state == "accepted"
            ),
        )
        collected = _by_number(
            connection,
            select(collection_items.c.number, collection_items.c.collection).where(
                collection_items.c.number.in_(some)
            ),
        )
        texts = [
            {
                "key": row["number"],
                "new": document(
                    (
                        mark("trash" if row["deleted_at"] else "live", row["owner"]),
                        *fixed_marks(row),
                        *([mark("favourite", "")] if row["favourite_at"] else []),
                        *(mark("collection", of) for of in collected.get(row["number"], ())),
                    ),
                    (row["title"], *texts_of(whole[row["asset"]]), row["notes"]),
                    tagged.get(row["number"], ()),
                ),
            }
            for row in rows
        ]
        connection.execute(_NEW_WORDS, texts)


def _by_number(connection: Connection, query: Select[Any]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for number, value in connection.execute(query):
        found.setdefault(number, []).append(value)
    return found
