"""Runs as answers: what Prefect says of them, and what the studio's own books say."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import Request
from pydantic import Field
from sqlalchemy import Connection, select

from batches.tables import batches
from engine.job_rows import latest_jobs
from engine.jobs import Job
from engine.studio import Studio
from interfaces.api.answers import Amount, Answer
from interfaces.api.links import Links
from interfaces.api.pictures import Asset
from interfaces.api.runs import Run as Known
from interfaces.api.runs import Runs, Status
from library import find_assets
from studio.errors import StudioError

BATCHES = frozenset({"batch", "batch-again"})
"""Flows that carry out a batch."""

_MOST_PIECES = 10
"""Variations that one request may ask for."""


class Error(Answer):
    """Why something is not done."""

    code: str
    message: str


class Work(Answer):
    """A piece of the work: one attempt to buy something."""

    job: str
    operation: str
    state: str = Field(description="prepared, submitted, generated, settled, failed or unknown")
    offer: str
    spent: Amount
    error: Error | None


class RunLinks(Answer):
    """Where to go on from a run."""

    self: str
    events: str
    cancel: str
    prefect: str = Field(description="Its page in Prefect's UI; empty where there is none.")


class Run(Answer):
    """A run: something that was asked for and is, or was, carried out."""

    id: str
    flow: str
    name: str
    status: Status
    message: str
    error: Error | None
    batch: str | None = Field(description="The batch that it carries out, if it is one.")
    jobs: list[Work]
    assets: list[Asset]
    spent: Amount
    created_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    links: RunLinks


class Runlist(Answer):
    """A page of runs."""

    runs: list[Run]
    next: int | None = Field(description="The offset of the next page; null on the last.")


def runs_of(request: Request) -> Runs:
    """Return who carries runs out."""
    runs: Runs = request.app.state.runs
    return runs


def run_answer(studio: Studio, run: Known) -> Run:
    """Return a run with what it made so far."""
    with studio.database.read() as connection:
        jobs = [] if run.flow in BATCHES else _jobs(connection, run)
        made = [each for job in jobs for each in job.asset_ids()]
        assets = find_assets(connection, run.owner, made)
        batch = _batch(connection, run) if run.flow in BATCHES else None
    links = Links.of(studio.settings)
    here = f"{links.address}/runs/{run.id}"
    return Run(
        **{name: getattr(run, name) for name in _SAME},
        message=run.message,
        error=_error(run),
        batch=batch,
        jobs=[_work(job) for job in jobs],
        assets=[Asset.of(each, links) for each in assets],
        spent=Amount.of(sum(job.credits for job in jobs)),
        links=RunLinks(
            self=here, events=f"{here}/events", cancel=f"{here}/cancel", prefect=run.page
        ),
    )


_SAME = ("id", "flow", "name", "status", "created_at", "started_at", "ended_at")


def _jobs(connection: Connection, run: Known) -> list[Job]:
    """Return the last attempt at each piece; their keys begin with the run's id."""
    pieces = [f"{run.id}#{number}" for number in range(1, _MOST_PIECES + 1)]
    found = latest_jobs(connection, run.owner, [run.id, f"{run.id}#prompt", *pieces])
    return sorted(found.values(), key=lambda job: (not job.key.endswith("#prompt"), job.id))


def _batch(connection: Connection, run: Known) -> str | None:
    """Return the batch that a run carries out, or was the last to."""
    mine = select(batches.c.id).where(batches.c.owner == run.owner)
    found: str | None = connection.execute(
        mine.where(batches.c.run == run.id).order_by(batches.c.created_at.desc()).limit(1)
    ).scalar()
    if found is None and run.flow == "batch-again":
        # It has not begun yet.
        named = batches.c.id == str(run.parameters.get("batch", ""))
        found = connection.execute(mine.where(named)).scalar()
    return found


def _work(job: Job) -> Work:
    error: dict[str, Any] = dict(job.error or {})
    told = Error(code=str(error.get("code", "")), message=str(error.get("message", "")))
    return Work(
        job=job.id,
        operation=str(job.operation["operation"]),
        state=job.state,
        offer=job.offer,
        spent=Amount.of(job.credits),
        error=told if error else None,
    )


def _error(run: Known) -> Error | None:
    """Return why a run is not done; a refusal begins with the error's code."""
    if run.status not in {"failed", "crashed"}:
        return None
    code, found, words = run.message.partition(": ")
    if found and code in _CODES:
        return Error(code=code, message=words)
    return Error(code=f"run_{run.status}", message=run.message)


def _codes(kind: type[StudioError]) -> set[str]:
    return {kind.code}.union(*(_codes(child) for child in kind.__subclasses__()))


_CODES = frozenset(_codes(StudioError))
