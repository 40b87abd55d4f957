"""Upscale: more pixels for the same picture."""

from __future__ import annotations

from typing import Any

from prefect import State, flow

from flows.forms import form
from flows.single import release, run_name, run_operation
from studio.operations import Upscale


@flow(
    name="upscale-image",
    description=Upscale.summary,
    flow_run_name=run_name,
    on_crashed=[release],
    on_cancellation=[release],
)
@form(Upscale)
async def upscale_image(**values: Any) -> State[Any]:
    """Enlarge a picture."""
    return await run_operation(Upscale, values)
