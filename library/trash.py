"""The trash: what is in it is found only there, and comes back as it was."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, func, select

from library.bulk import Action, Chosen, choose, recount
from library.card_tables import cards, owned_by
from library.words import mark
from studio import clock
from studio.errors import NotFound

_IN_CLAUSE = 500


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
            owned_by(owner),
            cards.c.asset.in_(identifiers[start : start + _IN_CLAUSE]),
            cards.c.purged_at.is_(None),
        )
        found |= {asset: bool(living) for asset, living in connection.execute(query)}
    missing = next((each for each in identifiers if each not in found), None)
    if missing is not None:
        raise NotFound("There is no such asset.", field="asset", given=missing)
    return [each for each in identifiers if found[each]]


def in_trash(connection: Connection, owner: str) -> tuple[int, int]:
    """Return how many assets an owner has in the trash, and how many bytes these have."""
    query = select(func.count(), func.coalesce(func.sum(cards.c.bytes), 0)).where(
        cards.c.owner == owner, cards.c.deleted_at.is_not(None), cards.c.purged_at.is_(None)
    )
    assets, size = connection.execute(query).one()
    return int(assets), int(size)


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
    chosen.unmark(mark("live", owner), instead=mark("trash", owner))
    chosen.count("trash", "", 1)


def restore_chosen(chosen: Chosen) -> None:
    """Bring the chosen back from the trash."""
    if not chosen.action.assets:
        return
    chosen.set(deleted_at=None)
    owner = chosen.action.owner
    chosen.unmark(mark("trash", owner), instead=mark("live", owner))
    chosen.count("trash", "", -1)
    recount(chosen, 1)
