"""Edits without a key: what they change, what they leave, and what they refuse."""

from __future__ import annotations

import io
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from providers.contract import Delivery, Request
from providers.local.edit import WORK, colours, fill, membrane, wishes
from providers.local.edit.find import find
from providers.local.provider import local_offers
from providers.offers import Offer
from studio import imaging
from studio.errors import ProviderRejected
from studio.operations import OPERATIONS, Operation

OFFERS: Mapping[str, Offer] = {
    offer.operation: offer for offer in local_offers() if offer.id in WORK
}


def order(operation: str, **fields: Any) -> Operation:
    named = {"operation": operation, "image": "a.png", "seed": 1, **fields}
    return OPERATIONS[operation].model_validate(named)


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def work(wanted: Operation, weights: Path, **files: Image.Image) -> Delivery:
    offer = OFFERS[wanted.operation]
    request = Request(wanted, {name: png(image) for name, image in files.items()})
    assert not offer.refusal(wanted)
    return WORK[offer.id](offer, request, weights)


def made(delivery: Delivery) -> NDArray[np.int64]:
    (output,) = delivery.outputs
    image = imaging.open_picture(output.data)
    assert (image.width, image.height) == (output.width, output.height)
    assert imaging.sniff(output.data) == output.media_type
    return np.asarray(image, np.int64)


def refusal(wanted: Operation, weights: Path, **files: Image.Image) -> ProviderRejected:
    with pytest.raises(ProviderRejected) as caught:
        work(wanted, weights, **files)
    error = caught.value
    assert error.bought is False
    assert error.provider == "local"
    assert error.field
    assert error.allowed
    return error


def disc(size: tuple[int, int], box: tuple[int, int, int, int]) -> Image.Image:
    mask = Image.new("L", size)
    ImageDraw.Draw(mask).ellipse(box, fill=255)
    return mask


@pytest.fixture(scope="module")
def field() -> Image.Image:
    """Stripes of grass with noise, 240 x 180, and a red disc on them."""
    y, x = np.mgrid[:180, :240]
    noise = np.random.default_rng(3).normal(0, 9, (180, 240, 1))
    grass = np.array([70, 130, 60]) + (18 * np.sin(x / 5 + y / 40))[..., None] + noise
    image = Image.fromarray(grass.clip(0, 255).astype(np.uint8))
    ImageDraw.Draw(image).ellipse((95, 65, 145, 115), fill=(220, 30, 40))
    return image


MASK = disc((240, 180), (93, 63, 147, 117))


def is_red(values: NDArray[np.int64]) -> NDArray[np.bool_]:
    return np.asarray(values[..., 0] > values[..., 1] + 60)


# --- erase ------------------------------------------------------------------------------------


def test_what_is_erased_is_gone_and_the_rest_keeps_its_bytes(
    field: Image.Image, weights: Path
) -> None:
    before = np.asarray(field, np.int64)
    delivery = work(order("erase", mask="m.png", grow_mask=4), weights, image=field, mask=MASK)
    after = made(delivery)
    near = np.asarray(disc((240, 180), (88, 58, 152, 122))) > 0
    assert is_red(before).sum() > 1500
    assert not is_red(after).any()
    assert (after[~near] == before[~near]).all()
    inside = np.asarray(MASK) > 0
    filled, grass = after[inside], before[~near]
    assert np.abs(filled.mean(axis=0) - grass.mean(axis=0)).max() < 8
    assert np.abs(filled.std(axis=0) - grass.std(axis=0)).max() < 7  # a texture, not a smear
    assert "PatchMatch" in delivery.method
    assert delivery.seed == 1


@pytest.mark.parametrize("grow", [0, 12])
def test_the_mask_is_grown_by_so_many_pixels(grow: int, field: Image.Image, weights: Path) -> None:
    before = np.asarray(field, np.int64)
    after = made(work(order("erase", mask="m", grow_mask=grow), weights, image=field, mask=MASK))
    rows = np.flatnonzero((after != before).any(axis=(1, 2)))
    assert abs((90 - rows[0]) - (27 + grow)) <= 2
    assert abs((rows[-1] - 90) - (27 + grow)) <= 2


def test_transparency_is_a_mask_and_is_filled(field: Image.Image, weights: Path) -> None:
    holed = field.convert("RGBA")
    holed.putalpha(Image.eval(MASK, lambda value: 255 - value))
    after = made(work(order("erase", grow_mask=0), weights, image=holed))
    assert after.shape[2] == 3 or after[..., 3].min() == 255
    assert not is_red(after[..., :3]).any()


