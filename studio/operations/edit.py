"""Edit: changing what a picture shows."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from studio.operations.base import Operation, Picture


class RemoveBackground(Operation):
    """Cut the subject out of a picture."""

    module: ClassVar[str] = "edit"
    title: ClassVar[str] = "Remove background"
    summary: ClassVar[str] = "Cut the subject out: a PNG with a transparent background."
    example: ClassVar[dict[str, Any]] = {"image": "example.png"}

    operation: Literal["remove_background"] = "remove_background"
    image: Picture = Field(
        title="Picture", description="A library asset (ast_...) or the path of a file."
    )
