"""Boards as requests and answers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from interfaces.api.answers import Answer
from library import board_links, boards
from library.board_guests import Decided
from library.board_items import MOST_ITEMS, Item
from library.board_links import Link
from studio import passwords

_ASSET = "ast_01jd0m2v6k9y3hqk7d0c8r5wxe"


class BoardRequest(BaseModel):
    """What a board is to be."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"title": "Autumn campaign", "assets": [_ASSET]}},
    )

    title: str = Field(
        default="",
        max_length=boards.LONGEST_TITLE,
        description="What guests read above it; the collection's name, if it is empty.",
    )
    note: str = Field(
        default="", max_length=boards.LONGEST_NOTE, description="What guests are told about it."
    )
    assets: list[str] = Field(
        default_factory=list, max_length=MOST_ITEMS, description="In their order."
    )
    collection: str = Field(
        default="",
        max_length=60,
        description="What is in it now is put behind them; what comes into it later is not.",
    )


class BoardChange(BaseModel):
    """What of a board is to change; what is not given stays."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"first": [_ASSET]}})

    title: str | None = Field(default=None, max_length=boards.LONGEST_TITLE)
    note: str | None = Field(default=None, max_length=boards.LONGEST_NOTE)
    first: list[str] = Field(
        default_factory=list,
        max_length=MOST_ITEMS,
        description="Assets that come first, in this order; the others follow as they were.",
    )


class Chosen(BaseModel):
    """Assets."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"assets": [_ASSET]}})

    assets: list[str] = Field(min_length=1, max_length=MOST_ITEMS)


class NewLink(BaseModel):
    """What a link is to be."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"label": "Client", "days": 14, "download": True}},
    )

    label: str = Field(
        default="",
        max_length=board_links.LONGEST_LABEL,
        description="What it is for; guests do not see it.",
    )
    days: int = Field(
        default=board_links.DAYS,
        ge=1,
        le=board_links.MOST_DAYS,
        description="For how long it counts.",
    )
    views: int | None = Field(
        default=None,
        ge=1,
        le=board_links.MOST_VIEWS,
        description="How often it may be opened; 1,000 times if nothing is said.",
    )
    password: SecretStr = Field(
        default=SecretStr(""),
        description="Guests need it: 8 to 200 characters; empty for none. Its hash alone is kept.",
        # Told alone: the length is checked where a refusal does not repeat what was sent.
        json_schema_extra={"maxLength": passwords.LONGEST},
    )
    download: bool = Field(default=False, description="Whether guests may have the files.")
    comments: bool = Field(
        default=True, description="Whether they may comment, approve and reject."
    )
    details: bool = Field(
        default=False,
        description="Whether they see file names, prompts and models, and have files as they are, "
        "with all their metadata.",
    )


class Board(Answer):
    """A board."""

    id: str
    author: str
    title: str
    note: str
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, board: boards.Board) -> Board:
        """Return a board as an answer."""
        return Board.model_validate(board, from_attributes=True)


class ListedBoard(Board):
    """A board in a list."""

    assets: int = Field(description="How many are on it.")
    links: int = Field(description="How many of its links neither were revoked nor have expired.")


class Boards(Answer):
    """A page of boards, the newest first."""

    boards: list[ListedBoard]
    next: str | None = Field(description="Send it as `before` for the next page; null on the last.")


class BoardDecision(Answer):
    """What a guest decided about an asset."""

    name: str = Field(description="What the guest called itself; nobody has checked it.")
    decision: str = Field(description="approved or rejected")
    link: str
    decided_at: datetime


class BoardAsset(Answer):
    """An asset on a board."""

    asset: str
    name: str
    title: str
    decisions: list[BoardDecision]


class BoardDetail(Board):
    """A board with what is on it."""

    assets: list[BoardAsset]
    views: int = Field(description="How often its links were opened.")
    downloads: int = Field(description="Files that were delivered by its links.")

    @classmethod
    def of_all(
        cls,
        board: boards.Board,
        items: Sequence[Item],
        decided: Sequence[Decided],
        links: Sequence[Link],
    ) -> BoardDetail:
        """Return a board with its assets and what was decided about each."""
        by_item: dict[str, list[BoardDecision]] = {}
        for each in decided:
            told = BoardDecision.model_validate(each, from_attributes=True)
            by_item.setdefault(each.item, []).append(told)
        return cls(
            **Board.of(board).model_dump(),
            assets=[
                BoardAsset(
                    asset=each.asset.id,
                    name=each.asset.name,
                    title=each.title,
                    decisions=by_item.get(each.id, []),
                )
                for each in items
            ],
            views=sum(each.views for each in links),
            downloads=sum(each.downloads for each in links),
        )


class Put(Answer):
    """How many assets are new on a board."""

    added: int


class BoardLink(Answer):
    """A link to a board, without its address."""

    id: str
    board: str
    label: str
    author: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    opens: bool = Field(description="Whether somebody can still open it.")
    password: bool = Field(description="Whether it needs one.")
    download: bool
    comments: bool
    details: bool
    most_views: int
    views: int
    downloads: int

    @classmethod
    def of(cls, link: Link) -> BoardLink:
        """Return what may be told of a link."""
        told = {name: getattr(link, name) for name in cls.model_fields if hasattr(link, name)}
        return BoardLink(
            **told
            | {
                "password": bool(link.password),
                "download": link.may_download,
                "comments": link.may_comment,
            }
        )


class MadeLink(BoardLink):
    """A link with its address, which is told this once."""

    url: str = Field(description="Who has it may open the board. It is not kept.")


class BoardLinks(Answer):
    """A board's links, the newest first."""

    links: list[BoardLink]


class Comment(Answer):
    """What a guest wrote about an asset."""

    id: str
    asset: str
    link: str
    name: str = Field(description="What the guest called itself; nobody has checked it.")
    text: str
    created_at: datetime


class Comments(Answer):
    """A page of comments, the newest first."""

    comments: list[Comment]
    next: str | None = Field(description="Send it as `before` for the next page; null on the last.")


class BoardEvent(Answer):
    """Something that was done with a board."""

    number: int
    at: datetime
    what: str
    who: str
    link: str = Field(description="The link that it was done by; empty for the workspace's doing.")
    detail: str


class BoardEvents(Answer):
    """A page of the audit list, the newest first."""

    events: list[BoardEvent]
    next: int | None = Field(description="Send it as `before` for the next page; null on the last.")
