"""Control: pictures that follow a sketch, a structure or a style."""

from __future__ import annotations

from typing import Any

from prefect import State

from flows.single import operation_flow, run_operation
from studio.operations import Sketch, Structure, StyleGuide, StyleTransfer


@operation_flow(Sketch, "sketch-to-image")
async def sketch_to_image(**values: Any) -> State[Any]:
    """Turn a sketch into a picture."""
    return await run_operation(Sketch, values)


@operation_flow(Structure, "structure-to-image")
async def structure_to_image(**values: Any) -> State[Any]:
    """Make a picture with the structure of another."""
    return await run_operation(Structure, values)


@operation_flow(StyleGuide, "image-in-style")
async def image_in_style(**values: Any) -> State[Any]:
    """Make a picture in the style of another."""
    return await run_operation(StyleGuide, values)


@operation_flow(StyleTransfer, "style-transfer")
async def style_transfer(**values: Any) -> State[Any]:
    """Repaint a picture in the style of another."""
    return await run_operation(StyleTransfer, values)
