"""Where assets come from: lineage, versions, what looks alike, and the same request once more."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import to_jsonable_python
from sqlalchemy import Connection
from starlette.responses import Response

from engine.again import Again, again
from engine.comparison import side_by_side
from interfaces.api.answers import Amount, Answer
from interfaces.api.asking import Started, WayHere, Wish, answered, check_order
from interfaces.api.bodies import PURSE, check_text, order_of
from interfaces.api.choosing import FoundAsset
from interfaces.api.identity import Reader, Runner, StudioHere
from interfaces.api.key_first import KeyFirst
from interfaces.api.links import Links
from interfaces.api.operations import ENDED, REFUSALS
from interfaces.api.schema import refuses
from library import differences, find_asset, lineage, make_current, versions
from library.lineage import MOST_RELATED, MOST_STEPS
from library.search import find_card
from library.similar import similar
from library.versions import MOST_VERSIONS
from studio import imaging

router = APIRouter(route_class=KeyFirst, tags=["versions"], prefix="/assets/{asset}")

_Asset = Annotated[
    str,
    Path(max_length=80, description="An asset's id.", examples=["ast_01jd0m2v6k9y3hqk7d0c8r5wxe"]),
]
_Value = Annotated[str, Field(max_length=5_000)]
_PICTURE = {"content": {"image/png": {"schema": {"type": "string", "format": "binary"}}}}
_CELL = 1_024


class Related(Answer):
    """An asset in a lineage, in short."""

    id: str
    steps: int = Field(description="Away from the one asked for; negative for what it comes from.")
    name: str
    operation: str
    provider: str
    model: str
    seed: int | None
    media_type: str
    bytes: int
    width: int
    height: int
    spent: Amount
    created_at: datetime


class Step(Answer):
    """One step: an asset was made from its parent, which this field of the request named."""

    asset: str
    field: str
    parent: str


class LineageAnswer(Answer):
    """What an asset was made from, and what was made from it."""

    asset: str
    related: list[Related]
    edges: list[Step]
    cut: bool = Field(description="Whether there is more than the limits let through.")


class VersionAnswer(FoundAsset):
    """An asset among its versions."""

    number: int
    before: str = Field(description="The version that it was made from; empty for the first.")
    current: bool


class VersionsAnswer(Answer):
    """All versions of one picture, the oldest first."""

    root: str = Field(description="The first version, which names the whole, also when it is gone.")
    current: str = Field(
        description="The one that counts; in the trash only where all of them are."
    )
    chosen: bool = Field(description="Whether somebody said which counts; else it is the newest.")
    versions: list[VersionAnswer]
    cut: bool


class Current(Answer):
    """Which version counts from now on."""

    asset: str
    root: str
    chosen_at: datetime


class Different(Answer):
    """A field in which two assets are not alike; null where one of them has none."""

    field: str
    one: Any
    other: Any


class Comparison(Answer):
    """In what two assets differ."""

    one: str
    other: str
    same_bytes: bool
    differences: list[Different]


class Alike(FoundAsset):
    """A picture that looks like another one."""

    distance: int = Field(description="Bits of 64 in which their perceptual hashes differ.")


class AlikeList(Answer):
    """The pictures that look like one, the most alike first."""

    similar: list[Alike]


class AgainRequest(BaseModel):
    """What shall be different this time, and what it may come to."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"changes": {"prompt": "a fox in snow"}}}
    )

    changes: dict[Annotated[str, Field(max_length=60)], _Value] = Field(
        default_factory=dict,
        max_length=60,
        description="Values by their fields, as text; assets by their ids.",
    )
    new_seed: bool = Field(default=False, description="Let the studio choose another seed.")
    quote: str = Field(default="", max_length=PURSE["quote"]["maxLength"])
    project: str = Field(default="", max_length=PURSE["project"]["maxLength"])
    max_credits: str = Field(default="", max_length=PURSE["max_credits"]["maxLength"])


@router.get("/lineage", operation_id="get_lineage", summary="Lineage", responses=refuses(404))
def show_lineage(
    who: Reader,
    studio: StudioHere,
    asset: _Asset,
    *,
    depth: Annotated[int, Query(ge=1, le=MOST_STEPS)] = 20,
    limit: Annotated[int, Query(ge=1, le=MOST_RELATED)] = 500,
) -> LineageAnswer:
    """Show all that an asset was made from, and all that was made from it, in one answer."""
    with studio.database.read() as connection:
        found = lineage(connection, who.owner, asset, steps=depth, most=limit)
    related = []
    for each in found.related:
        values = asdict(each)
        related.append(Related(**values | {"spent": Amount.of(values.pop("credits"))}))
    return LineageAnswer(
        asset=found.asset,
        related=related,
        edges=[Step(**asdict(each)) for each in found.edges],
        cut=found.cut,
    )


