"""How often assets were looked at, downloaded and shared, counted when they were delivered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Literal, get_args

from sqlalchemy import ColumnElement, Connection, func, select
from sqlalchemy.dialects import postgresql, sqlite

from library.tables import asset_uses, assets
from studio import clock
from studio.errors import InvalidRequest

Kind = Literal["view", "download", "share"]
"""Shown in a page; taken as a file; seen by somebody to whom it was shared."""

KINDS: Final[tuple[str, ...]] = get_args(Kind)
MOST_TOP: Final = 100


@dataclass(frozen=True, slots=True)
class Use:
    """A delivery that has happened."""

    owner: str
    asset: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class DayUses:
    """What was delivered on one day, in UTC; ``uses`` has how often, by kind."""

    day: date
    uses: dict[str, int]


@dataclass(frozen=True, slots=True)
class AssetUses:
    """How often one asset was delivered, by kind."""

    asset: str
    name: str
    uses: dict[str, int]


@dataclass(frozen=True, slots=True)
class Statistics:
    """What was delivered of an owner's assets in a period.

    Attributes:
        uses: how often in all, by kind.
        assets: how many different assets were delivered.
        days: each day with a delivery, in their order.
        top: the assets that were delivered most often, the first one first.
    """

    uses: dict[str, int]
    assets: int
    days: tuple[DayUses, ...] = field(default=())
    top: tuple[AssetUses, ...] = field(default=())


def count_uses(connection: Connection, uses: Sequence[Use]) -> Sequence[None]:
    """Count deliveries, within the caller's transaction: a handler of the group commit.

    A row is added to, never read and written back, so that none is lost when many count at once.
    """
    day = clock.now().date().isoformat()
    counted = Counter((each.owner, each.asset, each.kind) for each in uses)
    if not counted:
        return []
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    row = dialect.insert(asset_uses)
    more = row.on_conflict_do_update(
        index_elements=["asset", "kind", "day"],
        set_={"count": asset_uses.c.count + row.excluded.count},
    )
    # In one order for all, so that nobody waits in a circle.
    connection.execute(
        more,
        [
            {"owner": owner, "asset": asset, "kind": kind, "day": day, "count": count}
            for (owner, asset, kind), count in sorted(counted.items())
        ],
    )
    return [None] * len(uses)


def uses_of(connection: Connection, owner: str, asset: str) -> dict[str, int]:
    """Return how often an asset was delivered since it is there, by kind; 0 where never."""
    query = (
        select(asset_uses.c.kind, func.sum(asset_uses.c.count))
        .where(asset_uses.c.owner == owner, asset_uses.c.asset == asset)
        .group_by(asset_uses.c.kind)
    )
    return _by_kind(dict(connection.execute(query).tuples().all()))


def statistics(
    connection: Connection, owner: str, since: date, until: date, *, top: int = 10
) -> Statistics:
    """Return what was delivered of an owner's assets.

    Args:
        since: the first day, in UTC.
        until: the day behind the last one.
        top: how many assets are named, 0 to 100.

    Raises:
        InvalidRequest: ``top`` is out of range.
    """
    if not 0 <= top <= MOST_TOP:
        raise InvalidRequest(
            "That is no number of assets to name.",
            field="top",
            given=top,
            allowed=f"0 to {MOST_TOP}",
        )
    within = (
        asset_uses.c.owner == owner,
        asset_uses.c.day >= since.isoformat(),
        asset_uses.c.day < until.isoformat(),
    )
    days = _days(connection, within)
    total = Counter[str]()
    for each in days:
        total.update(each.uses)
    different = select(func.count(asset_uses.c.asset.distinct())).where(*within)
    return Statistics(
        _by_kind(total),
        connection.execute(different).scalar_one(),
        days,
        _top(connection, within, top),
    )


def _days(connection: Connection, within: tuple[ColumnElement[bool], ...]) -> tuple[DayUses, ...]:
    query = (
        select(asset_uses.c.day, asset_uses.c.kind, func.sum(asset_uses.c.count))
        .where(*within)
        .group_by(asset_uses.c.day, asset_uses.c.kind)
        .order_by(asset_uses.c.day)
    )
    found: dict[str, dict[str, int]] = {}
    for day, kind, count in connection.execute(query):
        found.setdefault(day, {})[kind] = int(count)
    return tuple(DayUses(date.fromisoformat(day), _by_kind(uses)) for day, uses in found.items())


def _top(
    connection: Connection, within: tuple[ColumnElement[bool], ...], most: int
) -> tuple[AssetUses, ...]:
    if not most:
        return ()
    count = func.sum(asset_uses.c.count)
    query = (
        select(asset_uses.c.asset)
        .where(*within)
        .group_by(asset_uses.c.asset)
        .order_by(count.desc(), asset_uses.c.asset)
        .limit(most)
    )
    first = list(connection.execute(query).scalars())
    each = (
        select(asset_uses.c.asset, assets.c.name, asset_uses.c.kind, count)
        .join(assets, assets.c.id == asset_uses.c.asset)
        .where(*within, asset_uses.c.asset.in_(first))
        .group_by(asset_uses.c.asset, assets.c.name, asset_uses.c.kind)
    )
    names: dict[str, str] = {}
    uses: dict[str, dict[str, int]] = {}
    for asset, name, kind, number in connection.execute(each):
        names[asset] = name
        uses.setdefault(asset, {})[kind] = int(number)
    return tuple(AssetUses(it, names[it], _by_kind(uses[it])) for it in first if it in names)


def _by_kind(uses: dict[str, int]) -> dict[str, int]:
    return {kind: int(uses.get(kind, 0)) for kind in KINDS}
