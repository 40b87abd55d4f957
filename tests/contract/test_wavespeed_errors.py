"""WaveSpeed: every documented error, what it means for the money, and that no key is ever told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from providers import read_offers
from providers.wavespeed import WaveSpeedProvider, masks, uploads
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
from studio.operations import (
    EditImage,
    EnhancePrompt,
    Erase,
    Generate,
    ImageToVideo,
    Inpaint,
    Outpaint,
    TagImage,
)
from tests.contract.cases import Case, Kind
from tests.contract.emulators.base import Answer, json_answer
from tests.contract.emulators.wavespeed import WaveSpeedEmulator
from tests.contract.wavespeed_kit import (
    carried_out,
    failure,
    is_error,
    make_quick,
    mask,
    photo,
    provider_for,
    sound,
    submitted,
    with_closing,
)

QWEN = "wavespeed/qwen-image"
ROUTE = "wavespeed-ai/qwen-image/text-to-image"
WANTED = Generate(prompt="a fox", seed=1)
ONE = {"image": photo()}
FINAL = (ProviderRejected, ContentBlocked, TooLarge, BadResponse)
"""What the engine takes for WaveSpeed's own last word on work that it has."""

Check = Callable[[WaveSpeedEmulator, WaveSpeedProvider], None]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    make_quick(monkeypatch, tmp_path)


@pytest.fixture
def emulator() -> Iterator[WaveSpeedEmulator]:
    with WaveSpeedEmulator() as started:
        yield started


def _error(status: int, message: str, headers: dict[str, str] | None = None, **more: Any) -> Answer:
    return json_answer(status, {"code": status, "message": message, **more}, headers)


# --- Answers to a request for work --------------------------------------------------------------


def _answered(
    answer: Answer, cls: type[ProviderError], *, bought: bool | None, **told: object
) -> Check:
    """Return a check: that answer, each time, is that error, and nothing is sent twice."""

    def check(emulator: WaveSpeedEmulator, provider: WaveSpeedProvider) -> None:
        emulator.scripted["submit"].extend([answer] * 10)
        error = is_error(failure(provider, QWEN, WANTED), cls, bought=bought)
        assert error.details["request_id"] == "req-1" if "x-request-id" in answer.headers else True
        known = error.as_dict()
        assert {name: known.get(name) for name in told} == told
        if cls is not RateLimited:
            assert emulator.requests["submit"] == 1
        assert emulator.bills == []

    return check


ID = {"x-request-id": "req-1"}
ANSWERS: tuple[tuple[str, Answer, type[ProviderError], bool | None, dict[str, Any]], ...] = (
    ("bad input", _error(400, "property 'size' must be written as width*height", ID),
     ProviderRejected, False, {"field": "width", "status": 400}),
    ("bad input that quotes no field", _error(400, "invalid request"),
     ProviderRejected, False, {"field": None}),
    ("moderation before any work", _error(400, "blocked", error_code=1200),
     ContentBlocked, False, {"billed": False}),
    ("unprocessable", _error(422, "no"), ProviderRejected, False, {"status": 422}),
    ("key refused", _error(401, "Unauthorized"), AuthFailed, False, {"status": 401}),
    ("not allowed", _error(403, "this model is not available to you"), AuthFailed, False, {}),
    ("no money by 402", _error(402, "pay"), PaymentRequired, False, {"status": 402}),
    ("no money by 403", _error(403, "Insufficient balance"), PaymentRequired, False, {}),
    ("too large", _error(413, "too large"), TooLarge, False, {"status": 413}),
    ("retired", _error(404, "model not found"), ModelRetired, False, {"says": "model not found"}),
    ("retired by 405", _error(405, "no"), ModelRetired, False, {}),
    ("too often, long wait told", _error(429, "slow down", {"retry-after": "45"}),
     RateLimited, False, {"retry_after": 45.0, "status": 429}),
    ("too often, nothing told", _error(429, "slow down"),
     RateLimited, False, {"retry_after": None}),
    ("too often, nonsense told", _error(429, "slow", {"retry-after": "Fri, 1 Jan"}),
     RateLimited, False, {"retry_after": None}),
    ("redirected", Answer(307, b"", {"location": "https://example.com/"}),
     ProviderRejected, False, {"status": 307}),
    ("internal error", _error(500, "oops", ID), OutcomeUnknown, None, {"status": 500}),
    ("bad gateway", Answer(502, b"<html>"), OutcomeUnknown, None, {"status": 502}),
    ("unavailable is not not-begun", _error(503, "busy"), OutcomeUnknown, None, {}),
    ("gateway time-out", _error(504, "timeout"), OutcomeUnknown, None, {}),
    ("request time-out", _error(408, "timeout"), OutcomeUnknown, None, {}),
    ("no JSON", Answer(200, b"<html>ok</html>"), BadResponse, None, {}),
    ("no data", json_answer(200, {"code": 200}), BadResponse, None, {}),
    ("no envelope", json_answer(200, []), BadResponse, None, {}),
    ("an id that leads elsewhere", json_answer(200, {"code": 200, "data": {"id": "../balance"}}),
     BadResponse, None, {}),
    ("a number for an id", json_answer(200, {"code": 200, "data": {"id": 7}}),
     BadResponse, None, {}),
)  # fmt: skip