@router.get("/versions", operation_id="list_versions", summary="Versions", responses=refuses(404))
def list_versions(
    who: Reader,
    studio: StudioHere,
    asset: _Asset,
    limit: Annotated[int, Query(ge=1, le=MOST_VERSIONS)] = 200,
) -> VersionsAnswer:
    """List the versions to which an asset belongs, and which of them counts."""
    links = Links.of(studio.settings)
    with studio.database.read() as connection:
        found = versions(connection, who.owner, asset, most=limit)
        cards = [_answer(connection, who.owner, each.asset.id, links) for each in found.versions]
    return VersionsAnswer(
        root=found.root,
        current=found.current.asset.id,
        chosen=found.chosen,
        versions=[
            VersionAnswer(
                **card.model_dump(),
                number=each.number,
                before=each.before,
                current=each.current,
            )
            for each, card in zip(found.versions, cards, strict=True)
        ],
        cut=found.cut,
    )


def _answer(connection: Connection, owner: str, asset: str, links: Links) -> FoundAsset:
    return FoundAsset.found(find_card(connection, owner, asset), links)


@router.put(
    "/current", operation_id="make_current", summary="Make it the version", responses=refuses(404)
)
def set_current(who: Runner, studio: StudioHere, asset: _Asset) -> Current:
    """Make a version the one that counts; so an earlier one is restored. Nothing is lost."""
    root, at = studio.database.write(
        lambda connection: make_current(connection, who.owner, asset, who.user)
    )
    return Current(asset=asset, root=root, chosen_at=at)


@router.get("/similar", operation_id="list_similar", summary="What looks alike",
            responses=refuses(404))  # fmt: skip
def list_similar(
    who: Reader,
    studio: StudioHere,
    asset: _Asset,
    *,
    distance: Annotated[int, Query(ge=0, le=7)] = 7,
    limit: Annotated[int, Query(ge=1, le=500)] = 20,
) -> AlikeList:
    """List pictures that look like one: smaller, brighter or compressed ones, and variations."""
    links = Links.of(studio.settings)
    with studio.database.read() as connection:
        found = similar(connection, who.owner, asset, distance=distance, limit=limit)
    return AlikeList(
        similar=[
            Alike(**FoundAsset.found(each.found, links).model_dump(), distance=each.distance)
            for each in found
        ]
    )


@router.get(
    "/compare/{other}",
    operation_id="compare_assets",
    summary="In what two differ",
    responses=refuses(404),
)
def compare(who: Reader, studio: StudioHere, asset: _Asset, other: _Asset) -> Comparison:
    """Say in what two assets differ: first in their requests, then in what came of them."""
    with studio.database.read() as connection:
        one, two = (find_asset(connection, who.owner, each) for each in (asset, other))
    return Comparison(
        one=asset,
        other=other,
        same_bytes=one.sha256 == two.sha256,
        differences=[
            Different(**to_jsonable_python(asdict(each))) for each in differences(one, two)
        ],
    )


@router.get(
    "/compare/{other}/picture",
    operation_id="compare_pictures",
    summary="Two side by side",
    response_class=Response,
    responses={200: {"description": "A PNG.", **_PICTURE}, **refuses(404)},
)
def compare_pictures(who: Reader, studio: StudioHere, asset: _Asset, other: _Asset) -> Response:
    """Return two assets side by side as one picture."""
    with studio.database.read() as connection:
        one, two = (find_asset(connection, who.owner, each) for each in (asset, other))
    names = (one.id[-6:], two.id[-6:])
    image = side_by_side(studio.store, one, two, names=names, cell=_CELL)
    return Response(imaging.encode(image, "png"), media_type="image/png")


@router.post(
    "/again",
    operation_id="run_again",
    summary="Run it again",
    status_code=HTTPStatus.ACCEPTED,
    responses={**ENDED, **refuses(*REFUSALS)},
)
async def run_again(way: WayHere, who: Runner, asset: _Asset, wanted: AgainRequest) -> Started:
    """Run again what made an asset: the same request, or with changes; filed as its version.

    It is new work, quoted at the prices of today and bought again.
    """
    check_text(wanted.model_dump())
    plan = partial(again, way.studio, who.owner, asset, wanted.changes, new_seed=wanted.new_seed)
    found: Again = await asyncio.to_thread(plan)
    order = order_of(found.operation, wanted.model_dump(include=set(PURSE)))
    wish = Wish(
        found.operation.operation,
        {**order.values(), **found.parameters()},
        way.key,
        lambda: check_order(way.studio, who, order),
    )
    return await answered(way, who, wish)
