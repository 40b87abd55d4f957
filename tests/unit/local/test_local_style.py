"""Pictures repainted here: strengths mean what they say, sizes stay, refusals name the way out."""

from __future__ import annotations

import io
import resource
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
from providers.local import style as room
from providers.local.illustrate import compose
from providers.local.style import network, regions
from providers.offers import read_offers
from studio.errors import ProviderRejected
from studio.operations import Operation, Sketch, Structure, StyleGuide, StyleTransfer

OFFERS = {offer.id: offer for offer in read_offers("providers.local.style")}
NOWHERE = Path("/nowhere")

Array = NDArray[np.int64]


def png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def made(operation: Operation, files: Mapping[str, Image.Image]) -> Delivery:
    """Do an operation with the one offer that there is for it."""
    offer = next(each for each in OFFERS.values() if each.operation == operation.operation)
    assert not offer.refusal(operation)
    request = Request(operation, {name: png(image) for name, image in files.items()})
    return room.WORK[offer.id](offer, request, NOWHERE)


def pixels(delivery: Delivery) -> Array:
    (output,) = delivery.outputs
    image = Image.open(io.BytesIO(output.data))
    assert (output.width, output.height) == image.size
    assert output.media_type == f"image/{(image.format or '').lower()}"
    return np.asarray(image.convert("RGB")).astype(np.int64)


def apart(one: Any, other: Any) -> float:
    """Mean difference, in levels."""
    return float(np.abs(np.asarray(one).astype(int) - np.asarray(other).astype(int)).mean())


def forms(image: Any, other: Any) -> float:
    """How alike two pictures' edges are: the correlation of their gradients of lightness."""
    sizes = []
    for each in (image, other):
        dy, dx = np.gradient(np.asarray(each).astype(float).mean(axis=2))
        sizes.append(np.hypot(dx, dy).ravel())
    return float(np.corrcoef(*sizes)[0, 1])


def line_drawing(side: int = 320, *, dark: bool = False) -> Image.Image:
    """A sun, two hills and a house whose outline has a small gap."""
    ground, pen = ("#1d2430", "white") if dark else ("white", "black")
    image = Image.new("RGB", (side, side), ground)
    draw = ImageDraw.Draw(image)
    k = side / 320

    def stroke(*points: tuple[float, float]) -> None:
        draw.line([(x * k, y * k) for x, y in points], fill=pen, width=max(int(3 * k), 2))

    stroke((0, 200), (90, 120), (180, 190), (250, 130), (320, 180))
    stroke((110, 260), (110, 190), (200, 190), (200, 260), (113, 260))
    stroke((100, 190), (155, 140), (210, 190))
    draw.ellipse([v * k for v in (230, 30, 285, 85)], outline=pen, width=max(int(3 * k), 2))
    return image


@pytest.fixture(scope="module")
def painting() -> Image.Image:
    return compose("boats at sunset", width=256, height=256, seed=2, style="oil-painting").image


@pytest.fixture(scope="module")
def cat(weights: Path) -> Image.Image:
    return Image.open(weights / "cat.png").convert("RGB").resize((300, 200))


# --- style transfer ----------------------------------------------------------------------------


def transfer(image: Image.Image, sample: Image.Image, **fields: Any) -> Array:
    wanted = StyleTransfer(image="a", style_image="b", seed=1, **fields)
    return pixels(made(wanted, {"image": image, "style_image": sample}))


@pytest.mark.parametrize("field", ["style_strength", "change_strength"])
def test_no_strength_is_the_picture_itself(
    cat: Image.Image, painting: Image.Image, field: str
) -> None:
    assert apart(transfer(cat, painting, **{field: 0.0}), cat) == 0


@pytest.mark.parametrize("field", ["style_strength", "change_strength"])
def test_more_strength_changes_more(cat: Image.Image, painting: Image.Image, field: str) -> None:
    changes = [apart(transfer(cat, painting, **{field: by}), cat) for by in (0.02, 0.4, 1.0)]
    assert changes[0] < 3
    assert changes[0] * 3 < changes[1] < changes[2]
    assert changes[2] > 15


