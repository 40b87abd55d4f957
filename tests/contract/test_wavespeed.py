"""WaveSpeed: what each offer sends, and what comes back."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from providers import Delivery, read_offers
from studio import imaging, media
from studio.operations import (
    EnhancePrompt,
    Erase,
    Generate,
    Inpaint,
    Outpaint,
    TagImage,
)
from tests.contract.cases import Case
from tests.contract.emulators.wavespeed import WaveSpeedEmulator
from tests.contract.wavespeed_kit import (
    carried_out,
    make_quick,
    mask,
    order,
    provider_for,
    sent,
)
from tests.contract.wavespeed_orders import ONE, PROMPT, SOLD, TURBO, WITH_MASK, Sold

OFFERS = {offer.id: offer for offer in read_offers("providers.wavespeed")}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    make_quick(monkeypatch, tmp_path)


def _check(sold: Sold, emulator: WaveSpeedEmulator, provider: Any) -> None:
    delivery = carried_out(provider, sold.offer, sold.operation, sold.files)
    offer = OFFERS[sold.offer]
    assert order(emulator) == (offer.route, dict(sold.body))
    assert [(bill.amount, bill.refunded) for bill in emulator.bills] == [(sold.cost, False)]
    _check_delivery(sold, delivery, offer.model)
    assert delivery.facts["request_id"] == emulator.bills[0].id
    assert delivery.facts["provider_model"] == offer.route
    assert delivery.facts.get("asked", "") == sold.asked


def _check_delivery(sold: Sold, delivery: Delivery, model: str) -> None:
    (output,) = delivery.outputs
    assert output.media_type == sold.media_type
    assert (output.width, output.height) == sold.size
    assert (delivery.model, delivery.seed, delivery.cost) == (model, sold.seed, None)
    found = media.look(output.data)
    assert found.media_type == sold.media_type
    if sold.size != (0, 0):
        assert imaging.open_picture(output.data).size == sold.size
    if sold.media_type == "video/mp4":
        wanted = {"480p": (854, 480), "720p": (1280, 720), "1080p": (1920, 1080)}[sold.asked]
        assert (found.width, found.height) == wanted


def _case(sold: Sold) -> Case:
    return Case(
        sold.offer,
        sold.operation.operation,
        "success",
        sold.name,
        lambda emulator, provider: _check(sold, emulator, provider),
    )


CASES: tuple[Case, ...] = tuple(_case(sold) for sold in SOLD)


@pytest.fixture
def emulator() -> Iterator[WaveSpeedEmulator]:
    with WaveSpeedEmulator() as started:
        yield started


@pytest.mark.parametrize("case", CASES, ids=str)
def test_offer(case: Case, emulator: WaveSpeedEmulator) -> None:
    case.check(emulator, provider_for(emulator))
    assert emulator.twice == []


def test_every_offer_has_a_case() -> None:
    assert {case.offer for case in CASES} == set(OFFERS)
    assert all(OFFERS[case.offer].operation == case.operation for case in CASES)


@pytest.mark.parametrize("width", [64, 100, 768, 1024, 1536, 2048])
@pytest.mark.parametrize("height", [64, 333, 1440, 2048])
@pytest.mark.parametrize("quality", ["draft", "standard", "premium"])
def test_every_size_and_quality_is_sold(width: int, height: int, quality: Any) -> None:
    wanted = Generate(prompt=PROMPT, width=width, height=height, quality=quality, seed=1)
    assert any(not offer.refusal(wanted) for offer in OFFERS.values())


def test_a_mask_is_grown_and_the_rest_is_kept(emulator: WaveSpeedEmulator) -> None:
    wanted = Inpaint(image="i", mask="m", prompt="a door", grow_mask=3)
    delivery = carried_out(provider_for(emulator), f"{TURBO}/inpaint", wanted, WITH_MASK)
    grown = Image.open(io.BytesIO(sent(emulator, "mask.png"))).convert("L")
    # The box is 40..59 by 24..43: three pixels more on each side, and not a fourth.
    assert grown.getbbox() == (37, 21, 63, 47)
    assert grown.getpixel((37, 21)) == 0, "corners are round"
    before, after = (imaging.open_picture(d) for d in (ONE["image"], delivery.outputs[0].data))
    assert before.getpixel((10, 10)) == after.getpixel((10, 10))
    assert before.getpixel((50, 34)) != after.getpixel((50, 34))


def test_a_mask_need_not_grow(emulator: WaveSpeedEmulator) -> None:
    wanted = Erase(image="i", mask="m", grow_mask=0)
    carried_out(provider_for(emulator), "wavespeed/image-eraser", wanted, WITH_MASK)
    plain = Image.open(io.BytesIO(sent(emulator, "mask.png"))).convert("L")
    assert plain.getbbox() == (40, 24, 60, 44)


def test_transparency_is_a_mask(emulator: WaveSpeedEmulator) -> None:
    image = Image.new("RGBA", (20, 10), (255, 0, 0, 255))
    image.paste((0, 0, 0, 0), (0, 0, 5, 10))
    wanted = Erase(image="i", grow_mask=0)
    files = {"image": imaging.encode(image, "png")}
    carried_out(provider_for(emulator), "wavespeed/image-eraser", wanted, files)
    drawn = Image.open(io.BytesIO(sent(emulator, "mask.png"))).convert("L")
    assert drawn.getbbox() == (0, 0, 5, 10)


def test_a_turned_photograph_is_sent_upright(emulator: WaveSpeedEmulator) -> None:
    out, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (60, 30), "green").save(out, "JPEG", exif=exif)
    files = {"image": out.getvalue(), "mask": mask(30, 60, (1, 1, 9, 9))}
    carried_out(provider_for(emulator), "wavespeed/image-eraser", Erase(image="i", mask="m"), files)
    assert Image.open(io.BytesIO(sent(emulator, "image.png"))).size == (30, 60)


def test_the_canvas_keeps_the_picture_where_it_is(emulator: WaveSpeedEmulator) -> None:
    wanted = Outpaint(image="i", left=10, up=5, right=1, down=2)
    carried_out(provider_for(emulator), "wavespeed/bria-expand", wanted, ONE)
    canvas, drawn = (imaging.open_picture(sent(emulator, f"{n}.png")) for n in ("image", "mask"))
    assert canvas.size == drawn.size == (107, 71)
    picture = imaging.open_picture(ONE["image"])
    assert canvas.crop((10, 5, 106, 69)).tobytes() == picture.convert("RGB").tobytes()
    assert drawn.convert("L").crop((10, 5, 106, 69)).getextrema() == (0, 0)
    assert drawn.getpixel((9, 5)) == (255, 255, 255)


def test_the_caption_is_honest(emulator: WaveSpeedEmulator) -> None:
    delivery = carried_out(
        provider_for(emulator), "wavespeed/image-captioner", TagImage(image="i", most_tags=4), ONE
    )
    told = json.loads(delivery.outputs[0].data)
    assert told["caption"].startswith("The image shows a red lighthouse on a rocky coast.")
    assert told["tags"] == ["lighthouse", "rocky", "coast", "waves"]
    assert (told["objects"], told["colors"]) == ([], ["red", "blue", "white"])
    assert "words of the caption" in delivery.method


def test_the_better_prompt_is_delivered(emulator: WaveSpeedEmulator) -> None:
    wanted = EnhancePrompt(prompt=PROMPT)
    delivery = carried_out(provider_for(emulator), "wavespeed/molmo2-prompt-optimizer", wanted)
    assert json.loads(delivery.outputs[0].data) == {
        "prompt": "a fox, richly detailed, soft morning light, shallow depth of field"
    }
