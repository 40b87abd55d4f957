"""Offers and providers of the tests' own, as short as they can be written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from providers import Delivery, Offer, PriceRule, Provider, Request

PICTURE = PriceRule(unit="picture")


def offer(identifier: str = "tests/painter", operation: str = "generate", **more: Any) -> Offer:
    provider, _, model = identifier.partition("/")
    given = {"model": model, "price": PICTURE, "says": "For tests.", **more}
    return Offer(id=identifier, provider=provider, operation=operation, **given)


class Seller(Provider):
    """Sells, and never delivers: routing buys nothing."""

    def __init__(self, name: str, *offers: Offer, lacks: str = "") -> None:
        self.name = name
        self.lacks = lacks
        self._offers = offers

    def offers(self) -> Sequence[Offer]:
        return self._offers

    def not_ready(self, offer: Offer) -> str:
        return self.lacks

    async def _submit(self, offer: Offer, request: Request) -> Delivery:
        raise AssertionError("routing buys nothing")
