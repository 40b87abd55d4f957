"""Pictures that look alike, and files that are the same, found by indexes alone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import (
    CompoundSelect,
    Connection,
    Integer,
    Text,
    bindparam,
    func,
    select,
    true,
    union_all,
)

from library.assets import check_limit
from library.card_tables import cards, hashes, owned_by
from library.cards import bands_of
from library.search import Found, find_card, with_assets
from library.tables import assets
from studio.errors import InvalidRequest

FURTHEST = 7
"""Bits that may differ: of four bands of sixteen bits, one then differs in one bit at most."""

_BITS = 16
_EACH = 200
"""The newest pictures of one band that are looked at; a library may hold one picture often."""

_PASSED = 20_000
"""Files that are passed over for one page of those that are there more than once."""

_WHOLE = 2**64


@dataclass(frozen=True, slots=True)
class Alike:
    """A picture that looks like another one.

    Attributes:
        found: the picture with its card.
        distance: bits of 64 in which their hashes differ; 0 for pictures that look the same.
    """

    found: Found
    distance: int


@dataclass(frozen=True, slots=True)
class SameFiles:
    """Some of the files that are there more than once.

    Attributes:
        found: the groups, by their hashes.
        following: what the next page is asked for by; empty at the end.
        whole: whether the page is full or the last. ``False``: the search went as far as one page
            may, and goes on with the next.
    """

    found: tuple[Copies, ...]
    following: str
    whole: bool


@dataclass(frozen=True, slots=True)
class Copies:
    """Assets whose files are the same, byte by byte.

    Attributes:
        sha256: of the file.
        assets: their ids, the oldest first.
    """

    sha256: str
    assets: tuple[str, ...]


def similar(
    connection: Connection, owner: str, identifier: str, *, distance: int = 7, limit: int = 20
) -> list[Alike]:
    """Return the pictures that look like one, the most alike first.

    Of each of the 68 bands in question the newest 200 pictures are looked at, however large the
    library is.

    Args:
        connection: a connection that reads.
        owner: whose pictures.
        identifier: the picture.
        distance: how many of the 64 bits may differ, 0 to 7.
        limit: pictures, 1 to 500.

    Raises:
        InvalidRequest: it is no picture that could be known again, or a value is out of range.
        NotFound: there is no such asset, or it is somebody else's.
    """
    check_limit(limit)
    if not 0 <= distance <= FURTHEST:
        raise InvalidRequest(
            "So different pictures are not looked for.",
            field="distance",
            given=distance,
            allowed=f"0 to {FURTHEST}",
        )
    mine = find_card(connection, owner, identifier).card
    if mine.phash is None:
        raise InvalidRequest(
            "This has nothing that it could be known again by.",
            field="asset",
            given=identifier,
            allowed="a picture with some structure",
        )
    near = _near(connection, owner, mine.phash)
    query = select(cards.c.number, cards.c.phash).where(
        cards.c.number.in_(near), cards.c.number != mine.number, cards.c.deleted_at.is_(None)
    )
    hashed = connection.execute(query.where(owned_by(owner))).all()
    far = {number: ((phash ^ mine.phash) % _WHOLE).bit_count() for number, phash in hashed}
    first = sorted((away, -number) for number, away in far.items() if away <= distance)[:limit]
    query = select(cards).where(cards.c.number.in_([-number for _, number in first]))
    rows = sorted(connection.execute(query), key=lambda row: (far[row.number], -row.number))
    return [Alike(each, far[each.card.number]) for each in with_assets(connection, rows)]


def _near(connection: Connection, owner: str, phash: int) -> set[int]:
    """Return the numbers of what shares a band with a hash, but for one bit at most."""
    near = (
        other
        for band in bands_of(phash)
        for other in (band, *(band ^ (1 << bit) for bit in range(_BITS)))
    )
    given = {"owner": owner, **{f"band_{place}": band for place, band in enumerate(near)}}
    return set(connection.execute(_newest(), given).scalars())


@cache
def _newest() -> CompoundSelect[Any]:
    """Return the query of the newest pictures of all bands in question.

    It is made once: that takes longer than to answer it.
    """
    each = (
        select(hashes.c.number)
        .where(
            hashes.c.owner == bindparam("owner", type_=Text),
            hashes.c.band == bindparam(f"band_{place}", type_=Integer),
        )
        .order_by(hashes.c.number.desc())
        .limit(_EACH)
        .subquery()
        for place in range(len(bands_of(0)) * (_BITS + 1))
    )
    return union_all(*(select(some.c.number) for some in each))


def duplicates(
    connection: Connection, owner: str, *, limit: int = 50, after: str = ""
) -> SameFiles:
    """Return groups of assets with the same file, in the order of their hashes.

    Args:
        connection: a connection that reads.
        owner: whose assets; what is in the trash does not count.
        limit: groups, 1 to 500.
        after: ``following`` of the page before; empty for the first page.

    Raises:
        InvalidRequest: the limit is out of range.
    """
    check_limit(limit)
    digest = assets.c.sha256
    ahead = (assets.c.owner == owner, digest > after)
    # The index alone tells these: the cards of what is there once are not looked at.
    passed = select(digest).where(*ahead).order_by(digest).offset(_PASSED - 1).limit(1)
    last = connection.execute(passed).scalar()
    several = select(digest).where(*ahead, digest <= last if last else true())
    several = several.group_by(digest).having(func.count() > 1).order_by(digest).limit(limit)
    wanted = list(connection.execute(several).scalars())
    groups: dict[str, list[str]] = {each: [] for each in wanted}
    living = (
        select(digest, assets.c.id)
        .join(cards, cards.c.asset == assets.c.id)
        .where(assets.c.owner == owner, digest.in_(wanted), cards.c.deleted_at.is_(None))
        .order_by(cards.c.number)
    )
    for sha256, identifier in connection.execute(living):
        groups[sha256].append(identifier)
    found = tuple(Copies(key, tuple(same)) for key, same in groups.items() if len(same) > 1)
    if len(wanted) == limit:
        return SameFiles(found, wanted[-1], whole=len(found) == limit)
    return SameFiles(found, last or "", whole=last is None)
