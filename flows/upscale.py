"""Upscale: more pixels for the same picture."""

from __future__ import annotations

from typing import Any

from prefect import State

from flows.single import operation_flow, run_operation
from studio.operations import Upscale, UpscaleConservative, UpscaleCreative


@operation_flow(Upscale, "upscale-image")
async def upscale_image(**values: Any) -> State[Any]:
    """Enlarge a picture."""
    return await run_operation(Upscale, values)


@operation_flow(UpscaleConservative, "upscale-conservative")
async def upscale_conservative(**values: Any) -> State[Any]:
    """Enlarge a picture and change little."""
    return await run_operation(UpscaleConservative, values)


@operation_flow(UpscaleCreative, "upscale-creative")
async def upscale_creative(**values: Any) -> State[Any]:
    """Enlarge a picture and invent what it lacks."""
    return await run_operation(UpscaleCreative, values)
