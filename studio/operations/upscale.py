"""Upscale: more pixels for the same picture."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from studio.operations.base import Operation, Picture, PictureFormat, Prompt, Seed, Words


class Upscale(Operation):
    """Enlarge a picture by a fixed factor, fast."""

    module: ClassVar[str] = "upscale"
    title: ClassVar[str] = "Upscale image"
    summary: ClassVar[str] = "Enlarge a picture two or four times, adding fine detail."
    example: ClassVar[dict[str, Any]] = {"image": "example.png", "factor": "2x"}

    operation: Literal["upscale"] = "upscale"
    image: Picture = Field(
        title="Picture", description="A library asset (ast_...) or the path of a file."
    )
    factor: Literal["2x", "4x"] = Field(
        default="4x", title="Factor", description="How many times wider and higher."
    )
    output_format: PictureFormat = Field(
        default="png", title="File type", description="png, jpeg or webp."
    )

    @property
    def times(self) -> int:
        """The factor as a number."""
        return int(self.factor.removesuffix("x"))

    def target(self, width: int, height: int) -> tuple[int, int]:
        """Return the input's size times the factor."""
        return width * self.times, height * self.times


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
