"""Input files: what is known of one, and what an offer takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


@dataclass(frozen=True, slots=True)
class Input:
    """What is known of an input file before anything is bought.

    Attributes:
        field: the operation's field that names it.
        media_type: by its bytes.
        size: bytes.
        width: pixels; 0 for sound.
        height: pixels; 0 for sound.
        seconds: how long it lasts; 0 for pictures.
    """

    field: str
    media_type: str = "image/png"
    size: int = 0
    width: int = 0
    height: int = 0
    seconds: float = 0


class InputLimits(BaseModel):
    """What input files an offer takes. Sides in pixels; 0 means no limit of its own.

    Attributes:
        flattest: the largest ratio of the longer side to the shorter one.
        max_bytes: of the file as the provider gets it.
        min_seconds: of sound.
        max_seconds: of sound.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_side: int = Field(default=1, ge=1)
    max_side: int = Field(default=0, ge=0)
    min_pixels: int = Field(default=0, ge=0)
    max_pixels: int = Field(default=0, ge=0)
    flattest: float = Field(default=0, ge=0)
    max_bytes: int = Field(default=0, ge=0)
    min_seconds: float = Field(default=0, ge=0)
    max_seconds: float = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _let_something_through(self) -> Self:
        for name in ("side", "pixels", "seconds"):
            least, most = getattr(self, f"min_{name}"), getattr(self, f"max_{name}")
            if most and least > most:
                raise ValueError(f"min_{name} {least} is more than max_{name} {most}")
        if 0 < self.flattest < 1:
            raise ValueError("flattest is the longer side by the shorter one, so at least 1")
        return self

    def refusal(self, given: Input) -> str:
        """Say which limit a file breaks; empty when it fits."""
        if self.max_bytes and given.size > self.max_bytes:
            return f"takes at most {self.max_bytes} bytes, the file has {given.size}"
        sound = given.media_type.startswith("audio/")
        reason = self._refused_length(given.seconds) if sound or given.seconds else ""
        if reason or sound:
            return reason
        return self._refused_size(given.width, given.height)

    def _refused_length(self, seconds: float) -> str:
        if seconds < self.min_seconds:
            return f"needs at least {self.min_seconds:g} seconds, the file has {seconds:.6g}"
        if self.max_seconds and seconds > self.max_seconds:
            return f"takes at most {self.max_seconds:g} seconds, the file has {seconds:.6g}"
        return ""

    def _refused_size(self, width: int, height: int) -> str:
        size, pixels = f"{width}x{height}", width * height
        if min(width, height) < self.min_side:
            return f"needs at least {self.min_side} pixels a side, the picture has {size}"
        if self.max_side and max(width, height) > self.max_side:
            return f"takes at most {self.max_side} pixels a side, the picture has {size}"
        if pixels < self.min_pixels:
            return f"needs at least {self.min_pixels} pixels, the picture has {pixels}"
        if self.max_pixels and pixels > self.max_pixels:
            return f"takes at most {self.max_pixels} pixels, the picture has {pixels}"
        if self.flattest and max(width, height) > self.flattest * min(width, height):
            return (
                f"takes at most {self.flattest:g}:1 or 1:{self.flattest:g}, the picture is {size}"
            )
        return ""
