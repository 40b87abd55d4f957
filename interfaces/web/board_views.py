"""What the pages of a board show, put together out of the library."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from engine.board_files import is_given, name_of, title_of
from library import Asset, measure
from library.board_guests import Decided, Visit, comments_by, decisions_by
from library.board_items import Item, items_on
from library.board_links import Link
from library.boards import Board, board_behind
from studio.errors import NotFound

MOST_SHOWN = 200
"""Comments, and decisions, on the page of one file: the newest."""

_PLAYED = ("video", "audio")


@dataclass(frozen=True, slots=True)
class Shown:
    """A file on a page.

    Attributes:
        size: in words.
        plays: ``video`` or ``audio`` for what is played in the page; else empty.
        mine: what the guest who looks at it has decided; empty for nothing.
    """

    id: str
    title: str
    size: str
    plays: str
    mine: str
    approved: int
    rejected: int
    comments: int


@dataclass(frozen=True, slots=True)
class Numbered:
    """An item with its number on the board, from 1."""

    item: Item
    number: int

    @property
    def file_name(self) -> str:
        """What its file is called for guests."""
        return name_of(self.item, self.number)


def items_for(connection: Connection, link: Link) -> list[Numbered]:
    """Return what is on the board of a link."""
    return [
        Numbered(each, number) for number, each in enumerate(items_on(connection, link.board), 1)
    ]


def one_of(items: Sequence[Numbered], identifier: str) -> Numbered:
    """Return the item with an id.

    Raises:
        NotFound: it is not among them.
    """
    found = next((each for each in items if each.item.id == identifier), None)
    if found is None:
        raise NotFound("That is not on this board, or not any more.", field="item")
    return found


def board_values(connection: Connection, visit: Visit) -> dict[str, Any]:
    """Return what the page of a board shows."""
    link = visit.link
    items = items_for(connection, link)
    decided: dict[str, list[Decided]] = defaultdict(list)
    for each in decisions_by(connection, link):
        decided[each.item].append(each)
    comments = Counter(each.item for each in comments_by(connection, link))
    zipped = any(is_given(each.item.asset, details=link.details) for each in items)
    return {
        "board": board_behind(connection, link),
        "items": [
            _shown(each, visit, decided[each.item.id], comments[each.item.id]) for each in items
        ],
        "until": f"{link.expires_at:%d %B %Y, %H:%M} UTC",
        "zip": link.may_download and zipped,
    }


def item_values(connection: Connection, visit: Visit, identifier: str) -> dict[str, Any]:
    """Return what the page of one file shows.

    Raises:
        NotFound: it is not on the board.
    """
    link = visit.link
    items = items_for(connection, link)
    it = one_of(items, identifier)
    place = it.number - 1
    decided = [each for each in decisions_by(connection, link) if each.item == identifier]
    comments = comments_by(connection, link, identifier)
    board: Board = board_behind(connection, link)
    return {
        "board": board,
        "it": _shown(it, visit, decided, len(comments)),
        "number": it.number,
        "total": len(items),
        "before": items[place - 1].item.id if place else "",
        "behind": items[place + 1].item.id if it.number < len(items) else "",
        "says": link.may_comment,
        "download": link.may_download and is_given(it.item.asset, details=link.details),
        "details": _details(it.item.asset) if link.details else [],
        "decisions": decided[-MOST_SHOWN:],
        "more_decisions": max(0, len(decided) - MOST_SHOWN),
        "comments": comments[-MOST_SHOWN:],
        "more_comments": max(0, len(comments) - MOST_SHOWN),
    }


def _shown(it: Numbered, visit: Visit, decided: Sequence[Decided], comments: int) -> Shown:
    item, asset = it.item, it.item.asset
    counts = Counter(each.decision for each in decided)
    kind = asset.media_type.partition("/")[0]
    plays = kind if kind in _PLAYED and is_given(asset, details=visit.link.details) else ""
    return Shown(
        id=item.id,
        title=title_of(item, it.number),
        size=measure(asset.width, asset.height, asset.bytes),
        plays=plays,
        mine=next((each.decision for each in decided if each.guest == visit.guest.id), ""),
        approved=counts["approved"],
        rejected=counts["rejected"],
        comments=comments,
    )


def _details(asset: Asset) -> list[tuple[str, str]]:
    """Return what only a link with details tells of a file."""
    pairs = [
        ("File", asset.name),
        ("Prompt", str(asset.request.get("prompt") or "")),
        ("Made by", " ".join(filter(None, (asset.operation, asset.provider, asset.model)))),
        ("Seed", "" if asset.seed is None else str(asset.seed)),
        ("Made at", f"{asset.created_at:%Y-%m-%d %H:%M} UTC"),
        ("Type", f"{asset.media_type}, {asset.bytes:,} bytes"),
    ]
    return [(name, value) for name, value in pairs if value]
