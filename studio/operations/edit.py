"""Edit: changing what a picture shows."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from studio.operations.base import (
    Operation,
    OptionalPicture,
    Picture,
    PictureFormat,
    Prompt,
    Seed,
    Share,
    Words,
)

_IMAGE = "A library asset (ast_...) or the path of a file."
_MASK = (
    "White where to change, black or transparent where to keep; it is resized if it has the "
    "picture's shape in another size. Empty takes the picture's transparency."
)

Margin = Annotated[int, Field(ge=0, le=2_000)]
"""Pixels to add at an edge."""

Phrase = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=10_000)]
"""Names a thing in the picture."""


class RemoveBackground(Operation):
    """Cut the subject out of a picture."""

    module: ClassVar[str] = "edit"
    title: ClassVar[str] = "Remove background"
    summary: ClassVar[str] = "Cut the subject out: a PNG with a transparent background."
    example: ClassVar[dict[str, Any]] = {"image": "example.png"}

    operation: Literal["remove_background"] = "remove_background"
    image: Picture = Field(title="Picture", description=_IMAGE)


class _Change(Operation):
    """What all that repaint a picture share."""

    seed: Seed = Field(
        default=-1, title="Seed", description="Repeats a result; -1 lets the studio choose."
    )
    output_format: PictureFormat = Field(
        default="png", title="File type", description="png, jpeg or webp."
    )


class Erase(_Change):
    """Take something out of a picture and fill the gap."""

    module: ClassVar[str] = "edit"
    title: ClassVar[str] = "Erase"
    summary: ClassVar[str] = "Take what a mask covers out of a picture and fill the gap."
    example: ClassVar[dict[str, Any]] = {"image": "example.png", "mask": "example.png"}

    operation: Literal["erase"] = "erase"
    image: Picture = Field(title="Picture", description=_IMAGE)
    mask: OptionalPicture = Field(default="", title="Mask", description=_MASK)
    grow_mask: int = Field(
        default=5, title="Grow mask", description="Pixels, 0 to 20.", ge=0, le=20
    )


class Inpaint(_Change):
    """Paint something new where a mask is white."""

    module: ClassVar[str] = "edit"
    title: ClassVar[str] = "Inpaint"
    summary: ClassVar[str] = "Paint something new into the part of a picture that a mask covers."
    example: ClassVar[dict[str, Any]] = {
        "image": "example.png",
        "mask": "example.png",
        "prompt": "a red balloon",
    }

    operation: Literal["inpaint"] = "inpaint"
    image: Picture = Field(title="Picture", description=_IMAGE)
    mask: OptionalPicture = Field(default="", title="Mask", description=_MASK)
    prompt: Prompt = Field(title="Prompt", description="What to paint there.")
    negative_prompt: Words = Field(
        default="", title="Not in the picture", description="What to leave out."
    )
    grow_mask: int = Field(
        default=5, title="Grow mask", description="Pixels, 0 to 100.", ge=0, le=100
    )
    style: str = Field(
        default="", title="Style", description="A style by name; empty for none.", max_length=60
    )


class Outpaint(_Change):
    """Paint on beyond the edges of a picture."""

    module: ClassVar[str] = "edit"
    title: ClassVar[str] = "Outpaint"
    summary: ClassVar[str] = "Paint on beyond the edges of a picture."
    example: ClassVar[dict[str, Any]] = {"image": "example.png", "right": 128}

    operation: Literal["outpaint"] = "outpaint"
    image: Picture = Field(title="Picture", description=_IMAGE)
    left: Margin = Field(default=0, title="Left", description="Pixels to add, up to 2000.")
    right: Margin = Field(default=0, title="Right", description="Pixels to add, up to 2000.")
    up: Margin = Field(default=0, title="Up", description="Pixels to add, up to 2000.")
    down: Margin = Field(default=0, title="Down", description="Pixels to add, up to 2000.")
    prompt: Words = Field(default="", title="Prompt", description="What to paint; may be empty.")
    creativity: Share = Field(
        default=0.5, title="Creativity", description="How much may be invented, 0 to 1."
    )
    style: str = Field(
        default="", title="Style", description="A style by name; empty for none.", max_length=60
    )

    @model_validator(mode="after")
    def _grows(self) -> Self:
        if not (self.left or self.right or self.up or self.down):
            raise ValueError("must add pixels on at least one side: left, right, up or down")
        return self

    def target(self, width: int, height: int) -> tuple[int, int] | None:
        """Return the picture's size with the margins."""
        if not width:
            return None
        return width + self.left + self.right, height + self.up + self.down


class SearchReplace(_Change):
    """Find a thing by its name and put another in its place."""

    module: ClassVar[str] = "edit"
    title: ClassVar[str] = "Search and replace"
    summary: ClassVar[str] = "Find a thing in a picture by its name and put another in its place."
    example: ClassVar[dict[str, Any]] = {
        "image": "example.png",
        "search": "the person",
        "prompt": "a balloon",
    }

    operation: Literal["search_replace"] = "search_replace"
    image: Picture = Field(title="Picture", description=_IMAGE)
    search: Phrase = Field(title="Find", description="What to replace, for example: the boat.")
    prompt: Prompt = Field(title="Replace by", description="What to put there.")
    negative_prompt: Words = Field(
        default="", title="Not in the picture", description="What to leave out."
    )
    grow_mask: int = Field(
        default=3, title="Grow mask", description="Pixels, 0 to 20.", ge=0, le=20
    )
    style: str = Field(
        default="", title="Style", description="A style by name; empty for none.", max_length=60
    )


