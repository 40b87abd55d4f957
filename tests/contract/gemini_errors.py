"""Gemini: its documented errors, and requests that are refused before anything is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import numpy as np
from PIL import Image

from providers import http
from providers.gemini import GeminiProvider, bodies, models
from studio import imaging
from studio.errors import (
    AuthFailed,
    ModelRetired,
    OutcomeUnknown,
    PaymentRequired,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
    RateLimited,
    TooLarge,
)
from tests.contract.cases import Case
from tests.contract.emulators.base import picture
from tests.contract.emulators.gemini import GeminiEmulator
from tests.contract.gemini_kit import (
    EDIT,
    NANO,
    TAG,
    WRONG_KEY,
    buy,
    fails,
    provider_for,
)

Check = Callable[[GeminiEmulator, GeminiProvider], None]


def _case(name: str, check: Check, offer: str = NANO, operation: str = "generate") -> Case:
    return Case(offer, operation, "error", name, check)


def _answer(
    status: int,
    name: str,
    words: str,
    error: type[ProviderError],
    *told: str,
    bought: bool | None = False,
) -> Case:
    """An answer of that status is that error, tried once."""

    def check(emulator: GeminiEmulator, provider: GeminiProvider) -> None:
        for emulator.wrapped in (False, True):
            emulator.refusal = (status, name, words)
            found = fails(error, lambda: buy(provider, NANO), bought=bought)
            for each in (words, *told):
                assert each in found.message
            assert found.details["status"] == status
            assert found.details.get("name", "") == name
        assert emulator.requests["generate"] == 2
        assert emulator.bills == []

    return _case(f"{status} {name} {words[:40]}", check)


def _wrong_key(emulator: GeminiEmulator, _: GeminiProvider) -> None:
    """A bad key is a 400."""
    provider = provider_for(emulator, key=WRONG_KEY)
    error = fails(AuthFailed, lambda: buy(provider, NANO))
    assert error.details["status"] == 400
    assert "STUDIO_GEMINI_KEY" in error.message
    assert emulator.requests["generate"] == 1


def _no_key(emulator: GeminiEmulator, _: GeminiProvider) -> None:
    """Without a key nobody is to ask; who does is told so."""
    provider = provider_for(emulator, key="")
    assert "STUDIO_GEMINI_KEY" in provider.not_ready(provider.offers()[0])
    fails(AuthFailed, lambda: buy(provider, NANO))
    assert emulator.requests["generate"] == 0


def _ratio(emulator: GeminiEmulator, provider: GeminiProvider) -> None:
    """A refusal names the operation's field and what it held."""
    sizes = {"ratios": {"7:3": (1584, 672)}}
    offer = provider.offers()[0]
    changes = {"sizes": type(offer.sizes).model_validate(sizes)}  # type: ignore[union-attr]
    error = fails(ProviderRejected, lambda: buy(provider, NANO, changes=changes, width=700))
    assert (error.field, error.given) == ("width", "700")
    assert "7:3" in str(error.allowed)
    assert emulator.bills == []


def _unreadable(emulator: GeminiEmulator, provider: GeminiProvider) -> None:
    """What the studio does not look into is refused there, by its field."""
    torn = imaging.encode(Image.new("RGB", (400, 300), "teal"), "jpeg")[:-200]
    error = fails(ProviderRejected, lambda: buy(provider, EDIT, {"image": torn}))
    assert error.field == "image"
    assert "Unable to process input image." in error.message
    assert emulator.bills == []


def _broken_gif(emulator: GeminiEmulator, provider: GeminiProvider) -> None:
    """What would have to be turned into a PNG and cannot be read is not sent."""
    torn = picture("a gif", 90, 60, "GIF")[:-800]
    error = fails(ProviderRejected, lambda: buy(provider, EDIT, {"image": torn}))
    assert error.field == "image"
    assert emulator.requests["generate"] == 0


def _too_large(emulator: GeminiEmulator, provider: GeminiProvider) -> None:
    """The sum of all pictures is checked before anything is sent."""
    noise = np.random.default_rng(1).integers(0, 256, (2_000, 1_700, 3), dtype=np.uint8)
    photo = imaging.encode(Image.fromarray(noise), "png")
    assert 10_000_000 < len(photo) < 14_900_000
    buy(provider, EDIT, {"image": photo})
    assert emulator.requests["generate"] == 1
    error = fails(TooLarge, lambda: buy(provider, EDIT, {"image": photo, "reference": photo}))
    assert "20000000" in str(error.allowed)
    assert emulator.requests["generate"] == 1