# --- Predictions that come to nothing -----------------------------------------------------------


def _ends(outcome: str, cls: type[ProviderError], *, bought: bool | None, **told: object) -> Check:
    def check(emulator: WaveSpeedEmulator, provider: WaveSpeedProvider) -> None:
        emulator.outcomes.append(outcome)
        error = is_error(failure(provider, QWEN, WANTED), cls, bought=bought)
        assert isinstance(error, FINAL)
        assert [bill.refunded for bill in emulator.bills] == [bought is False]
        known = error.as_dict()
        assert known["prediction"] == emulator.bills[0].id
        assert {name: known.get(name) for name in told} == told

    return check


ENDS: tuple[tuple[str, str, type[ProviderError], bool | None, dict[str, Any]], ...] = (
    ("moderated", "moderated", ContentBlocked, False, {"billed": False, "provider_code": 1200}),
    (
        "moderated, told in words",
        "moderated_in_words",
        ContentBlocked,
        False,
        {"code": "content_blocked"},
    ),
    ("completed and flagged", "flagged", ContentBlocked, True, {"billed": True}),
    ("completed and empty", "empty", BadResponse, None, {}),
    ("missing parameter", "missing", ProviderRejected, False, {"field": "image"}),
    ("invalid parameter", "invalid", ProviderRejected, False, {"field": "width"}),
    ("input not fetched", "unreached", ProviderRejected, False, {"field": "image"}),
    ("task not executed", "task", BadResponse, False, {"says": "task execution failed"}),
    ("task failed", "broken", BadResponse, False, {}),
    ("internal error", "internal", BadResponse, False, {}),
    ("model unavailable", "unavailable", BadResponse, False, {}),
    ("failed by time-out", "late", BadResponse, False, {}),
    ("cancelled", "cancelled", BadResponse, None, {}),
    ("timed out", "timeout", BadResponse, None, {}),
    ("deleted", "deleted", BadResponse, None, {}),
    ("a number for a result", "number", BadResponse, None, {}),
    ("a result on the local network", "private", BadResponse, None, {}),
    ("a result that is not there", "lost", BadResponse, None, {}),
)


# --- Refused before anything is sent ------------------------------------------------------------


def _refused(
    offer: str, operation: Any, files: dict[str, bytes], field: str, *, requests: int = 0
) -> Check:
    def check(emulator: WaveSpeedEmulator, provider: WaveSpeedProvider) -> None:
        error = is_error(failure(provider, offer, operation, files), ProviderRejected, bought=False)
        assert error.field == field
        assert error.allowed
        assert emulator.requests.total() == requests

    return check


TURBO = "wavespeed/ideogram-v3-turbo"
VIDEO = "wavespeed/wan-2.5/image_to_video/480p"
MOVES = ImageToVideo(image="i", prompt="p", resolution="480p", duration=3)
REFUSED: tuple[tuple[str, str, Check], ...] = (
    ("no mask at all", f"{TURBO}/inpaint",
     _refused(f"{TURBO}/inpaint", Inpaint(image="i", prompt="p"), ONE, "mask")),
    ("no mask at all", "wavespeed/image-eraser",
     _refused("wavespeed/image-eraser", Erase(image="i"), ONE, "mask")),
    ("too large a canvas", "wavespeed/bria-expand",
     _refused("wavespeed/bria-expand",
              Outpaint(image="i", left=2000, right=2000, up=2000, down=2000),
              {"image": photo("p", 1100, 1100)}, "image")),
)  # fmt: skip


# --- The table ----------------------------------------------------------------------------------


def _wrong_key(emulator: WaveSpeedEmulator, _: WaveSpeedProvider) -> None:
    wrong = SecretStr("wsk_wrong_0123456789abcdef")
    error = failure(provider_for(emulator, key=wrong), QWEN, WANTED)
    is_error(error, AuthFailed, bought=False)
    assert emulator.requests["submit"] == 1


def _broke(status: int) -> Check:
    def check(emulator: WaveSpeedEmulator, provider: WaveSpeedProvider) -> None:
        emulator.funds, emulator.broke = 19_999, status
        is_error(failure(provider, QWEN, WANTED), PaymentRequired, bought=False)
        assert emulator.bills == []

    return check


