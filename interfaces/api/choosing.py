"""Which assets: the filters of the library as a query, as a body, and as they are kept."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from engine.asset_origin import Origin
from interfaces.api.answers import Amount
from interfaces.api.links import Links
from interfaces.api.pictures import Asset
from library import Filters
from library.cards import COLOURS
from library.filters import LONGEST, LONGEST_SEARCH, STATUSES
from library.filters import Kind as FileKind
from library.search import Found
from studio import credits as money

Sort = Literal[
    "ranked", "newest", "oldest", "largest", "smallest", "dearest", "cheapest", "rating", "name"
]

_LARGEST = 2**53


def _word(says: str) -> Any:
    return Field(default="", max_length=LONGEST, description=says)


def _size(says: str) -> Any:
    return Field(default=None, ge=0, le=_LARGEST, description=says)


def _amount(says: str) -> Any:
    return Field(default="", max_length=20, description=says, examples=["12.5"])


class Choice(BaseModel):
    """Which assets; all filters hold together, and what is left out asks for nothing."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"words": "red fox", "favourite": True}}
    )

    words: str = Field(
        default="",
        max_length=LONGEST_SEARCH,
        description="Words of prompts, titles, tags, file names, models and notes, and ids. All "
        "must be there; one after - must not.",
    )
    kind: Literal["", *get_args(FileKind)] = Field(  # type: ignore[valid-type]
        default="", description="Only files of this kind."
    )
    operation: str = _word("Only what this made; import for what was brought in.")
    provider: str = _word("Only what this provider made.")
    model: str = _word("Only what this model made, by its whole name.")
    module: str = _word("Only what this module made.")
    template: str = _word("Only what was made by this template.")
    status: Literal["", *STATUSES] = Field(  # type: ignore[valid-type]
        default="",
        description="completed is what is in the library; pending, processing, failed and unknown "
        "is work that has come to no asset, in the ledger of jobs.",
    )
    tag: str = _word("Only what bears this tag.")
    collection: str = _word("Only what is in this collection (col_…), or in one within it.")
    colour: Literal["", *COLOURS] = Field(  # type: ignore[valid-type]
        default="", description="Only pictures in which it stands out."
    )
    shape: str = Field(
        default="",
        max_length=20,
        description="square, landscape, portrait, or a ratio.",
        examples=["16:9"],
    )
    favourite: bool | None = Field(default=None, description="Only favourites, or only others.")
    rating: int = Field(default=0, ge=0, le=5, description="Only what is rated as high.")
    since: datetime | None = Field(default=None, description="Filed then or later; with offset.")
    until: datetime | None = Field(default=None, description="Filed before; with offset.")
    least_bytes: int | None = _size("Not smaller, in bytes.")
    most_bytes: int | None = _size("Not larger, in bytes.")
    least_width: int | None = _size("Not narrower, in pixels.")
    least_height: int | None = _size("Not lower, in pixels.")
    least_credits: str = _amount("Not cheaper, in credits.")
    most_credits: str = _amount("Not dearer, in credits.")

    def filters(self, *, trashed: bool = False) -> Filters:
        """Return the filters that were asked for.

        Raises:
            InvalidRequest: one of them is not right.
        """
        values = {name: getattr(self, name) for name in Choice.model_fields}
        for field in ("least_credits", "most_credits"):
            text = values[field]
            values[field] = money.parse(text, field=field) if text else None
        return Filters(**values, trashed=trashed)


def as_kept(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return filters that were kept as they are given: amounts in credits."""
    found = dict(values)
    for field in ("least_credits", "most_credits"):
        if isinstance(found.get(field), int):
            found[field] = Amount.of(found[field]).credits
    return found


class FoundAsset(Asset):
    """An asset with what people said about it."""

    title: str = Field(description="What people call it; empty for its file's name.")
    notes: str
    rating: int = Field(description="1 to 5; 0 for none.")
    favourite_at: datetime | None
    deleted_at: datetime | None = Field(description="Since when it is in the trash.")
    status: str
    tags: list[str]
    colours: list[str]

    @classmethod
    def found(cls, found: Found, links: Links) -> FoundAsset:
        """Return an asset of the library and its card as an answer."""
        card = found.card
        return cls(
            **Asset.of(found.asset, links).model_dump(),
            title=card.title,
            notes=card.notes,
            rating=card.rating,
            favourite_at=card.favourite_at,
            deleted_at=card.deleted_at,
            status=card.status,
            tags=list(card.tags),
            colours=list(card.colours),
        )


class OneAsset(FoundAsset):
    """An asset by itself: also with the work that it came from."""

    job: str = Field(description="The job that made it; empty for what was brought in.")
    batch: str = Field(description="The batch for which it was made; empty for none.")
    row: str = Field(description="The name of its row in that batch.")

    @classmethod
    def one(cls, found: Found, origin: Origin, links: Links) -> OneAsset:
        """Return an asset, its card and where it comes from as an answer."""
        about = FoundAsset.found(found, links).model_dump()
        return cls(**about, job=origin.job, batch=origin.batch, row=origin.row)