def _too_large_there(status: int) -> Case:
    """Its own word on the size is heeded as well."""

    def check(emulator: GeminiEmulator, provider: GeminiProvider) -> None:
        emulator.too_large_status = status
        with (
            patch.object(bodies, "LARGEST_REQUEST", 99_000_000),
            patch("tests.contract.emulators.gemini.LARGEST_REQUEST", 500),
        ):
            fails(TooLarge, lambda: buy(provider, EDIT))
        assert emulator.bills == []

    return _case(f"{status} for its size", check, EDIT, "edit")


def _too_many_words(emulator: GeminiEmulator, provider: GeminiProvider) -> None:
    """Letters of several bytes are counted as what they may cost."""
    error = fails(ProviderRejected, lambda: buy(provider, NANO, prompt="狐" * 2_000))
    assert error.field == "prompt"
    assert emulator.requests["generate"] == 0
    buy(provider, NANO, prompt="狐" * 1_800)


def _gone(emulator: GeminiEmulator, provider: GeminiProvider) -> None:
    emulator.gone.add("gemini-nano-banana-2.1")
    error = fails(ModelRetired, lambda: buy(provider, NANO))
    assert "gemini-nano-banana-2.1 is no longer available" in error.message
    assert "gemini-3-pro-image" in error.message
    assert emulator.requests["generate"] == 1


def _dead(emulator: GeminiEmulator, provider: GeminiProvider) -> None:
    """An id that is long gone is told with the one that took its place."""
    dead = models.MODELS["gemini-nano-banana-2.1"]
    with patch.dict(models.MODELS, {"gemini-2.5-flash-image": dead}):
        changes = {"model": "gemini-2.5-flash-image"}
        error = fails(ModelRetired, lambda: buy(provider, NANO, changes=changes))
    assert "gemini-nano-banana-2.1 took the place of gemini-2.5-flash-image" in error.message
    assert emulator.bills == []


def _wrong_address(emulator: GeminiEmulator, _: GeminiProvider) -> None:
    provider = provider_for(emulator)
    provider.http.base_url += "/somewhere"
    error = fails(ModelRetired, lambda: buy(provider, NANO))
    assert "STUDIO_GEMINI_URL" in error.message


def _passing_limit(emulator: GeminiEmulator, provider: GeminiProvider) -> None:
    """It is asked again when it said, and bought once."""
    emulator.work.next.extend(["limit", "limit"])
    assert buy(provider, NANO).cost == emulator.billed
    assert emulator.requests["generate"] == 3
    assert emulator.twice == []


def _long_limit(emulator: GeminiEmulator, provider: GeminiProvider) -> None:
    """A longer wait is for the engine, which is told how long."""
    emulator.work.next.append("limit")
    emulator.retry_delay = "41.5s"
    error = fails(RateLimited, lambda: buy(provider, NANO))
    assert error.details["retry_after"] == 41.5
    assert emulator.requests["generate"] == 1


def _short_limit(emulator: GeminiEmulator, provider: GeminiProvider) -> None:
    """The short form says no time."""
    emulator.work.share, emulator.work.kinds = 1, ("limit",)
    emulator.retry_delay = None
    with patch.object(http, "_FIRST_WAIT", 0.01):
        error = fails(RateLimited, lambda: buy(provider, NANO))
    assert "retry_after" not in error.details
    assert emulator.requests["generate"] == http._TRIES


def _odd_delay(emulator: GeminiEmulator, provider: GeminiProvider) -> None:
    """What is no number of seconds is none."""
    emulator.work.share, emulator.work.kinds = 1, ("limit",)
    for emulator.retry_delay in ("soon", "-1s", "1e9s"):
        with patch.object(http, "_FIRST_WAIT", 0.001):
            assert "retry_after" not in fails(RateLimited, lambda: buy(provider, NANO)).details
    emulator.retry_delay = "999999999s"
    assert fails(RateLimited, lambda: buy(provider, NANO)).details["retry_after"] == 3_600


def _no_quota(quota: Any, words: str) -> Case:
    """Waiting does not mend it: it is asked once, and the account rests."""

    def check(emulator: GeminiEmulator, provider: GeminiProvider) -> None:
        emulator.work.next.append("limit")
        emulator.quota = quota
        error = fails(PaymentRequired, lambda: buy(provider, NANO))
        assert words in error.message
        assert error.details["quotas"]
        assert emulator.requests["generate"] == 1

    return _case(f"429 quota {quota}", check)


