"""Upscale: more pixels for the same picture."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Literal

from pydantic import Field

from studio.operations.base import Operation, Picture, PictureFormat, Prompt, Seed, Words

PRESETS: Mapping[str, int] = MappingProxyType({"social": 1_080, "web": 2_048, "print": 3_072})
"""Pixels of the longer side (the original's presets, which it only echoed)."""


class Upscale(Operation):
    """Enlarge a picture by a factor or to a size, fast."""

    module: ClassVar[str] = "upscale"
    title: ClassVar[str] = "Upscale image"
    summary: ClassVar[str] = "Enlarge a picture by a factor or to a size, adding fine detail."
    example: ClassVar[dict[str, Any]] = {"image": "example.png", "factor": "2x"}

    operation: Literal["upscale"] = "upscale"
    image: Picture = Field(
        title="Picture", description="A library asset (ast_...) or the path of a file."
    )
    factor: Literal["2x", "4x"] = Field(
        default="4x", title="Factor", description="How many times wider and higher."
    )
    preset: Literal["none", "social", "web", "print"] = Field(
        default="none",
        title="Preset",
        description="Instead of a factor, pixels of the longer side: social 1080, web 2048, "
        "print 3072.",
    )
    output_format: PictureFormat = Field(
        default="png", title="File type", description="png, jpeg or webp."
    )

    @property
    def times(self) -> int:
        """The factor as a number."""
        return int(self.factor.removesuffix("x"))

    def target(self, width: int, height: int) -> tuple[int, int]:
        """Return the input's size times the factor, or the preset's size."""
        if self.preset == "none":
            return width * self.times, height * self.times
        longer = max(width, height, 1)
        side = PRESETS[self.preset]
        return max(1, round(width * side / longer)), max(1, round(height * side / longer))

    def problem(self, width: int, height: int) -> str:
        """Say that the picture is as large as the preset already; empty when it is not."""
        if self.preset == "none" or max(width, height) < PRESETS[self.preset]:
            return ""
        return (
            f"preset {self.preset} makes {PRESETS[self.preset]} pixels of the longer side, and the "
            f"picture has {max(width, height)}"
        )


class UpscaleConservative(Operation):
    """Enlarge a picture to about four megapixels and change as little as possible."""

    module: ClassVar[str] = "upscale"
    title: ClassVar[str] = "Upscale conservatively"
    summary: ClassVar[str] = "Enlarge to about 4 megapixels, staying close to the original."
    example: ClassVar[dict[str, Any]] = {"image": "example.png", "prompt": "a lighthouse"}

    operation: Literal["upscale_conservative"] = "upscale_conservative"
    image: Picture = Field(
        title="Picture", description="A library asset (ast_...) or the path of a file."
    )
    prompt: Prompt = Field(title="Prompt", description="What the picture shows.")
    negative_prompt: Words = Field(
        default="", title="Not in the picture", description="What to leave out."
    )
    creativity: float = Field(
        default=0.35,
        title="Creativity",
        description="How much may be invented, 0.2 to 0.5.",
        ge=0.2,
        le=0.5,
    )
    seed: Seed = Field(
        default=-1, title="Seed", description="Repeats a result; -1 lets the studio choose."
    )
    output_format: PictureFormat = Field(
        default="png", title="File type", description="png, jpeg or webp."
    )


class UpscaleCreative(Operation):
    """Enlarge a small or poor picture and invent the detail that it lacks."""

    module: ClassVar[str] = "upscale"
    title: ClassVar[str] = "Upscale creatively"
    summary: ClassVar[str] = "Enlarge a small or poor picture, inventing what it lacks."
    example: ClassVar[dict[str, Any]] = {"image": "example.png", "prompt": "a lighthouse"}

    operation: Literal["upscale_creative"] = "upscale_creative"
    image: Picture = Field(
        title="Picture", description="A library asset (ast_...) or the path of a file."
    )
    prompt: Prompt = Field(title="Prompt", description="What the picture shows.")
    negative_prompt: Words = Field(
        default="", title="Not in the picture", description="What to leave out."
    )
    creativity: float = Field(
        default=0.3,
        title="Creativity",
        description="How much may be invented, 0.1 to 0.5.",
        ge=0.1,
        le=0.5,
    )
    style: str = Field(
        default="", title="Style", description="A style by name; empty for none.", max_length=60
    )
    seed: Seed = Field(
        default=-1, title="Seed", description="Repeats a result; -1 lets the studio choose."
    )
    output_format: PictureFormat = Field(
        default="png", title="File type", description="png, jpeg or webp."
    )
