"""Which providers there are, in the order in which they are named."""

from __future__ import annotations

from providers.local.provider import local_offers
from providers.offers import Offer, read_offers

PACKAGES = ("local", "stability", "wavespeed", "huggingface", "gemini")
"""The packages in this room that sell something."""


def all_offers() -> tuple[Offer, ...]:
    """Return everything that any provider sells, whether there is a key for it or not."""
    cloud = (offer for name in PACKAGES[1:] for offer in read_offers(f"providers.{name}"))
    return (*local_offers(), *cloud)