def _overloaded(emulator: GeminiEmulator, provider: GeminiProvider) -> None:
    """The documented 503 began nothing: it is asked again, and told so if it lasts."""
    emulator.work.next.extend(["busy", "busy"])
    with patch.object(http, "_FIRST_WAIT", 0.01):
        buy(provider, NANO)
        emulator.work.share, emulator.work.kinds = 1, ("busy",)
        error = fails(ProviderUnavailable, lambda: buy(provider, NANO))
    assert error.details["again"] is True
    assert emulator.requests["generate"] == 3 + http._TRIES
    assert len(emulator.bills) == 1


def _check_missing(emulator: GeminiEmulator, provider: GeminiProvider) -> None:
    """Every page of the list is read; an id that is not on it is named."""
    emulator.page = 2
    assert _health(provider) == "answers and takes the key; all models asked for are there"
    assert emulator.requests["models"] == 4
    emulator.gone = {"gemini-3-pro-image", "gemini-3.8-flash"}
    assert _health(provider).endswith("does not list gemini-3-pro-image, gemini-3.8-flash")
    assert emulator.bills == []


def _health(provider: GeminiProvider, *, reachable: bool = True) -> str:
    async def ask() -> str:
        try:
            health = await provider.check()
            assert health.reachable is reachable
            return health.says
        finally:
            await provider.close()

    return asyncio.run(ask())


def _check_fails(emulator: GeminiEmulator, _: GeminiProvider) -> None:
    assert "no key" in _health(provider_for(emulator, key=""), reachable=False)
    wrong = _health(provider_for(emulator, key=WRONG_KEY), reachable=False)
    assert "did not accept the key" in wrong
    assert WRONG_KEY not in wrong
    emulator.polls.next.append("error")
    broken = _health(provider_for(emulator), reachable=False)
    assert broken == "Gemini answered 500 when it was asked for its models."


_FREE = "The Gemini API free tier is not available in your country. Please enable billing."
_PLACE = "User location is not supported for the API use."
_FIELD = (
    "Invalid JSON payload received. Unknown name \"x\" at 'generation_config': Cannot find field."
)

CASES = (
    _case("wrong key", _wrong_key),
    _case("no key", _no_key),
    _case("a ratio that it has not", _ratio),
    _case("a torn picture", _unreadable, EDIT, "edit"),
    _case("a broken gif", _broken_gif, EDIT, "edit"),
    _case("too large in all", _too_large, EDIT, "edit"),
    _too_large_there(400),
    _too_large_there(413),
    _case("too many bytes of words", _too_many_words),
    _case("a model gone", _gone),
    _case("a model long dead", _dead),
    _case("a wrong address", _wrong_address),
    _case("a limit that passes", _passing_limit),
    _case("a limit for long", _long_limit),
    _case("a limit without a time", _short_limit),
    _case("a limit with an odd time", _odd_delay),
    _no_quota("none", "granted none"),
    _no_quota("day", "for a day is used up"),
    _case("overloaded", _overloaded),
    _case("missing models", _check_missing),
    _case("check fails", _check_fails, TAG, "tag"),
    _answer(400, "INVALID_ARGUMENT", _FIELD, ProviderRejected),
    _answer(400, "INVALID_ARGUMENT", "API key expired. API key not valid.", AuthFailed),
    _answer(400, "FAILED_PRECONDITION", _FREE, PaymentRequired, "Turn it on"),
    _answer(400, "FAILED_PRECONDITION", _PLACE, AuthFailed, "place where this machine is"),
    _answer(401, "UNAUTHENTICATED", "Request had invalid credentials.", AuthFailed),
    _answer(402, "PAYMENT_REQUIRED", "Prepaid credits are used up.", PaymentRequired),
    _answer(403, "PERMISSION_DENIED", "Your API key was reported as leaked.", AuthFailed),
    _answer(408, "CANCELLED", "Request timed out.", OutcomeUnknown, bought=None),
    _answer(409, "ABORTED", "Try something else.", ProviderRejected),
    _answer(429, "RESOURCE_EXHAUSTED", "Quota exceeded, limit: 0, model: x", PaymentRequired),
    _answer(499, "CANCELLED", "The operation was cancelled.", OutcomeUnknown, bought=None),
    _answer(500, "INTERNAL", "An internal error has occurred.", OutcomeUnknown, bought=None),
    _answer(502, "", "Bad gateway.", OutcomeUnknown, bought=None),
    _answer(503, "UNAVAILABLE", "Deadline expired.", OutcomeUnknown, bought=None),
    _answer(503, "", "The model is overloaded.", OutcomeUnknown, bought=None),
    _answer(504, "DEADLINE_EXCEEDED", "Deadline expired.", OutcomeUnknown, bought=None),
)
