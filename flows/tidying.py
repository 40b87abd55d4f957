"""Clearing up the library: its trash, files that nothing needs, old exports; and a check of all."""

from __future__ import annotations

from typing import Annotated, Any

from prefect import State, flow
from prefect.states import Completed, Failed
from pydantic import Field

from tasks.artifacts import count
from tasks.selections import tidy
from tasks.upkeep import preflight_free

LOOK_ONLY = Annotated[
    bool,
    Field(
        json_schema_extra={
            "title": "Only look",
            "description": "Check that files and rows agree, and remove nothing.",
        }
    ),
]


@flow(
    name="tidy-library",
    description="Empty the trash of what was in it for long enough, remove files that nothing "
    "needs and old exports, and check that files and rows agree.",
)
async def tidy_library(*, look_only: LOOK_ONLY = False) -> State[Any]:
    """Empty the trash, remove files that nothing needs, and check that all agrees."""
    await preflight_free()
    done = await tidy(look_only=look_only)
    removed = done.purged.files + done.orphans.files
    words = (
        f"{done.purged.assets} assets purged, {removed} files and {done.exports} exports removed, "
        f"{done.checked.files} files kept"
    )
    if done.checked.right:
        return Completed(message=words)
    faults = len(done.checked.missing) + len(done.checked.faults)
    what = "`studio library check` tells them again"
    return Failed(message=f"{words}; {count('fault', faults)}. {what}")