def _gone(emulator: WaveSpeedEmulator, provider: WaveSpeedProvider) -> None:
    emulator.retired.add(ROUTE)
    is_error(failure(provider, QWEN, WANTED), ModelRetired, bought=False)


def _eleventh(emulator: WaveSpeedEmulator, provider: WaveSpeedProvider) -> None:
    """Bronze takes ten pictures a minute; the eleventh is bought by nobody."""

    async def do() -> None:
        for number in range(10):
            await submitted(provider, QWEN, Generate(prompt=f"fox {number}"), {})
        with pytest.raises(RateLimited) as caught:
            await submitted(provider, QWEN, WANTED, {})
        assert caught.value.bought is False

    with_closing(provider, do)
    assert len(emulator.bills) == 10


def _passing(fault: Any) -> Check:
    def check(emulator: WaveSpeedEmulator, provider: WaveSpeedProvider) -> None:
        emulator.work.next.append(fault)
        carried_out(provider, QWEN, WANTED)
        assert (emulator.requests["submit"], len(emulator.bills)) == (2, 1)

    return check


def _text_is_a_number(emulator: WaveSpeedEmulator, provider: WaveSpeedProvider) -> None:
    emulator.outcomes.append("number")
    error = failure(provider, "wavespeed/molmo2-prompt-optimizer", EnhancePrompt(prompt="p"))
    is_error(error, BadResponse, bought=None)


def _text_is_empty(emulator: WaveSpeedEmulator, provider: WaveSpeedProvider) -> None:
    emulator.outcomes.append("empty")
    error = failure(provider, "wavespeed/image-captioner", TagImage(image="i"), ONE)
    is_error(error, BadResponse, bought=None)


def _fetched_input_is_bad(emulator: WaveSpeedEmulator, provider: WaveSpeedProvider) -> None:
    """The model itself finds the picture too small for it: that is told, and refunded."""
    small = {"image": photo("p", 400, 400), "reference": photo("r", 400, 400)}
    emulator.outcomes.append("invalid")
    wanted = EditImage(image="i", prompt="p", reference="r")
    error = failure(provider, "wavespeed/wan-2.5/edit", wanted, small)
    is_error(error, ProviderRejected, bought=False)
    assert emulator.billed == 0


def _kind(cls: type[ProviderError], outcome: str) -> Kind:
    return "blocked" if cls is ContentBlocked or outcome == "empty" else "error"


def _case(offer: str, operation: str, kind: Kind, name: str, check: Check) -> Case:
    return Case(offer, operation, kind, name, check)


OPERATION_OF = {offer.id: offer.operation for offer in read_offers("providers.wavespeed")}

CASES: tuple[Case, ...] = (
    *(_case(QWEN, "generate", "error", name, _answered(answer, cls, bought=bought, **told))
      for name, answer, cls, bought, told in ANSWERS),
    *(_case(QWEN, "generate", _kind(cls, outcome), name,
            _ends(outcome, cls, bought=bought, **told))
      for name, outcome, cls, bought, told in ENDS),
    *(_case(offer, OPERATION_OF[offer], "error", name, check) for name, offer, check in REFUSED),
    _case(QWEN, "generate", "error", "a wrong key", _wrong_key),
    _case(QWEN, "generate", "error", "no money, 403", _broke(403)),
    _case(QWEN, "generate", "error", "no money, 402", _broke(402)),
    _case(QWEN, "generate", "error", "the model is gone", _gone),
    _case(QWEN, "generate", "error", "the eleventh picture in a minute", _eleventh),
    _case(QWEN, "generate", "error", "busy for a moment", _passing("busy")),
    _case(QWEN, "generate", "error", "limit for a moment", _passing("limit")),
    _case("wavespeed/molmo2-prompt-optimizer", "enhance_prompt", "blocked", "no text",
          _text_is_a_number),
    _case("wavespeed/image-captioner", "tag", "blocked", "no caption", _text_is_empty),
    _case("wavespeed/wan-2.5/edit", "edit", "error", "a picture that the model refuses",
          _fetched_input_is_bad),
)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
def test_case(case: Case, emulator: WaveSpeedEmulator) -> None:
    case.check(emulator, provider_for(emulator))
    assert emulator.twice == []


