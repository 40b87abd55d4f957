"""Batches: a file of operations, checked, done as a run, told of, and steered."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from typing import IO, Annotated, Literal

from fastapi import APIRouter, Path, Query
from starlette.responses import Response, StreamingResponse

from batches import list_batches, manifest_csv, manifest_jsonl
from engine.batch_approval import Verdict, decide
from engine.batch_control import Verb, ask_for
from engine.batch_files import errors_file, manifest_rows
from engine.batch_view import WAITING, BatchView, view_batch
from engine.batch_zip import write_zip
from engine.studio import Studio
from interfaces.api.asking import Started, WayHere, Wish, answered
from interfaces.api.batch_answers import (
    Batch,
    Batches,
    BatchRequest,
    Checked,
    Rows,
    Word,
    batch_answer,
    check_batch,
    check_batch_funds,
    listed,
    rows_answer,
)
from interfaces.api.identity import Batcher, Reader, StudioHere
from interfaces.api.operations import ENDED
from interfaces.api.schema import refuses
from studio.errors import AlreadyRunning, InvalidRequest

router = APIRouter(tags=["batches"], prefix="/batches")

LARGEST_ZIP = 2_000_000_000
"""Bytes of the files of one ZIP."""

_PIECE = 1 << 18
BatchId = Annotated[str, Path(max_length=80, description="A batch's id (bat_…).")]
_FILE = {"content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}}


@router.post(
    "/check",
    operation_id="check_batch",
    summary="Check and quote a batch",
    responses=refuses(402, 404, 413, 501),
)
def check(who: Batcher, studio: StudioHere, wanted: BatchRequest) -> Checked:
    """Say all that is wrong with a file (422, `problems`), or what it costs. Nothing is held."""
    return check_batch(studio, who, wanted)


@router.post(
    "",
    operation_id="start_batch",
    summary="Do a batch",
    status_code=HTTPStatus.ACCEPTED,
    responses={**ENDED, **refuses(402, 404, 409, 413, 501, 502)},
)
async def start(way: WayHere, who: Batcher, wanted: BatchRequest) -> Started:
    """Do every row of a file that is not done yet, out of one hold; answers with its run."""
    values = wanted.values()
    wish = Wish("batch", values, way.key, lambda: check_batch_funds(way.studio, who, wanted))
    return await answered(way, who, wish)


@router.get("", operation_id="list_batches", summary="List batches", responses=refuses())
def list_all(
    who: Reader, studio: StudioHere, limit: Annotated[int, Query(ge=1, le=500)] = 50
) -> Batches:
    """List the newest batches, the newest first."""
    with studio.database.read() as connection:
        found = list_batches(connection, who.owner, limit)
    return Batches(batches=[listed(studio, each) for each in found])


@router.get("/{batch}", operation_id="get_batch", summary="Show a batch", responses=refuses(404))
def show(who: Reader, studio: StudioHere, batch: BatchId) -> Batch:
    """Say how a batch stands: its rows by status, what it came to, what is wished of it."""
    return batch_answer(studio, who.owner, batch)


@router.get("/{batch}/rows", operation_id="list_rows", summary="List rows", responses=refuses(404))
def rows(
    who: Reader,
    studio: StudioHere,
    batch: BatchId,
    *,
    status: Annotated[str, Query(max_length=20, examples=["failed"])] = "",
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
) -> Rows:
    """List a batch's rows in the file's order: what became of each, and what it made."""
    return rows_answer(studio, who.owner, batch, status, page=(offset, limit))


@router.post(
    "/{batch}/{verb}",
    operation_id="steer_batch",
    summary="Pause, resume or cancel a batch",
    responses=refuses(404, 409),
)
def steer(who: Batcher, studio: StudioHere, batch: BatchId, verb: Verb) -> Batch:
    """Let no further row begin, go on, or let none begin any more. Rows under way finish."""
    studio.database.write(
        partial(
            ask_for,
            owner=who.owner,
            batch=batch,
            verb=verb,
            user=who.user,
            worker=studio.worker,
            lasts=timedelta(minutes=studio.settings.hold_minutes),
        )
    )
    return batch_answer(studio, who.owner, batch)


@router.put(
    "/{batch}/approval",
    operation_id="approve_batch",
    summary="Approve or reject a batch",
    responses=refuses(404, 409),
)
def approve(who: Batcher, studio: StudioHere, batch: BatchId, word: Word) -> Batch:
    """Give the word that a batch above its account's limit waits for."""
    verdict: Verdict = "approved" if word.approved else "rejected"
    studio.database.write(
        partial(
            decide,
            owner=who.owner,
            batch=batch,
            verdict=verdict,
            by=who.user,
            reason=word.reason,
            lasts=timedelta(minutes=studio.settings.hold_minutes),
        )
    )
    return batch_answer(studio, who.owner, batch)


@router.get(
    "/{batch}/manifest",
    operation_id="get_manifest",
    summary="What became of every row",
    response_class=Response,
    responses={200: {"description": "The manifest.", **_FILE}, **refuses(404, 409)},
)
def manifest(
    who: Reader,
    studio: StudioHere,
    batch: BatchId,
    format: Literal["csv", "jsonl"] = "csv",  # noqa: A002 - it is the parameter's name
) -> Response:
    """Return the manifest of a batch all of whose rows have come to an end."""
    found = manifest_rows(_ended(studio, who.owner, batch))
    if format == "jsonl":
        return _saved(manifest_jsonl(found), f"{batch}.jsonl", "application/x-ndjson")
    return _saved(manifest_csv(found), f"{batch}.csv", "text/csv")


@router.get(
    "/{batch}/errors",
    operation_id="get_errors",
    summary="The rows that are not done",
    response_class=Response,
    responses={
        200: {"description": "A CSV that does them again.", **_FILE},
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
    "/{batch}/files",
    operation_id="get_files",
    summary="All files as a ZIP",
    response_class=Response,
    responses={200: {"description": "A ZIP.", **_FILE}, **refuses(404, 409)},
)
async def files(who: Reader, studio: StudioHere, batch: BatchId) -> Response:
    """Return the files and the manifest of a batch that has ended as one ZIP."""
    packed = await asyncio.to_thread(_pack, studio, who.owner, batch)
    return StreamingResponse(
        _pieces(packed),
        media_type="application/zip",
        headers={"Content-Disposition": f'attachment; filename="{batch}.zip"'},
    )


def _pack(studio: Studio, owner: str, batch: str) -> IO[bytes]:
    found = _ended(studio, owner, batch)
    size = sum(made.size for job in found.jobs.values() for made in job.outputs())
    if size > LARGEST_ZIP:
        raise InvalidRequest(
            "The files are too many for one ZIP.",
            field="batch",
            given=f"{size} bytes",
            allowed=f"at most {LARGEST_ZIP} bytes; fetch them by their links in /rows",
        )
    packed = tempfile.TemporaryFile()  # noqa: SIM115 - closed once it was sent
    try:
        write_zip(studio, manifest_rows(found), packed)
        packed.seek(0)
    except BaseException:
        packed.close()
        raise
    return packed


def _pieces(packed: IO[bytes]) -> Iterator[bytes]:
    with packed:
        while piece := packed.read(_PIECE):
            yield piece


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
