"""Hugging Face: refusals, what is blocked or empty, and what each says of the money."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from providers.huggingface import HuggingFaceProvider
from studio.errors import (
    AuthFailed,
    BadResponse,
    ContentBlocked,
    ModelRetired,
    OutcomeUnknown,
    PaymentRequired,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
    RateLimited,
    TooLarge,
)
from studio.operations import EditImage, EnhancePrompt, Generate, RemoveBackground, TagImage
from tests.contract.cases import Case, Kind
from tests.contract.emulators.base import Answer, json_answer
from tests.contract.emulators.huggingface import HuggingFaceEmulator
from tests.contract.huggingface_kit import (
    carried_out,
    expect,
    failure,
    hurry,
    photo,
    provider_for,
    with_closing,
)

SYNC, QUEUE = "huggingface/flux.1-dev/fal-ai", "huggingface/flux.1-dev/fal-ai-queue"
REPLICATE, WAVESPEED = "huggingface/flux.1-dev/replicate", "huggingface/flux.1-dev/wavespeed"
TOGETHER, NSCALE = "huggingface/flux.1-dev/together", "huggingface/flux.1-schnell/nscale"
HF, CUTOUT = "huggingface/flux.1-schnell/hf-inference", "huggingface/rmbg-2.0/fal-ai"
EDITOR, TAGGER = "huggingface/flux.1-kontext-dev/fal-ai", "huggingface/qwen3-vl-235b/novita"
WRITER = f"{TAGGER}/enhance_prompt"

WANTED = Generate(prompt="a fox", seed=7)
ONE = {"image": photo()}
ORDERS: Mapping[str, tuple[Any, Mapping[str, bytes], str]] = {
    **{
        offer: (WANTED, {}, route)
        for offer, route in (
            (SYNC, "fal"),
            (QUEUE, "fal"),
            (REPLICATE, "replicate"),
            (WAVESPEED, "wavespeed"),
            (TOGETHER, "openai"),
            (NSCALE, "openai"),
            (HF, "hf_inference"),
        )
    },
    CUTOUT: (RemoveBackground(image="i"), ONE, "fal"),
    EDITOR: (EditImage(image="i", prompt="winter"), ONE, "fal"),
    TAGGER: (TagImage(image="i"), ONE, "chat"),
    WRITER: (EnhancePrompt(prompt="a fox"), {}, "chat"),
}
"""What is ordered of an offer, and the emulator's method that takes it."""

Check = Callable[[HuggingFaceEmulator, HuggingFaceProvider], None]


