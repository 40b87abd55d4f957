"""Versions: what became of one picture, which of it counts now, and what differs between two.

Versions hang together by two kinds of steps: a request that was run again for an asset
(``VERSION_OF``), and work whose main input picture it was (``image``). Masks, references and sounds
make no version. The first of them, the root, names the whole; it never changes, since steps are
only ever written together with a new asset.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from library.assets import Asset, find_asset, find_assets
from library.card_tables import cards, owned_by
from library.lineage import Edge, edges_down, edges_up
from library.tables import current_versions
from studio import clock
from studio.errors import NotFound

VERSION_OF: Final = "version_of"
"""The field of a step from an asset to the one whose request was run again for it."""

MOST_VERSIONS = 1_000
"""Versions in one answer; the oldest are in it."""

_STEPS = (VERSION_OF, "image")
"""The first that an asset has leads to the version before it."""

_TEXTS = ("application/json", "text/plain")

_DEEPEST = 10_000
"""Steps from a version to its root."""

_IN_CLAUSE = 500

_COMPARED = (
    *("operation", "provider", "model", "method", "seed", "media_type"),
    *("width", "height", "bytes", "credits"),
)


@dataclass(frozen=True, slots=True)
class Version:
    """An asset among its versions.

    Attributes:
        number: from 1, in the order in which they were filed.
        before: id of the version that it was made from; empty for the root, and where that one
            and all before it are purged.
        current: whether it is the one that counts.
        deleted_at: since when it is in the trash; ``None`` if it is not.
    """

    number: int
    asset: Asset
    before: str
    current: bool
    deleted_at: datetime | None


@dataclass(frozen=True, slots=True)
class Versions:
    """All versions of one picture, oldest first; what is purged is none any more.

    Attributes:
        root: id of the first one, which names the whole, also when it is purged.
        versions: the oldest of them, up to the limit.
        current: the one that counts, which may be newer than those. It is in the trash only where
            all of them are.
        chosen: whether somebody said which one is current; else it is the newest.
        cut: whether there are more than the limit lets through.
    """

    root: str
    versions: tuple[Version, ...]
    current: Version
    chosen: bool
    cut: bool


@dataclass(frozen=True, slots=True)
class Difference:
    """A field in which two versions are not alike; ``None`` where one of them has none."""

    field: str
    one: Any
    other: Any


def versions(
    connection: Connection, owner: str, identifier: str, *, most: int = MOST_VERSIONS
) -> Versions:
    """Return the versions to which an asset belongs; at least itself.

    Args:
        most: how many at most.

    Raises:
        NotFound: there is no such asset, or it is somebody else's.
    """
    asked = find_asset(connection, owner, identifier)
    root = _root(connection, owner, asked.id)
    before, cut = _below(connection, owner, root, MOST_VERSIONS)
    chosen = _chosen(connection, owner, root)
    # These two in any case: there may be more than are gone through, or those before are purged.
    names = dict.fromkeys([*before, asked.id, *([chosen] if chosen else [])])
    found = find_assets(connection, owner, list(names))
    # What was told of a picture is made from it, and no version of it.
    texts = {each.id for each in found if each.media_type in _TEXTS}
    found = [each for each in found if each.id not in texts or each.id == asked.id]
    left = {each.id for each in found}
    gone = _trashed(connection, owner, list(left))
    # What lies in the trash counts only where there is nothing else.
    counting = left - gone.keys() - texts or left - gone.keys() or left
    current = chosen if chosen in counting else max(counting)
    numbered = [
        Version(
            number,
            each,
            _nearest(before, each.id, left),
            current=each.id == current,
            deleted_at=gone.get(each.id),
        )
        for number, each in enumerate(found, start=1)
    ]
    return Versions(
        root=root,
        versions=tuple(numbered[:most]),
        current=next(each for each in numbered if each.current),
        chosen=chosen == current,
        cut=cut or len(numbered) > most,
    )


def make_current(
    connection: Connection, owner: str, identifier: str, user: str
) -> tuple[str, datetime]:
    """Make an asset the version that counts, which also restores an earlier one.

    Nothing is copied or lost, and to say it twice changes nothing. Within the caller's
    transaction.

    Args:
        user: who says so.

    Returns:
        The root of its versions, and the moment.

    Raises:
        NotFound: there is no such asset, it is somebody else's, or it is in the trash.
    """
    if _trashed(connection, owner, [find_asset(connection, owner, identifier).id]):
        raise NotFound(
            "What is in the trash does not count.",
            field="asset",
            given=identifier,
            allowed="an asset of yours, not in the trash (`studio library restore` brings it back)",
        )
    root = _root(connection, owner, identifier)
    moment = clock.now()
    values = {"asset": identifier, "user": user, "chosen_at": moment}
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    row = dialect.insert(current_versions).values(owner=owner, root=root, **values)
    connection.execute(row.on_conflict_do_update(index_elements=["owner", "root"], set_=values))
    return root, moment


def differences(one: Asset, other: Asset) -> list[Difference]:
    """Return in what two assets differ: first in their requests, then in what came of them."""
    # What only one of two operations asks for, such as a size, is told as what came of both.
    came = [each for each in _COMPARED if each not in one.request or each not in other.request]
    asked = ({n: v for n, v in each.request.items() if n not in came} for each in (one, other))
    facts = ({name: getattr(each, name) for name in came} for each in (one, other))
    return [*_unlike(*asked), *_unlike(*facts)]


def _unlike(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[Difference]:
    names = dict.fromkeys((*one, *other))
    pairs = ((name, one.get(name), other.get(name)) for name in names)
    return [Difference(*each) for each in pairs if each[1] != each[2]]


def _root(connection: Connection, owner: str, identifier: str) -> str:
    for _ in range(_DEEPEST):
        before = _first_step(edges_up(connection, owner, [identifier]))
        if before is None:
            return identifier
        identifier = before.parent
    raise NotFound(
        f"Its versions go back more than {_DEEPEST} steps.", field="asset", given=identifier
    )


def _first_step(edges: Iterable[Edge]) -> Edge | None:
    by_field = {each.field: each for each in edges}
    return next((by_field[name] for name in _STEPS if name in by_field), None)


def _below(connection: Connection, owner: str, root: str, most: int) -> tuple[dict[str, str], bool]:
    """Return the version before each one, level by level, and whether there are more."""
    before = {root: ""}
    front = [root]
    while front:
        down = edges_down(connection, owner, front)
        reached = {each.asset for each in down if each.field in _STEPS} - before.keys()
        ways: dict[str, list[Edge]] = {}
        for edge in edges_up(connection, owner, sorted(reached)):
            ways.setdefault(edge.asset, []).append(edge)
        steps = {name: _first_step(edges) for name, edges in sorted(ways.items())}
        # What was run again for another picture belongs to that one, though this one was its input.
        new = {name: step.parent for name, step in steps.items() if step and step.parent in before}
        if len(before) + len(new) > most:
            kept = dict(list(new.items())[: most - len(before)])
            return before | kept, True
        before |= new
        front = list(new)
    return before, False


def _nearest(before: Mapping[str, str], identifier: str, left: Container[str]) -> str:
    """Return the version before one, of those that are left; empty where none is."""
    found = before.get(identifier, "")
    while found and found not in left:
        found = before[found]
    return found


def _trashed(connection: Connection, owner: str, identifiers: Sequence[str]) -> dict[str, datetime]:
    """Return those of the assets that are in the trash, and since when."""
    found: dict[str, datetime] = {}
    for start in range(0, len(identifiers), _IN_CLAUSE):
        query = select(cards.c.asset, cards.c.deleted_at).where(
            owned_by(owner),
            cards.c.asset.in_(identifiers[start : start + _IN_CLAUSE]),
            cards.c.deleted_at.is_not(None),
        )
        found |= dict(connection.execute(query).tuples().all())
    return found


def _chosen(connection: Connection, owner: str, root: str) -> str:
    query = select(current_versions.c.asset).where(
        current_versions.c.owner == owner, current_versions.c.root == root
    )
    return str(connection.execute(query).scalar() or "")
