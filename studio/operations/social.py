"""Social Optimizer: one picture, every platform's size."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, field_validator

from studio.catalog import SOCIAL_FORMATS
from studio.operations.base import Operation, Picture


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
    fit: Literal["crop", "pad"] = Field(
        default="crop",
        title="Fit",
        description="crop cuts around the subject; pad keeps all of it and fills the rest.",
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
