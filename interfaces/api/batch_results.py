"""What a batch leaves: the manifest, the rows that are not done, its pictures on a page and as ZIP.

All of it is made from the database and the store, so that it is there wherever the API runs.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from types import MappingProxyType
from typing import IO, Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from batches import ManifestRow, manifest_csv, manifest_json, manifest_jsonl, named
from batches.parquet import manifest_parquet
from engine.batch_files import errors_file, manifest_rows, summary_of
from engine.batch_sheet import contact_sheet
from engine.batch_view import WAITING, BatchView, view_batch
from engine.batch_zip import write_zip
from engine.studio import Studio
from engine.uses import note_uses
from interfaces.api.batches_routes import BatchId
from interfaces.api.identity import Reader, StudioHere
from interfaces.api.key_first import KeyFirst
from interfaces.api.schema import refuses
from interfaces.api.streams import LARGEST_ZIP, PLACES, closed_by, pieces
from interfaces.ranges import Sent, answer, is_known
from library import Use
from studio import imaging
from studio.errors import AlreadyRunning, InvalidRequest

router = APIRouter(route_class=KeyFirst, tags=["batches"], prefix="/batches/{batch}")

_BINARY: dict[str, Any] = {"content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "A ZIP.", **_BINARY},
    206: {"description": "The part that `Range` asks for.", **_BINARY},
    304: {"description": "It is what `If-None-Match` names."},
    416: {"description": "The file has no such part."},
    **refuses(404, 409),
}
Format = Literal["csv", "json", "jsonl", "parquet"]


_WRITERS: Mapping[str, tuple[str, Callable[[Sequence[ManifestRow]], bytes]]] = MappingProxyType(
    {
        "csv": ("text/csv", manifest_csv),
        "jsonl": ("application/x-ndjson", manifest_jsonl),
        "parquet": ("application/vnd.apache.parquet", manifest_parquet),
    }
)


@router.get(
    "/manifest",
    operation_id="get_manifest",
    summary="What became of every row",
    response_class=Response,
    responses={200: {"description": "The manifest.", **_BINARY}, **refuses(404, 409, 501)},
)
def manifest(
    who: Reader,
    studio: StudioHere,
    batch: BatchId,
    format: Format = "csv",  # noqa: A002 - it is the parameter's name
) -> Response:
    """Return the manifest of a batch all of whose rows have come to an end."""
    view = _ended(studio, who.owner, batch)
    rows = manifest_rows(view)
    if format == "json":
        data = manifest_json(rows, summary_of(studio, view, rows))
        return _saved(data, f"{batch}.json", "application/json")
    media_type, write = _WRITERS[format]
    return _saved(write(rows), f"{batch}.{format}", media_type)


@router.get(
    "/errors",
    operation_id="get_errors",
    summary="The rows that are not done",
    response_class=Response,
    responses={
        200: {"description": "A CSV that does them again.", **_BINARY},
        204: {"description": "There are none."},
        **refuses(404, 409),
    },
)
def errors(who: Reader, studio: StudioHere, batch: BatchId) -> Response:
    """Return the rows that are not done, as a CSV to be mended and sent again."""
    data = errors_file(_ended(studio, who.owner, batch))
    if not data:
        return Response(status_code=HTTPStatus.NO_CONTENT)
    return _saved(data, f"{batch}-errors.csv", "text/csv")


@router.get(
    "/sheet",
    operation_id="get_sheet",
    summary="Its pictures on one page",
    response_class=Response,
    responses={
        200: {"description": "A PNG.", **_BINARY},
        204: {"description": "There is no picture yet."},
        **refuses(404),
    },
)
def sheet(who: Reader, studio: StudioHere, batch: BatchId) -> Response:
    """Return the first hundred pictures of a batch on one page, also while it runs."""
    with studio.database.read() as connection:
        view = view_batch(connection, who.owner, batch)
    image = contact_sheet(studio, view)
    if image is None:
        return Response(status_code=HTTPStatus.NO_CONTENT)
    return _saved(imaging.encode(image, "png"), f"{batch}.png", "image/png")


@router.get(
    "/files",
    operation_id="get_files",
    summary="All files as a ZIP",
    response_class=Response,
    responses=_ANSWERS,
)
async def files(
    request: Request,
    who: Reader,
    studio: StudioHere,
    batch: BatchId,
    names: Annotated[
        str,
        Query(
            max_length=200,
            description="A pattern of the files' names; by default line and row.",
            examples=["{row}-{width}x{height}"],
        ),
    ] = "",
) -> Response:
    """Return the files and the manifest of a batch that has ended as one ZIP.

    The same batch gives the same bytes, so that a download that broke off goes on by `Range`.
    """
    return await asyncio.to_thread(_files, request, studio, who.owner, batch, names)


def _files(request: Request, studio: Studio, owner: str, batch: str, names: str) -> Response:
    view = _ended(studio, owner, batch)
    rows = manifest_rows(view)
    rows = named(rows, names) if names else rows
    etag = hashlib.sha256(manifest_csv(rows)).hexdigest()[:32]
    headers = {
        "Content-Type": "application/zip",
        "Content-Disposition": f'attachment; filename="{batch}.zip"',
    }
    if is_known(request, etag):
        return answer(request, Sent(0, etag, headers, lambda *_: iter(()), lambda: None))
    taken = [Use(owner, row.asset, "download") for row in rows if row.file]
    size = sum(made.size for job in view.jobs.values() for made in job.outputs())
    if size > LARGEST_ZIP:
        raise InvalidRequest(
            "The files are too many for one ZIP.",
            field="batch",
            given=f"{size} bytes",
            allowed=f"at most {LARGEST_ZIP} bytes; fetch them by their links in /rows",
        )
    packed = PLACES.made(lambda file: _write(studio, rows, file))
    sent = Sent(
        size=packed.seek(0, 2),
        etag=etag,
        headers=headers,
        pieces=lambda start, end: pieces(packed, start, end),
        delivered=lambda: note_uses(studio, taken),
    )
    return closed_by(answer(request, sent), packed.close, PLACES.release)


def _write(studio: Studio, rows: Sequence[ManifestRow], file: IO[bytes]) -> None:
    write_zip(studio, rows, file)


def _ended(studio: Studio, owner: str, batch: str) -> BatchView:
    with studio.database.read() as connection:
        view = view_batch(connection, owner, batch)
    if waiting := view.counts()[WAITING]:
        raise AlreadyRunning(
            f"{waiting} rows of this batch have yet to come to an end.", field="batch", given=batch
        )
    return view


def _saved(data: bytes, name: str, media_type: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(data, media_type=media_type, headers=headers)