def test_nothing_transparent_is_copied_and_transparency_stays_beside_a_mask(
    field: Image.Image, weights: Path
) -> None:
    """What is hidden borders on the gap: it would be the best source, were it not shut."""
    cut = field.copy()
    cut.paste((30, 30, 220), (0, 0, 110, 180))
    cut.putalpha(255)
    cut.paste((30, 30, 220, 0), (0, 0, 110, 180))
    after = made(work(order("erase", mask="m", grow_mask=0), weights, image=cut, mask=MASK))
    assert (after[..., 3] == np.asarray(cut.getchannel("A"))).all()
    filled = after[np.asarray(MASK) > 0]
    assert (filled[:, 2] > filled[:, 1] + 40).mean() < 0.02


def test_the_subject_beside_a_gap_is_not_copied_into_it(
    astronaut: Image.Image, weights: Path
) -> None:
    """Where the model of the shuttle was, there is no second head of the astronaut."""
    mask = Image.new("L", astronaut.size)
    ImageDraw.Draw(mask).rectangle((372, 5, 505, 285), fill=255)
    wanted = order("erase", mask="m", seed=0)
    filled = made(work(wanted, weights, image=astronaut, mask=mask))[np.asarray(mask) > 0]
    skin = (filled[:, 0] > filled[:, 2] + 45) & (filled[:, 0] > 90)
    assert skin.mean() < 0.01


def test_what_is_found_is_the_same_each_time_in_one_thread(
    coffee: Image.Image, weights: Path
) -> None:
    """GrabCut draws its first clusters from a generator that lives as long as the thread."""
    twice = {find(coffee, "the red cup", weights).share.tobytes() for _ in range(2)}
    assert len(twice) == 1


def test_tones_meet_at_the_rim_and_edges_stay() -> None:
    solved = np.full((90, 90, 3), 120, np.uint8)
    gap = np.zeros((90, 90), np.bool_)
    gap[20:70, 20:70] = True
    solved[gap] = 138
    solved[20:70, 45:70] = 220
    after = membrane.settled(solved, gap).astype(int)
    assert (after[~gap] == 120).all()
    assert np.abs(after[20:70, 20:34] - 120).max() <= 4  # a tone
    assert after[30:60, 55:70].min() > 195  # a thing


def test_eight_seeds_differ_and_each_repeats_itself_also_in_threads(field: Image.Image) -> None:
    rgb, hole = np.array(field), np.asarray(MASK) > 0
    with ThreadPoolExecutor(2) as pool:
        seeds = [*range(9), *range(9)]
        results = list(pool.map(lambda seed: fill.fill(rgb, hole, seed=seed).tobytes(), seeds))
    assert results[:9] == results[9:]
    assert len(set(results[:8])) == 8
    assert results[8] == results[0]


def test_large_pictures_get_fine_detail_in_the_gap() -> None:
    """Sand with grains of single pixels: an enlarged filling would have none of them."""
    noise = np.random.default_rng(1).normal(150, 25, (900, 900, 1)) * np.ones(3)
    rgb = noise.clip(0, 255).astype(np.uint8)
    hole = np.zeros((900, 900), np.bool_)
    hole[200:700, 200:700] = True
    begun = time.process_time()
    filled = fill.fill(rgb, hole)
    assert time.process_time() - begun < 20

    def grain(part: NDArray[np.uint8]) -> float:
        return float(np.abs(np.diff(part[..., 0].astype(int), axis=1)).mean())

    assert grain(filled[280:620, 280:620]) > 0.5 * grain(rgb[:190])
    assert (filled[~hole] == rgb[~hole]).all()


MASKS: dict[str, tuple[Image.Image | None, str]] = {
    "none": (None, "no mask"),
    "black": (Image.new("L", (240, 180)), "names nothing"),
    "all": (Image.new("L", (240, 180), 255), "Too little"),
}


@pytest.mark.parametrize("kind", MASKS)
def test_masks_that_cannot_be_used_are_refused(
    kind: str, field: Image.Image, weights: Path
) -> None:
    mask, words = MASKS[kind]
    files = {"image": field} | ({"mask": mask} if mask else {})
    error = refusal(order("erase", mask="m" if mask else ""), weights, **files)
    assert words in error.message
    assert error.field == "mask"


