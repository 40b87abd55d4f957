"""Edit: erasing, painting on, recolouring, other backgrounds, plain corrections."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from providers.contract import Delivery, Request
from providers.offers import Offer

WORK: Mapping[str, Callable[[Offer, Request, Path], Delivery]] = {}
"""What is done for each offer, by its id."""
