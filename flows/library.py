"""Library: words for pictures, so that they are found again."""

from __future__ import annotations

from typing import Any

from prefect import State

from flows.single import operation_flow, run_operation
from studio.operations import TagImage


@operation_flow(TagImage, "tag-image")
async def tag_image(**values: Any) -> State[Any]:
    """Say in words what a picture shows."""
    return await run_operation(TagImage, values)