# --- outpaint ---------------------------------------------------------------------------------


def test_the_picture_stays_and_its_margins_are_continued(
    coffee: Image.Image, weights: Path
) -> None:
    wanted = order("outpaint", left=60, right=20, up=40, down=10)
    after = made(work(wanted, weights, image=coffee))
    assert after.shape == (400 + 50, 600 + 80, 3)
    assert (after[40:440, 60:660] == np.asarray(coffee)).all()
    seam = np.abs(after[40:440, 60] - after[40:440, 59]).mean()
    usual = np.abs(np.diff(after[40:440, 60:660], axis=1)).mean()
    assert seam < 4 * usual
    assert after[:, :60].std() > 10


def test_the_subject_is_not_repeated(weights: Path) -> None:
    """A red ball on grey sand: every other source than the sand is shut."""
    noise = np.random.default_rng(2).normal(0, 10, (150, 150, 1))
    image = Image.fromarray((np.array([170, 165, 160]) + noise).clip(0, 255).astype(np.uint8))
    ImageDraw.Draw(image).ellipse((45, 45, 105, 105), fill=(200, 30, 30))
    delivery = work(order("outpaint", right=100, left=100), weights, image=image)
    after = made(delivery)
    assert delivery.facts["subject_protected"] is True
    assert is_red(after[:, 100:250]).sum() > 2_000
    assert not is_red(after[:, :100]).any()
    assert not is_red(after[:, 250:]).any()


def test_margins_longer_than_the_picture_are_refused(field: Image.Image, weights: Path) -> None:
    error = refusal(order("outpaint", up=181), weights, image=field)
    assert (error.field, error.given) == ("up", "181")
    assert "180" in (error.allowed or "")
    assert "stability" in error.message


# --- find and recolor -------------------------------------------------------------------------


def test_a_thing_is_found_by_its_colour_and_keeps_its_shading(
    field: Image.Image, weights: Path
) -> None:
    before = np.asarray(field, np.int64)
    wanted = order("search_recolor", search="the red ball", prompt="blue", grow_mask=0)
    delivery = work(wanted, weights, image=field)
    after = made(delivery)
    ball = is_red(before)
    assert (after[ball][:, 2] > after[ball][:, 0] + 40).mean() > 0.97
    far = np.asarray(disc((240, 180), (86, 56, 154, 124))) == 0
    assert np.abs(after - before)[far].max() <= 2
    assert any("only the colour" in words for words in delivery.facts["not_done"])


def test_the_background_changes_and_the_astronaut_does_not(
    astronaut: Image.Image, weights: Path
) -> None:
    before = np.asarray(astronaut, np.int64)
    after = made(
        work(order("search_recolor", search="the background", prompt="green", grow_mask=0),
             weights, image=astronaut)
    )  # fmt: skip
    assert np.abs(after - before)[60:140, 195:260].max() <= 2  # face
    wall = after[20:100, 300:360]
    assert (wall[..., 1] > wall[..., 0] + 20).mean() > 0.95


def test_growing_reaches_further(field: Image.Image, weights: Path) -> None:
    shares = [
        work(order("search_recolor", search="the red ball", prompt="blue", grow_mask=grow),
             weights, image=field).facts["found_share"]
        for grow in (0, 10)
    ]  # fmt: skip
    assert shares[1] > 1.02 * shares[0]


@pytest.mark.parametrize("search", ["the sky", "the green sky"])
def test_the_sky_is_found_and_the_ground_is_not(search: str, weights: Path) -> None:
    y = np.linspace(0, 1, 200)[:, None, None]
    sky = np.array([70, 120, 210]) * (1 - y) + np.array([190, 215, 245]) * y
    image = np.tile(sky, (1, 300, 1))
    noise = np.random.default_rng(4).normal(0, 25, (80, 300, 1))
    image[120:] = np.array([90, 75, 50]) + noise
    picture = Image.fromarray(image.clip(0, 255).astype(np.uint8))
    after = made(work(order("search_recolor", search=search, prompt="orange", grow_mask=0),
                      weights, image=picture))  # fmt: skip
    assert (after[:110, :, 0] > after[:110, :, 2]).mean() > 0.98
    assert np.abs(after - np.asarray(picture, int))[130:].max() <= 2


