"""Transform: pictures that move, speak, or can be walked around."""

from __future__ import annotations

from typing import Any

from prefect import State

from flows.single import operation_flow, run_operation
from studio.operations import ImageTo3D, ImageToVideo, TalkingAvatar


@operation_flow(ImageToVideo, "image-to-video")
async def image_to_video(**values: Any) -> State[Any]:
    """Let a picture move."""
    return await run_operation(ImageToVideo, values)


@operation_flow(TalkingAvatar, "talking-avatar")
async def talking_avatar(**values: Any) -> State[Any]:
    """Let a person in a picture speak."""
    return await run_operation(TalkingAvatar, values)


@operation_flow(ImageTo3D, "image-to-3d")
async def image_to_3d(**values: Any) -> State[Any]:
    """Make a solid model of what a picture shows."""
    return await run_operation(ImageTo3D, values)