def test_an_unusable_file_is_no_unknown_outcome(
    emulator: WaveSpeedEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that breaks only when it is looked at closely is refused before anything is sent."""
    provider = provider_for(emulator)
    broken = photo()[:200]
    found = is_error(
        failure(provider, "wavespeed/image-eraser", Erase(image="i", mask="m"),
                {"image": broken, "mask": mask()}),
        ProviderRejected,
        bought=False,
    )  # fmt: skip
    assert "Nothing was sent" in found.message
    monkeypatch.setattr(masks, "LARGEST_CANVAS", 10)
    error = failure(
        provider_for(emulator), "wavespeed/bria-expand", Outpaint(image="i", left=1), ONE
    )
    is_error(error, ProviderRejected, bought=False)
    assert emulator.requests.total() == 0


def test_a_recording_of_another_kind_is_refused(
    emulator: WaveSpeedEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.contract import wavespeed_kit

    monkeypatch.setattr(
        wavespeed_kit, "inputs_of", lambda files: (wavespeed_kit.facts_of("image", ONE["image"]),)
    )
    files = ONE | {"audio": b"OggS" + bytes(100)}
    error = is_error(
        failure(provider_for(emulator), VIDEO, MOVES, files), ProviderRejected, bought=False
    )
    assert (error.field, error.given, error.allowed) == ("audio", "audio/ogg", "WAV or MP3")
    assert emulator.requests.total() == 0


def test_too_large_a_file_is_refused(
    emulator: WaveSpeedEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "LARGEST", 20_000)
    files = ONE | {"audio": sound(5)}
    error = is_error(failure(provider_for(emulator), VIDEO, MOVES, files), TooLarge, bought=False)
    assert (error.field, error.given) == ("audio", "40044 bytes")
    assert emulator.requests.total() == 0


@pytest.mark.parametrize(
    ("offer", "operation", "files"),
    [
        (VIDEO, MOVES, ONE | {"audio": sound(2.9)}),
        (VIDEO, MOVES, ONE | {"audio": sound(30.5)}),
        ("wavespeed/wan-2.5/edit", None, {"image": photo("p", 383, 500)}),
    ],
)
def test_offers_refuse_what_the_model_would(
    emulator: WaveSpeedEmulator, offer: str, operation: Any, files: dict[str, bytes]
) -> None:
    wanted = operation or EditImage(image="i", prompt="p")
    with pytest.raises(AssertionError, match=r"needs at least|takes at most"):
        carried_out(provider_for(emulator), offer, wanted, files)
    assert emulator.requests.total() == 0


def test_no_key_is_told(emulator: WaveSpeedEmulator) -> None:
    """The provider itself repeats the key wherever it can; nobody hears it from us."""
    key = emulator.key
    said = f"Incorrect API key provided: {key} (Bearer {key})"
    spoken: list[str] = []
    for status in (400, 401, 402, 403, 404, 413, 422, 429, 500, 503):
        emulator.scripted["submit"].extend([_error(status, said)] * 4)
        error = failure(provider_for(emulator), QWEN, WANTED)
        spoken += [str(error), repr(error), repr(error.as_dict()), repr(error.args)]
        emulator.scripted["submit"].clear()
    for ended in ("failed", "cancelled", key):
        data = {"status": ended, "error": said, "outputs": [], "code": 1403}
        emulator.scripted["result"].clear()
        error = _failed_by(emulator, data)
        spoken += [str(error), repr(error.as_dict())]
    emulator.scripted["result"].extend([_error(500, said)] * 100)
    spoken.append(str(failure(provider_for(emulator), QWEN, WANTED).as_dict()))
    emulator.scripted["result"].clear()
    delivery = carried_out(provider_for(emulator), QWEN, Generate(prompt="another"))
    spoken += [repr(delivery.facts), delivery.method, delivery.model]
    assert len(spoken) > 40
    assert not [words for words in spoken if key in words or key[6:] in words]
    assert any("[key]" in words for words in spoken)


def _failed_by(emulator: WaveSpeedEmulator, data: dict[str, Any]) -> ProviderError:
    """Return the error of an order whose polls are all answered with ``data``."""
    provider = provider_for(emulator, patience=0.05)

    async def do() -> ProviderError:
        wanted = Generate(prompt=f"{data['status'][:5]}")
        ticket = await submitted(provider, QWEN, wanted, {})
        answer = {"code": 200, "data": {"id": ticket.remote_id.partition("?")[0], **data}}
        emulator.scripted["result"].extend([json_answer(200, answer)] * 100)
        offer = next(each for each in provider.offers() if each.id == QWEN)
        with pytest.raises(ProviderError) as caught:
            await provider.collect(offer, ticket)
        return caught.value

    return with_closing(provider, do)


def test_unreachable_is_not_bought() -> None:
    with WaveSpeedEmulator() as emulator:
        provider = provider_for(emulator)
    error = is_error(failure(provider, QWEN, WANTED), ProviderUnavailable, bought=False)
    assert "cannot be reached" in error.message