@pytest.mark.parametrize("search", ["the zeppelin", "the person", "the sky", "the purple car"])
def test_what_cannot_be_found_is_refused(search: str, field: Image.Image, weights: Path) -> None:
    error = refusal(order("search_recolor", search=search, prompt="blue"), weights, image=field)
    assert error.field == "search"
    assert "the background" in (error.allowed or "")
    assert "stability" in error.message


def test_a_colour_must_be_named(field: Image.Image, weights: Path) -> None:
    wanted = order("search_recolor", search="the subject", prompt="something nice")
    error = refusal(wanted, weights, image=field)
    assert error.field == "prompt"
    assert "crimson" in (error.allowed or "")


def test_colours_are_read_with_their_shades() -> None:
    dark, rest = colours.read("make it dark green please")
    plain, _ = colours.read("green")
    code, _ = colours.read("#ff8000")
    assert dark is not None
    assert plain is not None
    assert code is not None
    assert (dark.words, rest) == ("dark green", ["make", "it", "please"])
    assert dark.lightness < plain.lightness - 10
    assert abs(dark.hue - plain.hue) < 1
    assert 50 < code.hue < 75
    assert colours.read("nothing")[0] is None


# --- search and replace -----------------------------------------------------------------------


def test_another_thing_stands_where_the_first_one_was(field: Image.Image, weights: Path) -> None:
    wanted = order("search_replace", search="the red ball", prompt="a blue fish")
    before, delivery = np.asarray(field, np.int64), work(wanted, weights, image=field)
    after = made(delivery)
    assert not is_red(after).any()
    assert delivery.facts["subjects"] == ["fish"]
    assert (after[..., 2] > after[..., 0] + 40).sum() > 400
    changed = (np.abs(after - before).max(axis=2) > 40).nonzero()
    assert abs(changed[0].mean() - 90) < 25
    assert abs(changed[1].mean() - 120) < 25
    assert "vector drawing" in delivery.method


def test_what_cannot_be_drawn_is_refused(field: Image.Image, weights: Path) -> None:
    wanted = order("search_replace", search="the red ball", prompt="quantum entanglement")
    error = refusal(wanted, weights, image=field)
    assert error.field == "prompt"


# --- backgrounds ------------------------------------------------------------------------------


def test_the_subject_keeps_every_pixel_if_that_is_asked(coffee: Image.Image, weights: Path) -> None:
    wanted = order(
        "replace_background", background="b.png", preserve_subject=1.0, background_depth=0
    )
    plate = Image.new("RGB", (300, 300), (10, 200, 90))
    after = made(work(wanted, weights, image=coffee, background=plate))
    before = np.asarray(coffee, np.int64)
    assert np.abs(after - before)[150:250, 250:320].max() <= 1
    assert np.abs(after[:20, :20] - (10, 200, 90)).max() <= 1


def test_less_preserved_means_nearer_to_the_background(coffee: Image.Image, weights: Path) -> None:
    plate = Image.new("RGB", (300, 300), (40, 60, 220))
    blue = []
    for keep in (0.9, 0.1):
        wanted = order(
            "replace_background", background="b", preserve_subject=keep,
            light_direction="left", light_strength=0,
        )  # fmt: skip
        after = made(work(wanted, weights, image=coffee, background=plate))
        blue.append(float((after[..., 2] - after[..., 0])[150:250, 250:320].mean()))
    assert blue[1] > blue[0] + 5


@pytest.mark.parametrize(("side", "brighter"), [("left", 0), ("right", 1)])
def test_light_falls_from_where_it_is_said(
    side: str, brighter: int, astronaut: Image.Image, weights: Path
) -> None:
    before = np.asarray(astronaut, np.float64)
    wanted = order(
        "replace_background",
        background_prompt="a grey wall",
        keep_background=True,
        light_direction=side,
        light_strength=0.8,
    )
    after = made(work(wanted, weights, image=astronaut))
    assert after.shape == before.shape
    change = (after - before).mean(axis=2)
    halves = [change[:, :200].mean(), change[:, 312:].mean()]
    assert halves[brighter] > halves[1 - brighter] + 8


def test_no_strength_of_light_is_no_light(coffee: Image.Image, weights: Path) -> None:
    wanted = order("replace_background", background_prompt="sea", keep_background=True,
                   light_direction="left", light_strength=0)  # fmt: skip
    assert (made(work(wanted, weights, image=coffee)) == np.asarray(coffee)).all()


