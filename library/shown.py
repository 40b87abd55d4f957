"""Pictures by what was told of them: by tags, accepted or only suggested, that are near in meaning.

How near a tag is, is said by whoever asks. Nothing is read but tags near enough, of each the newest
pictures, so that no library is too large.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, literal, select, union_all

from library.assets import check_limit
from library.card_tables import asset_tags, cards, owned_by
from library.search import Found, with_assets
from studio.errors import InvalidRequest

MOST_NAMES = 2_000
"""Different tags of one owner that are compared, by the alphabet."""
MOST_NEAR = 24
"""Tags of one search."""

_EACH = 200
"""The newest pictures of one tag that are looked at, of those that bear it, and of others."""
_UNSURE = 500
"""Thousandths, for what suggested a tag and did not say how sure it was."""
_SURE = 1_000
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture of which something near was told.

    Attributes:
        found: the picture with its card.
        score: in thousandths; how near, times how sure. Several near tags count together.
        tags: the tags by which it was found, those that count most first.
    """

    found: Found
    score: int
    tags: tuple[str, ...]


def names_told(connection: Connection, owner: str, most: int = MOST_NAMES) -> list[str]:
    """Return the different tags of an owner's assets, suggested ones too, by the alphabet.

    One look into the index for each of them, however many assets have it.
    """
    mine = asset_tags.c.owner == owner
    first = select(func.min(asset_tags.c.tag).label("tag"), literal(1).label("place")).where(mine)
    known = first.cte("known", recursive=True)
    behind = select(func.min(asset_tags.c.tag)).where(mine, asset_tags.c.tag > known.c.tag)
    known = known.union_all(
        select(behind.scalar_subquery(), known.c.place + 1).where(
            known.c.tag.is_not(None), known.c.place < most
        )
    )
    query = select(known.c.tag).where(known.c.tag.is_not(None))
    return list(connection.execute(query).scalars())


def shown(
    connection: Connection, owner: str, near: Mapping[str, int], *, limit: int = 20
) -> list[Shown]:
    """Return the pictures that bear tags that are near, or of which one is suggested; best first.

    Args:
        connection: a connection that reads.
        owner: whose pictures; what is in the trash is not found.
        near: tags as ``names_told`` has them, with how near they are in thousandths; up to 24.
        limit: pictures, 1 to 500.

    Raises:
        InvalidRequest: the limit is out of range, or there are too many tags.
    """
    check_limit(limit)
    if len(near) > MOST_NEAR:
        raise InvalidRequest(
            "Those are too many tags.", field="near", given=len(near), allowed=f"up to {MOST_NEAR}"
        )
    if not near:
        return []
    told = _told(connection, owner, near)
    ranked = sorted(told, key=lambda number: (-_score(told[number]), -number))
    living: list[Any] = []
    for some in _parts(ranked):
        query = select(cards).where(
            cards.c.number.in_(some), cards.c.deleted_at.is_(None), owned_by(owner)
        )
        rows = {row.number: row for row in connection.execute(query)}
        living += [rows[number] for number in some if number in rows]
        if len(living) >= limit:
            break
    found = with_assets(connection, living[:limit])
    return [_as_shown(each, told[each.card.number]) for each in found]


def _told(connection: Connection, owner: str, near: Mapping[str, int]) -> dict[int, dict[str, int]]:
    """Return what counts for each picture: thousandths by tags."""
    newest = (
        select(asset_tags.c.number, asset_tags.c.tag, asset_tags.c.state, asset_tags.c.confidence)
        .where(asset_tags.c.owner == owner, asset_tags.c.tag == name, asset_tags.c.state == state)
        .order_by(asset_tags.c.number.desc())
        .limit(_EACH)
        .subquery()
        for name in near
        for state in ("accepted", "pending")
    )
    found: dict[int, dict[str, int]] = {}
    # By their places: of thousands of rows, to name their columns takes half of the time.
    for number, name, state, confidence in connection.execute(
        union_all(*(select(each) for each in newest))
    ).all():
        told = _UNSURE if confidence is None else confidence
        sure = _SURE if state == "accepted" else told
        found.setdefault(number, {})[name] = near[name] * sure // _SURE
    return found


def _score(tags: Mapping[str, int]) -> int:
    """Return all tags together: each fills a part of what the others left open."""
    left = 1.0
    for value in tags.values():
        left *= 1 - value / _SURE
    return round(_SURE * (1 - left))


def _parts(numbers: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(numbers), _AT_ONCE):
        yield numbers[start : start + _AT_ONCE]


def _as_shown(found: Found, tags: Mapping[str, int]) -> Shown:
    order = sorted(tags, key=lambda name: (-tags[name], name))
    return Shown(found, _score(tags), tuple(order))
