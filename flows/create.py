"""Create: pictures from words."""

from __future__ import annotations

from typing import Any

from prefect import State, flow

from flows.forms import form
from flows.single import release, run_name, run_operation
from studio.operations import Generate


@flow(
    name="create-image",
    description=Generate.summary,
    flow_run_name=run_name,
    on_crashed=[release],
    on_cancellation=[release],
)
@form(Generate)
async def create_image(**values: Any) -> State[Any]:
    """Make a picture from a description in words."""
    return await run_operation(Generate, values)
