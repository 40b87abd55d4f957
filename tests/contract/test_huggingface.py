"""Hugging Face: what each offer sends, and what comes back."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from providers import Delivery, Ticket, read_offers
from studio import imaging, media
from studio.catalog import style
from studio.operations import (
    EditImage,
    EnhancePrompt,
    Generate,
    Operation,
    RemoveBackground,
    TagImage,
)
from tests.contract.cases import Case
from tests.contract.emulators.huggingface import HuggingFaceEmulator
from tests.contract.emulators.huggingface_rules import BFL, VERSION
from tests.contract.huggingface_kit import carried_out, hurry, photo, provider_for, submitted

OFFERS = {offer.id: offer for offer in read_offers("providers.huggingface")}
PROMPT = "a fox"
SD3 = "stabilityai/stable-diffusion-3-medium-diffusers"
ONE = {"image": photo("one", 640, 448)}
URI = f"data:image/png;base64,{base64.b64encode(ONE['image']).decode()}"


@pytest.fixture(autouse=True)
def _no_long_waits(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    hurry(monkeypatch, tmp_path)


@dataclass(frozen=True)
class Sold:
    """An order, what the router must get, and what must come back.

    Attributes:
        path: at the router.
        body: all of it.
        cost: nano-dollars.
        size: pixels that come back.
        ticket: whether it is collected later.
    """

    offer: str
    name: str
    operation: Operation
    path: str
    body: Mapping[str, Any]
    cost: int
    size: tuple[int, int]
    media_type: str = "image/jpeg"
    files: Mapping[str, bytes] = field(default_factory=dict)
    seed: int | None = 7
    asked: str = "1024x768"
    ticket: bool = True


def _generate(**more: Any) -> Generate:
    return Generate(**{"prompt": PROMPT, "width": 1024, "height": 768, "seed": 7} | more)


SIDES = {"width": 1024, "height": 768}
EDIT = EditImage(image="i", prompt="winter", negative_prompt="ice", seed=5)
WINTER = "winter. Do not show: ice"


def _drawn(offer: str, path: str, body: Mapping[str, Any], cost: int, **more: Any) -> Sold:
    return Sold(
        f"huggingface/{offer}",
        more.pop("name", "a plain picture"),
        more.pop("operation", _generate()),
        path,
        body,
        cost,
        more.pop("size", (1024, 768)),
        **more,
    )


def _fal(model: str) -> tuple[str, Mapping[str, Any]]:
    return f"/fal-ai/{model}", {"prompt": PROMPT, "image_size": SIDES, "seed": 7}


_KONTEXT = {"image": URI, "images": [URI], "input_image": URI, "input_images": [URI]}

SOLD = (
    _drawn("flux.1-schnell/fal-ai", *_fal("fal-ai/flux/schnell"), 3_000_000),
    _drawn("flux.1-schnell/fal-ai-queue", *_fal("fal-ai/flux/schnell"), 3_000_000),
    _drawn("flux.1-dev/fal-ai", *_fal("fal-ai/flux/dev"), 25_000_000),
    _drawn("flux.1-dev/fal-ai-queue", *_fal("fal-ai/flux/dev"), 25_000_000),
    _drawn("flux.1-krea-dev/fal-ai", *_fal("fal-ai/flux/krea"), 25_000_000),
    _drawn("qwen-image/fal-ai", *_fal("fal-ai/qwen-image"), 20_000_000),
    _drawn(
        "flux.1-dev/fal-ai",
        "/fal-ai/fal-ai/flux/dev",
        {
            "prompt": f"a fox, {style('line-art').fragment}. Do not show: text",
            "image_size": {"width": 1408, "height": 1408},
            "num_inference_steps": 50,
            "guidance_scale": 3.5,
            "seed": 0,
        },
        50_000_000,
        name="everything that it can be told",
        operation=_generate(
            negative_prompt="text",
            style="line-art",
            width=2048,
            height=2048,
            steps=50,
            guidance=3.5,
            seed=0,
        ),
        size=(1408, 1408),
        seed=0,
        asked="1408x1408",
    ),
    _drawn(
        "flux.1-schnell/fal-ai",
        "/fal-ai/fal-ai/flux/schnell",
        {
            "prompt": PROMPT,
            "image_size": {"width": 256, "height": 1440},
            "num_inference_steps": 4,
            "seed": 7,
        },
        3_000_000,
        name="the smallest and tallest",
        operation=_generate(width=64, height=2048, steps=4),
        size=(256, 1440),
        asked="256x1440",
    ),
    _drawn(
        "flux.1-schnell/together",
        "/together/v1/images/generations",
        {
            "model": f"{BFL}/FLUX.1-schnell",
            "prompt": PROMPT,
            "response_format": "base64",
            **SIDES,
            "steps": 3,
            "seed": 7,
        },
        3_000_000,
        operation=_generate(steps=3),
        ticket=False,
    ),
    _drawn(
        "flux.1-dev/together",
        "/together/v1/images/generations",
        {
            "model": f"{BFL}/FLUX.1-dev",
            "prompt": PROMPT,
            "response_format": "base64",
            **SIDES,
            "seed": 7,
        },
        15_000_000,
        ticket=False,
    ),
    _drawn(
        "flux.1-schnell/nscale",
        "/nscale/v1/images/generations",
        {
            "model": f"{BFL}/FLUX.1-schnell",
            "prompt": "a fox. Do not show: text",
            "response_format": "b64_json",
            "size": "1024x768",
        },
        1_000_000,
        operation=_generate(negative_prompt="text"),
        seed=None,
        ticket=False,
    ),
    _drawn(
        "flux.1-schnell/hf-inference",
        f"/hf-inference/models/{BFL}/FLUX.1-schnell",
        {"inputs": PROMPT, "parameters": {**SIDES, "num_inference_steps": 1, "seed": 7}},
        2_000_000,
        operation=_generate(steps=1),
        ticket=False,
    ),
    _drawn(
        "stable-diffusion-3-medium/hf-inference",
        f"/hf-inference/models/{SD3}",
        {
            "inputs": "a fox, oil style",
            "parameters": {
                **SIDES,
                "negative_prompt": "text",
                "num_inference_steps": 28,
                "guidance_scale": 7.0,
                "seed": 7,
            },
        },
        25_000_000,
        name="a true negative prompt",
        operation=_generate(negative_prompt="text", style="oil", steps=28, guidance=7),
        ticket=False,
    ),
    *(
        _drawn(
            f"{offer}/replicate",
            f"/replicate/v1/models/{BFL}/{model}/predictions",
            {"input": {"prompt": PROMPT, **SIDES, "num_inference_steps": 9, "seed": 7}},
            25_000_000,
            operation=_generate(steps=9),
            size=(1024, 1024),  # it does not mind sides
            media_type="image/webp",
        )
        for offer, model in (("flux.1-dev", "flux-dev"), ("flux.1-krea-dev", "flux-krea-dev"))
    ),
    _drawn(
        "flux.1-dev/wavespeed",
        "/wavespeed/api/v3/wavespeed-ai/flux-dev",
        {"prompt": PROMPT, "size": "1024*768", "seed": 7},
        12_000_000,
        media_type="image/webp",
    ),
    _drawn(
        "qwen-image/wavespeed",
        "/wavespeed/api/v3/wavespeed-ai/qwen-image/text-to-image",
        {"prompt": PROMPT, "size": "1536*256", "seed": 2_147_483_647},
        20_000_000,
        operation=_generate(width=2048, height=64, seed=2_147_483_647),
        media_type="image/webp",
        size=(1536, 256),
        seed=2_147_483_647,
        asked="1536x256",
    ),
    *(
        Sold(
            f"huggingface/{offer}/fal-ai",
            "one picture",
            EDIT,
            f"/fal-ai/{model}",
            {
                "prompt": WINTER,
                "image_url": URI,
                "image_urls": [URI],
                "image_size": {"width": 640, "height": 448},
            },
            cost,
            (640, 448),
            files=ONE,
            seed=None,
            asked="640x448",
        )
        for offer, model, cost in (
            ("flux.2-klein-9b", "fal-ai/flux-2/klein/9b/edit", 11_000_000),
            ("flux.1-kontext-dev", "fal-ai/flux-kontext/dev", 25_000_000),
        )
    ),
    Sold(
        "huggingface/flux.2-klein-9b/replicate",
        "one picture",
        EDIT,
        f"/replicate/v1/models/{BFL}/flux-2-klein-9b/predictions",
        {"input": {"prompt": WINTER, **_KONTEXT}},
        25_000_000,
        (640, 448),
        "image/webp",
        ONE,
        None,
        "",
    ),
    Sold(
        "huggingface/flux.1-kontext-dev/replicate",
        "a model that is named with its version",
        EDIT,
        "/replicate/v1/predictions",
        {"input": {"prompt": WINTER, **_KONTEXT}, "version": VERSION},
        25_000_000,
        (640, 448),
        "image/webp",
        ONE,
        None,
        "",
    ),
    *(
        Sold(
            f"huggingface/{offer}/together",
            "one picture",
            EDIT,
            "/together/v1/images/generations",
            {
                "model": model,
                "prompt": WINTER,
                "response_format": "base64",
                "width": 640,
                "height": 448,
                **image,
            },
            25_000_000,
            (640, 448),
            files=ONE,
            seed=None,
            asked="640x448",
            ticket=False,
        )
        for offer, model, image in (
            ("flux.1-kontext-dev", f"{BFL}/FLUX.1-kontext-dev", {"image_url": URI}),
            ("flux.2-dev", f"{BFL}/FLUX.2-dev", {"reference_images": [URI]}),
        )
    ),
    Sold(
        "huggingface/flux.2-dev/wavespeed",
        "one picture",
        EDIT,
        "/wavespeed/api/v3/wavespeed-ai/flux-2-dev/edit",
        {"image": URI, "prompt": WINTER},
        25_000_000,
        (640, 448),
        "image/webp",
        ONE,
        None,
        "",
    ),
    Sold(
        "huggingface/rmbg-2.0/fal-ai",
        "a cut-out of the same size",
        RemoveBackground(image="i"),
        "/fal-ai/fal-ai/bria/background/remove",
        {"image_url": URI, "sync_mode": True},
        18_000_000,
        (640, 448),
        "image/png",
        ONE,
        None,
        "",
    ),
)


def _check(sold: Sold, emulator: HuggingFaceEmulator, provider: Any) -> None:
    offer = OFFERS[sold.offer]
    kinds: list[type] = []

    async def do() -> Delivery:
        answer = await submitted(provider, sold.offer, sold.operation, sold.files)
        kinds.append(type(answer))
        if isinstance(answer, Ticket):
            other = provider_for(emulator)  # another process: the ticket alone is enough
            try:
                return await other.collect(offer, Ticket(str(answer.remote_id)))
            finally:
                await other.close()
        return answer

    async def all_of_it() -> Delivery:
        try:
            return await do()
        finally:
            await provider.close()

    delivery = asyncio.run(all_of_it())
    assert kinds == [Ticket if sold.ticket else Delivery]
    assert offer.asynchronous is sold.ticket
    assert emulator.orders == [(sold.path, dict(sold.body))]
    assert [(bill.amount, bill.refunded) for bill in emulator.bills] == [(sold.cost, False)]
    (output,) = delivery.outputs
    assert (output.width, output.height) == sold.size
    assert output.media_type == sold.media_type == media.look(output.data).media_type
    assert imaging.open_picture(output.data).size == sold.size
    assert (delivery.model, delivery.seed, delivery.cost) == (offer.model, sold.seed, None)
    facts = delivery.facts
    assert facts["request_id"]
    assert facts["inference_provider"] in sold.path
    assert facts["hub_model"] == offer.route.partition(":")[2]
    assert facts["provider_model"]
    assert facts.get("asked", "") == sold.asked
    assert emulator.key_at_files == emulator.hub_tokens == 0
    assert set(emulator.billed_to) == {""}
    assert emulator.requests["replicate_status"] == 0, "it was told to wait"


def _case(sold: Sold) -> Case:
    return Case(
        sold.offer,
        sold.operation.operation,
        "success",
        sold.name,
        lambda emulator, provider: _check(sold, emulator, provider),
    )


# --- Chat models --------------------------------------------------------------------------------


def _tagged(offer: str) -> Case:
    def check(emulator: HuggingFaceEmulator, provider: Any) -> None:
        files = {"image": photo("large", 2000, 1000, "JPEG")}
        delivery = carried_out(provider, offer, TagImage(image="i", most_tags=3), files)
        (output,) = delivery.outputs
        assert output.media_type == "application/json"
        assert json.loads(output.data) == {
            "caption": "A red lighthouse at the sea.",
            "tags": ["lighthouse", "sea", "coast"],
            "objects": ["lighthouse", "rocks"],
            "colors": ["red", "blue"],
            "faces": 0,
            "safe_for_work": True,
        }
        ((path, body),) = emulator.orders
        assert path == "/v1/chat/completions"
        assert body["model"] == f"Qwen/Qwen3-VL-235B-A22B-Instruct:{offer.split('/')[2]}"
        words, image = body["messages"][1]["content"]
        assert "3 tags" in words["text"]
        assert image["image_url"]["url"].startswith("data:image/jpeg;base64,")
        sent = base64.b64decode(image["image_url"]["url"].partition(",")[2])
        assert imaging.probe(sent).width == 1414, "reduced to a megapixel"
        assert delivery.facts["prompt_tokens"] == 900
        assert delivery.facts["finish_reason"] == "stop"
        assert len(emulator.bills) == 1
        assert emulator.requests["model"] == 0, "the chat router knows its models"

    return Case(offer, "tag", "success", "words for a picture", check)


def _written(offer: str) -> Case:
    def check(emulator: HuggingFaceEmulator, provider: Any) -> None:
        delivery = carried_out(
            provider, offer, EnhancePrompt(prompt="ein Fuchs", style="oil-paint")
        )
        assert json.loads(delivery.outputs[0].data) == {
            "prompt": "Style: oil paint, in soft evening light"
        }
        user = emulator.orders[0][1]["messages"][1]
        assert user == {"role": "user", "content": "Words: ein Fuchs\nStyle: oil paint"}

    return Case(offer, "enhance_prompt", "success", "a better prompt", check)


CASES: tuple[Case, ...] = (
    *(_case(sold) for sold in SOLD),
    *(_tagged(f"huggingface/qwen3-vl-235b/{p}") for p in ("novita", "deepinfra")),
    *(_written(f"huggingface/qwen3-vl-235b/{p}/enhance_prompt") for p in ("novita", "deepinfra")),
)


@pytest.fixture(scope="module")
def running() -> Iterator[HuggingFaceEmulator]:
    with HuggingFaceEmulator() as started:
        yield started


@pytest.fixture
def emulator(running: HuggingFaceEmulator) -> HuggingFaceEmulator:
    running.reset()
    return running


@pytest.mark.parametrize("case", CASES, ids=str)
def test_offer(case: Case, emulator: HuggingFaceEmulator) -> None:
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
    fitting = [offer for offer in OFFERS.values() if not offer.refusal(wanted)]
    assert any(offer.sizes and offer.sizes.enlargement(width, height) <= 1.5 for offer in fitting)
    for offer in fitting:
        assert offer.sizes is not None
        _, wide, high = offer.sizes.nearest(width, height)
        assert wide % 16 == high % 16 == 0
        assert wide * high <= 2_360_000


def test_sync_or_queue_is_the_offers_choice(emulator: HuggingFaceEmulator) -> None:
    async def do() -> list[Delivery | Ticket]:
        provider = provider_for(emulator)
        try:
            return [
                await submitted(provider, f"huggingface/flux.1-dev/{name}", _generate(seed=seed))
                for name, seed in (("fal-ai", 1), ("fal-ai-queue", 2))
            ]
        finally:
            await provider.close()

    at_once, later = asyncio.run(do())
    assert isinstance(at_once, Ticket)
    assert isinstance(later, Ticket)
    # A file that is there already has its address written down before it is fetched.
    assert at_once.remote_id.startswith(f"file:{emulator.url}/files/")
    assert later.remote_id.startswith("fal:/fal-ai/flux/requests/")


def test_an_organisation_is_billed(emulator: HuggingFaceEmulator) -> None:
    provider = provider_for(emulator, bill_to="my-org")
    carried_out(provider, "huggingface/flux.1-dev/fal-ai-queue", _generate())
    assert set(emulator.billed_to) == {"my-org"}
    assert len(emulator.billed_to) >= 4, "also with every poll"


def test_a_large_photograph_is_reduced_and_turned(emulator: HuggingFaceEmulator) -> None:
    files = {"image": _turned(3000, 1500)}
    carried_out(provider_for(emulator), "huggingface/flux.1-kontext-dev/fal-ai", EDIT, files)
    body = emulator.orders[0][1]
    sent = imaging.probe(base64.b64decode(body["image_url"].partition(",")[2]))
    assert (sent.width, sent.height) == (1000, 2000)
    # 1000 x 2000 has sides of which the longer may be 1440 and which are multiples of 32.
    assert body["image_size"] == {"width": 736, "height": 1440}


def test_a_cut_out_keeps_its_pixels(emulator: HuggingFaceEmulator) -> None:
    files = {"image": _turned(3000, 1500)}
    delivery = carried_out(
        provider_for(emulator), "huggingface/rmbg-2.0/fal-ai", RemoveBackground(image="i"), files
    )
    assert (delivery.outputs[0].width, delivery.outputs[0].height) == (1500, 3000)
    assert imaging.open_picture(delivery.outputs[0].data).mode == "RGBA"


def _turned(width: int, height: int) -> bytes:
    import io

    from PIL import Image

    out, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (width, height), "green").save(out, "JPEG", exif=exif)
    return out.getvalue()
