"""Watch folder: a batch for each file that a folder or bucket brings."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from prefect import State, flow
from prefect.runtime import flow_run as this_run
from prefect.states import Completed
from pydantic import Field

from engine.studio import open_settings
from flows.batch import DEFAULTS, ENCODING, NAME, OPERATION, SKIP_INVALID, WINDOW
from flows.forms import MAX_CREDITS, OWNER, PROJECT, USER
from studio.errors import StudioError
from tasks import named
from tasks.artifacts import count
from tasks.incoming import look_at
from tasks.occurrences import take_turn
from tasks.states import refused
from tasks.upkeep import preflight_free

FOLDER = Annotated[
    str,
    Field(
        min_length=1,
        max_length=1_000,
        json_schema_extra={
            "title": "Folder",
            "description": "Its absolute path on the machine where the studio runs, or an address "
            "such as s3://bucket/inbox. Files that ended are moved to done and failed in it.",
        },
    ),
]
PATTERN = Annotated[
    str,
    Field(
        min_length=1,
        max_length=100,
        json_schema_extra={
            "title": "Files",
            "description": "Which ones, for example *.csv; * stands for anything.",
        },
    ),
]
SETTLE = Annotated[
    int,
    Field(
        ge=1,
        le=86_400,
        json_schema_extra={
            "title": "Seconds of rest",
            "description": "For how long nobody must have written to a file.",
        },
    ),
]


@flow(
    name=named.WATCH.flow,
    description="Look at a folder or bucket, and begin a batch for each file that is complete.",
    flow_run_name=lambda: f"watch: {this_run.parameters['folder']}",
)
async def watch(
    folder: FOLDER,
    pattern: PATTERN = "*.csv",
    settle: SETTLE = 30,
    *,
    name: NAME = "",
    operation: OPERATION = "",
    defaults: DEFAULTS = "",
    encoding: ENCODING = "",
    skip_invalid: SKIP_INVALID = False,
    window: WINDOW = "",
    owner: OWNER = "",
    user: USER = "",
    project: PROJECT = "",
    max_credits: MAX_CREDITS = "",
) -> State[Any]:
    """Look at a folder, and begin a batch for each file that is complete."""
    await preflight_free()
    planned = await take_turn(tell=False)
    if isinstance(planned, State):
        return planned
    parameters = {
        "name": name,
        "operation": operation,
        "defaults": defaults,
        "encoding": encoding,
        "skip_invalid": skip_invalid,
        "window": window,
        "user": user,
        "project": project,
        "max_credits": max_credits,
    }
    try:
        looked = await look_at(
            folder, pattern, timedelta(seconds=settle), owner or open_settings().owner, parameters
        )
    except StudioError as error:
        return refused(error)
    words = f"{count('file', looked.taken)} taken, {looked.done} done, {looked.failed} failed"
    return Completed(message=words)
