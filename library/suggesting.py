"""What was told of assets by who looked at them: suggested until a person says yes or no."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, select, update
from sqlalchemy.dialects import postgresql, sqlite

from library.card_tables import asset_tags, cards
from library.ordering import note
from library.tables import asset_looks
from library.tags import tag, tag_named, untag
from studio import clock
from studio.errors import InvalidRequest, NotFound

MOST_SUGGESTED = 50
"""Tags of one look at an asset."""
MOST_LISTED = 500
_LONGEST_CAPTION = 2_000
_MOST_COLOURS = 12


@dataclass(frozen=True, slots=True)
class Told:
    """What somebody told of an asset.

    Attributes:
        source: who told it, as the offer's id.
        job: the job that it comes from.
        tags: words with their likelihood in thousandths, where that was told.
        faces: how many; ``None`` where nobody counted.
        safe: whether it may be shown at work; ``None`` where nobody said.
        safe_confidence: of that, in thousandths, where it was told.
    """

    owner: str
    asset: str
    source: str
    job: str
    caption: str = ""
    tags: Mapping[str, int | None] = field(default_factory=dict)
    colours: Sequence[str] = ()
    faces: int | None = None
    safe: bool | None = None
    safe_confidence: int | None = None


@dataclass(frozen=True, slots=True)
class SuggestedTag:
    """A tag that waits for a person's word; ``confidence`` in thousandths, where it was told."""

    tag: str
    source: str
    confidence: int | None


@dataclass(frozen=True, slots=True)
class Suggestions:
    """All that was told of one asset.

    Attributes:
        looks: what each source told, as JSON values, with its state.
        tags: those that wait for a person's word, the likeliest first.
    """

    asset: str
    looks: tuple[Mapping[str, Any], ...]
    tags: tuple[SuggestedTag, ...]


def suggest(connection: Connection, told: Told) -> None:
    """Take down what was told, within the caller's transaction; it counts from a person's word on.

    What a person has said of a tag before stands. A word that is no tag is left out.
    """
    number = _number(connection, told.owner, told.asset)
    moment = clock.now()
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    look = {
        "job": told.job,
        "caption": told.caption.replace("\0", "")[:_LONGEST_CAPTION],
        "colours": [str(each)[:40] for each in told.colours][:_MOST_COLOURS],
        "faces": told.faces,
        "safe": None if told.safe is None else int(told.safe),
        "safe_confidence": told.safe_confidence,
        "state": "pending",
        "created_at": moment,
    }
    row = dialect.insert(asset_looks).values(
        asset=told.asset, source=told.source, owner=told.owner, **look
    )
    connection.execute(row.on_conflict_do_update(index_elements=["asset", "source"], set_=look))
    rows: dict[str, dict[str, Any]] = {}
    for word, confidence in told.tags.items():
        try:
            name, _ = tag_named(word)
        except InvalidRequest:
            continue
        likely = None if confidence is None else max(0, min(1_000, confidence))
        rows.setdefault(
            name,
            {
                "number": number,
                "tag": name,
                "owner": told.owner,
                "source": told.source,
                "state": "pending",
                "confidence": likely,
                "created_at": moment,
            },
        )
    if rows:
        some = list(rows.values())[:MOST_SUGGESTED]
        connection.execute(dialect.insert(asset_tags).on_conflict_do_nothing(), some)


def suggestions(connection: Connection, owner: str, asset: str) -> Suggestions:
    """Return what was told of an asset, and what of it waits for a person's word.

    Raises:
        NotFound: there is no such asset, or it is somebody else's.
    """
    number = _number(connection, owner, asset)
    looks = select(asset_looks).where(asset_looks.c.asset == asset).order_by(asset_looks.c.source)
    waiting = (
        select(asset_tags.c.tag, asset_tags.c.source, asset_tags.c.confidence)
        .where(asset_tags.c.number == number, asset_tags.c.state == "pending")
        .limit(MOST_LISTED)
    )
    tags = [SuggestedTag(*row) for row in connection.execute(waiting)]
    tags.sort(key=lambda it: (-(it.confidence or 0), it.tag))
    return Suggestions(
        asset,
        tuple(_as_look(row) for row in connection.execute(looks).mappings()),
        tuple(tags),
    )


