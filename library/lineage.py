"""Where an asset comes from and what was made from it, however many steps away."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection, select

from library.tables import assets, parents
from studio.errors import InvalidRequest, NotFound

T = TypeVar("T")

MOST_STEPS = 100
MOST_RELATED = 2_000
"""Limits of one answer: steps in each direction, and assets in all."""

_IN_CLAUSE = 500


@dataclass(frozen=True, slots=True)
class Related:
    """An asset in a lineage, in short.

    Attributes:
        id: its id.
        steps: away from the asset that was asked for; negative for what that one comes from.
        credits: what was captured for it, in micro-credits.
        seed: the seed that was used, where there is one.
    """

    id: str
    steps: int
    name: str
    operation: str
    provider: str
    model: str
    seed: int | None
    media_type: str
    bytes: int
    width: int
    height: int
    credits: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Edge:
    """One step: ``asset`` was made from ``parent``, which the operation's ``field`` named."""

    asset: str
    field: str
    parent: str


@dataclass(frozen=True, slots=True)
class Lineage:
    """An asset's ancestors and descendants.

    Attributes:
        asset: whose lineage it is.
        related: the asset itself and all that it is related to, oldest first.
        edges: every step between two of them.
        cut: whether there is more than the limits let through.
    """

    asset: str
    related: tuple[Related, ...]
    edges: tuple[Edge, ...]
    cut: bool


def lineage(
    connection: Connection,
    owner: str,
    identifier: str,
    *,
    steps: int = 20,
    most: int = 500,
) -> Lineage:
    """Return all that an asset was made from, and all that was made from it.

    Each direction is walked level by level, so that an asset to which many ways lead is there once
    and no lineage, however branched, takes more than ``most`` rows and two queries a step.

    Args:
        steps: how far to go in each direction, 1 to 100.
        most: assets in all, 1 to 2,000; ancestors come first, and the nearest of each direction.

    Raises:
        NotFound: there is no such asset, or it is somebody else's.
        InvalidRequest: a limit is out of range.
    """
    _check("depth", steps, MOST_STEPS)
    _check("limit", most, MOST_RELATED)
    if not _owned(connection, owner, [identifier]):
        raise NotFound("There is no such asset.", field="asset", given=identifier)
    places = {identifier: 0}
    edges: dict[tuple[str, str], Edge] = {}
    cut = False
    for sign, look, far in ((-1, edges_up, "parent"), (1, edges_down, "asset")):
        front = [identifier]
        for step in range(1, steps + 2):
            found = look(connection, owner, front)
            new = list(dict.fromkeys(getattr(each, far) for each in found))
            new = [each for each in new if each not in places]
            if step > steps or len(places) + len(new) > most:
                cut = cut or bool(new)
                new = [] if step > steps else new[: most - len(places)]
            places |= dict.fromkeys(new, sign * step)
            edges |= {(each.asset, each.field): each for each in found}
            front = new
            if not front:
                break
    related = _described(connection, owner, places)
    known = {each.id for each in related}
    kept = [each for each in edges.values() if {each.asset, each.parent} <= known]
    kept.sort(key=lambda each: (each.asset, each.field))
    return Lineage(identifier, tuple(related), tuple(kept), cut)


def edges_up(connection: Connection, owner: str, identifiers: Sequence[str]) -> list[Edge]:
    """Return the steps that led to the assets, from assets of ``owner``."""
    return _edges(connection, owner, identifiers, up=True)


def edges_down(connection: Connection, owner: str, identifiers: Sequence[str]) -> list[Edge]:
    """Return the steps that lead on from the assets, to assets of ``owner``."""
    return _edges(connection, owner, identifiers, up=False)


def _edges(
    connection: Connection, owner: str, identifiers: Sequence[str], *, up: bool
) -> list[Edge]:
    near, far = (parents.c.asset, parents.c.parent) if up else (parents.c.parent, parents.c.asset)
    query = select(parents).join(assets, assets.c.id == far).where(assets.c.owner == owner)
    query = query.order_by(parents.c.asset, parents.c.field)
    return _in_parts(
        identifiers,
        lambda some: [
            Edge(row.asset, row.field, row.parent)
            for row in connection.execute(query.where(near.in_(some)))
        ],
    )


def _owned(connection: Connection, owner: str, identifiers: Sequence[str]) -> set[str]:
    query = select(assets.c.id).where(assets.c.owner == owner)
    return set(
        _in_parts(
            identifiers,
            lambda some: connection.execute(query.where(assets.c.id.in_(some))).scalars(),
        )
    )


_SHORT = [name for name in Related.__slots__ if name != "steps"]


def _described(connection: Connection, owner: str, places: dict[str, int]) -> list[Related]:
    query = select(*(assets.c[name] for name in _SHORT)).where(assets.c.owner == owner)
    rows = _in_parts(
        list(places),
        lambda some: connection.execute(query.where(assets.c.id.in_(some))).mappings().all(),
    )
    found = [Related(**row, steps=places[row["id"]]) for row in rows]
    return sorted(found, key=lambda each: each.id)


def _in_parts(items: Sequence[str], ask: Callable[[Sequence[str]], Iterable[T]]) -> list[T]:
    """Ask for so many at once as one statement can name."""
    found: list[T] = []
    for start in range(0, len(items), _IN_CLAUSE):
        found += ask(items[start : start + _IN_CLAUSE])
    return found


def _check(field: str, given: int, most: int) -> None:
    if not 1 <= given <= most:
        raise InvalidRequest(
            "That is beyond the limits of one answer.",
            field=field,
            given=given,
            allowed=f"1 to {most:,}",
        )
