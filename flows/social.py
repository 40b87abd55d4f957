"""Social Optimizer: one picture, every platform's size."""

from __future__ import annotations

from typing import Any

from prefect import State

from flows.single import operation_flow, run_operation
from studio.operations import SocialExport


@operation_flow(SocialExport, "export-for-social-media")
async def export_for_social_media(**values: Any) -> State[Any]:
    """Fit a picture to the formats of social platforms."""
    return await run_operation(SocialExport, values)
