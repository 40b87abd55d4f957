"""Social Optimizer: every platform's size, and files as small or of the kind wanted."""

from __future__ import annotations

from typing import Any

from prefect import State

from flows.single import operation_flow, run_operation
from studio.operations import Compress, Convert, SocialExport


@operation_flow(SocialExport, "export-for-social-media")
async def export_for_social_media(**values: Any) -> State[Any]:
    """Fit a picture to the formats of social platforms."""
    return await run_operation(SocialExport, values)


@operation_flow(Compress, "compress-picture")
async def compress_picture(**values: Any) -> State[Any]:
    """Make a picture's file small, to a limit if there is one."""
    return await run_operation(Compress, values)


@operation_flow(Convert, "convert-picture")
async def convert_picture(**values: Any) -> State[Any]:
    """Write a picture as another kind of file."""
    return await run_operation(Convert, values)
