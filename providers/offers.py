"""Offers: what a provider sells, as data.

Routing, validation, quotes, forms and documents are derived from offers; a provider's offers are
in an ``offers.toml`` beside its code.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sized
from importlib.resources import files
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from studio.operations import OPERATIONS, Operation

Quality = Literal["draft", "standard", "premium"]


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PictureLimits(_Data):
    """What input pictures an offer takes. Sides in pixels, 0 meaning no limit of its own."""

    min_side: int = Field(default=1, ge=1)
    max_side: int = Field(default=0, ge=0)
    max_pixels: int = Field(default=0, ge=0)

    def refusal(self, width: int, height: int) -> str:
        """Say which limit a picture breaks; empty when it fits."""
        if min(width, height) < self.min_side:
            return f"needs at least {self.min_side} pixels a side, the picture has {width}x{height}"
        if self.max_side and max(width, height) > self.max_side:
            return f"takes at most {self.max_side} pixels a side, the picture has {width}x{height}"
        if self.max_pixels and width * height > self.max_pixels:
            return f"takes at most {self.max_pixels} pixels, the picture has {width * height}"
        return ""


class PriceRule(_Data):
    """How many units of the price book an operation comes to.

    Attributes:
        unit: what is counted, the same word as in the price book.
        count_of: the field whose length is the number of units; empty means one unit.
    """

    unit: str
    count_of: str = ""

    def quantity(self, operation: Operation) -> int:
        """Return the number of units, at least 1."""
        if not self.count_of:
            return 1
        counted = getattr(operation, self.count_of)
        if not isinstance(counted, Sized):
            raise TypeError(f"{self.count_of} of {operation.operation} cannot be counted")
        return max(1, len(counted))


class Offer(_Data):
    """An operation that a provider does with one of its models.

    Attributes:
        id: ``provider/model``, the same as in the price book.
        quality: the qualities that it serves; empty for operations that have no such choice.
        repeatable: whether doing it again costs nothing and gives the same bytes, so that work cut
            off by a crash may simply be done again. Never true for a provider that sends a bill.
        needs: weights without which it cannot be had.
        fallback: whether it is only a substitute, tried after all others unless asked for by name.
        values: for fields with fewer choices here than in the operation, those choices.
        pictures: what input pictures it takes.
        seconds: how long one call may take before it is given up.
        says: what the result is, for people.
    """

    id: str
    provider: str
    model: str
    operation: str
    quality: tuple[Quality, ...] = ()
    price: PriceRule
    repeatable: bool = False
    needs: tuple[str, ...] = ()
    fallback: bool = False
    values: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    pictures: PictureLimits = PictureLimits()
    seconds: int = Field(default=300, ge=1, le=3_600)
    says: str

    def refusal(self, operation: Operation) -> str:
        """Say what in ``operation`` the offer cannot do; empty when it can do all of it."""
        if operation.operation != self.operation:
            return f"does {self.operation}, not {operation.operation}"
        for name, allowed in self.values.items():
            given = getattr(operation, name)
            if given not in allowed:
                return f"takes {name} {' or '.join(allowed)}, not {given}"
        quality = getattr(operation, "quality", "")
        if self.quality and quality not in self.quality:
            return f"serves quality {' or '.join(self.quality)}, not {quality}"
        return ""


_OFFERS = TypeAdapter(tuple[Offer, ...])


def read_offers(package: str) -> tuple[Offer, ...]:
    """Read ``offers.toml`` of a provider's package.

    Raises:
        ValueError: the data is not right, or names an operation that there is not.
    """
    text = (files(package) / "offers.toml").read_text(encoding="utf-8")
    offers = _OFFERS.validate_python(tomllib.loads(text)["offers"])
    for offer in offers:
        if offer.operation not in OPERATIONS:
            raise ValueError(f"{offer.id} names the unknown operation {offer.operation}")
    return offers