@pytest.fixture(autouse=True)
def _no_long_waits(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    hurry(monkeypatch, tmp_path)


@pytest.fixture(scope="module")
def running() -> Iterator[HuggingFaceEmulator]:
    with HuggingFaceEmulator() as started:
        yield started


@pytest.fixture
def emulator(running: HuggingFaceEmulator) -> HuggingFaceEmulator:
    running.reset()
    return running


def fails(provider: HuggingFaceProvider, offer: str) -> ProviderError:
    """Return the error that an order of the offer ends with."""
    operation, files, _ = ORDERS[offer]
    return failure(provider, offer, operation, files)


# --- Answers of every shape ---------------------------------------------------------------------


def _answered(
    offer: str,
    answer: Answer,
    cls: type[ProviderError],
    bought: bool | None,  # noqa: FBT001 - three words
    words: str = "",
    **facts: Any,
) -> Check:
    """One answer to the order, which is never sent again; what is said of it."""

    def check(emulator: HuggingFaceEmulator, provider: HuggingFaceProvider) -> None:
        route = ORDERS[offer][2]
        emulator.scripted[route].append(answer)
        error = expect(fails(provider, offer), cls, bought=bought)
        assert words in error.message, error.message
        for name, value in facts.items():
            told = getattr(error, name) if name == "field" else error.details.get(name)
            assert told == value, (name, told)
        assert error.details["status"] == answer.status
        assert emulator.requests[route] == 1
        assert not emulator.bills

    return check


def _text(status: int, words: str, **headers: str) -> Answer:
    return json_answer(status, {"error": words}, headers)


_HTML = b"<!DOCTYPE html><html><body><h1>504 Gateway Time-out</h1></body></html>"
_LOC = {"loc": ["body", "image_size", "width"], "msg": "too wide", "type": "x"}
SCOPE = "This authentication method does not have sufficient permissions to call Inference"
REFUSALS: tuple[tuple[str, str, Check], ...] = (
    (
        TAGGER,
        "model_not_supported as an object",
        _answered(
            TAGGER,
            json_answer(
                400,
                {
                    "error": {
                        "message": "The requested model 'x' is not supported by any provider.",
                        "type": "invalid_request_error",
                        "param": "model",
                        "code": "model_not_supported",
                    }
                },
            ),
            ModelRetired,
            False,
            "not supported by any provider",
            field="model",
        ),
    ),
    (
        HF,
        "not supported, as a text",
        _answered(
            HF,
            _text(400, "Model not supported by provider hf-inference"),
            ModelRetired,
            False,
            "not supported by provider",
        ),
    ),
    (SYNC, "401", _answered(SYNC, _text(401, "Invalid username or password."), AuthFailed, False)),
    (
        SYNC,
        "403 of the token's scope",
        _answered(SYNC, _text(403, f"{SCOPE} Providers"), AuthFailed, False, SCOPE),
    ),
    (
        SYNC,
        "403 that is about money",
        _answered(SYNC, _text(403, "NOT_ENOUGH_BALANCE"), PaymentRequired, False),
    ),
    (SYNC, "402 in any words", _answered(SYNC, _text(402, "?"), PaymentRequired, False)),
    (SYNC, "402 without words", _answered(SYNC, Answer(402), PaymentRequired, False, "no words")),
    (TAGGER, "402", _answered(TAGGER, _text(402, "You have depleted"), PaymentRequired, False)),
    (
        HF,
        "410, deprecated",
        _answered(HF, _text(410, "The model is deprecated"), ModelRetired, False, "deprecated"),
    ),
    (SYNC, "404", _answered(SYNC, json_answer(404, {"detail": "gone"}), ModelRetired, False)),
    (SYNC, "413", _answered(SYNC, _text(413, "too large"), TooLarge, False, "too large")),
    (
        SYNC,
        "422 with problems",
        _answered(
            SYNC,
            json_answer(422, {"detail": [_LOC]}),
            ProviderRejected,
            False,
            "width: too wide",
            field="width",
        ),
    ),
    (
        QUEUE,
        "422 with a text",
        _answered(
            QUEUE, json_answer(422, {"detail": "bad prompt"}), ProviderRejected, False, "bad prompt"
        ),
    ),
    (
        HF,
        "an error that is a list",
        _answered(
            HF,
            json_answer(400, {"error": ["too wide", "too high"]}),
            ProviderRejected,
            False,
            "too wide; too high",
        ),
    ),
    (
        TOGETHER,
        "an error that names a parameter",
        _answered(
            TOGETHER,
            json_answer(400, {"error": {"message": "too many", "param": "steps", "code": None}}),
            ProviderRejected,
            False,
            "too many",
            field="steps",
        ),
    ),
    (
        NSCALE,
        "errors",
        _answered(
            NSCALE,
            json_answer(400, {"errors": [{"message": "no"}, {"message": "never"}]}),
            ProviderRejected,
            False,
            "no; never",
        ),
    ),
    (
        WAVESPEED,
        "a message in an envelope",
        _answered(
            WAVESPEED,
            json_answer(400, {"code": 400, "message": "parameter is invalid"}),
            ProviderRejected,
            False,
            "parameter is invalid",
        ),
    ),
    (
        SYNC,
        "words in a header only",
        _answered(
            SYNC,
            Answer(400, b"", {"x-error-message": "told in the header"}),
            ProviderRejected,
            False,
            "told in the header",
        ),
    ),
    (
        SYNC,
        "plain text",
        _answered(SYNC, Answer(400, b"simply no"), ProviderRejected, False, "simply no"),
    ),
    (
        SYNC,
        "a checker of content, refused at once",
        _answered(
            SYNC,
            json_answer(
                422,
                {"detail": [{"loc": ["body"], "msg": "no", "type": "content_policy_violation"}]},
            ),
            ContentBlocked,
            False,
            "not billed",
        ),
    ),
    *(
        (
            offer,
            f"{status} may have begun it",
            _answered(offer, _text(status, "oh"), OutcomeUnknown, None, "may have been bought"),
        )
        for offer in (SYNC, QUEUE, REPLICATE, WAVESPEED, TOGETHER, NSCALE, HF, TAGGER, CUTOUT)
        for status in (500, 502, 503)
    ),
    (SYNC, "408 may have begun it", _answered(SYNC, _text(408, "late"), OutcomeUnknown, None)),
    (
        HF,
        "504 in HTML",
        _answered(
            HF, Answer(504, _HTML, {"content-type": "text/html"}), OutcomeUnknown, None, "no words"
        ),
    ),
    (
        HF,
        "504 in HTML that is not called so",
        _answered(HF, Answer(504, _HTML), OutcomeUnknown, None, "no words"),
    ),
)


# --- What passes --------------------------------------------------------------------------------


def _loading_once(emulator: HuggingFaceEmulator, provider: HuggingFaceProvider) -> None:
    emulator.work.next.append("busy")
    carried_out(provider, HF, WANTED)
    assert (emulator.requests["hf_inference"], len(emulator.bills)) == (2, 1)


def _loading_long(emulator: HuggingFaceEmulator, provider: HuggingFaceProvider) -> None:
    body = {"error": "Model X is currently loading", "estimated_time": 90.0}
    emulator.scripted["hf_inference"].append(json_answer(503, body))
    error = expect(fails(provider, HF), ProviderUnavailable, bought=False)
    assert error.details["retry_after"] == 90
    assert error.details["again"] is True
    assert emulator.requests["hf_inference"] == 1, "longer than one call may wait"


def _limited(headers: Mapping[str, str], told: float | None) -> Check:
    def check(emulator: HuggingFaceEmulator, provider: HuggingFaceProvider) -> None:
        answer = json_answer(429, {"error": "Too many requests"}, headers)
        emulator.scripted["fal"].extend([answer] * 9)
        error = expect(fails(provider, SYNC), RateLimited, bought=False)
        assert error.details.get("retry_after") == told
        assert not emulator.bills

    return check


def _limited_once(emulator: HuggingFaceEmulator, provider: HuggingFaceProvider) -> None:
    emulator.work.next.append("limit")
    carried_out(provider, SYNC, WANTED)
    assert (emulator.requests["fal"], len(emulator.bills)) == (2, 1)


# --- The account --------------------------------------------------------------------------------


def _depleted(number: int) -> Check:
    def check(emulator: HuggingFaceEmulator, provider: HuggingFaceProvider) -> None:
        emulator.funds, emulator.depleted = 0, number
        error = expect(fails(provider, SYNC), PaymentRequired, bought=False)
        assert "credits" in error.message

    return check


def _scopeless(emulator: HuggingFaceEmulator, provider: HuggingFaceProvider) -> None:
    emulator.scoped = False
    expect(fails(provider, TAGGER), AuthFailed, bought=False)


def _wrong_token(emulator: HuggingFaceEmulator, _: HuggingFaceProvider) -> None:
    provider = provider_for(emulator, key=SecretStr("hf_another"))
    expect(fails(provider, SYNC), AuthFailed, bought=False)


def _no_token(emulator: HuggingFaceEmulator, _: HuggingFaceProvider) -> None:
    provider = provider_for(emulator, key=SecretStr("sk-something"))
    assert "hf_" in provider.not_ready(provider.offers()[0])
    expect(fails(provider, SYNC), AuthFailed, bought=False)
    expect(fails(provider, TAGGER), AuthFailed, bought=False)
    assert emulator.requests.total() == 0, "nothing is sent, not even to the hub"


# --- What is blocked, empty or odd --------------------------------------------------------------


def _outcome(
    offer: str,
    outcome: str,
    cls: type[ProviderError],
    bought: bool | None,  # noqa: FBT001 - three words
    words: str = "",
    *,
    refunded: bool = False,
) -> Check:
    """The work was taken, and came to something else than a picture."""

    def check(emulator: HuggingFaceEmulator, provider: HuggingFaceProvider) -> None:
        emulator.outcomes.append(outcome)
        error = expect(fails(provider, offer), cls, bought=bought)
        assert words in error.message, error.message
        assert error.details.get("request_id")
        assert [bill.refunded for bill in emulator.bills] == [refunded]

    return check


BLOCKED: tuple[tuple[str, str, Check], ...] = (
    (SYNC, "flagged", _outcome(SYNC, "nsfw", ContentBlocked, True, "has_nsfw_concepts")),
    (QUEUE, "flagged", _outcome(QUEUE, "nsfw", ContentBlocked, True, "It was billed")),
    (EDITOR, "flagged", _outcome(EDITOR, "nsfw", ContentBlocked, True)),
    (SYNC, "black, without flags", _outcome(SYNC, "black", ContentBlocked, True, "all black")),
    (QUEUE, "black, without flags", _outcome(QUEUE, "black", ContentBlocked, True, "all black")),
    (
        SYNC,
        "content policy",
        _outcome(SYNC, "policy", ContentBlocked, False, "not billed", refunded=True),
    ),
    (
        QUEUE,
        "content policy as the result",
        _outcome(QUEUE, "policy", ContentBlocked, False, "not billed", refunded=True),
    ),
    (
        EDITOR,
        "an input that cannot be read, as the result",
        _outcome(EDITOR, "failed_input", ProviderRejected, False, "Could not load", refunded=True),
    ),
    (
        REPLICATE,
        "NSFW, as a failure",
        _outcome(REPLICATE, "failed_nsfw", ContentBlocked, None, "may have been billed"),
    ),
    (REPLICATE, "failed", _outcome(REPLICATE, "failed", BadResponse, None, "CUDA")),
    (REPLICATE, "cancelled", _outcome(REPLICATE, "canceled", BadResponse, None, "canceled")),
    (WAVESPEED, "flagged", _outcome(WAVESPEED, "nsfw", ContentBlocked, True)),
    (
        WAVESPEED,
        "moderated",
        _outcome(WAVESPEED, "failed_nsfw", ContentBlocked, False, refunded=True),
    ),
    (
        WAVESPEED,
        "an input that it could not fetch",
        _outcome(WAVESPEED, "failed_input", ProviderRejected, False, refunded=True),
    ),
    (WAVESPEED, "failed", _outcome(WAVESPEED, "failed", BadResponse, False, refunded=True)),
    (WAVESPEED, "cancelled", _outcome(WAVESPEED, "canceled", BadResponse, None)),
    *(
        (offer, "no picture", _outcome(offer, "empty", BadResponse, None))
        for offer in (SYNC, QUEUE, REPLICATE, WAVESPEED, TOGETHER, NSCALE, TAGGER)
    ),
    *(
        (offer, "something odd", _outcome(offer, "odd", BadResponse, None))
        for offer in (SYNC, REPLICATE, WAVESPEED, TOGETHER, NSCALE, HF)
    ),
    (NSCALE, "no list", _outcome(NSCALE, "other", BadResponse, None)),
    *(
        (offer, "no name to ask by", _outcome(offer, "nameless", BadResponse, None, "names no"))
        for offer in (QUEUE, WAVESPEED)
    ),
    (
        REPLICATE,
        "a name that is a path",
        _outcome(REPLICATE, "nameless", BadResponse, None, "neither an output nor an id"),
    ),
    (
        CUTOUT,
        "no transparency",
        _outcome(CUTOUT, "opaque", BadResponse, None, "without transparency"),
    ),
    *(
        (offer, "a file on the local network", _outcome(offer, "private", BadResponse, None))
        for offer in (SYNC, QUEUE, REPLICATE, WAVESPEED)
    ),
    *(
        (offer, "a file that is not there", _outcome(offer, "lost", BadResponse, None, "404"))
        for offer in (SYNC, QUEUE, REPLICATE, WAVESPEED, CUTOUT)
    ),
    (TAGGER, "refused", _outcome(TAGGER, "refused", ContentBlocked, True, "cannot help")),
    (WRITER, "filtered", _outcome(WRITER, "filtered", ContentBlocked, True)),
    *(
        (offer, name, _outcome(offer, outcome, BadResponse, None, words))
        for offer in (TAGGER, WRITER)
        for name, outcome, words in (
            ("cut off", "cut_off", "cut off"),
            ("prose", "prose", "schema"),
            ("no words", "wordless", "without words"),
            ("another schema", "other", "schema"),
        )
    ),
)


def _unsure(outcome: str, emulator: HuggingFaceEmulator, provider: HuggingFaceProvider) -> None:
    """What it says of faces and of safety may be missing or wrong; the rest is of use without."""
    emulator.outcomes.append(outcome)
    delivery = carried_out(provider, TAGGER, TagImage(image="i"), ONE)
    assert list(json.loads(delivery.outputs[0].data)) == ["caption", "tags", "objects", "colors"]


def _fenced(emulator: HuggingFaceEmulator, provider: HuggingFaceProvider) -> None:
    emulator.outcomes.append("fenced")
    delivery = carried_out(provider, TAGGER, TagImage(image="i"), ONE)
    assert json.loads(delivery.outputs[0].data)["colors"] == ["red", "blue"]


def _other_path(emulator: HuggingFaceEmulator, provider: HuggingFaceProvider) -> None:
    """The queue's paths are those of ``response_url``, not of the model's id."""
    emulator.queue_path = "/fal-ai/flux-of-another-name"
    carried_out(provider, QUEUE, WANTED)


def _no_response_url(emulator: HuggingFaceEmulator, provider: HuggingFaceProvider) -> None:
    emulator.outcomes.append("other")
    carried_out(provider, QUEUE, WANTED)


def _thief(emulator: HuggingFaceEmulator, provider: HuggingFaceProvider) -> None:
    """Another host in an answer gets no request, and so no token."""
    with HuggingFaceEmulator() as thief:
        emulator.response_host = thief.url
        carried_out(provider, QUEUE, WANTED)
        assert thief.requests.total() == 0


def _url_from_together(emulator: HuggingFaceEmulator, provider: HuggingFaceProvider) -> None:
    emulator.outcomes.append("private")  # a URL where base64 was asked for
    delivery = carried_out(provider, TOGETHER, WANTED)
    assert delivery.outputs[0].media_type == "image/webp"


def _late_replicate(emulator: HuggingFaceEmulator, provider: HuggingFaceProvider) -> None:
    """After 60 seconds there is no output yet: it is collected by its id."""
    emulator.outcomes.append("slow")
    delivery = carried_out(provider, REPLICATE, WANTED)
    assert emulator.requests["replicate_status"] == 3
    assert delivery.facts["request_id"] == emulator.bills[0].id


def _cases(kind: Kind, found: tuple[tuple[str, str, Check], ...]) -> Iterator[Case]:
    for offer, name, check in found:
        yield Case(offer, ORDERS[offer][0].operation, kind, name, check)


CASES: tuple[Case, ...] = (
    *_cases("error", REFUSALS),
    *_cases("blocked", BLOCKED),
    *_cases(
        "error",
        (
            (HF, "a model that is being loaded", _loading_once),
            (HF, "a model that is being loaded for long", _loading_long),
            (SYNC, "429 in the hub's way", _limited({"ratelimit": '"api";r=0;t=55'}, 55.0)),
            (SYNC, "429 with Retry-After", _limited({"retry-after": "77"}, 77.0)),
            (SYNC, "429 without a time", _limited({}, None)),
            (SYNC, "429 once", _limited_once),
            *((SYNC, f"no credits in words {n}", _depleted(n)) for n in range(3)),
            (TAGGER, "a token without the permission", _scopeless),
            (SYNC, "a wrong token", _wrong_token),
            (SYNC, "no token of Hugging Face", _no_token),
        ),
    ),
    *_cases(
        "success",
        (
            (TAGGER, "JSON in a code block", _fenced),
            (TAGGER, "unsure of faces and safety", partial(_unsure, "unsure")),
            (TAGGER, "silent on faces and safety", partial(_unsure, "silent")),
            (QUEUE, "another path in the queue", _other_path),
            (QUEUE, "no address of the result", _no_response_url),
            (QUEUE, "a foreign address of the result", _thief),
            (TOGETHER, "a URL instead of base64", _url_from_together),
            (REPLICATE, "no output after 60 seconds", _late_replicate),
        ),
    ),
)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_error(case: Case, emulator: HuggingFaceEmulator) -> None:
    case.check(emulator, provider_for(emulator))
    assert emulator.twice == []
    assert emulator.key_at_files == emulator.hub_tokens == 0


def test_no_error_tells_the_token(emulator: HuggingFaceEmulator) -> None:
    key = emulator.key
    told: list[str] = []
    for status in (400, 401, 402, 403, 404, 410, 413, 422, 429, 500, 503):
        for body in (
            {"error": f"bad token {key}"},
            {"error": {"message": f"Bearer {key} is bad", "code": key, "param": "prompt"}},
            {"detail": [{"loc": ["body", "prompt"], "msg": f"no {key}", "type": key}]},
        ):
            headers = {"x-error-message": key, "retry-after": "600"}
            emulator.scripted["fal"].append(json_answer(status, body, headers))
            error = fails(provider_for(emulator), SYNC)
            told += [str(error), repr(error.args), json.dumps(error.as_dict())]
    for words in (f"no {key}", f"NSFW {key}"):
        told.append(json.dumps(_failed_with(emulator, REPLICATE, words).as_dict()))
        told.append(json.dumps(_failed_with(emulator, WAVESPEED, words).as_dict()))
    delivery = carried_out(provider_for(emulator), QUEUE, WANTED)
    told.append(json.dumps(dict(delivery.facts)))
    assert len(told) > 100
    assert not [words for words in told if key in words or key[3:] in words]


def _failed_with(emulator: HuggingFaceEmulator, offer: str, words: str) -> ProviderError:
    """Return the error of work that fails with these words."""
    failed = {"id": "abc", "status": "failed", "error": words}
    if offer == REPLICATE:
        emulator.scripted["replicate"].append(json_answer(201, failed | {"output": None}))
    else:
        created = {"code": 200, "data": {"id": "abc", "status": "created"}}
        emulator.scripted["wavespeed"].append(json_answer(200, created))
        answer = json_answer(200, {"code": 200, "data": failed})
        emulator.scripted["wavespeed_result"].append(answer)
    return fails(provider_for(emulator), offer)


def test_check_says_how_it_is(emulator: HuggingFaceEmulator) -> None:
    provider = provider_for(emulator)
    assert with_closing(provider, provider.check).reachable
    for key in ("", "sk-x", "hf_wrong"):
        provider = provider_for(emulator, key=SecretStr(key))
        health = with_closing(provider, provider.check)
        assert not health.reachable
        assert health.says
    assert not emulator.bills