def test_more_composition_keeps_more_of_the_forms(cat: Image.Image, painting: Image.Image) -> None:
    loose, close = (transfer(cat, painting, composition_fidelity=by) for by in (0.0, 1.0))
    assert forms(close, cat) > forms(loose, cat) + 0.1
    assert forms(close, cat) > 0.8


def test_the_colours_come_from_the_style(cat: Image.Image) -> None:
    blue = Image.fromarray(np.random.default_rng(1).integers(0, 90, (80, 80, 3), np.uint8))
    blue = Image.merge(
        "RGB",
        (*blue.split()[:2], blue.getchannel(2).point([min(255, v + 150) for v in range(256)])),
    )
    red, _, other = np.asarray(cat).astype(int).mean(axis=(0, 1))
    styled = transfer(cat, blue, style_strength=1.0, change_strength=1.0).mean(axis=(0, 1))
    assert red > other
    assert styled[2] > styled[0] + 30


@pytest.mark.parametrize("size", [(16, 16), (500, 40), (37, 611), (601, 203)])
def test_any_size_stays(cat: Image.Image, painting: Image.Image, size: tuple[int, int]) -> None:
    found = transfer(cat.resize(size), painting)
    assert found.shape == (size[1], size[0], 3)
    assert apart(found, cat.resize(size)) > 5


def test_transparency_stays(cat: Image.Image, painting: Image.Image) -> None:
    alpha = Image.linear_gradient("L").resize(cat.size)
    glass = cat.copy()
    glass.putalpha(alpha)
    wanted = StyleTransfer(image="a", style_image="b", seed=1)
    (output,) = made(wanted, {"image": glass, "style_image": painting}).outputs
    found = Image.open(io.BytesIO(output.data))
    assert found.mode == "RGBA"
    assert apart(found.getchannel("A"), alpha) == 0


def test_squares_of_a_large_picture_leave_no_seams(weights: Path, painting: Image.Image) -> None:
    """Nowhere is the step to the next column or row much larger than around it."""
    large = np.asarray(Image.open(weights / "cat.png").convert("RGB").resize((900, 600)))
    style = network.vector(np.asarray(painting))
    found = network.repaint(large, style, 0.0)
    for axis in (0, 1):
        steps = np.abs(np.diff(found.astype(float).mean(axis=2), axis=axis)).mean(axis=1 - axis)
        around = np.convolve(steps, np.ones(41) / 41, "same")
        assert (steps / around)[25:-25].max() < 1.45
        assert max(steps[:6].mean(), steps[-6:].mean()) < steps.mean() * 1.3
    # The squares have the tones that one pass over the whole gives.
    broad = network.repaint(large, style, 0.0, longest=336)
    small = [Image.fromarray(each).resize((9, 6), Image.Resampling.BOX) for each in (found, broad)]
    assert apart(*small) < 4


def test_words_are_refused_before_anything_is_held() -> None:
    offer = OFFERS["local/style-transfer"]
    for field in ("prompt", "negative_prompt"):
        wanted = StyleTransfer.model_validate({"image": "a", "style_image": "b", field: "gold"})
        assert field in offer.refusal(wanted)


# --- structure ---------------------------------------------------------------------------------


def restructured(image: Image.Image, strength: float, **fields: Any) -> Array:
    wanted = Structure(
        image="a", **{"prompt": "a snowy morning", "seed": 4, "strength": strength, **fields}
    )
    return pixels(made(wanted, {"image": image}))


def test_structure_keeps_forms_and_takes_light(cat: Image.Image) -> None:
    found = [restructured(cat, by) for by in (0.0, 0.3, 1.0)]
    alike = [forms(each, cat) for each in found]
    assert alike[0] < 0.35
    assert alike[0] + 0.1 < alike[1] < alike[2]
    assert alike[2] > 0.8
    night = restructured(cat, 1.0, prompt="the sea at night")
    assert night.mean() < found[2].mean() - 25
    # The cat is orange; neither snow nor night is.
    for each in (found[2], night):
        assert each[:, :, 0].mean() < each[:, :, 2].mean()


