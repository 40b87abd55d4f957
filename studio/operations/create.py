"""Create: pictures from words."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from studio.operations.base import Operation, PictureFormat, Prompt, Seed

SMALLEST_SIDE = 64
LARGEST_SIDE = 2_048


class Generate(Operation):
    """Make a picture from a description in words."""

    module: ClassVar[str] = "create"
    title: ClassVar[str] = "Create image"
    summary: ClassVar[str] = "Make a picture from a description in words."
    example: ClassVar[dict[str, Any]] = {"prompt": "a lighthouse at sunset", "seed": 7}

    operation: Literal["generate"] = "generate"
    prompt: Prompt = Field(
        title="Prompt", description="What the picture shows, for example: a fox in a misty forest."
    )
    negative_prompt: str = Field(
        default="", title="Not in the picture", description="What to leave out.", max_length=10_000
    )
    width: int = Field(
        default=1_024,
        title="Width",
        description="Pixels, 64 to 2048.",
        ge=SMALLEST_SIDE,
        le=LARGEST_SIDE,
    )
    height: int = Field(
        default=1_024,
        title="Height",
        description="Pixels, 64 to 2048.",
        ge=SMALLEST_SIDE,
        le=LARGEST_SIDE,
    )
    style: str = Field(
        default="",
        title="Style",
        description="A style by name, for example line-art; empty for none.",
        max_length=60,
    )
    quality: Literal["draft", "standard", "premium"] = Field(
        default="standard", title="Quality", description="How much to spend on it."
    )
    seed: Seed = Field(
        default=-1,
        title="Seed",
        description="The same seed gives the same picture; -1 lets the studio choose.",
    )
    output_format: PictureFormat = Field(
        default="png", title="File type", description="png, jpeg or webp."
    )
