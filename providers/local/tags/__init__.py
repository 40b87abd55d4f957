"""Words for pictures by what can be told on this machine: things, faces, colours, the format."""

from collections.abc import Callable, Mapping
from pathlib import Path

from providers.contract import Delivery, Request
from providers.local.tags.work import tag
from providers.offers import Offer

WORK: Mapping[str, Callable[[Offer, Request, Path], Delivery]] = {"local/auto-tags": tag}
"""What is done for each offer of this room, by its id."""

__all__ = ["WORK"]
