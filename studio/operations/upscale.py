"""Upscale: more pixels for the same picture."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from studio.operations.base import Operation, Picture, PictureFormat


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
