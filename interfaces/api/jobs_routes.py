"""Jobs: what was asked of providers, and a person's word where nobody knows more."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query

from engine.jobs import Job as Known
from engine.resume import find_job, find_jobs
from engine.resume import resolve as end
from interfaces.api.answers import Amount, Answer
from interfaces.api.identity import Reader, Runner, StudioHere
from interfaces.api.key_first import KeyFirst
from interfaces.api.run_answers import Error
from interfaces.api.schema import refuses

router = APIRouter(route_class=KeyFirst, tags=["jobs"], prefix="/jobs")

State = Literal["prepared", "submitted", "generated", "settled", "failed", "unknown"]
JobId = Annotated[str, Path(max_length=80, description="A job's id (job_…).")]


class Job(Answer):
    """One attempt to buy something."""

    id: str
    state: State
    operation: str
    offer: str
    reason: str
    attempt: int
    run: str
    price: Amount
    spent: Amount
    assets: list[str]
    error: Error | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, job: Known) -> Job:
        """Return a job as an answer."""
        error = dict(job.error or {})
        told = Error(code=str(error.get("code", "")), message=str(error.get("message", "")))
        same = ("id", "state", "offer", "reason", "attempt", "run", "created_at", "updated_at")
        return cls(
            **{name: getattr(job, name) for name in same},
            operation=str(job.operation["operation"]),
            price=Amount.of(job.price),
            spent=Amount.of(job.credits),
            assets=list(job.asset_ids()),
            error=told if error else None,
        )


class Jobs(Answer):
    """Jobs, those that changed last first."""

    jobs: list[Job]


class Verdict(Answer):
    """What was found in the provider's bill."""

    bought: bool


@router.get("", operation_id="list_jobs", summary="List jobs", responses=refuses())
def list_jobs(
    who: Reader,
    studio: StudioHere,
    state: Annotated[list[State] | None, Query(max_length=6)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Jobs:
    """List jobs, those that changed last first; by default those that have not ended well."""
    wanted = state or ("prepared", "submitted", "generated", "failed", "unknown")
    with studio.database.read() as connection:
        return Jobs(jobs=[Job.of(job) for job in find_jobs(connection, who.owner, wanted, limit)])


@router.get("/{job}", operation_id="get_job", summary="Show a job", responses=refuses(404))
def get_job(who: Reader, studio: StudioHere, job: JobId) -> Job:
    """Show a job."""
    with studio.database.read() as connection:
        return Job.of(find_job(connection, who.owner, job))


@router.post(
    "/{job}/resolve", operation_id="resolve_job", summary="End a job", responses=refuses(404, 409)
)
def resolve(who: Runner, studio: StudioHere, job: JobId, verdict: Verdict) -> Job:
    """End a job whose outcome nobody knew: bought is paid for, not bought gives credits back."""
    return Job.of(end(studio, who.owner, job, "bought" if verdict.bought else "not_bought"))
