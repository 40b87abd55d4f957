"""How an error of the studio looks in Prefect: a failed state with words, not a stack trace."""

from __future__ import annotations

from typing import Any

from prefect.client.schemas.objects import State
from prefect.states import Failed

from engine.jobs import Job
from studio.errors import StudioError


def refused(error: StudioError) -> State[Any]:
    """Return a failed state whose message a person can act on."""
    return Failed(message=f"{error.code}: {error}", data=error)


def failed_job(job: Job) -> State[Any]:
    """Return a failed state for a job that failed, or whose outcome nobody knows."""
    error = dict(job.error or {})
    return Failed(message=f"{error.get('code', job.state)}: {error.get('message', '')}", data=job)