def test_without_strength_the_prompt_alone_is_seen(cat: Image.Image) -> None:
    drawn = compose("a snowy morning", width=300, height=200, seed=4).image
    assert apart(restructured(cat, 0.0), drawn) < 14
    assert apart(restructured(cat, 1.0), drawn) > 25


def test_the_size_of_a_large_picture_stays_and_its_detail_too(weights: Path) -> None:
    large = Image.open(weights / "cat.png").convert("RGB").resize((1201, 803))
    found = restructured(large, 1.0)
    assert found.shape == (803, 1201, 3)
    assert forms(found, large) > 0.6


# --- sketch ------------------------------------------------------------------------------------


def coloured(image: Image.Image, **fields: Any) -> Array:
    wanted = Sketch(image="a", **{"prompt": "a red house on green hills", "seed": 3, **fields})
    return pixels(made(wanted, {"image": image}))


def test_a_sketch_is_coloured_as_the_prompt_says() -> None:
    found = coloured(line_drawing(), prompt="a red house on green hills at noon")
    house, ground, sky = found[215:250, 130:180], found[290:, 20:300], found[10:60, 20:120]
    assert house[:, :, 0].mean() > house[:, :, 1].mean() + 25
    assert ground[:, :, 1].mean() > ground[:, :, 0].mean() + 10
    assert sky[:, :, 2].mean() > sky[:, :, 0].mean() + 25
    blue = coloured(line_drawing(), prompt="a blue house in the snow")
    assert apart(blue, found) > 25


@pytest.mark.parametrize("dark", [False, True])
def test_lines_are_kept_as_closely_as_asked(*, dark: bool) -> None:
    drawing = line_drawing(dark=dark)
    line = regions.ink(np.asarray(drawing)) > 0.5
    found = [coloured(drawing, strength=by) for by in (0.0, 0.5, 1.0)]
    lightness = [each[line].mean() - each[~line].mean() for each in found]
    assert lightness[0] > -25
    assert lightness[0] > lightness[1] + 15
    assert lightness[1] > lightness[2] + 15
    assert lightness[2] < -60


def test_a_line_with_a_gap_still_holds_its_colour() -> None:
    """Pixels by which the house is open are less than its paint could leak through."""
    drawing = np.asarray(line_drawing()).copy()
    drawing[222:226, 107:114] = 255
    lines = regions.ink(drawing)
    closed, _ = regions.areas(lines, 320 * 0.012)
    leaking, _ = regions.areas(lines, 0.0)
    assert closed[230, 150] != closed[300, 40]
    assert leaking[230, 150] == leaking[300, 40]


def test_every_pixel_belongs_to_an_area() -> None:
    labels, found = regions.areas(regions.ink(np.asarray(line_drawing())), 4.0)
    assert labels.min() > 0
    assert {area.label for area in found} == set(np.unique(labels).tolist())
    assert sum(area.share for area in found) == pytest.approx(1)


def test_a_sketch_on_uneven_paper_is_one() -> None:
    paper = np.linspace(0.62, 1.0, 320)[None, :, None]
    noise = np.random.default_rng(3).normal(0, 5, (320, 320, 1))
    page = np.clip(np.asarray(line_drawing()) * paper + noise, 0, 255).astype(np.uint8)
    assert coloured(Image.fromarray(page)).shape == (320, 320, 3)


@pytest.mark.parametrize("what", ["blank", "photograph", "illustration"])
def test_what_is_no_line_drawing_is_refused_with_a_way_out(cat: Image.Image, what: str) -> None:
    image = {
        "blank": Image.new("RGB", (200, 200), "white"),
        "photograph": cat,
        "illustration": compose("a fox in the forest", width=300, height=300, seed=1).image,
    }[what]
    with pytest.raises(ProviderRejected, match=r"structure.*stability or gemini") as refusal:
        coloured(image)
    assert (refusal.value.field, refusal.value.provider) == ("image", "local")
    assert "lines" in (refusal.value.allowed or "")
    assert refusal.value.bought is False


