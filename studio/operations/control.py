"""Control: pictures that follow a sketch, a structure or a style."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from studio.operations.base import Operation, Picture, PictureFormat, Prompt, Seed, Share, Words

_IMAGE = "A library asset (ast_...) or the path of a file."


class _Control(Operation):
    """What all controlled pictures share."""

    negative_prompt: Words = Field(
        default="", title="Not in the picture", description="What to leave out."
    )
    seed: Seed = Field(
        default=-1, title="Seed", description="Repeats a result; -1 lets the studio choose."
    )
    output_format: PictureFormat = Field(
        default="png", title="File type", description="png, jpeg or webp."
    )


class Sketch(_Control):
    """Turn a sketch into a finished picture."""

    module: ClassVar[str] = "control"
    title: ClassVar[str] = "Sketch to image"
    summary: ClassVar[str] = "Turn a sketch into a finished picture that follows its lines."
    example: ClassVar[dict[str, Any]] = {"image": "example.png", "prompt": "a castle"}

    operation: Literal["sketch"] = "sketch"
    image: Picture = Field(title="Sketch", description=_IMAGE)
    prompt: Prompt = Field(title="Prompt", description="What the picture shows.")
    strength: Share = Field(
        default=0.7, title="Strength", description="How closely to follow the sketch, 0 to 1."
    )
    style: str = Field(
        default="", title="Style", description="A style by name; empty for none.", max_length=60
    )


class Structure(_Control):
    """Make a new picture with the structure of another."""

    module: ClassVar[str] = "control"
    title: ClassVar[str] = "Structure to image"
    summary: ClassVar[str] = "Make a new picture that keeps the structure of another."
    example: ClassVar[dict[str, Any]] = {"image": "example.png", "prompt": "a castle of ice"}

    operation: Literal["structure"] = "structure"
    image: Picture = Field(title="Picture", description=_IMAGE)
    prompt: Prompt = Field(title="Prompt", description="What the picture shows.")
    strength: Share = Field(
        default=0.7, title="Strength", description="How closely to keep the structure, 0 to 1."
    )
    style: str = Field(
        default="", title="Style", description="A style by name; empty for none.", max_length=60
    )


class StyleGuide(_Control):
    """Make a new picture in the style of another."""

    module: ClassVar[str] = "control"
    title: ClassVar[str] = "Image in a style"
    summary: ClassVar[str] = "Make a new picture in the style of another."
    example: ClassVar[dict[str, Any]] = {"image": "example.png", "prompt": "a castle"}

    operation: Literal["style_guide"] = "style_guide"
    image: Picture = Field(title="Style picture", description=_IMAGE)
    prompt: Prompt = Field(title="Prompt", description="What the picture shows.")
    fidelity: Share = Field(
        default=0.5, title="Fidelity", description="How close to the style, 0 to 1."
    )
    width: int = Field(
        default=1_024, title="Width", description="Pixels, 64 to 4096.", ge=64, le=4_096
    )
    height: int = Field(
        default=1_024, title="Height", description="Pixels, 64 to 4096.", ge=64, le=4_096
    )

    def target(self, width: int, height: int) -> tuple[int, int]:
        """Return the size asked for."""
        del width, height
        return self.width, self.height


class StyleTransfer(_Control):
    """Repaint a picture in the style of another."""

    module: ClassVar[str] = "control"
    title: ClassVar[str] = "Style transfer"
    summary: ClassVar[str] = "Repaint a picture in the style of another."
    example: ClassVar[dict[str, Any]] = {"image": "example.png", "style_image": "example.png"}

    operation: Literal["style_transfer"] = "style_transfer"
    image: Picture = Field(title="Picture", description=_IMAGE)
    style_image: Picture = Field(title="Style picture", description=_IMAGE)
    prompt: Words = Field(default="", title="Prompt", description="May be empty.")
    style_strength: Share = Field(
        default=1.0, title="Style", description="How much of the style, 0 to 1."
    )
    composition_fidelity: Share = Field(
        default=0.9, title="Composition", description="How much of the composition, 0 to 1."
    )
    change_strength: Annotated[float, Field(ge=0, le=1)] = Field(
        default=0.9,
        title="Change",
        description="How much may change, 0 to 1; some models begin at 0.1.",
    )
