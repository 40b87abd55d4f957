"""Library: words for pictures, so that they are found again."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from studio.operations.base import Operation, Picture


class TagImage(Operation):
    """Say in words what a picture shows."""

    module: ClassVar[str] = "library"
    title: ClassVar[str] = "Tag image"
    summary: ClassVar[str] = "Describe a picture: a caption, tags, objects and colours."
    example: ClassVar[dict[str, Any]] = {"image": "example.png"}

    operation: Literal["tag"] = "tag"
    image: Picture = Field(
        title="Picture", description="A library asset (ast_...) or the path of a file."
    )
    most_tags: int = Field(default=15, title="Most tags", description="1 to 50.", ge=1, le=50)