def test_a_background_of_words_is_an_illustration(coffee: Image.Image, weights: Path) -> None:
    wanted = order("replace_background", background_prompt="a snowy mountain zorblax")
    delivery = work(wanted, weights, image=coffee)
    assert "illustration" in delivery.facts["background"]
    assert any("zorblax" in words for words in delivery.facts["not_done"])
    assert made(delivery).shape == (400, 600, 3)


# --- edit by prompt ---------------------------------------------------------------------------

READ: dict[str, list[tuple[str, float, str]]] = {
    "Make it brighter!": [("brightness", 1, "")],
    "much warmer and a bit more contrast": [("warmth", 1.6, ""), ("contrast", 0.5, "")],
    "b&w with a vignette": [("monochrome", 1, ""), ("vignette", 1, "")],
    "less saturated, cooler": [("saturation", -1, ""), ("warmth", -1, "")],
    "increase the saturation by 50%": [("saturation", 2, "")],
    "rotate 12.5 degrees counterclockwise": [("rotate", 1, "-12.5")],
    "turn left": [("rotate", 1, "-90")],
    "mirror the image": [("flip", 1, "horizontal")],
    "crop to 16:9 and add a gold border": [("crop", 1, "16|9"), ("border", 1, "add a gold||")],
    "remove the background": [("cut_out", 1, "")],
    "make the background light blue": [("backdrop", 1, "light blue")],
    "paint the red car dark green": [("recolour", 1, "the red car|dark green")],
    "turn the sky to orange": [("recolour", 1, "the sky|orange")],
}


@pytest.mark.parametrize("prompt", READ)
def test_prompts_are_read_as_corrections(prompt: str) -> None:
    read = wishes.read(prompt)
    assert [(step.name, step.amount, step.value) for step in read.steps] == READ[prompt]
    assert read.unknown == ()


@pytest.mark.parametrize(
    "prompt",
    ["make it winter", "add a dog", "do not brighten it", "make the sky brighter",
     "brighter and with a hat", "make it cool", "in the style of a painting", "more"],
)  # fmt: skip
def test_prompts_that_are_not_understood_as_a_whole_are_refused(
    prompt: str, field: Image.Image, weights: Path
) -> None:
    error = refusal(order("edit", prompt=prompt), weights, image=field)
    assert error.field == "prompt"
    assert "brighter/darker" in (error.allowed or "")
    assert "gemini" in error.message


def edited(prompt: str, image: Image.Image, weights: Path, **fields: Any) -> NDArray[np.int64]:
    return made(work(order("edit", prompt=prompt, **fields), weights, image=image))


def test_tones_and_colours_change_as_said(coffee: Image.Image, weights: Path) -> None:
    before = np.asarray(coffee, np.float64)
    assert edited("brighter", coffee, weights).mean() > before.mean() + 15
    assert edited("darker", coffee, weights).mean() < before.mean() - 15
    assert edited("more contrast", coffee, weights).std() > before.std() + 5
    assert edited("less contrast", coffee, weights).std() < before.std() - 5
    warm, cool = edited("warmer", coffee, weights), edited("cooler", coffee, weights)
    assert (warm[..., 0] - warm[..., 2]).mean() > (cool[..., 0] - cool[..., 2]).mean() + 15
    grey = edited("black and white", coffee, weights, strength=0.7)
    assert np.ptp(grey, axis=2).max() <= 1
    assert (
        np.ptp(edited("more saturated", coffee, weights), axis=2).mean()
        > np.ptp(before, axis=2).mean()
    )
    inverted = edited("invert the colours", coffee, weights)
    assert np.abs(inverted - (255 - before)).max() <= 1


def test_sharpness_changes_as_said(coffee: Image.Image, weights: Path) -> None:
    def detail(values: NDArray[Any]) -> float:
        return float(np.abs(np.diff(values.astype(float), axis=1)).mean())

    usual = detail(np.asarray(coffee))
    assert detail(edited("sharpen", coffee, weights)) > 1.2 * usual
    assert detail(edited("blur", coffee, weights)) < 0.6 * usual
    assert detail(edited("denoise", coffee, weights)) < 0.95 * usual


def test_strength_scales(coffee: Image.Image, weights: Path) -> None:
    before = np.asarray(coffee, np.int64)
    change = [
        np.abs(edited("brighter", coffee, weights, strength=strength) - before).mean()
        for strength in (0, 0.35, 0.7, 1)
    ]
    assert change[0] == 0
    assert change[1] < change[2] < change[3]


