"""Collections: nested, an asset in any number of them; a smart one is a search that was kept."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from interfaces.api.answers import Answer
from interfaces.api.bodies import check_text
from interfaces.api.choosing import Choice, as_kept
from interfaces.api.identity import Reader, Runner, StudioHere
from interfaces.api.key_first import KeyFirst
from interfaces.api.schema import refuses
from library.collecting import (
    LONGEST_DESCRIPTION,
    LONGEST_NAME,
    change_collection,
    collection_of,
    collections_of,
    create_collection,
    remove_collection,
)
from library.collecting import Collection as Kept

router = APIRouter(route_class=KeyFirst, tags=["collections"], prefix="/library/collections")

_Id = Annotated[str, Path(max_length=80, description="Its id (col_…).", examples=["col_01…"])]


class NewCollection(BaseModel):
    """A collection that shall be."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"name": "Client", "description": "Autumn"}}
    )

    name: str = Field(min_length=1, max_length=LONGEST_NAME)
    within: str = Field(default="", max_length=80, description="The collection that it is in.")
    description: str = Field(default="", max_length=LONGEST_DESCRIPTION)
    smart: Choice | None = Field(
        default=None, description="Filters that fill it; null for one that is filled by hand."
    )


class CollectionChange(BaseModel):
    """What changes of a collection; what is null or left out stays."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"name": "Client 2"}})

    name: str | None = Field(default=None, max_length=LONGEST_NAME)
    within: str | None = Field(default=None, max_length=80, description="Empty for the top.")
    description: str | None = Field(default=None, max_length=LONGEST_DESCRIPTION)
    cover: str | None = Field(
        default=None, max_length=80, description="The asset that stands for it; empty for none."
    )
    smart: Choice | None = Field(default=None, description="Other filters, of a smart one.")


class Collection(Answer):
    """A collection."""

    id: str
    name: str
    within: str = Field(description="The collection that it is in; empty at the top.")
    description: str
    cover: str = Field(description="The asset that stands for it; empty for none.")
    smart: dict[str, Any] | None = Field(description="The filters of a smart one.")
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, kept: Kept) -> Collection:
        """Return a collection as an answer."""
        same = ("id", "name", "description", "cover", "created_at", "updated_at")
        return cls(
            **{name: getattr(kept, name) for name in same},
            within=kept.parent,
            smart=None if kept.query is None else as_kept(kept.query),
        )


class Counted(Collection):
    """A collection, with how many assets are in it by hand."""

    assets: int


class Collections(Answer):
    """The workspace's collections."""

    collections: list[Counted]


@router.get("", operation_id="list_collections", summary="List collections", responses=refuses())
def list_all(who: Reader, studio: StudioHere) -> Collections:
    """List all collections by name; what is in one is found by the search, with `collection`."""
    with studio.database.read() as connection:
        found = collections_of(connection, who.owner)
    return Collections(
        collections=[
            Counted(**Collection.of(each).model_dump(), assets=number) for each, number in found
        ]
    )


@router.post(
    "",
    operation_id="add_collection",
    summary="Make a collection",
    status_code=HTTPStatus.CREATED,
    responses=refuses(404, 409),
)
def add(who: Runner, studio: StudioHere, wanted: NewCollection) -> Collection:
    """Make a collection: empty, or a smart one that shows what its filters find."""
    _check(wanted)
    filters = wanted.smart.filters() if wanted.smart else None
    return Collection.of(
        studio.database.write(
            lambda connection: create_collection(
                connection,
                who.owner,
                wanted.name,
                parent=wanted.within,
                description=wanted.description,
                filters=filters,
            )
        )
    )


@router.get(
    "/{collection}",
    operation_id="get_collection",
    summary="Show a collection",
    responses=refuses(404),
)
def show(who: Reader, studio: StudioHere, collection: _Id) -> Collection:
    """Show a collection."""
    with studio.database.read() as connection:
        return Collection.of(collection_of(connection, who.owner, collection))


@router.patch(
    "/{collection}",
    operation_id="change_collection",
    summary="Change a collection",
    responses=refuses(404, 409),
)
def change(
    who: Runner, studio: StudioHere, collection: _Id, wanted: CollectionChange
) -> Collection:
    """Rename a collection, move it, describe it, choose its cover, or other filters."""
    _check(wanted)
    filters = wanted.smart.filters() if wanted.smart else None
    return Collection.of(
        studio.database.write(
            lambda connection: change_collection(
                connection,
                who.owner,
                collection,
                name=wanted.name,
                parent=wanted.within,
                description=wanted.description,
                cover=wanted.cover,
                filters=filters,
            )
        )
    )


@router.delete(
    "/{collection}",
    operation_id="remove_collection",
    summary="Remove a collection",
    responses=refuses(404, 409),
)
def remove(who: Runner, studio: StudioHere, collection: _Id) -> Collection:
    """Remove a collection; its assets stay, and what is within it moves up to its place."""
    return Collection.of(
        studio.database.write(
            lambda connection: remove_collection(connection, who.owner, collection)
        )
    )


def _check(wanted: BaseModel) -> None:
    check_text(wanted.model_dump(exclude={"smart": {"since", "until"}}))
