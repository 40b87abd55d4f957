"""A batch once more, without its file: what failed, what nobody knows of, or all that is left."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from prefect import State, flow
from prefect.runtime import flow_run as this_run
from prefect.states import Failed
from pydantic import Field

from engine.studio import open_settings
from flows.batch import PARTLY, PRIORITY, carry_out
from flows.batch_hooks import cancelled
from flows.fan_out import THREADS
from flows.forms import MAX_CREDITS, OWNER, PROJECT, USER, caller_of
from flows.single import release
from studio.errors import StudioError
from tasks import named
from tasks.batch import preflight_again
from tasks.states import refused

BATCH = Annotated[
    str,
    Field(
        min_length=1,
        max_length=80,
        json_schema_extra={
            "title": "Batch",
            "description": "Its id (bat_…), as its runs, its manifest and `studio batch status` "
            "have it.",
        },
    ),
]
ROWS = Annotated[
    Literal["failed", "unknown", "failed_and_unknown", "rest"],
    Field(
        json_schema_extra={
            "title": "Rows",
            "description": "failed: those that failed. unknown: those of which nobody knows "
            "whether they were bought; choose it only if it may be paid for a second time. rest: "
            "all that is not done, but for unknown ones.",
        },
    ),
]


@flow(
    name=named.BATCH_AGAIN.flow,
    description="Do rows of a batch again that failed, or all that is left of it.",
    flow_run_name=lambda: f"batch again: {this_run.parameters['batch']}",
    task_runner=THREADS,  # type: ignore[arg-type]  # Prefect's own types disagree
    on_crashed=[release],
    on_cancellation=[cancelled],
)
async def batch_again(
    batch: BATCH,
    rows: ROWS = "failed",
    *,
    as_far_as_it_goes: PARTLY = False,
    priority: PRIORITY = "",
    owner: OWNER = "",
    user: USER = "",
    project: PROJECT = "",
    max_credits: MAX_CREDITS = "",
) -> State[Any]:
    """Do rows of a batch again that failed, or all that is left of it."""
    payer = owner or open_settings().owner
    try:
        caller = caller_of({"user": user, "project": project, "max_credits": max_credits}, payer)
    except StudioError as error:
        return refused(error)
    running = await preflight_again(
        batch, rows, payer, caller, partly=as_far_as_it_goes, priority=priority or None
    )
    if isinstance(running, State):
        return Failed(message=running.message)
    return await carry_out(running, caller.user)
