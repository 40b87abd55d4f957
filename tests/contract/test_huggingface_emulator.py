"""The emulator of Hugging Face by itself: what the wire contract says, without any adapter."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.contract.emulators.base import picture
from tests.contract.emulators.huggingface import HuggingFaceEmulator
from tests.contract.emulators.huggingface_rules import BFL

PNG = picture("p", 32, 32)
URI = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
NSFW = "/hf-inference/models/Falconsai/nsfw_image_detection"
FLUX = f"/hf-inference/models/{BFL}/FLUX.1-schnell"
FAL = "/fal-ai/fal-ai/flux/dev"
QWEN = "Qwen/Qwen3-VL-235B-A22B-Instruct"


@pytest.fixture(scope="module")
def running() -> Iterator[HuggingFaceEmulator]:
    with HuggingFaceEmulator() as started:
        yield started


@pytest.fixture
def emulator(running: HuggingFaceEmulator) -> HuggingFaceEmulator:
    running.reset()
    return running


@pytest.fixture
def http(emulator: HuggingFaceEmulator) -> Iterator[httpx.Client]:
    headers = {"authorization": f"Bearer {emulator.key}"}
    with httpx.Client(base_url=emulator.url, headers=headers) as client:
        yield client


def test_the_hub_shows_a_mapping_only_when_asked(http: httpx.Client) -> None:
    path = f"/api/models/{BFL}/FLUX.1-dev"
    assert "inferenceProviderMapping" not in http.get(path).json()
    for name in ("expand[]", "expand"):
        told = http.get(path, params={name: "inferenceProviderMapping"}).json()
        entry = told["inferenceProviderMapping"]["fal-ai"]
        assert (entry["providerId"], entry["status"]) == ("fal-ai/flux/dev", "live")
    assert http.get("/api/models/nobody/nothing").status_code == 401


@pytest.mark.parametrize("token", ["", "Bearer hf_other", "Bearer sk-x", "hf_bare"])
def test_the_token_comes_first(emulator: HuggingFaceEmulator, token: str) -> None:
    emulator.funds = 0
    headers = {"authorization": token} if token else {}
    for path in (FLUX, FAL, "/v1/chat/completions", "/nscale/v1/images/generations"):
        answer = httpx.post(f"{emulator.url}{path}", headers=headers)
        assert answer.status_code == 401
        assert answer.json() == {"error": "Invalid credentials in Authorization header"}
    assert not emulator.bills


def test_scope_then_money_then_the_model(http: httpx.Client, emulator: HuggingFaceEmulator) -> None:
    path = "/hf-inference/models/nobody/nothing"
    emulator.scoped, emulator.funds = False, 0
    assert http.post(path, json={}).status_code == 403
    emulator.scoped = True
    texts = set()
    for emulator.depleted in range(3):
        answer = http.post(path, json={})
        assert answer.status_code == 402
        texts.add(answer.json()["error"])
    assert len(texts) == 3
    emulator.funds = 1
    answer = http.post(path, json={})
    assert (answer.status_code, answer.json()) == (
        400,
        {"error": "Model not supported by provider hf-inference"},
    )


def test_classification_takes_bytes_or_json(http: httpx.Client) -> None:
    image = {"content-type": "image/png"}
    plain = http.post(NSFW, content=PNG, headers=image).json()
    assert [each["label"] for each in plain] == ["normal", "nsfw"]
    body = {"inputs": base64.b64encode(PNG).decode(), "parameters": {"top_k": 1}}
    assert len(http.post(NSFW, json=body).json()) == 1
    body["parameters"] = {"function_to_apply": "other"}
    assert http.post(NSFW, json=body).status_code == 400
    assert http.post(NSFW, content=b"no picture", headers=image).status_code == 400


def test_a_model_is_loaded_once(http: httpx.Client, emulator: HuggingFaceEmulator) -> None:
    emulator.work.next.append("busy")
    body = {"inputs": "a fox"}
    answer = http.post(FLUX, json=body)
    assert answer.status_code == 503
    assert answer.json()["estimated_time"] > 0
    assert not emulator.bills
    answer = http.post(FLUX, json=body)
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.content[:3] == b"\xff\xd8\xff"
    emulator.gone.add(f"{BFL}/FLUX.1-schnell")
    assert http.post(FLUX, json=body).status_code == 410


WRONG: tuple[tuple[str, Any, int], ...] = (
    (FLUX, {"prompt": "x"}, 400),
    (FLUX, {"inputs": ""}, 400),
    (FLUX, {"inputs": "x", "parameters": {"width": 1000, "height": 1024}}, 400),
    (FLUX, {"inputs": "x", "parameters": {"negative_prompt": "y"}}, 400),
    (FLUX, {"inputs": "x", "parameters": {"num_inference_steps": 5}}, 400),
    (FAL, {}, 422),
    (FAL, {"prompt": "x", "width": 1024}, 422),
    (FAL, {"prompt": "x", "image_size": {"width": 1024}}, 422),
    (FAL, {"prompt": "x", "image_size": {"width": "1024", "height": 8}}, 422),
    (FAL, {"prompt": "x", "num_inference_steps": 51}, 422),
    (FAL, {"prompt": "x", "guidance_scale": 0}, 422),
    (FAL, {"prompt": "x", "seed": -1}, 422),
    ("/fal-ai/fal-ai/flux-kontext/dev", {"prompt": "x", "image_url": URI}, 422),
    (
        "/fal-ai/fal-ai/bria/background/remove",
        {"image_url": URI.replace("image/png", "image/jpeg")},
        422,
    ),
    ("/fal-ai/models/x", {"prompt": "x"}, 404),
    (f"/replicate/v1/models/{BFL}/flux-dev/predictions", {"prompt": "x"}, 422),
    (f"/replicate/v1/models/{BFL}/flux-dev/predictions", {"input": {}}, 422),
    (f"/replicate/v1/models/{BFL}/flux-2-klein-9b/predictions", {"input": {"prompt": "x"}}, 422),
    (f"/replicate/v1/models/{BFL}/nothing/predictions", {"input": {"prompt": "x"}}, 404),
    ("/replicate/v1/predictions", {"input": {"prompt": "x"}, "version": "0" * 64}, 404),
    ("/together/v1/images/generations", {"model": "x", "prompt": "x"}, 404),
    (
        "/together/v1/images/generations",
        {"model": f"{BFL}/FLUX.1-dev", "prompt": "x", "response_format": "b64_json"},
        400,
    ),
    (
        "/nscale/v1/images/generations",
        {"model": f"{BFL}/FLUX.1-schnell", "prompt": "x", "response_format": "b64_json", "seed": 1},
        422,
    ),
    (
        "/nscale/v1/images/generations",
        {"model": f"{BFL}/FLUX.1-schnell", "prompt": "x", "response_format": "b64_json"}
        | {"size": "1024*1024"},
        422,
    ),
    ("/wavespeed/api/v3/wavespeed-ai/flux-dev", {"prompt": "x", "width": 1024}, 400),
    ("/wavespeed/api/v3/wavespeed-ai/flux-dev", {"prompt": "x", "size": "1024x1024"}, 400),
    ("/wavespeed/api/v3/nothing", {"prompt": "x"}, 404),
    ("/v1/chat/completions", {"model": "nobody/nothing", "messages": []}, 400),
    (
        "/v1/chat/completions",
        {"model": "Qwen/Qwen3-VL-235B-A22B-Instruct:groq", "messages": []},
        400,
    ),
    ("/v1/chat/completions", {"model": "Qwen/Qwen3-VL-235B-A22B-Instruct", "messages": []}, 422),
    ("/nowhere/v1/images/generations", {}, 404),
)


@pytest.mark.parametrize(("path", "body", "status"), WRONG)
def test_what_is_wrong_is_refused(
    http: httpx.Client, emulator: HuggingFaceEmulator, path: str, body: Any, status: int
) -> None:
    answer = http.post(path, json=body)
    assert answer.status_code == status, answer.text
    assert not emulator.bills


def test_the_queue_needs_its_subdomain(http: httpx.Client, emulator: HuggingFaceEmulator) -> None:
    queue = {"_subdomain": "queue"}
    answer = http.post(FAL, params=queue, json={"prompt": "x"}).json()
    assert answer["status"] == "IN_QUEUE"
    assert answer["response_url"] == (
        f"https://queue.fal.run/fal-ai/flux/requests/{answer['request_id']}"
    )
    path = f"/fal-ai/fal-ai/flux/requests/{answer['request_id']}"
    assert http.get(f"{path}/status").status_code == 404
    assert (
        http.get(f"{FAL}/requests/{answer['request_id']}/status", params=queue).status_code == 404
    )
    emulator.least_polls = 3
    assert http.get(path, params=queue).status_code == 400
    states = [http.get(f"{path}/status", params=queue).json()["status"] for _ in range(2)]
    assert states == ["COMPLETED", "COMPLETED"]
    result = http.get(path, params=queue).json()
    file = result["images"][0]["url"]
    assert http.get(file).status_code == 400, "files are fetched without a token"
    assert httpx.get(file).status_code == 200


def test_replicate_waits_only_when_told(http: httpx.Client, emulator: HuggingFaceEmulator) -> None:
    path, body = f"/replicate/v1/models/{BFL}/flux-dev/predictions", {"input": {"prompt": "x"}}
    assert http.post(path, json=body).json()["output"] is None
    assert http.post(path, json=body, headers={"prefer": "wait"}).json()["status"] == "succeeded"
    emulator.outcomes.append("slow")
    late = http.post(path, json=body, headers={"prefer": "wait"}).json()
    assert (late["status"], late["output"]) == ("processing", None)


def test_the_same_work_twice_shows(http: httpx.Client, emulator: HuggingFaceEmulator) -> None:
    for seed in (1, 2, 1):
        http.post(FAL, json={"prompt": "x", "seed": seed})
    assert len(emulator.twice) == 1
    assert emulator.billed == 3 * 25_000_000
