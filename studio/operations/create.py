"""Create: pictures from words."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from studio.operations.base import (
    LARGEST_SEED,
    Operation,
    OptionalPicture,
    PictureFormat,
    Prompt,
    Seed,
    Words,
)

SMALLEST_SIDE = 64
LARGEST_SIDE = 4_096


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
    negative_prompt: Words = Field(
        default="", title="Not in the picture", description="What to leave out."
    )
    width: int = Field(
        default=1_024,
        title="Width",
        description="Pixels, 64 to 4096.",
        ge=SMALLEST_SIDE,
        le=LARGEST_SIDE,
    )
    height: int = Field(
        default=1_024,
        title="Height",
        description="Pixels, 64 to 4096.",
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
    guidance: float = Field(
        default=0.0,
        title="Guidance",
        description="How closely to follow the prompt, 1 to 20; 0 leaves it to the model.",
        ge=0,
        le=20,
    )
    steps: int = Field(
        default=0,
        title="Steps",
        description="Denoising steps, 1 to 150; 0 leaves them to the model.",
        ge=0,
        le=150,
    )
    reference: OptionalPicture = Field(
        default="", title="Reference", description="A picture to take after; empty for none."
    )
    reference_2: OptionalPicture = Field(
        default="", title="Second reference", description="Empty for none."
    )
    reference_3: OptionalPicture = Field(
        default="", title="Third reference", description="Empty for none."
    )
    seed: Seed = Field(
        default=-1,
        title="Seed",
        description="The same seed gives the same picture; -1 lets the studio choose.",
    )
    variations: int = Field(
        default=1,
        title="Variations",
        description="Pictures to make, 1 to 10; each has the next seed.",
        ge=1,
        le=10,
    )
    output_format: PictureFormat = Field(
        default="png", title="File type", description="png, jpeg or webp."
    )

    def pieces(self) -> tuple[Generate, ...]:
        """Return one request for each variation, with the seeds behind each other."""
        if self.variations == 1:
            return (self,)
        return tuple(
            self.model_copy(
                update={"variations": 1, "seed": (self.seed + number) % (LARGEST_SEED + 1)}
            )
            for number in range(self.variations)
        )

    def target(self, width: int, height: int) -> tuple[int, int]:
        """Return the size asked for."""
        del width, height
        return self.width, self.height


class EnhancePrompt(Operation):
    """Have a text model write a better prompt."""

    module: ClassVar[str] = "create"
    title: ClassVar[str] = "Enhance prompt"
    summary: ClassVar[str] = "Turn a few words into a full description of a picture."
    example: ClassVar[dict[str, Any]] = {"prompt": "a lighthouse"}

    operation: Literal["enhance_prompt"] = "enhance_prompt"
    prompt: Prompt = Field(title="Prompt", description="What the picture shows, in a few words.")
    style: str = Field(
        default="", title="Style", description="A style by name; empty for none.", max_length=60
    )
