"""Upscale: more pixels for the same picture."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from studio.operations.base import Operation, Picture, PictureFormat, Prompt, Seed, Words

PRESETS: Mapping[str, int] = MappingProxyType({"social": 1_080, "web": 2_048, "print": 3_072})
"""Pixels of the longer side (the original's presets, which it only echoed)."""


LARGEST_LONGER_SIDE = 16_384

LongerSide = Annotated[int, Field(ge=0, le=LARGEST_LONGER_SIDE)]
"""Pixels that the longer side is to have; 0 leaves it to the model."""

_AUTO = (
    "fast, or auto, which decides: creative where more than four times is wanted and there is a "
    "prompt, conservative where the longer side comes to 3000 pixels or more or more than four "
    "times, fast otherwise; if one of them cannot be had within the budget, the next. It says why."
)


class Upscale(Operation):
    """Enlarge a picture by a factor or to a size; fast, or as the studio decides.

    With ``mode`` auto it stands for itself, ``UpscaleConservative`` or ``UpscaleCreative``. Which
    of them depends on the picture, on what can be had and on what it costs, so the engine puts it
    in when it plans (``engine.deciding``).
    """

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
    mode: Literal["fast", "auto"] = Field(default="fast", title="Mode", description=_AUTO)
    prompt: Words = Field(
        default="",
        title="Prompt",
        description="What the picture shows; only for mode auto. Empty rules creative out.",
    )
    budget: float = Field(
        default=0.0,
        title="Budget",
        description="Most credits to spend on it; only for mode auto. 0 for no limit.",
        ge=0,
        le=100_000,
    )
    output_format: PictureFormat = Field(
        default="png", title="File type", description="png, jpeg or webp."
    )

    @model_validator(mode="after")
    def _only_auto_decides(self) -> Self:
        if self.mode == "fast" and (self.prompt or self.budget):
            raise ValueError("prompt and budget count only with mode auto; leave them out")
        return self

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


class _Redrawn(Operation):
    """What those share that make about four megapixels of a picture, whatever its size."""

    longer_side: LongerSide = Field(
        default=0,
        title="Longer side",
        description="Pixels that it is brought to in the end, up to 16384; 0 keeps what is made.",
    )

    def target(self, width: int, height: int) -> tuple[int, int] | None:
        """Return the picture's shape with the longer side asked for; ``None`` without one."""
        longer = max(width, height)
        if not self.longer_side or not longer:
            return None
        return (
            max(1, round(width * self.longer_side / longer)),
            max(1, round(height * self.longer_side / longer)),
        )

    def problem(self, width: int, height: int) -> str:
        """Say that the picture is as large already; empty when it is not."""
        if not self.longer_side or max(width, height) < self.longer_side:
            return ""
        return (
            f"longer_side asks for {self.longer_side} pixels, and the picture has "
            f"{max(width, height)}"
        )


class UpscaleConservative(_Redrawn):
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


class UpscaleCreative(_Redrawn):
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
