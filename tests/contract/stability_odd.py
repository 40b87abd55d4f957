"""Stability AI: answers that no document has, its balance, and keys that it repeats."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from providers.stability import StabilityProvider
from studio.errors import (
    BadResponse,
    ModelRetired,
    OutcomeUnknown,
    ProviderError,
    ProviderRejected,
)
from tests.contract.cases import Case, Kind
from tests.contract.emulators.base import Answer, json_answer
from tests.contract.emulators.stability import (
    StabilityEmulator,
)
from tests.contract.stability_kit import (
    ASYNC,
    PHOTO,
    SYNC,
    buy,
    fails,
    provider_for,
    run,
)

_GLB = {"content-type": "model/gltf-binary"}


def _answers(
    name: str,
    error: type[ProviderError],
    answer: Answer,
    *,
    bought: bool | None = None,
    offer: str = SYNC,
    operation: str = "generate",
    kind: Kind = "error",
    words: str = "",
) -> Case:
    """An answer to a request for work that no document has; it is never sent twice."""

    def check(emulator: StabilityEmulator, provider: StabilityProvider) -> None:
        emulator.instead.append(answer)
        found = fails(error, lambda: buy(provider, offer), bought=bought)
        assert emulator.requests["work_on"] == 1
        assert words in str(found)
        assert found.details["status"] == answer.status

    return Case(offer, operation, kind, name, check)


_ODD = (
    _answers("500 from the service", OutcomeUnknown, Answer(500, b"{}")),
    _answers("502 from a proxy", OutcomeUnknown, Answer(502, b"<html>bad</html>"), words="bad"),
    _answers("503, which is not documented", OutcomeUnknown, Answer(503, b"")),
    _answers("504 with errors that are none", OutcomeUnknown, Answer(504, b'{"errors": "x"}')),
    _answers("408 from a proxy", OutcomeUnknown, Answer(408, b"")),
    _answers("redirected", OutcomeUnknown, Answer(302, b"", {"location": "http://x.test/"})),
    _answers("405", ProviderRejected, Answer(405, b"no"), bought=False),
    _answers("400 without a shape", ProviderRejected, Answer(400, b"no"), bought=False),
    _answers(
        "400 that names no field of ours",
        ProviderRejected,
        json_answer(400, {"id": "1", "name": "bad_request", "errors": ["accept: is wrong"]}),
        bought=False,
        words="accept: is wrong",
    ),
    _answers("404 without a shape", ModelRetired, Answer(404, b"no"), bought=False),
    _answers("410", ModelRetired, Answer(410, b"gone"), bought=False),
    _answers("nothing delivered", BadResponse, Answer(200, b""), kind="blocked"),
    _answers("204", BadResponse, Answer(204, b""), kind="blocked"),
    _answers("a page delivered", BadResponse, Answer(200, b"<html>"), kind="blocked"),
    _answers("an id in place of a picture", BadResponse, json_answer(200, {"id": "a" * 64})),
    _answers("a list in place of a picture", BadResponse, Answer(200, b"[]")),
    _answers("JSON that is cut", BadResponse, Answer(200, b'{"image": "')),
    _answers("base64 that is none", BadResponse, json_answer(200, {"image": "%%%"})),
    _answers("no text in place of base64", BadResponse, json_answer(200, {"image": 7})),
    _answers(
        "a finish reason that is new",
        BadResponse,
        Answer(200, PHOTO, {"finish-reason": "MELTED"}),
        words="MELTED",
    ),
    _answers(
        "no id for what is to be collected",
        BadResponse,
        json_answer(200, {"status": "ok"}),
        offer=ASYNC,
        operation="replace_background",
    ),
    _answers(
        "an id that leads elsewhere",
        BadResponse,
        json_answer(200, {"id": "../../v1/user/account"}),
        offer=ASYNC,
        operation="replace_background",
    ),
    _answers(
        "a picture in place of an id",
        BadResponse,
        Answer(200, PHOTO, {"content-type": "image/png"}),
        offer=ASYNC,
        operation="replace_background",
    ),
    _answers(
        "a picture in place of a 3D model",
        BadResponse,
        Answer(200, PHOTO, _GLB),
        offer="stability/stable-fast-3d",
        operation="image_to_3d",
    ),
    _answers(
        "a 3D model that is cut short",
        BadResponse,
        Answer(200, b"glTF\2\0\0\0\xff\0\0\0", _GLB),
        offer="stability/stable-point-aware-3d",
        operation="image_to_3d",
    ),
)


def _balance(emulator: StabilityEmulator, provider: StabilityProvider) -> None:
    emulator.stale_balance = 1_235
    health = run(provider, provider.check)
    assert (health.reachable, health.balance) == (True, "123.50 credits")
    assert "may lag" in health.says
    assert emulator.bills == []


def _balance_with_a_wrong_key(emulator: StabilityEmulator, _: StabilityProvider) -> None:
    """v1 repeats the key that it was sent; it must not be told on."""
    wrong = provider_for(emulator, key="wrong-key-without-its-beginning")
    health = run(wrong, wrong.check)
    assert not health.reachable
    assert "Incorrect API key provided: [key]" in health.says
    assert "without-its-beginning" not in health.says


def _balance_that_is_none(emulator: StabilityEmulator, provider: StabilityProvider) -> None:
    unlikely: tuple[Any, ...] = ({"credits": "7"}, {"credits": True}, [], {})
    for values in unlikely:
        emulator.instead.append(json_answer(200, values))
        assert not run(provider, provider.check).reachable


def _no_key(emulator: StabilityEmulator, _: StabilityProvider) -> None:
    provider = provider_for(emulator, key="")
    assert "STUDIO_STABILITY_KEY" in provider.not_ready(provider.offers()[0])
    assert not run(provider, provider.check).reachable
    assert not emulator.requests


def _keys_stay_secret(emulator: StabilityEmulator, provider: StabilityProvider) -> None:
    """Wherever an answer repeats the key, it is taken out; ``fails`` looks through the error."""
    key = emulator.key
    said = {"id": "1", "name": f"slug {key}", "errors": [f"prompt: no {key}", f"Bearer {key}"]}
    for status in (400, 401, 402, 403, 404, 409, 413, 422, 500):
        for body in (said, {"id": key, "name": "x", "message": f"key {key}"}, [key]):
            emulator.instead.append(json_answer(status, body, {"x-request-id": "req-7"}))
            try:
                buy(provider, SYNC)
            except ProviderError as error:
                told = f"{error} {error!r} {json.dumps(error.as_dict())} {error.args}"
                assert key not in told
                assert "[key]" in told
            else:
                raise AssertionError(status)


def _error(name: str, check: Callable[..., None]) -> Case:
    return Case(SYNC, "generate", "error", name, check)


CASES = (
    *_ODD,
    _error("the balance is told", _balance),
    _error("the balance with a wrong key", _balance_with_a_wrong_key),
    _error("a balance that is none", _balance_that_is_none),
    _error("no key at all", _no_key),
    _error("keys stay secret", _keys_stay_secret),
)
