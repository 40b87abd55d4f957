"""Imports: bringing files from outside into the library."""

from __future__ import annotations

from typing import Annotated, Any

from prefect import State, flow
from prefect.runtime import flow_run as this_run
from prefect.states import Completed, Failed
from pydantic import Field

from engine.studio import open_settings
from flows.forms import OWNER, USER, caller_of
from flows.single import release
from tasks import named
from tasks.imports import import_all, preflight_nothing, release_nothing

_MOST_SOURCES = 1_000
_LONGEST_SOURCE = 4_000
_NAME_LENGTH = 60

SOURCES = Annotated[
    list[Annotated[str, Field(max_length=_LONGEST_SOURCE)]],
    Field(
        min_length=1,
        max_length=_MOST_SOURCES,
        json_schema_extra={
            "title": "What to import",
            "description": "Files, folders and ZIP files of the machine that runs this, and "
            "addresses that begin with https://.",
        },
    ),
]


def _name() -> str:
    sources = this_run.parameters["sources"]
    more = f" and {len(sources) - 1} more" if len(sources) > 1 else ""
    first = str(sources[0]).partition("?")[0] if sources else "nothing"
    return f"import: {first[-_NAME_LENGTH:]}{more}"


@flow(
    name=named.IMPORT.flow,
    description="Bring files into the library: pictures, videos, sounds, texts and 3D models.",
    flow_run_name=_name,
    on_crashed=[release],
    on_cancellation=[release],
)
async def import_files(sources: SOURCES, owner: OWNER = "", user: USER = "") -> State[Any]:
    """Bring files into the library, the same bytes once; tell what is refused."""
    whose = owner or open_settings().owner
    held = await preflight_nothing(whose, caller_of({"user": user}, whose), "Import")
    if isinstance(held, State):
        return Failed(message=held.message)
    try:
        done = await import_all(whose, sources)
    finally:
        await release_nothing(whose, held)
    if isinstance(done, State):
        return Failed(message=done.message)
    return (Failed if done.refused else Completed)(message=done.words())
