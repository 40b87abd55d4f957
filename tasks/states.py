"""How an error of the studio looks in Prefect: a failed state with words, not a stack trace."""

from __future__ import annotations

import logging
from typing import Any

from prefect.client.schemas.objects import State
from prefect.states import Failed

from engine.jobs import Job
from studio.errors import StudioError


class _Repetition(logging.Filter):
    """Leaves out what Prefect logs of a task that returns a failed state.

    It is the state's program text and an empty stack trace; the next line says the same in words.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        return not record.getMessage().startswith("Task run failed with state: ")


logging.getLogger("prefect.task_runs").addFilter(_Repetition())


def refused(error: StudioError) -> State[Any]:
    """Return a failed state whose message a person can act on."""
    return Failed(message=f"{error.code}: {error}", data=error)


def failed_job(job: Job) -> State[Any]:
    """Return a failed state for a job that failed, or whose outcome nobody knows."""
    error = dict(job.error or {})
    return Failed(message=f"{error.get('code', job.state)}: {error.get('message', '')}", data=job)
