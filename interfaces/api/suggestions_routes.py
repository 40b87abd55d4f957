"""What machines told of pictures, and a person's word on it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from engine.autotag import switch
from interfaces.api.answers import Answer
from interfaces.api.bodies import check_text
from interfaces.api.identity import Admin, Reader, Runner, StudioHere
from interfaces.api.key_first import KeyFirst
from interfaces.api.schema import refuses
from library.suggesting import MOST_LISTED, MOST_SUGGESTED, accept, reject, suggestions, waiting
from library.suggesting import Suggestions as Told
from library.wishes import Wish, wish_of

router = APIRouter(route_class=KeyFirst, tags=["suggestions"])

_Asset = Annotated[
    str,
    Path(max_length=80, description="An asset's id.", examples=["ast_01jd0m2v6k9y3hqk7d0c8r5wxe"]),
]


class SuggestedTag(Answer):
    """A tag that waits for a person's word."""

    tag: str
    source: str
    confidence: int | None = Field(description="In thousandths, where it was told.")


class Suggestions(Answer):
    """All that was told of an asset."""

    asset: str
    looks: list[Mapping[str, Any]] = Field(description="What each source told, and its state.")
    tags: list[SuggestedTag]

    @classmethod
    def of(cls, told: Told) -> Suggestions:
        """Return what was told as an answer."""
        return cls(
            asset=told.asset,
            looks=[dict(each) for each in told.looks],
            tags=[SuggestedTag.model_validate(each, from_attributes=True) for each in told.tags],
        )


class SuggestionsList(Answer):
    """Assets with tags that wait for a person's word, the newest first."""

    assets: list[Suggestions]


class SaidRequest(BaseModel):
    """A person's word on what was told."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"accepted": True, "tags": ["fox"]}}
    )

    accepted: bool
    tags: list[Annotated[str, Field(max_length=60)]] = Field(
        default_factory=list,
        max_length=MOST_SUGGESTED,
        description="Suggested tags; empty for all that was told, the caption too.",
    )


class Said(Answer):
    """The tags that it was said of."""

    asset: str
    accepted: bool
    tags: list[str]


class AutoTagRequest(BaseModel):
    """Who tags what arrives."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"provider": "local", "project": ""}}
    )

    provider: str = Field(max_length=60, description="A provider, auto for the cheapest, or off.")
    project: str = Field(default="", max_length=80, description="Its budget is kept to.")


class AutoTag(Answer):
    """Who tags what arrives."""

    provider: str = Field(description="off for nobody.")
    project: str
    since: datetime | None = Field(description="What was there before is left alone.")

    @classmethod
    def of(cls, wish: Wish | None) -> AutoTag:
        """Return a wish as an answer."""
        on = wish is not None and bool(wish.auto_tag)
        return cls(
            provider=wish.auto_tag if wish is not None and on else "off",
            project=wish.project if wish is not None and on else "",
            since=wish.since if wish is not None and on else None,
        )


@router.get(
    "/library/suggestions",
    operation_id="list_suggestions",
    summary="What waits for a word",
    responses=refuses(),
)
def list_all(
    who: Reader, studio: StudioHere, limit: Annotated[int, Query(ge=1, le=MOST_LISTED)] = 50
) -> SuggestionsList:
    """List what was told of assets and waits for a person's word, the newest asset first."""
    with studio.database.read() as connection:
        names = waiting(connection, who.owner, limit=limit)
        found = [suggestions(connection, who.owner, name) for name in names]
    return SuggestionsList(assets=[Suggestions.of(each) for each in found])


@router.get(
    "/assets/{asset}/suggestions",
    operation_id="get_suggestions",
    summary="What was told of an asset",
    responses=refuses(404),
)
def show(who: Reader, studio: StudioHere, asset: _Asset) -> Suggestions:
    """Show what was told of an asset, by whom, and what of it waits for a person's word."""
    with studio.database.read() as connection:
        return Suggestions.of(suggestions(connection, who.owner, asset))


@router.post(
    "/assets/{asset}/suggestions",
    operation_id="answer_suggestions",
    summary="Accept or reject suggestions",
    responses=refuses(404),
)
def answer(who: Runner, studio: StudioHere, asset: _Asset, wanted: SaidRequest) -> Said:
    """Say yes or no to suggested tags; without tags to all that was told, the caption too.

    A rejected tag is never suggested for this asset again.
    """
    check_text(wanted.model_dump())
    act = accept if wanted.accepted else reject

    def work(connection: Connection) -> list[str]:
        return act(connection, who.owner, asset, wanted.tags, author=who.user)

    return Said(asset=asset, accepted=wanted.accepted, tags=studio.database.write(work))


@router.get(
    "/library/auto-tag", operation_id="get_auto_tag", summary="Who tags what arrives",
    responses=refuses(),
)  # fmt: skip
def get_auto_tag(who: Reader, studio: StudioHere) -> AutoTag:
    """Say who tags what arrives."""
    with studio.database.read() as connection:
        return AutoTag.of(wish_of(connection, who.owner))


@router.put(
    "/library/auto-tag", operation_id="set_auto_tag", summary="Have what arrives tagged",
    responses=refuses(),
)  # fmt: skip
def set_auto_tag(who: Admin, studio: StudioHere, wanted: AutoTagRequest) -> AutoTag:
    """Have the pictures that arrive from now on tagged by themselves, or no more.

    Each passes the gate and costs what tagging costs there; on this machine nothing.
    """
    check_text(wanted.model_dump())
    by = "" if wanted.provider == "off" else wanted.provider
    return AutoTag.of(switch(studio, who.owner, by, who.user, wanted.project))