# --- style guide -------------------------------------------------------------------------------


def guided(sample: Image.Image, **fields: Any) -> Array:
    wanted = StyleGuide(
        image="a", **{"prompt": "a fox", "seed": 5, "width": 320, "height": 200, **fields}
    )
    return pixels(made(wanted, {"image": sample}))


@pytest.mark.parametrize("size", [(64, 64), (701, 333), (64, 500)])
def test_a_guided_picture_is_exactly_as_large_as_asked(
    painting: Image.Image, size: tuple[int, int]
) -> None:
    found = guided(painting, width=size[0], height=size[1])
    assert found.shape == (size[1], size[0], 3)


def test_fidelity_moves_the_illustration_towards_the_style(painting: Image.Image) -> None:
    plain = compose("a fox", width=320, height=200, seed=5).image
    found = [guided(painting, fidelity=by) for by in (0.0, 0.2, 1.0)]
    assert apart(found[0], plain) == 0
    assert 0 < apart(found[1], plain) < apart(found[2], plain)
    target = np.asarray(painting).astype(int).mean(axis=(0, 1))
    near = [np.abs(each.mean(axis=(0, 1)) - target).sum() for each in found]
    assert near[2] < near[0] * 0.8


# --- all of them -------------------------------------------------------------------------------

WANTED = {
    "local/style-transfer": StyleTransfer(image="a", style_image="b", seed=1),
    "local/sketch": Sketch(image="a", prompt="a red house", seed=1, style="charcoal"),
    "local/structure": Structure(image="a", prompt="a forest", seed=1, style="colour-pencil"),
    "local/style-guide": StyleGuide(image="a", prompt="a fox", seed=1, width=300, height=280),
}


def test_every_offer_has_its_work_and_every_work_its_offer() -> None:
    assert OFFERS.keys() == room.WORK.keys() == WANTED.keys()


@pytest.mark.parametrize("offer", WANTED)
def test_the_same_bytes_every_time_also_in_threads(offer: str, painting: Image.Image) -> None:
    files = {"image": line_drawing(200), "style_image": painting}
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda _: made(WANTED[offer], files).outputs[0].data, range(3)))
    assert len(set(found)) == 1


@pytest.mark.parametrize("file_type", ["png", "jpeg", "webp"])
@pytest.mark.parametrize("offer", WANTED)
def test_the_file_is_of_the_type_asked_for(
    offer: str, file_type: str, painting: Image.Image
) -> None:
    wanted = WANTED[offer].model_copy(update={"output_format": file_type})
    delivery = made(wanted, {"image": line_drawing(96), "style_image": painting})
    assert delivery.outputs[0].media_type == f"image/{file_type}"
    pixels(delivery)


@pytest.mark.parametrize("offer", ["local/sketch", "local/structure"])
def test_a_named_style_is_done_and_told_and_an_unknown_one_owned_up_to(offer: str) -> None:
    drawing = line_drawing(200)
    plain, woodcut, odd = (
        made(WANTED[offer].model_copy(update={"style": name}), {"image": drawing})
        for name in ("", "woodcut", "baroque")
    )
    assert apart(pixels(woodcut), pixels(plain)) > 20
    assert "woodcut" in woodcut.method
    assert apart(pixels(odd), pixels(plain)) == 0
    assert "style: baroque" in odd.facts["not_done"]
    assert all("style" not in each for each in plain.facts["not_done"])


def test_a_large_picture_takes_bounded_time_and_memory(
    cat: Image.Image, painting: Image.Image
) -> None:
    """Four megapixels: measured 3 s and 0.2 GB more than at the start."""
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    assert transfer(cat.resize((2400, 1600)), painting).shape == (1600, 2400, 3)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert time.process_time() - began < 20
    assert (after - before) / 1024 < 900
