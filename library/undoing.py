"""Taking back what was done to assets, as far as nobody has changed it since."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    ScalarSelect,
    cast,
    delete,
    func,
    select,
    type_coerce,
    update,
)

from library.bulk import Action, Chosen
from library.card_tables import asset_tags, bulk_actions, bulk_items, cards, collection_items
from library.cards import count
from library.collecting import collection_by_hand
from library.ordering import collect_chosen, uncollect_chosen, unlove, was_within, write_chosen
from library.trash import restore_chosen, trash_chosen
from library.words import borne, mark
from studio import clock
from studio.database import UtcDateTime
from studio.errors import Conflict, NotFound

MOST_LISTED = 100
"""Actions that are kept in mind; what is older cannot be undone."""


def actions_of(connection: Connection, owner: str, limit: int = 20) -> list[Action]:
    """Return what was done, the newest first, up to 100."""
    query = (
        select(bulk_actions)
        .where(bulk_actions.c.owner == owner)
        .order_by(bulk_actions.c.id.desc())
        .limit(min(limit, MOST_LISTED))
    )
    return [Action(**row) for row in connection.execute(query).mappings()]


def undo(connection: Connection, owner: str, identifier: str = "") -> Action:
    """Take an action back: the newest that was not, if none is named.

    What has been changed since stays as it is: a picture that was rated again keeps its new rating.

    Returns:
        The action, with the number of assets that were changed back.

    Raises:
        NotFound: there is no such action, or it is somebody else's.
        Conflict: it was undone before.
    """
    query = select(bulk_actions).where(bulk_actions.c.owner == owner)
    query = (
        query.where(bulk_actions.c.id == identifier)
        if identifier
        else query.where(bulk_actions.c.undone_at.is_(None))
    )
    newest = query.order_by(bulk_actions.c.id.desc()).limit(1).with_for_update()
    row = connection.execute(newest).mappings().first()
    if row is None:
        raise NotFound(
            "There is nothing to undo.",
            field="action",
            given=identifier,
            allowed="an action of yours; `studio library undo --list` shows them",
        )
    done = Action(**row)
    if done.undone_at is not None:
        raise Conflict("This was undone before.", field="action", given=identifier)
    moment = clock.now()
    connection.execute(
        update(bulk_actions).where(bulk_actions.c.id == done.id).values(undone_at=moment)
    )
    changed = _BACK[done.action](Chosen(connection, done))
    return replace(done, assets=changed, undone_at=moment)


_LIVING = cards.c.deleted_at.is_(None)


def _narrow(chosen: Chosen, *still: ColumnElement[bool]) -> Chosen:
    """Leave out of an action what is no more as it left it, or gone for good."""
    connection, action = chosen.connection, chosen.action
    mine = cards.c.number == bulk_items.c.number
    right = select(cards.c.number).where(mine, *still, cards.c.purged_at.is_(None)).exists()
    theirs = bulk_items.c.action == action.id
    connection.execute(delete(bulk_items).where(theirs, ~right))
    number = len(connection.execute(chosen.numbers()).all())
    return Chosen(connection, replace(action, assets=number))


def _before(chosen: Chosen) -> ScalarSelect[int]:
    """Return what a card had before, where that was a number."""
    query = select(cast(bulk_items.c.was, BigInteger)).where(
        bulk_items.c.number == cards.c.number, bulk_items.c.action == chosen.action.id
    )
    return query.scalar_subquery()


def _bears(name: str, state: str) -> ColumnElement[bool]:
    theirs = (asset_tags.c.tag == name, asset_tags.c.state == state)
    mine = asset_tags.c.number == cards.c.number
    return select(asset_tags.c.number).where(mine, *theirs).exists()


def _within(collection: str) -> ColumnElement[bool]:
    theirs = collection_items.c.collection == collection
    mine = collection_items.c.number == cards.c.number
    return select(collection_items.c.number).where(mine, theirs).exists()


def _favourite(chosen: Chosen) -> int:
    chosen = _narrow(chosen, _LIVING, cards.c.favourite_at.is_not(None))
    unlove(chosen)
    return chosen.action.assets


def _unfavourite(chosen: Chosen) -> int:
    chosen = _narrow(chosen, _LIVING, cards.c.favourite_at.is_(None))
    chosen.set(favourite_at=type_coerce(_before(chosen), UtcDateTime))
    chosen.mark(mark("favourite", ""))
    chosen.count("favourite", "", 1)
    return chosen.action.assets


def _rate(chosen: Chosen) -> int:
    chosen = _narrow(chosen, _LIVING, cards.c.rating == int(chosen.action.subject))
    chosen.set(rating=_before(chosen))
    return chosen.action.assets


def _write(chosen: Chosen) -> int:
    chosen = _narrow(chosen, _LIVING)
    query = select(bulk_items.c.was).where(bulk_items.c.action == chosen.action.id)
    for was in chosen.connection.execute(query).scalars().all():
        write_chosen(chosen, {chosen.action.action: was})
    return chosen.action.assets


def _tag(chosen: Chosen) -> int:
    """Take a tag away again: what was only suggested is suggested again."""
    connection, name = chosen.connection, chosen.action.subject
    chosen = _narrow(chosen, _LIVING, _bears(name, "accepted"))
    theirs = asset_tags.c.tag == name
    new = chosen.numbers(bulk_items.c.was.is_(None))
    connection.execute(delete(asset_tags).where(theirs, asset_tags.c.number.in_(new)))
    _set_states(chosen, "pending", "rejected")
    chosen.unbear(name)
    chosen.count("tag", name, -1)
    return chosen.action.assets


def _untag(chosen: Chosen) -> int:
    connection, name = chosen.connection, chosen.action.subject
    chosen = _narrow(chosen, _LIVING, _bears(name, "rejected"))
    _set_states(chosen, "pending", "accepted")
    given = bulk_items.c.was == "accepted"
    number = len(connection.execute(chosen.numbers(given)).all())
    chosen.mark(borne(name), given)
    count(connection, {(chosen.action.owner, "tag", name): number})
    return chosen.action.assets


def _set_states(chosen: Chosen, *states: str) -> None:
    for state in states:
        old = chosen.numbers(bulk_items.c.was == state)
        changed = update(asset_tags).where(
            asset_tags.c.tag == chosen.action.subject, asset_tags.c.number.in_(old)
        )
        chosen.connection.execute(changed.values(state=state))


def _collect(chosen: Chosen) -> int:
    chosen = _narrow(chosen, _LIVING, _within(chosen.action.subject))
    uncollect_chosen(chosen, chosen.action.subject)
    return chosen.action.assets


def _uncollect(chosen: Chosen) -> int:
    action = chosen.action
    collection_by_hand(chosen.connection, action.owner, action.subject)
    chosen = _narrow(chosen, _LIVING, ~_within(action.subject))
    collect_chosen(chosen, action.subject)
    return chosen.action.assets


def _move(chosen: Chosen) -> int:
    """Put what was moved back where it was: into the first, both, or neither of the collections."""
    connection, action, was = chosen.connection, chosen.action, bulk_items.c.was
    # The text of those that were in the first begins with it; the others have none.
    longest = select(func.max(was)).where(bulk_items.c.action == action.id)
    of = str(connection.execute(longest).scalar() or "").partition(" ")[0]
    still = [_LIVING, _within(action.subject)]
    if of:
        collection_by_hand(connection, action.owner, of)
        still.append((was == "") | ~_within(of))
    chosen = _narrow(chosen, *still)
    if of:
        collect_chosen(chosen, of, was_within(of))
    uncollect_chosen(chosen, action.subject, ~was_within(action.subject))
    return chosen.action.assets


def _trash(chosen: Chosen) -> int:
    chosen = _narrow(chosen, ~_LIVING)
    restore_chosen(chosen)
    return chosen.action.assets


def _restore(chosen: Chosen) -> int:
    chosen = _narrow(chosen, _LIVING)
    trash_chosen(chosen)
    return chosen.action.assets


_BACK: Mapping[str, Callable[[Chosen], int]] = MappingProxyType(
    {
        "favourite": _favourite,
        "unfavourite": _unfavourite,
        "rate": _rate,
        "title": _write,
        "notes": _write,
        "tag": _tag,
        "untag": _untag,
        "collect": _collect,
        "uncollect": _uncollect,
        "move": _move,
        "trash": _trash,
        "restore": _restore,
    }
)
"""How each action is taken back; each returns how many assets were changed."""
