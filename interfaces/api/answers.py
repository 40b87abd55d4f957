"""What answers have in common."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from studio import credits as money


class Answer(BaseModel):
    """An answer; every one of its fields is always there."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)


class Amount(Answer):
    """An amount of credits, exactly and in words."""

    micro: int = Field(
        description="Micro-credits: 1,000,000 are one credit.", examples=[12_500_000]
    )
    credits: str = Field(description="The same in credits.", examples=["12.5"])

    @classmethod
    def of(cls, micro: int) -> Amount:
        """Return micro-credits as an amount."""
        return cls(micro=micro, credits=money.show(micro))


class Problem(BaseModel):
    """An error (RFC 9457)."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=["urn:image-studio:error:not_enough_credits"])
    title: str
    status: int
    detail: str = Field(description="What is wrong, in words for a person.")
    code: str = Field(description="What is wrong, fixed; docs/errors.md has all.")
    request_id: str
    field: str | None = Field(default=None, description="The input at fault.")
    given: str | None = Field(default=None, description="What it held, shortened.")
    allowed: str | None = Field(default=None, description="What it may hold.")
    problems: list[Any] = Field(default_factory=list, description="All that is wrong, if several.")


def moment(value: datetime | None) -> str | None:
    """Return a moment as text."""
    return value.isoformat() if value is not None else None