class SearchRecolor(_Change):
    """Find a thing by its name and give it another colour."""

    module: ClassVar[str] = "edit"
    title: ClassVar[str] = "Search and recolor"
    summary: ClassVar[str] = "Find a thing in a picture by its name and give it another colour."
    example: ClassVar[dict[str, Any]] = {
        "image": "example.png",
        "search": "the background",
        "prompt": "dark green",
    }

    operation: Literal["search_recolor"] = "search_recolor"
    image: Picture = Field(title="Picture", description=_IMAGE)
    search: Phrase = Field(title="Find", description="What to recolour, for example: the car.")
    prompt: Prompt = Field(title="Colour", description="Its new colour, in words.")
    negative_prompt: Words = Field(
        default="", title="Not in the picture", description="What to leave out."
    )
    grow_mask: int = Field(
        default=3, title="Grow mask", description="Pixels, 0 to 20.", ge=0, le=20
    )
    style: str = Field(
        default="", title="Style", description="A style by name; empty for none.", max_length=60
    )


class ReplaceBackground(_Change):
    """Put the subject before another background and light it to match."""

    module: ClassVar[str] = "edit"
    title: ClassVar[str] = "Replace background and relight"
    summary: ClassVar[str] = "Put the subject before another background and light it to match."
    example: ClassVar[dict[str, Any]] = {
        "image": "example.png",
        "background_prompt": "a beach at dusk",
    }

    operation: Literal["replace_background"] = "replace_background"
    image: Picture = Field(title="Picture", description=_IMAGE)
    background_prompt: Words = Field(
        default="", title="Background", description="The new background, in words."
    )
    background: OptionalPicture = Field(
        default="", title="Background picture", description="Or a picture of it; empty for none."
    )
    foreground_prompt: Words = Field(
        default="", title="Subject", description="What the subject is; may be empty."
    )
    negative_prompt: Words = Field(
        default="", title="Not in the picture", description="What to leave out."
    )
    preserve_subject: Share = Field(
        default=0.6, title="Keep the subject", description="0 repaints it, 1 keeps every pixel."
    )
    background_depth: Share = Field(
        default=0.5,
        title="Keep the depth",
        description="How far the new background follows the old one's depth, 0 to 1.",
    )
    keep_background: bool = Field(
        default=False, title="Keep the background", description="Only change the light."
    )
    light_direction: Literal["none", "left", "right", "above", "below"] = Field(
        default="none", title="Light from", description="none leaves the light to the model."
    )
    light: OptionalPicture = Field(
        default="", title="Light picture", description="A picture lit as wanted; empty for none."
    )
    light_strength: Share = Field(
        default=0.3,
        title="Strength of the light",
        description="0 to 1; counts only with a direction or a light picture.",
    )

    @model_validator(mode="after")
    def _has_background(self) -> Self:
        if not (self.background_prompt or self.background):
            raise ValueError("needs background_prompt or background (or both)")
        return self


class EditImage(_Change):
    """Change a picture as words say."""

    module: ClassVar[str] = "edit"
    title: ClassVar[str] = "Edit by prompt"
    summary: ClassVar[str] = "Change a picture as words say; more pictures may be referred to."
    example: ClassVar[dict[str, Any]] = {"image": "example.png", "prompt": "make it warmer"}

    operation: Literal["edit"] = "edit"
    image: Picture = Field(title="Picture", description=_IMAGE)
    prompt: Prompt = Field(title="Prompt", description="What to change.")
    negative_prompt: Words = Field(
        default="", title="Not in the picture", description="What to leave out."
    )
    reference: OptionalPicture = Field(
        default="", title="Second picture", description="The prompt may speak of it; or empty."
    )
    reference_2: OptionalPicture = Field(
        default="", title="Third picture", description="The prompt may speak of it; or empty."
    )
    strength: Share = Field(
        default=0.7,
        title="Strength",
        description="0 keeps the picture, 1 forgets it; for models that have such a choice.",
    )
    quality: Literal["draft", "standard", "premium"] = Field(
        default="standard", title="Quality", description="How much to spend on it."
    )


class FaceSwap(Operation):
    """Put a person's face into a picture, with that person's consent."""

    module: ClassVar[str] = "edit"
    title: ClassVar[str] = "Swap face"
    summary: ClassVar[str] = "Put a face into a picture, with the consent of the person shown."
    example: ClassVar[dict[str, Any]] = {
        "image": "example.png",
        "face": "example.png",
        "consent": True,
    }

    operation: Literal["face_swap"] = "face_swap"
    image: Picture = Field(title="Picture", description=_IMAGE)
    face: Picture = Field(title="Face", description="A picture of the face.")
    face_number: int = Field(
        default=0,
        title="Which face",
        description="0 is the largest face in the picture, 1 the next, up to 10.",
        ge=0,
        le=10,
    )
    consent: bool = Field(
        default=False,
        title="Consent",
        description="The person whose face is used has agreed to this use.",
    )
    output_format: PictureFormat = Field(
        default="png", title="File type", description="png, jpeg or webp."
    )

    @model_validator(mode="after")
    def _has_consent(self) -> Self:
        if not self.consent:
            raise ValueError("consent must be true: the person whose face is used has agreed")
        return self
