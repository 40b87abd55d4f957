"""Create: pictures from words."""

from __future__ import annotations

from typing import Any

from prefect import State

from flows.single import operation_flow, run_operation
from studio.operations import EnhancePrompt, Generate


@operation_flow(Generate, "create-image")
async def create_image(**values: Any) -> State[Any]:
    """Make a picture from a description in words."""
    return await run_operation(Generate, values)


@operation_flow(EnhancePrompt, "enhance-prompt")
async def enhance_prompt(**values: Any) -> State[Any]:
    """Have a text model write a better prompt."""
    return await run_operation(EnhancePrompt, values)
