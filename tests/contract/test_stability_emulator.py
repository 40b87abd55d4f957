"""The emulator of Stability AI is as strict as its specification."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest

from tests.contract.emulators.base import picture
from tests.contract.emulators.stability import StabilityEmulator

IMAGE = "/v2beta/stable-image/"
PHOTO = picture("a photo", 128, 128)


@pytest.fixture
def emulator() -> Iterator[StabilityEmulator]:
    with StabilityEmulator() as running:
        yield running


def post(
    emulator: StabilityEmulator, path: str, parts: Mapping[str, Any], **headers: str
) -> httpx.Response:
    files = {
        name: (f"{name}.png", value) if isinstance(value, bytes) else (None, value)
        for name, value in parts.items()
    }
    known = {"authorization": f"Bearer {emulator.key}", **headers}
    return httpx.post(emulator.url + path, files=files, headers=known, timeout=10)


def refusal(answer: httpx.Response) -> tuple[int, str, str]:
    values = answer.json()
    return answer.status_code, values["name"], values["errors"][0]


def test_nothing_but_multipart_is_taken(emulator: StabilityEmulator) -> None:
    url, key = f"{emulator.url}{IMAGE}generate/core", {"authorization": f"Bearer {emulator.key}"}
    for body in ({"data": {"prompt": "a fox"}}, {"json": {"prompt": "a fox"}}):
        answer = httpx.post(url, headers=key, **body)  # type: ignore[arg-type]
        assert refusal(answer)[2] == "content-type: must be multipart/form-data"
    assert refusal(httpx.post(url, headers=key))[2] == "content-type: required"
    assert emulator.bills == []


@pytest.mark.parametrize(
    ("path", "parts", "words"),
    [
        ("generate/core", {"seed": "1"}, "prompt: required"),
        ("generate/core", {"prompt": ""}, "prompt: required"),
        ("generate/core", {"prompt": "x" * 10_001}, "prompt: must be at most"),
        ("generate/core", {"prompt": "a", "aspect_ratio": "7:5"}, "aspect_ratio: invalid enum"),
        ("generate/core", {"prompt": "a", "seed": "4294967295"}, "seed: must be between"),
        ("generate/core", {"prompt": "a", "seed": "1.5"}, "seed: must be an integer"),
        ("generate/core", {"prompt": "a", "style_preset": "woodcut"}, "style_preset: invalid"),
        ("generate/core", {"prompt": "a", "output_format": "gif"}, "output_format: invalid"),
        ("generate/ultra", {"prompt": "a", "image": PHOTO}, "strength: is required"),
        ("generate/ultra", {"prompt": "a", "strength": "0.5"}, "strength: is not allowed"),
        ("generate/sd3", {"prompt": "a", "image": PHOTO}, "image: is not allowed"),
        ("generate/sd3", {"prompt": "a", "cfg_scale": "11"}, "cfg_scale: must be between"),
        ("generate/sd3", {"prompt": "a", "model": "sd3-large"}, "model: invalid enum"),
        (
            "generate/sd3",
            {
                "prompt": "a",
                "mode": "image-to-image",
                "image": PHOTO,
                "strength": "1",
                "aspect_ratio": "1:1",
            },
            "aspect_ratio: is not allowed",
        ),
        (
            "generate/sd3",
            {"prompt": "a", "mode": "image-to-image", "image": PHOTO},
            "strength: is required",
        ),
        ("edit/erase", {"image": PHOTO}, "mask: required"),
        ("edit/erase", {"image": PHOTO, "mask": PHOTO, "grow_mask": "21"}, "grow_mask: must be"),
        ("edit/outpaint", {"image": PHOTO, "left": "0"}, "left: at least one"),
        ("edit/search-and-replace", {"image": PHOTO, "prompt": "a"}, "search_prompt: required"),
        ("edit/remove-background", {"image": PHOTO, "output_format": "jpeg"}, "output_format: in"),
        ("edit/replace-background-and-relight", {"subject_image": PHOTO}, "background_prompt: one"),
        (
            "edit/replace-background-and-relight",
            {"subject_image": PHOTO, "background_prompt": "a", "light_source_strength": "0.3"},
            "light_source_strength: needs",
        ),
        ("upscale/fast", {"image": picture("a", 1_540, 64)}, "image: each side must be at most"),
        ("upscale/fast", {"image": b"no picture"}, "image: must be an image"),
        (
            "upscale/conservative",
            {"image": PHOTO, "prompt": "a", "creativity": "0.1"},
            "creativity: must be between",
        ),
        ("control/sketch", {"image": picture("a", 300, 100), "prompt": "a"}, "image: aspect"),
        ("control/style", {"image": PHOTO, "prompt": "a", "fidelity": "nan"}, "fidelity: must be"),
        (
            "control/style-transfer",
            {"init_image": PHOTO, "style_image": PHOTO, "change_strength": "0"},
            "change_strength: must be between",
        ),
    ],
)
def test_fields_are_judged_before_the_key(
    emulator: StabilityEmulator, path: str, parts: Mapping[str, Any], words: str
) -> None:
    answer = post(emulator, IMAGE + path, parts, authorization="Bearer wrong")
    status, name, text = refusal(answer)
    assert (status, name) == (400, "bad_request")
    assert text.startswith(words)


def test_unknown_fields_are_ignored_unless_told_otherwise(emulator: StabilityEmulator) -> None:
    parts = {"prompt": "a", "target_width": "99"}
    assert post(emulator, f"{IMAGE}generate/core", parts).status_code == 200
    emulator.unknown_fields = "reject"
    answer = post(emulator, f"{IMAGE}generate/core", parts)
    assert refusal(answer)[2] == "target_width: unknown field"


def test_more_than_10_mib_is_too_much(emulator: StabilityEmulator) -> None:
    parts = {"prompt": "a", "image": b"x" * (10 * 1024 * 1024)}
    assert refusal(post(emulator, f"{IMAGE}control/sketch", parts))[:2] == (
        413,
        "payload_too_large",
    )


def test_bytes_and_json_say_the_same(emulator: StabilityEmulator) -> None:
    parts = {"prompt": "a", "seed": "9"}
    first = post(emulator, f"{IMAGE}generate/core", parts)
    second = post(emulator, f"{IMAGE}generate/core", parts, accept="application/json")
    assert first.headers["content-type"] == "image/png"
    assert (first.headers["finish-reason"], first.headers["seed"]) == ("SUCCESS", "9")
    assert second.headers["content-type"] == "application/json; type=image/png"
    assert "finish-reason" not in second.headers
    values = second.json()
    assert (values["finish_reason"], values["seed"]) == ("SUCCESS", 9)
    assert base64.b64decode(values["image"]) == first.content
    answer = post(emulator, f"{IMAGE}generate/core", parts, accept="image/gif")
    assert refusal(answer)[2].startswith("accept:")
    assert len(emulator.twice) == 1


def test_the_ledger_has_the_prices_of_the_table(emulator: StabilityEmulator) -> None:
    start = emulator.balances[emulator.key]
    post(emulator, f"{IMAGE}generate/sd3", {"prompt": "a"})
    post(emulator, f"{IMAGE}generate/sd3", {"prompt": "a", "model": "sd3.5-flash"})
    post(emulator, f"{IMAGE}upscale/fast", {"image": PHOTO})
    assert [bill.amount for bill in emulator.bills] == [65, 25, 20]
    assert emulator.balances[emulator.key] == start - 110


def test_results_belong_to_a_key(emulator: StabilityEmulator) -> None:
    made = post(emulator, f"{IMAGE}upscale/creative", {"image": PHOTO, "prompt": "a"})
    assert made.status_code == 200
    identifier = made.json()["id"]
    assert len(identifier) == 64
    url = f"{emulator.url}/v2beta/results/{identifier}"
    mine = {"authorization": f"Bearer {emulator.key}"}
    other = {"authorization": f"Bearer {emulator.other_key}"}
    assert httpx.get(url, headers=other).json()["name"] == "generation_not_found"
    states = [httpx.get(url, headers=mine).status_code for _ in range(3)]
    assert states == [202, 202, 200]
    assert httpx.get(url, headers={"authorization": "Bearer no"}).status_code == 401
    assert refusal(httpx.get(url, headers={**mine, "accept": "image/png"}))[0] == 400
