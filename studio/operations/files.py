"""Files: the same picture in fewer bytes, or as another kind of file."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from studio.operations.base import Colour, Operation, Picture

_IMAGE = "A library asset (ast_...) or the path of a file."

MAX_SIDE = 8_192
MOST_KILOBYTES = 40_000


class Compress(Operation):
    """Make a picture's file small, to a limit if there is one."""

    module: ClassVar[str] = "social"
    title: ClassVar[str] = "Compress picture"
    summary: ClassVar[str] = "Make a picture's file as small as wanted, at the best quality."
    example: ClassVar[dict[str, Any]] = {"image": "example.png", "max_kilobytes": 200}

    operation: Literal["compress"] = "compress"
    image: Picture = Field(title="Picture", description=_IMAGE)
    max_kilobytes: int = Field(
        default=0,
        title="Most kilobytes",
        description="1 kilobyte is 1000 bytes; the best quality that fits is taken. 0 sets no "
        "limit and takes the lowest quality allowed.",
        ge=0,
        le=MOST_KILOBYTES,
    )
    min_quality: int = Field(
        default=75,
        title="Lowest quality",
        description="1 to 100. PNG loses nothing while it fits; else its colours become fewer: "
        "256 count as quality 90, 128 as 80, 64 as 70, and so on to 2 as 20.",
        ge=1,
        le=100,
    )
    output_format: Literal["keep", "jpeg", "webp", "png"] = Field(
        default="keep",
        title="File type",
        description="keep (GIF becomes png), jpeg, webp or png.",
    )
    keep_size: bool = Field(
        default=True,
        title="Keep the size",
        description="Refuse rather than take away pixels when the limit cannot be met.",
    )
    max_side: int = Field(
        default=0,
        title="Longest side",
        description="Pixels, at most 8192; a larger picture is made smaller. 0 leaves it.",
        ge=0,
        le=MAX_SIDE,
    )


class Convert(Operation):
    """Write a picture as another kind of file."""

    module: ClassVar[str] = "social"
    title: ClassVar[str] = "Convert picture"
    summary: ClassVar[str] = "Write a picture as PNG, JPEG or WebP: upright, in sRGB, clean."
    example: ClassVar[dict[str, Any]] = {"image": "example.png", "output_format": "webp"}

    operation: Literal["convert"] = "convert"
    image: Picture = Field(title="Picture", description=_IMAGE)
    output_format: Literal["png", "jpeg", "webp"] = Field(
        title="File type", description="png, jpeg or webp."
    )
    background: Colour = Field(
        default="",
        title="Background",
        description="Laid under what is transparent, as #rrggbb; empty keeps it transparent, "
        "or white in JPEG, which cannot be.",
    )
    quality: int = Field(
        default=90, title="Quality", description="Of JPEG and WebP, 1 to 100.", ge=1, le=100
    )
    lossless: bool = Field(
        default=False,
        title="Lossless",
        description="WebP without any loss; PNG always is, and JPEG never.",
    )
    max_side: int = Field(
        default=0,
        title="Longest side",
        description="Pixels, at most 8192; a larger picture is made smaller. 0 leaves it.",
        ge=0,
        le=MAX_SIDE,
    )

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.lossless and self.output_format == "jpeg":
            raise ValueError("JPEG cannot be lossless; choose webp or png")
        return self
