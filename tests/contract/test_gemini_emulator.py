"""The emulator of Gemini is as strict as the real one; asked here without the adapter."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.contract.emulators.base import picture
from tests.contract.emulators.gemini import GeminiEmulator

_PHOTO = picture("a photo", 40, 30)
_NANO, _PRO = "gemini-nano-banana-2.1", "gemini-3-pro-image"
_LITE, _TEXT = "gemini-3.1-flash-lite-image", "gemini-3.8-flash"


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[GeminiEmulator, httpx.Client]]:
    with (
        GeminiEmulator() as emulator,
        httpx.Client(base_url=emulator.url, headers={"x-goog-api-key": emulator.key}) as client,
    ):
        yield emulator, client


def _blob(data: bytes = _PHOTO, mime: str = "image/png") -> dict[str, Any]:
    return {"inlineData": {"mimeType": mime, "data": base64.b64encode(data).decode()}}


def _body(*parts: dict[str, Any], **config: Any) -> dict[str, Any]:
    said = [{"text": "a fox"}, *parts]
    return {"contents": [{"role": "user", "parts": said}], "generationConfig": config}


_SCHEMA = {"type": "OBJECT", "properties": {"a": {"type": "STRING"}}}
_JSON = {"responseMimeType": "application/json"}

_FAULTY: list[tuple[str, str, Any, str]] = [
    ("unknown name", _NANO, {**_body(), "x": 1}, "Unknown name \"x\" at '': Cannot find field."),
    ("ratio in the wrong place", _NANO, _body(aspectRatio="1:1"), "Unknown name"),
    ("person generation", _NANO, _body(imageConfig={"personGeneration": "A"}), "Cannot find field"),
    ("file type", _NANO, _body(imageConfig={"outputMimeType": "image/png"}), "Cannot find field"),
    ("a mask", _NANO, _body({"mask": {}}), "Cannot find field"),
    ("a ratio that is none", _NANO, _body(imageConfig={"aspectRatio": "7:3"}), "Aspect ratio"),
    ("vertex's ratio", _NANO, _body(imageConfig={"aspectRatio": "9:21"}), "Aspect ratio"),
    ("a ratio of others", _PRO, _body(imageConfig={"aspectRatio": "1:8"}), "Aspect ratio"),
    ("a small k", _NANO, _body(imageConfig={"imageSize": "2k"}), "Image size"),
    ("512", _NANO, _body(imageConfig={"imageSize": "512"}), "Image size"),
    ("a size of lite", _LITE, _body(imageConfig={"imageSize": "1K"}), "Image size"),
    ("a text model's ratio", _TEXT, _body(imageConfig={"aspectRatio": "1:1"}), "not enabled"),
    ("a text model's picture", _TEXT, _body(responseModalities=["IMAGE"]), "modalities"),
    ("no modality", _NANO, _body(responseModalities=["TEXT"]), "modalities"),
    ("JSON of a picture model", _NANO, _body(**_JSON), "JSON mode"),
    ("two candidates", _NANO, _body(candidateCount=2), "candidateCount"),
    ("a large seed", _NANO, _body(seed=2**31), "seed"),
    ("temperature", _NANO, _body(temperature=1), "temperature"),
    ("thinking of Pro", _PRO, _body(thinkingConfig={"thinkingLevel": "HIGH"}), "Thinking level"),
    ("a low level", _NANO, _body(thinkingConfig={"thinkingLevel": "LOW"}), "Thinking level"),
    ("a minimal text", _TEXT, _body(thinkingConfig={"thinkingLevel": "MINIMAL"}), "Thinking level"),
    ("a budget", _NANO, _body(thinkingConfig={"thinkingBudget": 0}), "budget"),
    ("no tokens", _NANO, _body(maxOutputTokens=0), "maxOutputTokens"),
    ("no contents", _NANO, {"generationConfig": {}}, "contents is not specified"),
    ("no words", _NANO, {"contents": [{"parts": [_blob()]}]}, "text part"),
    ("a wrong role", _NANO, {"contents": [{"role": "me", "parts": [{"text": "x"}]}]}, "role"),
    ("two in a part", _NANO, _body({"text": "x", **_blob()}), "oneof"),
    ("a GIF", _NANO, _body(_blob(mime="image/gif")), "Unsupported MIME type"),
    ("image/jpg", _NANO, _body(_blob(mime="image/jpg")), "Unsupported MIME type"),
    ("the wrong MIME type", _NANO, _body(_blob(mime="image/webp")), "Unable to process"),
    ("no picture", _NANO, _body(_blob(b"no picture")), "Unable to process"),
    ("no base64", _NANO, _body({"inlineData": {"mimeType": "image/png", "data": "*"}}), "Base64"),
    ("15 pictures", _NANO, _body(*[_blob()] * 15), "Too many images"),
    ("a small type", _TEXT, _body(**_JSON, responseSchema={"type": "string"}), "type"),
    ("a schema alone", _TEXT, _body(responseSchema=_SCHEMA), "application/json"),
    (
        "two schemas",
        _TEXT,
        _body(**_JSON, responseSchema=_SCHEMA, responseJsonSchema={}),
        "mutually exclusive",
    ),
    (
        "a limit that a schema lacks",
        _TEXT,
        _body(**_JSON, responseSchema={"type": "STRING", "uniqueItems": True}),
        "Cannot find field",
    ),
    (
        "a category of Vertex",
        _NANO,
        {
            **_body(),
            "safetySettings": [{"category": "HARM_CATEGORY_IMAGE_HATE", "threshold": "OFF"}],
        },
        "safety_settings",
    ),
]


@pytest.mark.parametrize(("name", "model", "body", "words"), _FAULTY, ids=lambda v: str(v)[:40])
def test_a_faulty_request_is_a_400_and_free(
    running: tuple[GeminiEmulator, httpx.Client], name: str, model: str, body: Any, words: str
) -> None:
    emulator, client = running
    emulator.reset()
    reply = client.post(f"/v1beta/models/{model}:generateContent", json=body)
    assert reply.status_code == 400, name
    error = reply.json()["error"]
    assert (error["code"], error["status"]) == (400, "INVALID_ARGUMENT")
    assert words in error["message"]
    assert emulator.bills == []


def test_it_takes_both_spellings(running: tuple[GeminiEmulator, httpx.Client]) -> None:
    emulator, client = running
    emulator.reset()
    body = {
        "contents": [{"parts": [{"text": "a fox"}]}],
        "generation_config": {"image_config": {"aspect_ratio": "16:9", "image_size": "2K"}},
    }
    reply = client.post(f"/v1beta/models/{_NANO}:generateContent", json=body)
    assert reply.status_code == 200
    assert emulator.orders[0].ratio == "16:9"
    said = reply.json()["usageMetadata"]
    assert said["candidatesTokensDetails"] == [{"modality": "IMAGE", "tokenCount": 1680}]


def test_keys_and_addresses(running: tuple[GeminiEmulator, httpx.Client]) -> None:
    emulator, _ = running
    emulator.reset()
    path = f"{emulator.url}/v1beta/models/{_NANO}:generateContent"
    with httpx.Client() as client:
        # A key in the address ends up in logs: the emulator does not look there.
        for url in (path, f"{path}?key={emulator.key}"):
            assert client.post(url, json=_body()).status_code == 403
        headers = {"x-goog-api-key": "wrong"}
        reply = client.post(path, json=_body(), headers=headers)
        assert reply.status_code == 400
        assert reply.json()["error"]["details"][0]["reason"] == "API_KEY_INVALID"
        assert client.get(f"{emulator.url}/v1beta/models", headers=headers).status_code == 400
        assert client.get(f"{emulator.url}/v1/models").status_code == 404
    assert emulator.bills == []


@pytest.mark.parametrize(
    "model", ["gemini-2.5-flash-image", "gemini-3-pro-image-preview", "imagen-4.0-generate-001"]
)
def test_retired_models_are_not_found(
    running: tuple[GeminiEmulator, httpx.Client], model: str
) -> None:
    emulator, client = running
    emulator.reset()
    reply = client.post(f"/v1beta/models/{model}:generateContent", json=_body())
    assert reply.status_code == 404
    assert "ListModels" in reply.json()["error"]["message"]
    listed = client.get("/v1beta/models", params={"pageSize": 1_000}).json()["models"]
    assert f"models/{model}" not in {each["name"] for each in listed}


def test_the_same_work_bought_twice_shows(running: tuple[GeminiEmulator, httpx.Client]) -> None:
    emulator, client = running
    emulator.reset()
    for seed in (1, 2, 1):
        reply = client.post(f"/v1beta/models/{_NANO}:generateContent", json=_body(seed=seed))
        assert reply.status_code == 200
    assert len(emulator.bills) == 3
    assert len(emulator.twice) == 1


def test_too_much_is_refused_and_no_json_is_no_request(
    running: tuple[GeminiEmulator, httpx.Client],
) -> None:
    emulator, client = running
    emulator.reset()
    path = f"/v1beta/models/{_NANO}:generateContent"
    large = client.post(path, content=b" " * 20_000_001)
    assert large.status_code == 400
    assert "payload size" in large.json()["error"]["message"]
    assert client.post(path, content=b"{").status_code == 400
    assert client.post(path, json=[]).status_code == 400
    assert emulator.bills == []
