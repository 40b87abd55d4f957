"""Inpainting on this machine does what it can by rule, says how, and refuses the rest."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from providers.contract import Delivery, Request
from providers.local.edit import WORK
from providers.local.edit.inpaint import asks_to_fill
from providers.local.illustrate.words import tokens
from providers.offers import read_offers
from studio import imaging
from studio.errors import ProviderRejected
from studio.operations import Erase, Inpaint

OFFERS = {offer.id: offer for offer in read_offers("providers.local.edit")}
OFFER = OFFERS["local/paint-in"]
SIZE = (240, 180)


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def drawn(draw: str, box: tuple[int, int, int, int]) -> Image.Image:
    mask = Image.new("L", SIZE)
    getattr(ImageDraw.Draw(mask), draw)(box, fill=255)
    return mask


MASK = drawn("ellipse", (90, 40, 160, 130))
WHITE = np.asarray(MASK) > 0


def paint(
    picture: Image.Image, weights: Path, prompt: str, mask: Image.Image | None = MASK, **values: Any
) -> Delivery:
    wanted = Inpaint(image="a", mask="m", prompt=prompt, seed=1, grow_mask=0, **values)
    files = {"image": png(picture)} | ({"mask": png(mask)} if mask else {})
    assert not OFFER.refusal(wanted)
    return WORK[OFFER.id](OFFER, Request(wanted, files), weights)


def pixels(delivery: Delivery) -> NDArray[np.int64]:
    return np.asarray(imaging.open_picture(delivery.outputs[0].data), np.int64)


@pytest.fixture(scope="module")
def field() -> Image.Image:
    """Grass with noise, and a red disc where the mask is."""
    noise = np.random.default_rng(3).normal(0, 9, (SIZE[1], SIZE[0], 1))
    grass = (np.array([70, 130, 60]) + noise).clip(0, 255).astype(np.uint8)
    image = Image.fromarray(grass)
    ImageDraw.Draw(image).ellipse((94, 44, 156, 126), fill=(220, 30, 40))
    return image


@pytest.mark.parametrize(
    "prompt",
    [
        "remove it",
        "Remove the red disc.",
        "please erase the man in the suit",
        "nothing",
        "clean up",
        "continue the background",
        "fill with the surroundings",
        "fill in the hole to match the background",
        "the same texture as around",
    ],
)
def test_words_for_less_or_more_of_the_same(prompt: str) -> None:
    assert asks_to_fill(tokens(prompt))


def test_they_fill_the_gap_as_erasing_does(field: Image.Image, weights: Path) -> None:
    delivery = paint(field, weights, "remove the red disc")
    erased = WORK["local/patchmatch-erase"](
        OFFERS["local/patchmatch-erase"],
        Request(
            Erase(image="a", mask="m", seed=1, grow_mask=0),
            {"image": png(field), "mask": png(MASK)},
        ),
        weights,
    )
    assert (pixels(delivery) == pixels(erased)).all()
    assert delivery.facts["painted"] == "surroundings"
    assert "PatchMatch" in delivery.method


@pytest.mark.parametrize(
    ("prompt", "colour"),
    [
        ("plain white", (255, 255, 255)),
        ("fill it with solid #1040c0", (0x10, 0x40, 0xC0)),
        ("#f00", (255, 0, 0)),
    ],
)
def test_a_colour_is_painted_evenly_and_nothing_else_changes(
    field: Image.Image, weights: Path, prompt: str, colour: tuple[int, int, int]
) -> None:
    delivery = paint(field, weights, prompt)
    after, before = pixels(delivery), np.asarray(field, np.int64)
    assert np.abs(after[85, 125] - colour).max() <= 13
    assert after[80:90, 110:140].std(axis=(0, 1)).max() < 1
    assert (after[~WHITE] == before[~WHITE]).all()
    assert delivery.facts["painted"] == "colour"


def test_a_known_thing_is_drawn_inside_the_mask_and_named_a_drawing(
    field: Image.Image, weights: Path
) -> None:
    delivery = paint(field, weights, "a blue balloon with marzipan", negative_prompt="dogs")
    after, before = pixels(delivery), np.asarray(field, np.int64)
    assert (after[~WHITE] == before[~WHITE]).all()
    assert (after[..., 2] > after[..., 0] + 40).sum() > 500, "something blue"
    assert not (after[..., 0] > after[..., 1] + 60).any(), "the disc is gone"
    assert delivery.facts["subjects"] == ["balloon"]
    assert "prompt: marzipan" in delivery.facts["not_done"]
    assert "vector drawing" in delivery.method


def test_a_drawing_stays_in_the_box_of_a_flat_mask(field: Image.Image, weights: Path) -> None:
    mask = drawn("rectangle", (20, 90, 220, 119))
    after = pixels(paint(field, weights, "a blue balloon", mask))
    assert (after[~(np.asarray(mask) > 0)] == np.asarray(field)[~(np.asarray(mask) > 0)]).all()
    blue = after[..., 2] > after[..., 0] + 40
    rows, columns = np.flatnonzero(blue.any(axis=1)), np.flatnonzero(blue.any(axis=0))
    assert len(rows) > 20
    assert np.ptp(columns) < 30, "a balloon is not wider than high: it was not cut off"


@pytest.mark.parametrize(
    "prompt",
    ["a marble staircase", "a photograph of the Ardennes", "make it look expensive", "fill",
     "replace it by a staircase", "remove it and put a staircase there", "a wall of red bricks"],
)  # fmt: skip
def test_what_cannot_be_painted_is_refused_with_who_can_and_what_else_helps(
    field: Image.Image, weights: Path, prompt: str
) -> None:
    with pytest.raises(ProviderRejected) as caught:
        paint(field, weights, prompt)
    error = caught.value
    assert error.bought is False
    assert (error.field, error.given) == ("prompt", prompt)
    for name in ("stability", "wavespeed", "erase", "search_replace", "remove it"):
        assert name in error.message


def test_no_mask_an_empty_one_and_one_over_everything(field: Image.Image, weights: Path) -> None:
    for mask, field_named in ((None, "mask"), (Image.new("L", SIZE), "mask"),
                              (Image.new("L", SIZE, 255), "mask")):  # fmt: skip
        with pytest.raises(ProviderRejected) as caught:
            paint(field, weights, "remove it", mask)
        assert caught.value.field == field_named


def test_what_is_painted_is_solid_and_no_mask_takes_the_transparency(
    field: Image.Image, weights: Path
) -> None:
    cut = field.copy()
    cut.putalpha(Image.eval(MASK, lambda value: 255 - value))
    after = pixels(paint(cut, weights, "plain white", None))
    assert after.shape[2] == 3 or (after[..., 3] == 255).all()
    half = field.copy()
    half.putalpha(drawn("rectangle", (0, 0, 120, 180)))
    after = pixels(paint(half, weights, "plain white"))
    assert (after[..., 3][WHITE] == 255).all()
    assert (after[..., 3][0, 200:] == 0).all()


def test_a_style_is_refused_before_anything_is_held() -> None:
    assert "style" in OFFER.refusal(Inpaint(image="a", mask="m", prompt="a cat", style="anime"))
    assert OFFER.fallback
