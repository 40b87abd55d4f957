"""WaveSpeed: what each offer sends, and what comes back."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from PIL import Image

from providers import Delivery, http, read_offers
from studio import imaging, media
from studio.operations import (
    EditImage,
    EnhancePrompt,
    Erase,
    FaceSwap,
    Generate,
    ImageToVideo,
    Inpaint,
    Operation,
    Outpaint,
    TagImage,
    TalkingAvatar,
    Upscale,
)
from tests.contract.cases import Case
from tests.contract.emulators.wavespeed import WaveSpeedEmulator
from tests.contract.wavespeed_kit import (
    carried_out,
    mask,
    order,
    photo,
    provider_for,
    sent,
    sound,
)

OFFERS = {offer.id: offer for offer in read_offers("providers.wavespeed")}


@pytest.fixture(autouse=True)
def _no_long_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "_FIRST_WAIT", 0.01)


@dataclass(frozen=True)
class Sold:
    """An order, what WaveSpeed must get, and what must come back.

    Attributes:
        body: all of it; uploads stand there by their file names.
        cost: millionths of a dollar.
        size: pixels that come back; zeros where it is no picture.
        asked: the fact that the delivery tells of it.
    """

    offer: str
    name: str
    operation: Operation
    body: Mapping[str, Any]
    cost: int
    files: Mapping[str, bytes] = field(default_factory=dict)
    size: tuple[int, int] = (0, 0)
    media_type: str = "image/png"
    seed: int | None = None
    asked: str = ""


PROMPT = "a fox"
TURBO, BALANCED, QUALITY = (f"wavespeed/ideogram-v3-{s}" for s in ("turbo", "balanced", "quality"))
ONE = {"image": photo()}
WITH_MASK = {"image": photo(), "mask": mask()}
FACES = {"image": photo(), "face": photo("face", 48, 48, "JPEG")}
LARGE = {"image": photo("large", 600, 400)}
TWO_LARGE = LARGE | {"reference": photo("other", 400, 400)}


def _generate(**more: Any) -> Generate:
    return Generate(prompt=PROMPT, **more)


SOLD = (
    *(
        Sold(
            offer,
            "a wide picture",
            _generate(width=1920, height=1080, seed=7),
            {"prompt": PROMPT, "aspect_ratio": "16:9"},
            cost,
            size=(1312, 736),
            asked="16:9",
        )
        for offer, cost in ((TURBO, 30_000), (BALANCED, 60_000), (QUALITY, 90_000))
    ),
    Sold(
        TURBO,
        "everything that it can be told",
        _generate(
            negative_prompt="text, frames",
            style="realistic",
            width=64,
            height=2048,
            reference="a",
            reference_2="b",
            reference_3="c",
        ),
        {
            "prompt": "a fox. Do not show: text, frames",
            "style": "Realistic",
            "aspect_ratio": "9:16",
            "reference_images": ["reference.png", "reference_2.jpg", "reference_3.webp"],
        },
        30_000,
        {
            "reference": photo("a"),
            "reference_2": photo("b", kind="JPEG"),
            "reference_3": photo("c", kind="WEBP"),
        },
        size=(736, 1312),
        asked="9:16",
    ),
    Sold(
        BALANCED,
        "a style in words and one reference in the last place",
        _generate(style="line-art", reference_3="c"),
        {
            "prompt": "a fox, line art style",
            "aspect_ratio": "1:1",
            "reference_images": ["reference_3.png"],
        },
        60_000,
        {"reference_3": photo("c")},
        size=(1024, 1024),
        asked="1:1",
    ),
    Sold(
        "wavespeed/qwen-image",
        "seed 0 is a seed",
        _generate(width=1024, height=768, seed=0, output_format="webp"),
        {"prompt": PROMPT, "size": "1024*768", "seed": 0, "output_format": "webp"},
        20_000,
        size=(1024, 768),
        media_type="image/webp",
        seed=0,
        asked="1024*768",
    ),
    Sold(
        "wavespeed/qwen-image",
        "the largest size and seed, negative prompt and style in words",
        _generate(
            width=2048,
            height=1024,
            seed=2_147_483_647,
            negative_prompt="people",
            style="watercolour",
            output_format="jpeg",
        ),
        {
            "prompt": "a fox, watercolour style. Do not show: people",
            "size": "1536*768",
            "seed": 2_147_483_647,
            "output_format": "jpeg",
        },
        20_000,
        size=(1536, 768),
        media_type="image/jpeg",
        seed=2_147_483_647,
        asked="1536*768",
    ),
    Sold(
        "wavespeed/qwen-image",
        "no seed, and a shape that it has only nearly",
        _generate(width=64, height=2048),
        {"prompt": PROMPT, "size": "256*1536", "output_format": "png"},
        20_000,
        size=(256, 1536),
        asked="256*1536",
    ),
    Sold(
        "wavespeed/wan-2.5",
        "a true negative prompt",
        _generate(width=64, height=64, seed=5, negative_prompt="text", style="oil"),
        {
            "prompt": "a fox, oil style",
            "negative_prompt": "text",
            "size": "768*768",
            "enable_prompt_expansion": False,
            "seed": 5,
        },
        30_000,
        size=(768, 768),
        seed=5,
        asked="768*768",
    ),
    Sold(
        "wavespeed/wan-2.5",
        "the largest size",
        _generate(width=2048, height=2048),
        {"prompt": PROMPT, "size": "1440*1440", "enable_prompt_expansion": False},
        30_000,
        size=(1440, 1440),
        asked="1440*1440",
    ),
    *(
        Sold(
            f"{offer}/edit",
            "with references",
            EditImage(
                image="i",
                prompt="winter",
                negative_prompt="snowmen",
                reference="a",
                reference_2="b",
            ),
            {
                "image": "image.png",
                "prompt": "winter. Do not show: snowmen",
                "aspect_ratio": "4:3",
                "reference_images": ["reference.png", "reference_2.png"],
            },
            cost,
            {**ONE, "reference": photo("a"), "reference_2": photo("b")},
            size=(1152, 864),
            asked="4:3",
        )
        for offer, cost in ((TURBO, 30_000), (BALANCED, 60_000), (QUALITY, 90_000))
    ),
    Sold(
        "wavespeed/qwen-image-edit",
        "one picture, in its own shape",
        EditImage(image="i", prompt="winter", seed=9, output_format="jpeg"),
        {
            "image": "image.png",
            "prompt": "winter",
            "size": "600*400",
            "seed": 9,
            "output_format": "jpeg",
        },
        20_000,
        LARGE,
        size=(600, 400),
        media_type="image/jpeg",
        seed=9,
        asked="600*400",
    ),
    Sold(
        "wavespeed/qwen-image-edit-plus",
        "three pictures",
        EditImage(
            image="i",
            prompt="winter",
            negative_prompt="ice",
            reference="a",
            reference_2="b",
            seed=0,
        ),
        {
            "images": ["image.png", "reference.png", "reference_2.png"],
            "prompt": "winter. Do not show: ice",
            "size": "600*400",
            "seed": 0,
            "output_format": "png",
        },
        20_000,
        {**TWO_LARGE, "reference_2": photo("third")},
        size=(600, 400),
        seed=0,
        asked="600*400",
    ),
    Sold(
        "wavespeed/qwen-image-edit-plus",
        "one picture",
        EditImage(image="i", prompt="winter"),
        {"images": ["image.png"], "prompt": "winter", "size": "600*400", "output_format": "png"},
        20_000,
        LARGE,
        size=(600, 400),
        asked="600*400",
    ),
    Sold(
        "wavespeed/wan-2.5/edit",
        "two pictures",
        EditImage(image="i", prompt="winter", negative_prompt="ice", reference="a", seed=3),
        {
            "images": ["image.png", "reference.png"],
            "prompt": "winter",
            "negative_prompt": "ice",
            "seed": 3,
        },
        30_000,
        TWO_LARGE,
        size=(600, 400),
        seed=3,
    ),
    *(
        Sold(
            f"{offer}/inpaint",
            "white is painted",
            Inpaint(
                image="i", mask="m", prompt="a door", negative_prompt="red", style="cubism", seed=1
            ),
            {
                "image": "image.png",
                "mask_image": "mask.png",
                "prompt": "a door, cubism style. Do not show: red",
                "aspect_ratio": "4:3",
            },
            cost,
            WITH_MASK,
            size=(96, 64),
            asked="4:3",
        )
        for offer, cost in ((TURBO, 30_000), (BALANCED, 60_000), (QUALITY, 90_000))
    ),
    *(
        Sold(
            f"wavespeed/{model}",
            "the mask is erased",
            Erase(image="i", mask="m", seed=4),
            {"image": "image.png", "mask_image": "mask.png"},
            cost,
            WITH_MASK,
            size=(96, 64),
        )
        for model, cost in (("image-eraser", 25_000), ("bria-eraser", 40_000))
    ),
    Sold(
        "wavespeed/bria-expand",
        "margins on two sides",
        Outpaint(image="i", left=10, down=20, seed=4),
        {"image": "image.png", "mask_image": "mask.png"},
        40_000,
        ONE,
        size=(106, 84),
    ),
    Sold(
        "wavespeed/image-upscaler",
        "2k is enough",
        Upscale(image="i", factor="2x"),
        {"image": "image.png", "target_resolution": "2k", "output_format": "png"},
        10_000,
        {"image": photo("p", 960, 480)},
        size=(2048, 1024),
        asked="2k",
    ),
    Sold(
        "wavespeed/image-upscaler",
        "one pixel more needs 4k, and so large a PNG is asked for as JPEG",
        Upscale(image="i", factor="2x"),
        {"image": "image.png", "target_resolution": "4k", "output_format": "jpeg"},
        10_000,
        {"image": photo("p", 961, 900)},
        size=(3840, 3596),
        media_type="image/jpeg",
        asked="4k",
    ),
    Sold(
        "wavespeed/ultimate-image-upscaler",
        "8k",
        Upscale(image="i", factor="4x", output_format="webp"),
        {"image": "image.jpg", "target_resolution": "8k", "output_format": "webp"},
        60_000,
        {"image": photo("p", 1280, 32, "JPEG")},
        size=(7680, 192),
        media_type="image/webp",
        asked="8k",
    ),
    Sold(
        "wavespeed/image-face-swap",
        "the third face",
        FaceSwap(image="i", face="f", face_number=2, consent=True, output_format="jpeg"),
        {
            "image": "image.png",
            "face_image": "face.jpg",
            "target_index": 2,
            "output_format": "jpeg",
        },
        10_000,
        FACES,
        size=(96, 64),
        media_type="image/jpeg",
    ),
    Sold(
        "wavespeed/image-face-swap-pro",
        "the only face",
        FaceSwap(image="i", face="f", consent=True),
        {"image": "image.png", "face_image": "face.jpg", "output_format": "png"},
        25_000,
        FACES,
        size=(96, 64),
    ),
    *(
        Sold(
            f"wavespeed/wan-2.5/image_to_video/{resolution}",
            "three seconds with sound",
            ImageToVideo(
                image="i",
                prompt="waves",
                negative_prompt="boats",
                audio="a",
                resolution=resolution,
                duration=3,
                expand_prompt=True,
                seed=11,
            ),
            {
                "image": "image.png",
                "prompt": "waves",
                "negative_prompt": "boats",
                "audio": "audio.wav",
                "resolution": resolution,
                "duration": 3,
                "enable_prompt_expansion": True,
                "seed": 11,
            },
            cost,
            {**ONE, "audio": sound(3)},
            media_type="video/mp4",
            seed=11,
            asked=resolution,
        )
        for resolution, cost in (("480p", 150_000), ("720p", 300_000), ("1080p", 450_000))
    ),
    Sold(
        "wavespeed/wan-2.5/image_to_video/480p",
        "ten silent seconds",
        ImageToVideo(image="i", prompt="waves", resolution="480p", duration=10),
        {
            "image": "image.png",
            "prompt": "waves",
            "resolution": "480p",
            "duration": 10,
            "enable_prompt_expansion": False,
        },
        500_000,
        ONE,
        media_type="video/mp4",
        asked="480p",
    ),
    Sold(
        "wavespeed/infinitetalk/480p",
        "six seconds are sold as ten",
        TalkingAvatar(image="i", audio="a", resolution="480p", seed=2),
        {"image": "image.png", "audio": "audio.wav", "resolution": "480p", "seed": 2},
        300_000,
        {**ONE, "audio": sound(5.2)},
        media_type="video/mp4",
        seed=2,
        asked="480p",
    ),
    Sold(
        "wavespeed/infinitetalk/720p",
        "who speaks, and how",
        TalkingAvatar(image="i", audio="a", mask="m", prompt="calmly", resolution="720p"),
        {
            "image": "image.png",
            "audio": "audio.wav",
            "mask_image": "mask.png",
            "prompt": "calmly",
            "resolution": "720p",
        },
        300_000,
        {**ONE, "audio": sound(1), "mask": mask()},
        media_type="video/mp4",
        asked="720p",
    ),
    Sold(
        "wavespeed/image-captioner",
        "a caption, and tags from it",
        TagImage(image="i", most_tags=4),
        {"image": "image.png", "detail_level": "high"},
        2_000,
        ONE,
        media_type="application/json",
    ),
    Sold(
        "wavespeed/molmo2-prompt-optimizer",
        "a style that it knows",
        EnhancePrompt(prompt=PROMPT, style="Anime"),
        {"text": PROMPT, "mode": "image", "style": "anime"},
        2_000,
        media_type="application/json",
    ),
    Sold(
        "wavespeed/molmo2-prompt-optimizer",
        "a style that it does not know",
        EnhancePrompt(prompt=PROMPT, style="line-art"),
        {"text": "a fox, line art style", "mode": "image"},
        2_000,
        media_type="application/json",
    ),
)


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
