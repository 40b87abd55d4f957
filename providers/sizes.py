"""Sizes: what a model can make, and which of it is nearest to what was asked.

Hardly any model makes any size. The studio asks for the nearest and finishes on this machine: the
rule is in ``engine/finish.py``.
"""

from __future__ import annotations

import math
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Sizes(BaseModel):
    """What sizes a model makes: a list of ratios with their pixels, or sides within limits.

    Attributes:
        ratios: the width and height that come back for each ratio that may be named.
        min_side: pixels, where sides may be chosen.
        max_side: pixels, where sides may be chosen.
        max_pixels: of the whole picture, where sides may be chosen; 0 means no limit of its own.
        multiple: sides are multiples of it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    ratios: dict[str, tuple[int, int]] = Field(default_factory=dict)
    min_side: int = Field(default=64, ge=1)
    max_side: int = Field(default=2_048, ge=1)
    max_pixels: int = Field(default=0, ge=0)
    multiple: int = Field(default=1, ge=1)

    @model_validator(mode="after")
    def _make_something(self) -> Self:
        for name, sides in self.ratios.items():
            if min(sides) < 1:
                raise ValueError(f"the ratio {name} has a side below one pixel: {sides}")
        least = math.ceil(self.min_side / self.multiple) * self.multiple
        if least > self.max_side:
            raise ValueError(
                f"no multiple of {self.multiple} is from {self.min_side} to {self.max_side}"
            )
        if self.max_pixels and least * least > self.max_pixels:
            raise ValueError(f"{least}x{least} has more than the {self.max_pixels} pixels allowed")
        return self

    def nearest(self, width: int, height: int) -> tuple[str, int, int]:
        """Return the ratio's name (empty where sides are chosen), width and height to ask for."""
        if self.ratios:
            return self._nearest_ratio(width / height)
        return ("", *self._nearest_sides(width, height))

    def enlargement(self, width: int, height: int) -> float:
        """Return how many times the nearest picture must be enlarged to cover what was asked."""
        _, wide, high = self.nearest(width, height)
        return max(width / wide, height / high)

    def _nearest_ratio(self, wanted: float) -> tuple[str, int, int]:
        def distance(name: str) -> float:
            wide, high = self.ratios[name]
            return abs(math.log(wide / high / wanted))

        name = min(self.ratios, key=distance)
        return (name, *self.ratios[name])

    def _nearest_sides(self, width: int, height: int) -> tuple[int, int]:
        """Keep the ratio as far as the limits let it; rounded up, or down if that is too much."""
        scale = max(1.0, self.min_side / min(width, height))
        scale = min(scale, self.max_side / max(width, height))
        if self.max_pixels:
            scale = min(scale, math.sqrt(self.max_pixels / (width * height)))
        wide, high = (self._side(side * scale, up=True) for side in (width, height))
        if self.max_pixels and wide * high > self.max_pixels:
            wide, high = (self._side(side * scale, up=False) for side in (width, height))
        if self.max_pixels and wide * high > self.max_pixels:
            # The shorter side is as short as it may be: the longer one has to give.
            wide, high = min(wide, self._most_beside(high)), min(high, self._most_beside(wide))
        return wide, high

    def _most_beside(self, other: int) -> int:
        """Return the longest side that may be beside another one."""
        return max(self._side(self.max_pixels / other, up=False), other)

    def _side(self, length: float, *, up: bool) -> int:
        least = math.ceil(self.min_side / self.multiple)
        most = self.max_side // self.multiple
        parts = length / self.multiple
        # A hair above a whole number is what floats make of that number.
        return min(max(math.ceil(parts - 1e-6) if up else int(parts), least), most) * self.multiple