def waiting(connection: Connection, owner: str, *, limit: int = 50) -> list[str]:
    """Return assets with suggested tags that wait for a person's word, the newest first.

    Raises:
        InvalidRequest: ``limit`` is not within 1 and 500.
    """
    if not 1 <= limit <= MOST_LISTED:
        raise InvalidRequest(
            "That is no size of a list.", field="limit", given=limit, allowed=f"1 to {MOST_LISTED}"
        )
    query = (
        select(cards.c.asset)
        .where(
            cards.c.owner == owner,
            cards.c.deleted_at.is_(None),
            cards.c.number.in_(
                select(asset_tags.c.number).where(
                    asset_tags.c.owner == owner, asset_tags.c.state == "pending"
                )
            ),
        )
        .order_by(cards.c.number.desc())
        .limit(limit)
    )
    return list(connection.execute(query).scalars())


def accept(
    connection: Connection, owner: str, asset: str, tags: Sequence[str] = (), *, author: str = ""
) -> list[str]:
    """Say yes to suggested tags of an asset; to all, and to its caption, where none is named.

    The caption becomes the asset's notes, where it has none, and is found by its words.

    Returns:
        The tags that it bears from now on.

    Raises:
        NotFound: there is no such asset, or it is somebody else's.
        InvalidRequest: a tag is not suggested.
    """
    chosen = _chosen(connection, owner, asset, tags)
    for name in chosen:
        tag(connection, owner, [asset], name, author=author)
    if not tags:
        _take_caption(connection, owner, asset, author)
        _end_looks(connection, asset, "accepted")
    return chosen


def reject(
    connection: Connection, owner: str, asset: str, tags: Sequence[str] = (), *, author: str = ""
) -> list[str]:
    """Say no to suggested tags of an asset; to all that was told of it, where none is named.

    Nobody suggests them for it again. Raises as ``accept``.
    """
    chosen = _chosen(connection, owner, asset, tags)
    for name in chosen:
        untag(connection, owner, [asset], name, author=author)
    if not tags:
        _end_looks(connection, asset, "rejected")
    return chosen


def _number(connection: Connection, owner: str, asset: str) -> int:
    query = select(cards.c.number).where(
        cards.c.asset == asset, cards.c.owner == owner, cards.c.purged_at.is_(None)
    )
    number = connection.execute(query).scalar()
    if number is None:
        raise NotFound("There is no such asset.", field="asset", given=asset)
    return int(number)


def _chosen(connection: Connection, owner: str, asset: str, wanted: Sequence[str]) -> list[str]:
    suggested = [each.tag for each in suggestions(connection, owner, asset).tags]
    names = [tag_named(each)[0] for each in wanted]
    for given, name in zip(wanted, names, strict=True):
        if name not in suggested:
            raise InvalidRequest(
                "That tag is not suggested for it.",
                field="tag",
                given=given,
                allowed=", ".join(suggested[:20]) or "none: nothing is suggested",
            )
    return list(dict.fromkeys(names)) if wanted else suggested


def _take_caption(connection: Connection, owner: str, asset: str, author: str) -> None:
    query = (
        select(asset_looks.c.caption)
        .where(asset_looks.c.asset == asset, asset_looks.c.state == "pending")
        .order_by(asset_looks.c.created_at.desc())
        .limit(1)
    )
    caption = connection.execute(query).scalar()
    notes = connection.execute(select(cards.c.notes).where(cards.c.asset == asset)).scalar()
    if caption and not notes:
        note(connection, owner, asset, caption, author=author)


def _end_looks(connection: Connection, asset: str, state: str) -> None:
    mine = (asset_looks.c.asset == asset, asset_looks.c.state == "pending")
    connection.execute(update(asset_looks).where(*mine).values(state=state))


def _as_look(row: RowMapping) -> dict[str, Any]:
    moment: datetime = row["created_at"]
    return {
        "source": row["source"],
        "job": row["job"],
        "caption": row["caption"],
        "colours": row["colours"],
        "faces": row["faces"],
        "safe_for_work": None if row["safe"] is None else bool(row["safe"]),
        "safe_confidence": row["safe_confidence"],
        "state": row["state"],
        "created_at": moment.isoformat(),
    }


__all__ = [
    "MOST_SUGGESTED",
    "SuggestedTag",
    "Suggestions",
    "Told",
    "accept",
    "reject",
    "suggest",
    "suggestions",
    "waiting",
]
