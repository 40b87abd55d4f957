"""Batches: a file of operations, checked, done as a run, told of, and steered."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Query

from batches import list_batches
from engine.batch_approval import Verdict, decide
from engine.batch_control import Verb, ask_for
from engine.studio import Studio
from interfaces.api.asking import Started, WayHere, Wish, answered
from interfaces.api.batch_answers import (
    Batch,
    Batches,
    Checked,
    Rows,
    WhatIf,
    batch_answer,
    check_batch,
    check_batch_funds,
    check_retry_funds,
    listed,
    price_batch,
    rows_answer,
)
from interfaces.api.batch_requests import BatchRequest, RetryRequest, Word
from interfaces.api.identity import Batcher, Identity, Reader, StudioHere
from interfaces.api.key_first import KeyFirst
from interfaces.api.operations import ENDED
from interfaces.api.schema import refuses

router = APIRouter(route_class=KeyFirst, tags=["batches"], prefix="/batches")

BatchId = Annotated[str, Path(max_length=80, description="A batch's id (bat_…).")]


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
    "/what-if",
    operation_id="price_batch",
    summary="Price a batch with each provider",
    responses=refuses(402, 404, 413, 501),
)
def price(who: Batcher, studio: StudioHere, wanted: BatchRequest) -> WhatIf:
    """Say what a batch would come to with each provider, and what one cannot do."""
    return price_batch(studio, who, wanted)


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
    "/{batch}/retry",
    operation_id="retry_batch",
    summary="Do rows of a batch again",
    status_code=HTTPStatus.ACCEPTED,
    responses={**ENDED, **refuses(402, 404, 409, 413, 501, 502)},
)
async def retry(way: WayHere, who: Batcher, batch: BatchId, wanted: RetryRequest) -> Started:
    """Do rows of a batch again, out of one hold; it needs no file. Answers with its run.

    What is done is done. Rows whose outcome nobody knows are bought again only if it is said.
    """
    values = {"batch": batch, **wanted.values()}
    wish = Wish(
        "batch-again", values, way.key, lambda: check_retry_funds(way.studio, who, batch, wanted)
    )
    return await answered(way, who, wish)


@router.post(
    "/{batch}/{verb}",
    operation_id="steer_batch",
    summary="Pause, resume or cancel a batch",
    responses=refuses(404, 409),
)
def steer(who: Batcher, studio: StudioHere, batch: BatchId, verb: Verb) -> Batch:
    """Let no further row begin, go on, or let none begin any more. Rows under way finish."""
    return _say(studio, who, batch, ask_for, verb=verb, user=who.user, worker=studio.worker)


@router.put(
    "/{batch}/approval",
    operation_id="approve_batch",
    summary="Approve or reject a batch",
    responses=refuses(404, 409),
)
def approve(who: Batcher, studio: StudioHere, batch: BatchId, word: Word) -> Batch:
    """Give the word that a batch above its account's limit waits for."""
    verdict: Verdict = "approved" if word.approved else "rejected"
    return _say(studio, who, batch, decide, verdict=verdict, by=who.user, reason=word.reason)


def _say(
    studio: Studio, who: Identity, batch: str, keep: Callable[..., object], **said: object
) -> Batch:
    """Keep what somebody says of a batch, and return how it then stands."""
    lasts = timedelta(minutes=studio.settings.hold_minutes)
    studio.database.write(partial(keep, owner=who.owner, batch=batch, lasts=lasts, **said))
    return batch_answer(studio, who.owner, batch)
