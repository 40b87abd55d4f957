"""Social Optimizer: one picture, every platform's size."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from studio.catalog import SOCIAL_FORMATS
from studio.operations.base import Colour, Operation, Picture

SAFE = "_safe"
"""What a preview's name has behind that of its format."""

ARCHIVE = "all"
"""The name of the ZIP."""

FIND = -1.0
"""The focal point that leaves it to the studio."""


def _known(identifier: str) -> str:
    if identifier not in SOCIAL_FORMATS:
        raise ValueError(f"is not a social format; allowed: {', '.join(SOCIAL_FORMATS)}")
    return identifier


SocialFormatId = Annotated[
    str, AfterValidator(_known), Field(json_schema_extra={"enum": list(SOCIAL_FORMATS)})
]


class SocialExport(Operation):
    """Fit a picture to the formats of social platforms, keeping the subject in the frame."""

    module: ClassVar[str] = "social"
    title: ClassVar[str] = "Export for social media"
    summary: ClassVar[str] = "Fit a picture to social formats, keeping its subject in the frame."
    example: ClassVar[dict[str, Any]] = {
        "image": "example.png",
        "formats": ["instagram_story", "linkedin_feed_post"],
    }

    operation: Literal["social_export"] = "social_export"
    image: Picture = Field(
        title="Picture", description="A library asset (ast_...) or the path of a file."
    )
    formats: list[SocialFormatId] = Field(
        title="Formats",
        description="One file is made for each.",
        min_length=1,
        max_length=len(SOCIAL_FORMATS),
    )
    fit: Literal["crop", "center", "pad"] = Field(
        default="crop",
        title="Fit",
        description="crop cuts around the subject, center around the picture's middle; "
        "pad keeps all of it and fills the rest.",
    )
    padding: Literal["blurred", "color", "mirrored"] = Field(
        default="blurred",
        title="Padding",
        description="What fills the rest with pad: the picture itself, blurred or mirrored, "
        "or a color.",
    )
    color: Colour = Field(
        default="#ffffff",
        title="Padding color",
        description="As #rrggbb; counts only with the padding color.",
    )
    focus_x: float = Field(
        default=FIND,
        title="Focal point, across",
        description="What crop keeps in view: 0 is the left edge, 1 the right; -1 lets the "
        "studio find it.",
        ge=-1,
        le=1,
    )
    focus_y: float = Field(
        default=FIND,
        title="Focal point, down",
        description="0 is the upper edge, 1 the lower; -1 lets the studio find it.",
        ge=-1,
        le=1,
    )
    safe_zones: bool = Field(
        default=False,
        title="Safe-zone previews",
        description="Also make a second file for each format, in which you see what the platform "
        "may cover.",
    )
    zip: bool = Field(
        default=False,
        title="ZIP of all",
        description="Also make one ZIP of all exports; safe-zone previews are not in it.",
    )
    output_format: Literal["jpeg", "png"] = Field(
        default="jpeg", title="File type", description="jpeg or png; every platform takes both."
    )

    @field_validator("formats")
    @classmethod
    def _once_each(cls, formats: list[str]) -> list[str]:
        if len(set(formats)) != len(formats):
            raise ValueError("names a format twice")
        return formats

    @field_validator("focus_x", "focus_y")
    @classmethod
    def _in_the_picture(cls, place: float) -> float:
        if place < 0 and place != FIND:
            raise ValueError("must be from 0 to 1, or -1 to let the studio find it")
        return place

    @model_validator(mode="after")
    def _whole_focus(self) -> Self:
        if (self.focus_x == FIND) != (self.focus_y == FIND):
            raise ValueError("focus_x and focus_y are given together or not at all (-1)")
        if self.focus is not None and self.fit != "crop":
            raise ValueError(f"focus_x and focus_y need fit crop; {self.fit} has no focal point")
        return self

    @model_validator(mode="after")
    def _colour_to_pad_with(self) -> Self:
        if self.padding == "color" and not self.color:
            raise ValueError("padding color needs a color, such as #ffffff")
        return self

    @property
    def focus(self) -> tuple[float, float] | None:
        """The focal point that was given, as fractions of the picture."""
        return None if self.focus_x == FIND else (self.focus_x, self.focus_y)

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the pictures that it makes, in order: the exports first.

        A ZIP comes behind them all: it is no picture that another operation could take.
        """
        previews = [f"{name}{SAFE}" for name in self.formats] if self.safe_zones else []
        return (*self.formats, *previews)
