"""Versions: what became of one picture, which of it counts now, and what differs between two.

Versions hang together by two kinds of steps: a request that was run again for an asset
(``VERSION_OF``), and work whose main input picture it was (``image``). Masks, references and sounds
make no version. The first of them, the root, names the whole; it never changes, since steps are
only ever written together with a new asset.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from library.assets import Asset, find_asset, find_assets
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

_DEEPEST = 10_000
"""Steps from a version to its root."""

_COMPARED = (
    *("operation", "provider", "model", "method", "seed", "media_type"),
    *("width", "height", "bytes", "credits"),
)


@dataclass(frozen=True, slots=True)
class Version:
    """An asset among its versions.

    Attributes:
        number: from 1, in the order in which they were filed.
        before: id of the version that it was made from; empty for the root.
        current: whether it is the one that counts.
    """

    number: int
    asset: Asset
    before: str
    current: bool


@dataclass(frozen=True, slots=True)
class Versions:
    """All versions of one picture, oldest first.

    Attributes:
        root: id of the first one, which names the whole.
        chosen: whether somebody said which one is current; else it is the newest.
        cut: whether there are more than the limit lets through.
    """

    root: str
    versions: tuple[Version, ...]
    chosen: bool
    cut: bool

    @property
    def current(self) -> Version:
        """The version that counts."""
        return next(each for each in self.versions if each.current)


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
    before, cut = _below(connection, owner, root, most)
    found = find_assets(connection, owner, list(before))
    chosen = _chosen(connection, owner, root)
    if chosen not in before:
        chosen = ""
    current = chosen or max(before)
    numbered = tuple(
        Version(number, each, before[each.id], current=each.id == current)
        for number, each in enumerate(found, start=1)
    )
    return Versions(root, numbered, bool(chosen), cut)


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
        NotFound: there is no such asset, or it is somebody else's.
    """
    root = _root(connection, owner, find_asset(connection, owner, identifier).id)
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


def _chosen(connection: Connection, owner: str, root: str) -> str:
    query = select(current_versions.c.asset).where(
        current_versions.c.owner == owner, current_versions.c.root == root
    )
    return str(connection.execute(query).scalar() or "")
