"""Many pictures of the library at once: worked on as a batch, and taken out as a ZIP or folder."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from prefect import State, flow
from prefect.runtime import flow_run as this_run
from prefect.states import Completed, Failed
from pydantic import Field

from engine.exporting import Exported
from engine.selection import MOST, Selection
from engine.studio import open_settings
from flows.batch import DEFAULTS, PARTLY, PRIORITY, carry_out
from flows.batch_hooks import cancelled
from flows.fan_out import THREADS
from flows.forms import MAX_CREDITS, OWNER, PROJECT, USER, caller_of
from flows.single import release
from studio.errors import StudioError
from tasks.artifacts import count
from tasks.imports import preflight_nothing, release_nothing
from tasks.selections import export_selection, preflight_selection
from tasks.states import refused

_NAME_LENGTH = 60
_NEEDED = "Words, collection, tag or favourites: at least one is needed, and all given must fit."

OPERATION = Annotated[
    str,
    Field(
        min_length=1,
        max_length=500,
        json_schema_extra={
            "title": "Operation",
            "description": "What is done with each picture, for example tag or upscale, or a chain "
            "such as remove_background | upscale 2x.",
        },
    ),
]
WORDS = Annotated[
    str,
    Field(
        max_length=500,
        json_schema_extra={
            "title": "Words",
            "description": f"As the library is searched: prompts, titles, tags, names, ids. "
            f"{_NEEDED}",
        },
    ),
]
COLLECTION = Annotated[
    str,
    Field(
        max_length=120,
        json_schema_extra={
            "title": "Collection",
            "description": "Its name or its id (col_…); what is in collections within it counts, "
            "too. Empty for any.",
        },
    ),
]
TAG = Annotated[
    str,
    Field(
        max_length=200,
        json_schema_extra={"title": "Tag", "description": "That they bear. Empty for any."},
    ),
]
FAVOURITES = Annotated[
    bool,
    Field(
        json_schema_extra={
            "title": "Only favourites",
            "description": "Leave out what nobody marked as a favourite.",
        }
    ),
]
NUMBER = Annotated[
    int,
    Field(
        ge=1,
        le=MOST,
        json_schema_extra={
            "title": "At most so many",
            "description": f"Where more are found, nothing is done. 1 to {MOST:,}.",
        },
    ),
]
KIND = Annotated[
    Literal["any", "image", "video", "audio", "text", "model"],
    Field(json_schema_extra={"title": "Kind", "description": "Of the files."}),
]
PACKED = Annotated[
    Literal["zip", "folder"],
    Field(
        json_schema_extra={
            "title": "As",
            "description": "A ZIP that can be downloaded, or a folder on the machine of the run. "
            "Both have a manifest, and are kept for 7 days.",
        }
    ),
]


def _chosen() -> Selection:
    values = this_run.parameters
    names = ("words", "collection", "tag", "favourites")
    return Selection(**{name: values[name] for name in names if values.get(name)})


@flow(
    name="batch-selection",
    description="Do the same with many pictures of the library; what was done before is free.",
    flow_run_name=lambda: f"{this_run.parameters['operation']}: {_chosen()}"[:_NAME_LENGTH],
    task_runner=THREADS,  # type: ignore[arg-type]  # Prefect's own types disagree
    on_crashed=[release],
    on_cancellation=[cancelled],
)
async def batch_selection(
    operation: OPERATION,
    words: WORDS = "",
    collection: COLLECTION = "",
    tag: TAG = "",
    *,
    favourites: FAVOURITES = False,
    most: NUMBER = 1_000,
    defaults: DEFAULTS = "",
    as_far_as_it_goes: PARTLY = False,
    priority: PRIORITY = "",
    owner: OWNER = "",
    user: USER = "",
    project: PROJECT = "",
    max_credits: MAX_CREDITS = "",
) -> State[Any]:
    """Do the same with many pictures of the library, as a batch."""
    payer = owner or open_settings().owner
    given = {"user": user, "project": project, "max_credits": max_credits}
    try:
        caller = caller_of(given, payer)
    except StudioError as error:
        return refused(error)
    wanted = Selection(words, collection, tag, favourites, "image", most)
    running = await preflight_selection(
        wanted,
        operation,
        defaults,
        payer,
        caller,
        partly=as_far_as_it_goes,
        priority=priority or None,
    )
    if isinstance(running, State):
        return Failed(message=running.message)
    return await carry_out(running, caller.user)


@flow(
    name="export-selection",
    description="Take many files out of the library, as a ZIP or a folder with a manifest.",
    flow_run_name=lambda: f"export: {_chosen()}"[:_NAME_LENGTH],
    on_crashed=[release],
    on_cancellation=[release],
)
async def export_files(
    words: WORDS = "",
    collection: COLLECTION = "",
    tag: TAG = "",
    *,
    favourites: FAVOURITES = False,
    kind: KIND = "any",
    most: NUMBER = 1_000,
    packed: PACKED = "zip",
    owner: OWNER = "",
    user: USER = "",
) -> State[Any]:
    """Take many files out of the library, as a ZIP or a folder with a manifest."""
    whose = owner or open_settings().owner
    caller = caller_of({"user": user}, whose)
    held = await preflight_nothing(whose, caller, "Export")
    if isinstance(held, State):
        return Failed(message=held.message)
    of = "" if kind == "any" else kind
    wanted = Selection(words, collection, tag, favourites, of, most)
    try:
        done = await export_selection(wanted, whose, caller.user, as_zip=packed == "zip")
    finally:
        await release_nothing(whose, held)
    if not isinstance(done, Exported):
        return Failed(message=done.message)
    return Completed(message=f"{count('file', done.files)}, {done.bytes:,} bytes, in {done.path}")
