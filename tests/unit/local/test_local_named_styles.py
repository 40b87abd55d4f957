"""Every style of the catalogue is really done here: it is seen, and no two look the same."""

from __future__ import annotations

import io
import itertools
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from providers.contract import Delivery, Request
from providers.local import work
from providers.local.illustrate import STYLES as DRAWN
from providers.local.style import network
from providers.offers import read_offers
from studio.catalog import STYLES
from studio.operations import Generate

OFFER = next(each for each in read_offers("providers.local") if each.id == "local/illustrator")

SEEN = 8.0
"""Levels (of 255) by which a style must change the plain picture, on average over all pixels. The
least found is 9.7 (low-poly)."""
APART = 7.0
"""Levels by which any two styles must differ. The least found is 9.1 (enhance and digital art)."""


def illustrated(style: str) -> Delivery:
    wanted = Generate(prompt="a castle in the snow", width=128, height=128, seed=7, style=style)
    return work.illustrate_prompt(OFFER, Request(wanted), Path("/nowhere"))


def levels(delivery: Delivery) -> NDArray[np.int16]:
    return np.asarray(Image.open(io.BytesIO(delivery.outputs[0].data))).astype(np.int16)


@pytest.fixture(scope="module")
def pictures() -> dict[str, NDArray[np.int16]]:
    """The same scene without a style (under the empty name) and in each of them."""
    return {name: levels(illustrated(name)) for name in ("", *STYLES)}


@pytest.mark.parametrize("style", STYLES)
def test_a_style_is_seen(style: str, pictures: dict[str, NDArray[np.int16]]) -> None:
    assert np.abs(pictures[style] - pictures[""]).mean() > SEEN


def test_no_two_styles_look_the_same(pictures: dict[str, NDArray[np.int16]]) -> None:
    near = {
        (one, other): float(np.abs(pictures[one] - pictures[other]).mean())
        for one, other in itertools.combinations(STYLES, 2)
    }
    assert not {pair: value for pair, value in near.items() if value <= APART}


def test_the_difference_is_the_style_and_not_another_scene(
    pictures: dict[str, NDArray[np.int16]],
) -> None:
    """An unknown style changes nothing, so the scene does not depend on it."""
    unknown = illustrated("baroque")
    assert np.array_equal(levels(unknown), pictures[""])
    assert unknown.facts["not_drawn"] == ["style: baroque"]


@pytest.mark.parametrize("style", STYLES)
def test_a_style_is_one_that_this_machine_has(style: str) -> None:
    local = STYLES[style].local
    assert local.drawn in {"", *DRAWN}
    assert local.painted < network.PAINTINGS


def test_what_was_done_is_told() -> None:
    assert "style noir drawn" in illustrated("noir").method
    assert "style batik repainted by a style network" in illustrated("Batik").method
    assert "style" not in illustrated("").method


def test_a_tile_fits_itself() -> None:
    """Opposite edges of the seamless tile are the same, so it can be laid side by side."""
    tile = levels(illustrated("tile-texture"))
    assert np.abs(tile[0] - tile[-1]).max() <= 1
    assert np.abs(tile[:, 0] - tile[:, -1]).max() <= 1


def test_a_painting_without_strength_is_the_picture_itself() -> None:
    picture = np.asarray(Image.effect_noise((61, 47), 60).convert("RGB"))
    assert np.array_equal(network.paint(picture, 19, 0.0), picture)
    full, half = (network.paint(picture, 19, by).astype(int) for by in (1.0, 0.5))
    assert full.shape == picture.shape
    assert np.abs(half - (full + picture) / 2).max() <= 1
