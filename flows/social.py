"""Social Optimizer: one picture, every platform's size."""

from __future__ import annotations

from typing import Any

from prefect import State, flow

from flows.forms import form
from flows.single import release, run_name, run_operation
from studio.operations import SocialExport


@flow(
    name="export-for-social-media",
    description=SocialExport.summary,
    flow_run_name=run_name,
    on_crashed=[release],
    on_cancellation=[release],
)
@form(SocialExport)
async def export_for_social_media(**values: Any) -> State[Any]:
    """Fit a picture to the formats of social platforms."""
    return await run_operation(SocialExport, values)
