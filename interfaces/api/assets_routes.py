"""Uploads, and the library."""

from __future__ import annotations

import asyncio
from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from pydantic import Field
from starlette.datastructures import UploadFile

from engine.asset_origin import origin_of
from engine.uploads import MOST_BYTES, take_in
from interfaces.api.answers import Answer
from interfaces.api.choosing import OneAsset
from interfaces.api.identity import Reader, Runner, StudioHere
from interfaces.api.key_first import KeyFirst
from interfaces.api.library_routes import Uses
from interfaces.api.links import Links
from interfaces.api.pictures import Asset
from interfaces.api.schema import refuses
from library import Filters, find_asset, find_card, list_assets, uses_of
from studio.errors import InvalidRequest

router = APIRouter(route_class=KeyFirst, tags=["assets"])

UPLOADS = "/uploads"
LARGEST_UPLOAD = MOST_BYTES + 65_536
"""Bytes of a request that uploads a file: the file and what is around it."""

AssetId = Annotated[
    str,
    Path(max_length=80, description="An asset's id.", examples=["ast_01jd0m2v6k9y3hqk7d0c8r5wxe"]),
]
_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "title": "Upload",
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {
                            "type": "string",
                            "format": "binary",
                            "description": "A picture (PNG, JPEG, WebP, GIF), a sound (WAV, MP3), "
                            "a batch (CSV, JSONL, XLSX), or a ZIP to be imported.",
                        }
                    },
                }
            }
        },
    }
}


class Page(Answer):
    """A page of assets, the newest first."""

    assets: list[Asset]
    next: str | None = Field(description="Send it as `before` for the next page; null on the last.")


@router.post(
    UPLOADS,
    operation_id="upload",
    summary="Bring a file in",
    status_code=HTTPStatus.CREATED,
    responses=refuses(413),
    openapi_extra=_FORM,
)
async def upload(request: Request, who: Runner, studio: StudioHere) -> Asset:
    """Bring a file in and get its asset; the same bytes again are the same asset.

    What it is is told by its bytes. It is read by who was let in alone, and goes to disk as it
    comes.
    """
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise InvalidRequest(
            "A file comes as a form.",
            field="Content-Type",
            given=request.headers.get("content-type", ""),
            allowed="multipart/form-data with the field file",
        )
    async with request.form(max_files=1, max_fields=4, max_part_size=65_536) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise InvalidRequest(
                "There is no file.", field="file", allowed="the field file, with a file's name"
            )
        data = await file.read(MOST_BYTES + 1)
        name = file.filename or "file"
    asset = await asyncio.to_thread(take_in, studio.inputs, name, data, who.owner)
    return await asyncio.to_thread(lambda: Asset.of(asset, Links.of(studio.settings)))


@router.get("/assets", operation_id="list_assets", summary="List assets", responses=refuses(404))
def list_all(
    who: Reader,
    studio: StudioHere,
    *,
    kind: Annotated[str, Query(max_length=20, examples=["image"])] = "",
    operation: Annotated[str, Query(max_length=200)] = "",
    provider: Annotated[str, Query(max_length=200)] = "",
    model: Annotated[str, Query(max_length=200)] = "",
    since: Annotated[datetime | None, Query()] = None,
    until: Annotated[datetime | None, Query()] = None,
    words: Annotated[
        str, Query(max_length=200, description="Words of prompts, names, tags and models.")
    ] = "",
    before: Annotated[str, Query(max_length=80)] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Page:
    """List assets, the newest first: all of them, or those that fit every filter."""
    filters = Filters(kind, operation, provider, model, since, until, words=words)
    with studio.database.read() as connection:
        found = list_assets(connection, who.owner, limit=limit, before=before, filters=filters)
    links = Links.of(studio.settings)
    return Page(
        assets=[Asset.of(each, links) for each in found],
        next=found[-1].id if len(found) == limit else None,
    )


@router.get(
    "/assets/{asset}", operation_id="get_asset", summary="Show an asset", responses=refuses(404)
)
def show(who: Reader, studio: StudioHere, asset: AssetId) -> OneAsset:
    """Show an asset and the work that it came from, with links that are good for an hour."""
    with studio.database.read() as connection:
        found = find_card(connection, who.owner, asset)
        origin = origin_of(connection, found.asset)
    return OneAsset.one(found, origin, Links.of(studio.settings))


@router.get(
    "/assets/{asset}/uses",
    operation_id="get_asset_uses",
    summary="How often it was delivered",
    responses=refuses(404),
)
def show_uses(who: Reader, studio: StudioHere, asset: AssetId) -> Uses:
    """Say how often an asset was viewed, downloaded and seen through a share since it is there."""
    with studio.database.read() as connection:
        find_asset(connection, who.owner, asset)
        return Uses(**uses_of(connection, who.owner, asset))
