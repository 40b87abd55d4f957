"""Edit: changing what a picture shows."""

from __future__ import annotations

from typing import Any

from prefect import State, flow

from flows.forms import form
from flows.single import release, run_name, run_operation
from studio.operations import RemoveBackground


@flow(
    name="remove-background",
    description=RemoveBackground.summary,
    flow_run_name=run_name,
    on_crashed=[release],
    on_cancellation=[release],
)
@form(RemoveBackground)
async def remove_background(**values: Any) -> State[Any]:
    """Cut the subject out of a picture."""
    return await run_operation(RemoveBackground, values)
