"""Style: sketches, structures and pictures repainted by style networks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from providers.contract import Delivery, Request
from providers.local.style.guide import style_guide
from providers.local.style.sketch import sketch
from providers.local.style.structure import structure
from providers.local.style.transfer import style_transfer
from providers.offers import Offer

WORK: Mapping[str, Callable[[Offer, Request, Path], Delivery]] = {
    "local/style-transfer": style_transfer,
    "local/sketch": sketch,
    "local/structure": structure,
    "local/style-guide": style_guide,
}
"""What is done for each offer, by its id."""
