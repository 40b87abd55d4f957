"""Transform: pictures that move, speak, or can be walked around."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from studio.operations.base import (
    Operation,
    OptionalAudio,
    OptionalPicture,
    Picture,
    Prompt,
    Seed,
    Words,
)

LONGEST_SCRIPT = 1_000

Script = Annotated[str, StringConstraints(strip_whitespace=True, max_length=LONGEST_SCRIPT)]
"""Words that are spoken."""

_IMAGE = "A library asset (ast_...) or the path of a file."


class ImageToVideo(Operation):
    """Let a picture move."""

    module: ClassVar[str] = "transform"
    title: ClassVar[str] = "Image to video"
    summary: ClassVar[str] = "Let a picture move for a few seconds, with sound if wanted."
    example: ClassVar[dict[str, Any]] = {"image": "example.png", "prompt": "the waves roll in"}

    operation: Literal["image_to_video"] = "image_to_video"
    image: Picture = Field(title="Picture", description=_IMAGE)
    prompt: Prompt = Field(title="Prompt", description="What happens.")
    negative_prompt: Words = Field(
        default="", title="Not in the video", description="What to leave out."
    )
    audio: OptionalAudio = Field(
        default="", title="Sound", description="A WAV or MP3 file of 3 to 30 seconds; or empty."
    )
    resolution: Literal["480p", "720p", "1080p"] = Field(
        default="720p", title="Resolution", description="480p, 720p or 1080p."
    )
    duration: int = Field(default=5, title="Duration", description="Seconds, 3 to 10.", ge=3, le=10)
    expand_prompt: bool = Field(
        default=False, title="Expand the prompt", description="Let the model add to it."
    )
    seed: Seed = Field(
        default=-1, title="Seed", description="Repeats a result; -1 lets the studio choose."
    )


class TalkingAvatar(Operation):
    """Let a person in a picture speak."""

    module: ClassVar[str] = "transform"
    title: ClassVar[str] = "Talking avatar"
    summary: ClassVar[str] = "Let the person in a picture speak a recording or a script."
    example: ClassVar[dict[str, Any]] = {"image": "example.png", "audio": "example.wav"}

    operation: Literal["talking_avatar"] = "talking_avatar"
    image: Picture = Field(title="Picture", description=_IMAGE)
    audio: OptionalAudio = Field(
        default="",
        title="Recording",
        description="A WAV or MP3 file of up to 10 minutes; empty with a script.",
    )
    script: Script = Field(
        default="",
        title="Script",
        description="Words to speak instead of a recording, up to 1000 characters; empty with one.",
    )
    mask: OptionalPicture = Field(
        default="", title="Mask", description="White over the person who speaks; empty for all."
    )
    prompt: Words = Field(default="", title="Prompt", description="How they act; may be empty.")
    resolution: Literal["480p", "720p"] = Field(
        default="720p", title="Resolution", description="480p or 720p."
    )
    seed: Seed = Field(
        default=-1, title="Seed", description="Repeats a result; -1 lets the studio choose."
    )

    @model_validator(mode="after")
    def _speaks_one_thing(self) -> Self:
        if not (self.audio or self.script):
            raise ValueError("needs audio (a recording) or script (words to speak)")
        if self.audio and self.script:
            raise ValueError("takes audio or script, not both: leave one of them empty")
        return self


class ImageTo3D(Operation):
    """Make a solid model of what a picture shows."""

    module: ClassVar[str] = "transform"
    title: ClassVar[str] = "Image to 3D"
    summary: ClassVar[str] = "Make a textured 3D model (GLB) of the thing in a picture."
    example: ClassVar[dict[str, Any]] = {"image": "example.png"}

    operation: Literal["image_to_3d"] = "image_to_3d"
    image: Picture = Field(title="Picture", description=_IMAGE)
    texture: Literal["512", "1024", "2048"] = Field(
        default="1024", title="Texture", description="Pixels a side: 512, 1024 or 2048."
    )
    foreground_ratio: float = Field(
        default=0.0,
        title="Foreground ratio",
        description="How much of the frame the thing fills, 0.1 to 2; 0 leaves it to the model.",
        ge=0,
        le=2,
    )
    remesh: Literal["none", "triangle", "quad"] = Field(
        default="none", title="Remesh", description="none, triangle or quad."
    )
    count_of: Literal["none", "vertex", "face"] = Field(
        default="none", title="Count", description="What to limit: none, vertex or face."
    )
    count: int = Field(
        default=1_000,
        title="How many",
        description="Vertices or faces, 100 to 20,000; counts only with a Count.",
        ge=100,
        le=20_000,
    )
    seed: Seed = Field(
        default=-1, title="Seed", description="Repeats a result; -1 lets the studio choose."
    )
