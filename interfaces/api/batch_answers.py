"""Batches as answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from pydantic import Field

from batches import BatchRecord, BatchSpec, Row, fill_name, find_batch, given_of
from engine.batch_again import plan_again
from engine.batch_approval import approval_of
from engine.batch_control import wish_of
from engine.batch_losses import batch_losses
from engine.batch_plan import read_file
from engine.batch_quoting import plan_at_quote, quote_left, sign_batch_quote
from engine.batch_source import open_source
from engine.batch_view import BatchView, view_batch
from engine.studio import Studio
from engine.whatif import what_if
from interfaces.api.answers import Amount, Answer
from interfaces.api.asking import check_funds
from interfaces.api.batch_requests import BatchRequest, RetryRequest
from interfaces.api.identity import Identity
from interfaces.api.run_answers import Error
from studio import credits as money
from studio.clock import now

_OPTIONS = ("operation", "defaults", "encoding", "skip_invalid")


class RowQuote(Answer):
    """A row that would be done."""

    line: int
    row: str
    operation: str
    price: Amount
    free: str | None = Field(description="Why it costs nothing, if it does not.")


class Fault(Answer):
    """What is wrong with a row that is left out."""

    line: int
    row: str
    field: str
    value: str
    rule: str


class RowsLoss(Answer):
    """Something that is not used: an animation's further frames, or a style that is none."""

    words: str
    rows: int = Field(description="Of how many rows it is true.")
    first: list[str] = Field(description="The names of the first five of them.")


class Checked(Answer):
    """A file in order, and what doing the rest of it would cost."""

    batch: str
    source: str
    rows: int
    total: Amount = Field(description="Of what is left to buy.")
    id: str = Field(description="Of the quote.")
    token: str = Field(description="Send it as `quote` with this very batch.")
    expires_at: datetime
    quoted: list[RowQuote] = Field(description="The first 1,000 rows.")
    left_out: list[Fault]
    losses: list[RowsLoss] = Field(
        description="What is not used of what its rows give; the first 100."
    )


class Unable(Answer):
    """A row that a provider cannot do, and why."""

    line: int
    row: str
    reason: str


class Alternative(Answer):
    """The batch, priced with one provider; auto is what routing would choose."""

    provider: str
    total: Amount = Field(description="Of the rows that it can do.")
    rows: int = Field(description="How many it can do.")
    does_all: bool
    not_ready: str = Field(description="Why it could not be asked now; empty where it could.")
    unable: list[Unable] = Field(description="The first 100 rows that it cannot do.")


class WhatIf(Answer):
    """The batch, priced with each provider: those who do all first, the cheapest at the top."""

    rows: int
    alternatives: list[Alternative]


class Wished(Answer):
    """What somebody wishes of a batch that runs."""

    wish: str
    user: str
    until: datetime
    at: datetime


class Batch(Answer):
    """A batch and how it stands."""

    id: str
    name: str
    source: str
    state: str
    rows: int
    started: int = Field(description="How often it was started.")
    counts: Mapping[str, int] = Field(description="Rows by status.")
    complete: bool
    spent: Amount
    wish: Wished | None
    approval: Mapping[str, Any] | None
    created_at: datetime
    finished_at: datetime | None


class Listed(Answer):
    """A batch in a list."""

    id: str
    name: str
    source: str
    state: str
    rows: int
    created_at: datetime
    finished_at: datetime | None


class Batches(Answer):
    """The newest batches."""

    batches: list[Listed]


class RowEnd(Answer):
    """A row, and what became of it."""

    line: int
    row: str
    operation: str
    status: str
    spent: Amount
    assets: list[str]
    error: Error | None


class Rows(Answer):
    """A page of rows."""

    rows: list[RowEnd]
    next: int | None = Field(description="The offset of the next page; null on the last.")


_MOST_QUOTED = 1_000
_MOST_UNABLE = 100
_MOST_LOSSES = 100


def _read(studio: Studio, who: Identity, wanted: BatchRequest) -> BatchSpec:
    values = wanted.values()
    moment = now()
    day, time = moment.date().isoformat(), f"{moment:%H:%M}"
    given = replace(given_of(**{name: values[name] for name in _OPTIONS}), day=day, time=time)
    source = open_source(studio, wanted.file, who.owner, who.user)
    return read_file(
        studio,
        source.data,
        source=source.name,
        owner=who.owner,
        name=fill_name(wanted.name, day, time),
        folder=source.folder,
        given=given,
        user=who.user,
    )


