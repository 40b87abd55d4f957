"""Putting assets in order: many at once, in one transaction, to be undone; and the trash."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from engine.tidying import empty_trash_of
from interfaces.api.answers import Answer
from interfaces.api.bodies import check_text
from interfaces.api.identity import Admin, Identity, Reader, Runner, StudioHere
from interfaces.api.key_first import KeyFirst
from interfaces.api.schema import refuses
from library import ordering, tags, trash
from library.bulk import MOST_AT_ONCE, Action
from library.ordering import LONGEST_NOTES
from library.undoing import MOST_LISTED, actions_of, undo
from studio.errors import InvalidRequest

router = APIRouter(route_class=KeyFirst, tags=["library"], prefix="/library")

Do = Literal[
    "favourite",
    "unfavourite",
    "rate",
    "tag",
    "untag",
    "collect",
    "uncollect",
    "move",
    "trash",
    "restore",
    "title",
    "notes",
]
_AssetName = Annotated[str, Field(min_length=1, max_length=80)]


class ActionRequest(BaseModel):
    """What to do to which assets."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"do": "tag", "assets": ["ast_01jd0m2v6k9y3hqk7d0c8r5wxe"], "tag": "autumn"}
        },
    )

    do: Do
    assets: list[_AssetName] = Field(min_length=1, max_length=MOST_AT_ONCE)
    rating: int = Field(default=0, ge=0, le=5, description="With rate; 0 takes it away.")
    tag: str = Field(default="", max_length=60, description="With tag and untag.")
    collection: str = Field(
        default="", max_length=80, description="With collect, uncollect, and move (from there)."
    )
    to: str = Field(default="", max_length=80, description="With move: the collection they go to.")
    text: str = Field(
        default="", max_length=LONGEST_NOTES, description="With title and notes, of one asset."
    )


class Done(Answer):
    """Something that was done to assets."""

    id: str | None = Field(description="By which it is undone; null where nothing had to change.")
    done: str
    subject: str = Field(
        description="The tag, the collection (of a move the one they came to) or the rating."
    )
    assets: int = Field(description="How many were changed; what was so already is not counted.")
    author: str
    created_at: datetime
    undone_at: datetime | None

    @classmethod
    def of(cls, action: Action) -> Done:
        """Return an action as an answer."""
        return cls(
            id=action.id or None,
            done=action.action,
            subject=action.subject,
            assets=action.assets,
            author=action.author,
            created_at=action.created_at,
            undone_at=action.undone_at,
        )


class DoneList(Answer):
    """What was done, the newest first."""

    actions: list[Done]


class Emptied(Answer):
    """What is gone for good."""

    assets: int
    files: int = Field(description="Removed at once; young ones are removed by upkeep.")
    bytes: int = Field(description="Of the files that were removed at once.")
    freed: int = Field(description="Bytes that count no more as kept by the workspace.")


Work = Callable[[Connection, Identity, ActionRequest], Action]


def _all(function: Callable[..., Action], *fields: str) -> Work:
    """Return what does something to all of the assets, with these fields of the request."""

    def work(connection: Connection, who: Identity, wanted: ActionRequest) -> Action:
        rest = [_needed(wanted, field) for field in fields]
        return function(connection, who.owner, wanted.assets, *rest, author=who.user)

    return work


def _one(function: Callable[..., Action]) -> Work:
    def work(connection: Connection, who: Identity, wanted: ActionRequest) -> Action:
        if len(wanted.assets) != 1:
            raise InvalidRequest(
                "That is said of one asset at a time.",
                field="assets",
                given=len(wanted.assets),
                allowed="one asset",
            )
        return function(connection, who.owner, wanted.assets[0], wanted.text, author=who.user)

    return work


def _needed(wanted: ActionRequest, field: str) -> object:
    if field not in wanted.model_fields_set:
        raise InvalidRequest(f"To {wanted.do} needs {field}.", field=field, allowed=f"a {field}")
    return getattr(wanted, field)


_WORK: Mapping[str, Work] = MappingProxyType(
    {
        "favourite": _all(ordering.favourite),
        "unfavourite": _all(ordering.unfavourite),
        "rate": _all(ordering.rate, "rating"),
        "tag": _all(tags.tag, "tag"),
        "untag": _all(tags.untag, "tag"),
        "collect": _all(ordering.collect, "collection"),
        "uncollect": _all(ordering.uncollect, "collection"),
        "move": _all(ordering.move, "collection", "to"),
        "trash": _all(trash.trash),
        "restore": _all(trash.restore),
        "title": _one(ordering.entitle),
        "notes": _one(ordering.note),
    }
)


@router.post(
    "/actions",
    operation_id="act_on_assets",
    summary="Do something to assets",
    responses=refuses(404),
)
def act(who: Runner, studio: StudioHere, wanted: ActionRequest) -> Done:
    """Do something to assets in one transaction: if one of them is not there, nothing is done.

    It says how things shall be and changes nothing where they are so: it may be sent again.
    """
    check_text(wanted.model_dump())
    work = _WORK[wanted.do]
    return Done.of(studio.database.write(lambda connection: work(connection, who, wanted)))


@router.get("/actions", operation_id="list_actions", summary="What was done", responses=refuses())
def list_actions(
    who: Reader, studio: StudioHere, limit: Annotated[int, Query(ge=1, le=MOST_LISTED)] = 20
) -> DoneList:
    """List what was done to assets, the newest first."""
    with studio.database.read() as connection:
        found = actions_of(connection, who.owner, limit)
    return DoneList(actions=[Done.of(each) for each in found])


@router.post(
    "/actions/{action}/undo",
    operation_id="undo_action",
    summary="Take back what was done",
    responses=refuses(404, 409),
)
def take_back(
    who: Runner,
    studio: StudioHere,
    action: Annotated[str, Path(min_length=1, max_length=80, examples=["act_01…"])],
) -> Done:
    """Take an action back, as far as nobody has changed it since."""
    return Done.of(studio.database.write(lambda connection: undo(connection, who.owner, action)))


@router.delete("/trash", operation_id="empty_trash", summary="Empty the trash", responses=refuses())
def empty(who: Admin, studio: StudioHere) -> Emptied:
    """Take what is in the trash out of the library for good, up to 10,000 assets at once.

    What something else was made from stays as long as that does.
    """
    gone = empty_trash_of(studio, who.owner)
    return Emptied(assets=gone.assets, files=gone.files, bytes=gone.bytes, freed=gone.freed)
