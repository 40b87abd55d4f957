"""Batches as requests."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from billing.tokens import LONGEST_TOKEN
from engine.batch_again import Part
from interfaces.api.bodies import check_text
from studio.errors import InvalidRequest
from studio.windows import read_window

Priority = Literal["", "low", "normal", "high"]

_PRIORITY: Any = Field(
    default="",
    description="Among your own batches at a provider with few slots: high, normal and low get 4, "
    "2 and 1 parts of them. Empty: as the batch was started before, and normal if it is new.",
)
_PARTLY: Any = Field(
    default=False,
    description="Where credits or a budget do not carry all rows, do the first ones that they "
    "carry; the others end as skipped_budget.",
)


class BatchRequest(BaseModel):
    """A batch that is asked for."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"file": "ast_01jd0m2v6k9y3hqk7d0c8r5wxe", "operation": "remove_background"}
        },
    )

    file: str = Field(
        min_length=1,
        max_length=1_000,
        pattern="^(ast_[0-9a-z_]{1,60}|https://[^\\s]+)$",
        description="CSV, JSONL or XLSX: an asset (`POST /uploads`), or an https address.",
    )
    name: str = Field(
        default="",
        max_length=60,
        description="Empty: rows that were done before are free. A new name buys all anew.",
    )
    operation: str = Field(
        default="", max_length=500, description="Of rows that name none; also a chain."
    )
    defaults: dict[str, str] = Field(
        default_factory=dict, max_length=100, description="For cells that are empty or not there."
    )
    encoding: str = Field(
        default="", max_length=20, description="Of a file that is neither UTF-8 nor UTF-16."
    )
    skip_invalid: bool = Field(default=False, description="Leave faulty rows out.")
    priority: Priority = _PRIORITY
    window: str = Field(
        default="",
        max_length=200,
        description="Rows begin only in these hours; outside of them it waits. Empty for always.",
        examples=["22:00-06:00 Europe/Berlin"],
    )
    as_far_as_it_goes: bool = _PARTLY
    quote: str = Field(
        default="",
        max_length=LONGEST_TOKEN,
        description="The token of a quote of this very batch: its prices are kept.",
    )
    project: str = Field(default="", max_length=80, description="Its budget is kept to.")
    max_credits: str = Field(
        default="", max_length=20, description="Above so many credits nothing is bought."
    )

    def values(self) -> dict[str, Any]:
        """Return what the flow is started with, but for whose it is.

        Raises:
            InvalidRequest: a text has what cannot be kept, a default is no line, or the window is
                none.
        """
        values = self.model_dump()
        check_text(values)
        read_window(self.window)
        for key, value in self.defaults.items():
            if "=" in key or not (key + value).isprintable():
                raise InvalidRequest(
                    "This cannot be a default.",
                    field=f"defaults.{key}",
                    given=value,
                    allowed="a field's name, and a value on one line",
                )
        lines = "\n".join(f"{key}={value}" for key, value in self.defaults.items())
        values["csv"] = values.pop("file")
        return {**values, "defaults": lines}


class RetryRequest(BaseModel):
    """Which rows of a batch shall be done again."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"rows": "failed"}})

    rows: Part = Field(
        default="failed",
        description="failed; unknown (nobody knows whether they were bought: they may be paid for "
        "twice); failed_and_unknown; or rest: all that is not done, but for unknown ones.",
    )
    priority: Priority = _PRIORITY
    as_far_as_it_goes: bool = _PARTLY
    project: str = Field(default="", max_length=80, description="Its budget is kept to.")
    max_credits: str = Field(
        default="", max_length=20, description="Above so many credits nothing is bought."
    )

    def values(self) -> dict[str, Any]:
        """Return what the flow is started with, but for the batch and whose it is."""
        values = self.model_dump()
        check_text(values)
        return values


class Word(BaseModel):
    """Somebody's word about a batch that waits."""

    model_config = ConfigDict(extra="forbid")

    approved: bool
    reason: str = Field(default="", max_length=500)
