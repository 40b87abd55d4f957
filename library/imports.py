"""Filing what comes from outside: once for the same bytes and owner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, func, select

from library.assets import Asset, add_assets, find_assets
from library.card_tables import cards
from library.tables import assets

_IN_CLAUSE = 500


@dataclass(frozen=True, slots=True)
class Filed:
    """What a file from outside was filed as.

    Attributes:
        asset: under which it is found.
        new: whether it was not there before.
    """

    asset: Asset
    new: bool


def known_bytes(connection: Connection, owner: str, hashes: Sequence[str]) -> dict[str, str]:
    """Return the asset that has the bytes of each hash, where ``owner`` has one; the oldest.

    Whatever has the bytes will do, also what was made here: it then keeps its lineage. What is in
    the trash will not: who brings a file in wants to find it.
    """
    found: dict[str, str] = {}
    for start in range(0, len(hashes), _IN_CLAUSE):
        some = hashes[start : start + _IN_CLAUSE]
        query = (
            select(assets.c.sha256, func.min(assets.c.id))
            .join(cards, cards.c.asset == assets.c.id)
            .where(
                assets.c.owner == owner,
                assets.c.sha256.in_(some),
                cards.c.deleted_at.is_(None),
            )
            .group_by(assets.c.sha256)
        )
        found |= dict(connection.execute(query).tuples().all())
    return found


def file_imports(connection: Connection, owner: str, wanted: Sequence[Asset]) -> list[Filed]:
    """File assets from outside, in their order, within the caller's transaction.

    Bytes that ``owner`` has already, or that are there twice, are answered with the asset that has
    them.

    Raises:
        sqlalchemy.exc.IntegrityError: Postgres: somebody else files some of them right now; to be
            tried once more.
    """
    known = known_bytes(connection, owner, [each.sha256 for each in wanted])
    first: dict[str, Asset] = {}
    for each in wanted:
        if each.sha256 not in known:
            first.setdefault(each.sha256, each)
    new = _named(connection, owner, first)
    add_assets(connection, list(new.values()))
    there = {
        each.sha256: each for each in find_assets(connection, owner, sorted(set(known.values())))
    }
    return [
        Filed(there[each.sha256], new=False)
        if each.sha256 in known
        else Filed(new[each.sha256], new=each is first[each.sha256])
        for each in wanted
    ]


def _named(connection: Connection, owner: str, first: dict[str, Asset]) -> dict[str, Asset]:
    """Return the assets with a key of their own, where one of before was deleted for good."""
    gone: dict[str, int] = {}
    hashes = list(first)
    for start in range(0, len(hashes), _IN_CLAUSE):
        some = hashes[start : start + _IN_CLAUSE]
        query = (
            select(assets.c.sha256, func.count())
            .where(assets.c.owner == owner, assets.c.sha256.in_(some))
            .group_by(assets.c.sha256)
        )
        gone |= dict(connection.execute(query).tuples().all())
    return {
        sha256: replace(each, job=f"{each.job}#{gone[sha256]}") if sha256 in gone else each
        for sha256, each in first.items()
    }
