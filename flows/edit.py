"""Edit: changing what a picture shows."""

from __future__ import annotations

from typing import Any

from prefect import State

from flows.single import operation_flow, run_operation
from studio.operations import (
    EditImage,
    Erase,
    FaceSwap,
    Inpaint,
    Outpaint,
    RemoveBackground,
    ReplaceBackground,
    SearchRecolor,
    SearchReplace,
)


@operation_flow(RemoveBackground, "remove-background")
async def remove_background(**values: Any) -> State[Any]:
    """Cut the subject out of a picture."""
    return await run_operation(RemoveBackground, values)


@operation_flow(Erase, "erase")
async def erase(**values: Any) -> State[Any]:
    """Take something out of a picture."""
    return await run_operation(Erase, values)


@operation_flow(Inpaint, "inpaint")
async def inpaint(**values: Any) -> State[Any]:
    """Paint something new where a mask is white."""
    return await run_operation(Inpaint, values)


@operation_flow(Outpaint, "outpaint")
async def outpaint(**values: Any) -> State[Any]:
    """Paint on beyond the edges of a picture."""
    return await run_operation(Outpaint, values)


@operation_flow(SearchReplace, "search-and-replace")
async def search_and_replace(**values: Any) -> State[Any]:
    """Put another thing in the place of one."""
    return await run_operation(SearchReplace, values)


@operation_flow(SearchRecolor, "search-and-recolor")
async def search_and_recolor(**values: Any) -> State[Any]:
    """Give a thing another colour."""
    return await run_operation(SearchRecolor, values)


@operation_flow(ReplaceBackground, "replace-background")
async def replace_background(**values: Any) -> State[Any]:
    """Put the subject before another background."""
    return await run_operation(ReplaceBackground, values)


@operation_flow(EditImage, "edit-image")
async def edit_image(**values: Any) -> State[Any]:
    """Change a picture as words say."""
    return await run_operation(EditImage, values)


@operation_flow(FaceSwap, "swap-face")
async def swap_face(**values: Any) -> State[Any]:
    """Put a face into a picture."""
    return await run_operation(FaceSwap, values)