def check_batch(studio: Studio, who: Identity, wanted: BatchRequest) -> Checked:
    """Read, plan and quote a batch file, and sign the quote. Nothing is held.

    Raises:
        BatchInvalid: it has faults, all of which are in ``details['problems']``.
    """
    found = _read(studio, who, wanted)
    planned, signed, token = sign_batch_quote(studio, found, skip_invalid=wanted.skip_invalid)
    spec, quoted = planned.spec, quote_left(studio, planned)
    prices = {line.key: line.amount for line in quoted.quote.lines} if quoted.quote else {}
    return Checked(
        batch=spec.id,
        source=spec.source,
        rows=len(spec.rows),
        total=Amount.of(quoted.total),
        id=signed.id,
        token=token,
        expires_at=signed.expires_at,
        quoted=[
            RowQuote(
                line=row.line,
                row=row.name,
                operation=row.operation.operation,
                price=Amount.of(prices.get(row.name, 0)),
                free=quoted.free.get(row.name),
            )
            for row in spec.rows[:_MOST_QUOTED]
        ],
        left_out=[Fault(**problem.as_dict()) for problem in spec.left_out],
        losses=[
            RowsLoss.model_validate(loss, from_attributes=True)
            for loss in batch_losses(studio, planned, quoted.free)[:_MOST_LOSSES]
        ],
    )


def price_batch(studio: Studio, who: Identity, wanted: BatchRequest) -> WhatIf:
    """Read a batch file and price it with each provider. Nothing is held."""
    spec = _read(studio, who, wanted)
    return WhatIf(
        rows=len(spec.rows),
        alternatives=[
            Alternative(
                provider=each.provider,
                total=Amount.of(each.total),
                rows=each.rows,
                does_all=each.does_all,
                not_ready=each.not_ready,
                unable=[
                    Unable.model_validate(it, from_attributes=True)
                    for it in each.unable[:_MOST_UNABLE]
                ],
            )
            for each in what_if(studio, spec)
        ],
    )


def check_batch_funds(studio: Studio, who: Identity, wanted: BatchRequest) -> None:
    """Refuse a batch that is faulty, or that ceiling or wallet do not carry."""
    most = _ceiling(wanted.max_credits)
    found = _read(studio, who, wanted)
    planned = plan_at_quote(studio, found, wanted.quote, skip_invalid=wanted.skip_invalid)
    if not wanted.as_far_as_it_goes:
        check_funds(studio, who.owner, quote_left(studio, planned).total, most)


def check_retry_funds(studio: Studio, who: Identity, batch: str, wanted: RetryRequest) -> None:
    """Refuse rows that cannot be done again, or that ceiling or wallet do not carry."""
    most = _ceiling(wanted.max_credits)
    again = plan_again(studio, who.owner, batch, wanted.rows, who.user)
    if not wanted.as_far_as_it_goes:
        check_funds(studio, who.owner, again.quote().total, most)


def _ceiling(text: str) -> int | None:
    return money.parse(text, field="max_credits") if text else None


def state_of(studio: Studio, record: BatchRecord) -> str:
    """Return a batch's state; one whose process is gone without an ending was cut off."""
    if record.state == "running" and not (record.worker and studio.worker.alive(record.worker)):
        return "cut_off"
    return record.state


def listed(studio: Studio, record: BatchRecord) -> Listed:
    """Return a batch for a list."""
    same = ("id", "name", "source", "rows", "created_at", "finished_at")
    known = {name: getattr(record, name) for name in same}
    return Listed(**known, state=state_of(studio, record))


def batch_answer(studio: Studio, owner: str, batch: str) -> Batch:
    """Return a batch and how it stands.

    Raises:
        NotFound: ``owner`` has no such batch.
    """
    with studio.database.read() as connection:
        record = find_batch(connection, owner, batch)
        view = view_batch(connection, owner, batch)
        wish = wish_of(connection, batch)
        word = approval_of(connection, batch)
    return Batch(
        **listed(studio, record).model_dump(),
        started=record.round,
        counts=dict(view.counts()),
        complete=view.complete,
        spent=Amount.of(view.spent),
        wish=Wished.model_validate(wish, from_attributes=True) if wish else None,
        approval=word.as_dict() if word else None,
    )


def rows_answer(studio: Studio, owner: str, batch: str, status: str, page: tuple[int, int]) -> Rows:
    """Return a page of a batch's rows, of all or of one status.

    Raises:
        NotFound: ``owner`` has no such batch.
    """
    with studio.database.read() as connection:
        view = view_batch(connection, owner, batch)
    statuses = view.statuses()
    wanted = [row for row in view.spec.rows if status in {"", statuses[row.name]}]
    offset, limit = page
    shown = wanted[offset : offset + limit]
    more = offset + limit < len(wanted)
    return Rows(
        rows=[_row(view, row, statuses[row.name]) for row in shown],
        next=offset + limit if more else None,
    )


def _row(view: BatchView, row: Row, status: str) -> RowEnd:
    job = view.job_of(row)
    ending: Mapping[str, Any] = view.endings.get(row.name) or (job.error if job else None) or {}
    told = Error(code=str(ending.get("code", "")), message=str(ending.get("message", "")))
    return RowEnd(
        line=row.line,
        row=row.name,
        operation=row.operation.operation,
        status=status,
        spent=Amount.of(job.credits if job is not None and not row.same_as else 0),
        assets=list(job.asset_ids()) if job else [],
        error=told if ending else None,
    )
