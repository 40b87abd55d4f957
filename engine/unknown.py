"""Jobs whose outcome nobody knew, once somebody does: by a person's word, or by the provider's id.

Each function writes many units within the caller's transaction and answers each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from engine.job_rows import lock_jobs, move
from engine.jobs import Job
from engine.journal import Failure, note_failure
from studio.errors import Conflict, StudioError


@dataclass(frozen=True, slots=True)
class Resolution:
    """A person's word on a job whose outcome nobody knew.

    Attributes:
        charge: micro-credits: the price where it was bought, 0 where it was not.
    """

    job: Job
    charge: int


def resolve(connection: Connection, units: Sequence[Resolution]) -> Sequence[StudioError | None]:
    """End unknown jobs: what was bought is paid, what was not goes back."""
    unknown = {
        job.id: job
        for job in lock_jobs(connection, [unit.job.id for unit in units])
        if job.state == "unknown"
    }
    right = [unit for unit in units if unit.job.id in unknown]
    failures = []
    for unit in right:
        error = dict(unknown[unit.job.id].error or {}) | {
            "billed": bool(unit.charge),
            "resolved": "bought" if unit.charge else "not bought",
        }
        job = unknown[unit.job.id]
        expense = job.cost if unit.charge else 0
        failures.append(Failure(job, error, "failed", unit.charge, expense))
    move(connection, ("unknown",), [{"job": each.job.id, "state": "prepared"} for each in failures])
    note_failure(connection, failures)
    gone = Conflict("The outcome of this job is known by now.", field="job")
    return [None if unit.job.id in unknown else gone for unit in units]


@dataclass(frozen=True, slots=True)
class Attachment:
    """An unknown job that was found at its provider, under the name that it has there."""

    job: Job
    worker: str
    remote_id: str


def attach(connection: Connection, units: Sequence[Attachment]) -> Sequence[bool]:
    """Make unknown jobs submitted again; ``False`` for one whose outcome is known."""
    found = {job.id: job for job in lock_jobs(connection, [unit.job.id for unit in units])}
    right = [unit for unit in units if found[unit.job.id].state == "unknown"]
    move(
        connection,
        ("unknown",),
        [
            {
                "job": unit.job.id,
                "state": "submitted",
                "remote_id": unit.remote_id,
                "worker": unit.worker,
                # That nobody knew of it is over: what is done has no error in any manifest.
                "error": None,
            }
            for unit in right
        ],
    )
    return [unit in right for unit in units]