def test_places_change_as_said(coffee: Image.Image, weights: Path) -> None:
    before = np.asarray(coffee, np.int64)
    assert (edited("rotate right", coffee, weights) == np.rot90(before, -1)).all()
    assert (edited("flip vertically", coffee, weights) == before[::-1]).all()
    assert edited("crop to 1:1", coffee, weights).shape == (400, 400, 3)
    framed = edited("a red border of 20 px", coffee, weights)
    assert framed.shape == (440, 640, 3)
    assert (framed[20:420, 20:620] == before).all()
    assert is_red(framed[:20]).all()
    tilted = edited("rotate 10 degrees", coffee, weights)
    assert (tilted[[0, 0, -1, -1], [0, -1, 0, -1]].sum(axis=1) > 0).all()  # no empty corners


def test_the_background_is_blurred_white_or_gone(coffee: Image.Image, weights: Path) -> None:
    before = np.asarray(coffee, np.int64)
    cup = np.s_[150:250, 250:320]
    gone = edited("remove the background", coffee, weights)
    assert gone[0, 0, 3] == 0
    assert gone[200, 280, 3] == 255
    white = edited("make the background white", coffee, weights)
    assert white[:20, :20].min() == 255
    assert np.abs(white - before)[cup].max() <= 1
    soft = edited("blur the background", coffee, weights)
    assert np.abs(soft - before)[cup].max() <= 1
    assert soft[300:, 500:].std() < before[300:, 500:].std()


def test_jpeg_has_no_transparency(coffee: Image.Image, weights: Path) -> None:
    wanted = order("edit", prompt="remove the background", output_format="jpeg")
    assert refusal(wanted, weights, image=coffee).field == "output_format"


def test_too_many_corrections_are_refused(field: Image.Image, weights: Path) -> None:
    prompt = ", ".join(["sharpen", "blur"] * 5)
    assert "8" in (refusal(order("edit", prompt=prompt), weights, image=field).allowed or "")


# --- all of them ------------------------------------------------------------------------------

EXAMPLES: dict[str, dict[str, Any]] = {
    "erase": {"mask": "m", "output_format": "webp"},
    "inpaint": {"mask": "m", "prompt": "a blue balloon", "output_format": "webp"},
    "outpaint": {"right": 30, "output_format": "jpeg"},
    "search_recolor": {"search": "the red ball", "prompt": "teal", "output_format": "webp"},
    "search_replace": {"search": "the red ball", "prompt": "a cat", "output_format": "jpeg"},
    "replace_background": {"background_prompt": "a beach", "output_format": "webp"},
    "edit": {"prompt": "warmer, crop to 4:3", "output_format": "jpeg"},
}


SMALL = (96, 72)


@pytest.mark.parametrize("operation", EXAMPLES)
def test_the_same_request_gives_the_same_bytes_also_in_threads(
    operation: str, field: Image.Image, weights: Path
) -> None:
    assert EXAMPLES.keys() == OFFERS.keys()
    wanted = order(operation, **EXAMPLES[operation])
    files = {"image": field.resize(SMALL)}
    if operation in {"erase", "inpaint"}:
        files["mask"] = MASK.resize(SMALL)

    def once(_: int) -> bytes:
        delivery = work(wanted, weights, **files)
        assert delivery.outputs[0].media_type == f"image/{EXAMPLES[operation]['output_format']}"
        return delivery.outputs[0].data

    with ThreadPoolExecutor(2) as pool:
        assert len(set(pool.map(once, range(2)))) == 1


REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "a prompt to paint on": ("outpaint", {"right": 9, "prompt": "a lake"}, "prompt"),
    "a style to paint on": ("outpaint", {"right": 9, "style": "anime"}, "style"),
    "creativity": ("outpaint", {"right": 9, "creativity": 0.9}, "creativity"),
    "repainting": (
        "replace_background", {"background_prompt": "sea", "preserve_subject": 0.0},
        "preserve_subject"),
    "a second picture": ("edit", {"prompt": "brighter", "reference": "b"}, "reference"),
    "a style to recolor": (
        "search_recolor", {"search": "a", "prompt": "b", "style": "anime"}, "style"),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_fields_that_mean_nothing_here_are_refused_before_anything_is_held(kind: str) -> None:
    operation, fields, name = REFUSED[kind]
    assert name in OFFERS[operation].refusal(order(operation, **fields))
