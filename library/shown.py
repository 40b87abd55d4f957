"""Pictures by what was told of them: by tags, accepted or only suggested, that are near in meaning.

How near a tag is, is said by whoever asks. Nothing is read but tags near enough, of each the newest
pictures, so that no library is too large.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import (
    CompoundSelect,
    Connection,
    Select,
    Text,
    bindparam,
    cast,
    func,
    literal,
    literal_column,
    select,
    union_all,
)

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
    scores = _scores(told)
    # Of equals the newest first.
    ranked = sorted(sorted(scores, reverse=True), key=lambda number: -scores[number])
    living: list[Any] = []
    for some in _parts(ranked, limit):
        query = select(cards).where(
            cards.c.number.in_(some), cards.c.deleted_at.is_(None), owned_by(owner)
        )
        rows = {row.number: row for row in connection.execute(query)}
        living += [rows[number] for number in some if number in rows]
        if len(living) >= limit:
            break
    found = with_assets(connection, living[:limit])
    return [_as_shown(each, scores, told) for each in found]


def _told(connection: Connection, owner: str, near: Mapping[str, int]) -> dict[str, dict[int, int]]:
    """Return what counts for each picture, by tags: thousandths.

    The pictures of a tag come as one text. As rows they would be thousands of objects, for which
    Python's garbage collector goes through all that the process has.
    """
    names = list(near)
    given = {"owner": owner, **{f"tag_{place}": name for place, name in enumerate(names)}}
    found: dict[str, dict[int, int]] = {name: {} for name in near}
    for place, state, text in connection.execute(_newest(len(names)), given).all():
        values = [int(each) for each in (text or "").split()]
        for number, told in zip(values[::2], values[1::2], strict=True):
            sure = _SURE if state == "accepted" else told
            found[names[place]][number] = near[names[place]] * sure // _SURE
    return found


@cache
def _newest(tags: int) -> CompoundSelect[Any]:
    """Return the query of the newest pictures of so many tags, those that bear it and others.

    Of each there is one text: numbers, and how sure each is, one after the other. It is made once:
    that takes longer than to answer it.
    """
    return union_all(
        *(_newest_of(place, state) for place in range(tags) for state in ("accepted", "pending"))
    )


def _newest_of(place: int, state: str) -> Select[Any]:
    mine, named = bindparam("owner", type_=Text), bindparam(f"tag_{place}", type_=Text)
    some = (
        select(asset_tags.c.number, asset_tags.c.confidence)
        .where(asset_tags.c.owner == mine, asset_tags.c.tag == named, asset_tags.c.state == state)
        .order_by(asset_tags.c.number.desc())
        .limit(_EACH)
        .subquery()
    )
    sure = func.coalesce(some.c.confidence, literal_column(str(_UNSURE)))
    pair = cast(some.c.number, Text) + literal_column("' '") + cast(sure, Text)
    kind = literal_column(f"'{state}'", Text)
    return select(literal_column(str(place)), kind, func.aggregate_strings(pair, " "))


def _scores(told: Mapping[str, Mapping[int, int]]) -> dict[int, int]:
    """Return all tags together: each fills a part of what the others left open."""
    left: dict[int, float] = {}
    for pictures in told.values():
        for number, value in pictures.items():
            left[number] = left.get(number, 1.0) * (1 - value / _SURE)
    return {number: round(_SURE * (1 - each)) for number, each in left.items()}


def _parts(numbers: Sequence[int], limit: int) -> Iterator[Sequence[int]]:
    """Yield as many as are wanted and some more: few are in the trash. Then what is left."""
    first = min(2 * limit, _AT_ONCE)
    yield numbers[:first]
    for start in range(first, len(numbers), _AT_ONCE):
        yield numbers[start : start + _AT_ONCE]


def _as_shown(
    found: Found, scores: Mapping[int, int], told: Mapping[str, Mapping[int, int]]
) -> Shown:
    number = found.card.number
    tags = {name: pictures[number] for name, pictures in told.items() if number in pictures}
    order = sorted(tags, key=lambda name: (-tags[name], name))
    return Shown(found, scores[number], tuple(order))
