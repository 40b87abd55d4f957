"""Motion: videos, talking avatars and solid models from one picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from providers.contract import Delivery, Request
from providers.local.motion import work
from providers.offers import Offer

WORK: Mapping[str, Callable[[Offer, Request, Path], Delivery]] = {
    "local/parallax": work.move_camera,
    "local/puppet-script": work.speak,
    "local/puppet": work.speak,
    "local/relief": work.make_solid,
}
"""What is done for each offer, by its id."""
