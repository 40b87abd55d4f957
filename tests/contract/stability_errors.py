"""Stability AI: its documented errors, what it blocks, and answers that no document has."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any
from unittest.mock import patch

import httpx
import numpy as np
from PIL import Image

from providers.stability import StabilityProvider, forms
from studio import imaging
from studio.errors import (
    AuthFailed,
    BadResponse,
    ContentBlocked,
    ModelRetired,
    OutcomeUnknown,
    PaymentRequired,
    ProviderError,
    ProviderRejected,
    RateLimited,
    TooLarge,
)
from tests.contract.cases import Case, Kind
from tests.contract.emulators.base import Answer, json_answer, picture
from tests.contract.emulators.stability import (
    BLURRED,
    CELEBRITY,
    FLAGGED,
    KEPT_SECONDS,
    StabilityEmulator,
)
from tests.contract.stability_kit import (
    ASYNC,
    PHOTO,
    SYNC,
    buy,
    collect,
    fails,
    hand_in,
    provider_for,
    run,
)

_SMALL = picture("too small", 40, 40)
_GLB = {"content-type": "model/gltf-binary"}


def _rejected(
    offer: str,
    operation: str,
    field: str,
    given: str,
    files: Mapping[str, bytes] | None = None,
    **fields: Any,
) -> Case:
    """A 400 is a refusal of one field, named as the operation names it; nothing is billed."""

    def check(emulator: StabilityEmulator, provider: StabilityProvider) -> None:
        error = fails(ProviderRejected, lambda: buy(provider, offer, files, **fields))
        assert (error.field, error.given) == (field, given)
        assert error.allowed
        assert error.details["status"] == 400
        assert error.details["name"] == "bad_request"
        assert error.details["request_id"] == "req-error"
        assert emulator.bills == []
        assert emulator.requests["work_on"] == 1

    return Case(offer, operation, "error", f"400 for {field}", check)


def _wrong_key(emulator: StabilityEmulator, _: StabilityProvider) -> None:
    provider = provider_for(emulator, key="sk-wrong-key-0123456789")
    error = fails(AuthFailed, lambda: buy(provider, SYNC))
    assert "STUDIO_STABILITY_KEY" in error.message
    assert (error.details["status"], emulator.requests["work_on"]) == (401, 1)


def _fields_come_before_the_key(emulator: StabilityEmulator, _: StabilityProvider) -> None:
    provider = provider_for(emulator, key="sk-wrong-key-0123456789")
    fails(ProviderRejected, lambda: buy(provider, "stability/sketch", {"image": _SMALL}))


def _no_rights(emulator: StabilityEmulator, provider: StabilityProvider) -> None:
    emulator.denied = True
    error = fails(AuthFailed, lambda: buy(provider, SYNC))
    assert error.details["status"] == 403
    assert "rights" in error.message


def _no_money(emulator: StabilityEmulator, provider: StabilityProvider) -> None:
    emulator.balances[emulator.key] = 29
    error = fails(PaymentRequired, lambda: buy(provider, SYNC))
    assert "lack sufficient credits" in error.message
    assert (emulator.bills, emulator.balances[emulator.key]) == ([], 29)


def _moderated(emulator: StabilityEmulator, provider: StabilityProvider) -> None:
    error = fails(ContentBlocked, lambda: buy(provider, SYNC, prompt=f"much {FLAGGED}"))
    assert error.details["billed"] is False
    assert error.details["status"] == 403
    assert emulator.bills == []


def _public_figure(emulator: StabilityEmulator, provider: StabilityProvider) -> None:
    error = fails(ContentBlocked, lambda: buy(provider, SYNC, prompt=f"a {CELEBRITY}"))
    assert error.details["billed"] is False
    assert error.details["status"] == 422
    assert emulator.bills == []


def _language(offer: str, operation: str, field: str, **fields: Any) -> Case:
    def check(emulator: StabilityEmulator, provider: StabilityProvider) -> None:
        error = fails(ProviderRejected, lambda: buy(provider, offer, **fields))
        assert (error.field, error.given, error.allowed) == (field, fields[field], "English")
        assert error.details["status"] == 422
        assert emulator.bills == []

    return Case(offer, operation, "error", "422 for a prompt that is not English", check)


def _retired_end_point(emulator: StabilityEmulator, provider: StabilityProvider) -> None:
    emulator.retired.add("/v2beta/stable-image/generate/core")
    error = fails(ModelRetired, lambda: buy(provider, SYNC))
    assert "STUDIO_STABILITY_URL" in error.message


def _retired_model(emulator: StabilityEmulator, provider: StabilityProvider) -> None:
    changes = {"model": "sd3-large"}
    fails(ModelRetired, lambda: buy(provider, "stability/sd3.5-large", changes=changes))
    assert emulator.bills == []


def _noise(side: int) -> bytes:
    noise = np.random.default_rng(1).integers(0, 256, (side, side, 3), dtype=np.uint8)
    return imaging.encode(Image.fromarray(noise), "png")


def _too_large_here(emulator: StabilityEmulator, provider: StabilityProvider) -> None:
    """Two pictures that are too large together are not even sent."""
    noise = _noise(1_350)
    files = {"image": noise, "style_image": noise}
    error = fails(TooLarge, lambda: buy(provider, "stability/style-transfer", files))
    assert error.allowed == "at most 10485760 bytes"
    assert error.field in files
    assert not emulator.requests


def _too_large_there(emulator: StabilityEmulator, provider: StabilityProvider) -> None:
    noise = _noise(1_900)
    with patch.object(forms, "LARGEST_REQUEST", 10**9):
        error = fails(TooLarge, lambda: buy(provider, "stability/sketch", {"image": noise}))
    assert error.details["status"] == 413
    assert emulator.bills == []


def _too_long_with_style(emulator: StabilityEmulator, provider: StabilityProvider) -> None:
    fields = {"prompt": "x" * 9_995, "style": "gouache"}
    error = fails(ProviderRejected, lambda: buy(provider, SYNC, **fields))
    assert (error.field, error.given) == ("prompt", "10010 characters")
    assert not emulator.requests


def _nothing_to_erase(emulator: StabilityEmulator, provider: StabilityProvider) -> None:
    error = fails(ProviderRejected, lambda: buy(provider, "stability/erase", {"image": PHOTO}))
    assert error.field == "mask"
    assert not emulator.requests


def _broken_input(emulator: StabilityEmulator, provider: StabilityProvider) -> None:
    """A picture that turns out to be broken when its mask is made is the asker's, not unknown."""
    files = {"image": PHOTO[: len(PHOTO) // 2], "mask": PHOTO}
    fails(ProviderRejected, lambda: buy(provider, "stability/erase", files))
    assert not emulator.requests


def _locked_out(emulator: StabilityEmulator, provider: StabilityProvider) -> None:
    """The 151st request within 10 s shuts out for a minute, any request counted."""
    now = [1_000.0]
    emulator.now = lambda: now[0]
    with httpx.Client() as client:
        for _ in range(150):
            client.get(f"{emulator.url}/v2beta/results/{'0' * 64}")
    error = fails(RateLimited, lambda: buy(provider, SYNC))
    assert error.details["retry_after"] == 60
    now[0] += 59
    fails(RateLimited, lambda: buy(provider, SYNC))
    now[0] += 1
    buy(provider, SYNC)
    assert len(emulator.bills) == 1


def _told_to_wait(emulator: StabilityEmulator, provider: StabilityProvider) -> None:
    """A short wait that is told is taken at once, and what was not begun is bought once."""
    emulator.retry_after = "0"
    emulator.work.next.extend(["limit", "busy", None])
    buy(provider, SYNC)
    assert len(emulator.bills) == 1
    assert emulator.requests["work_on"] == 3


def _filtered(offer: str, operation: str, *, json_: bool = False, **fields: Any) -> Case:
    def check(emulator: StabilityEmulator, provider: StabilityProvider) -> None:
        emulator.answer_json = json_
        emulator.filter_next = not fields
        error = fails(ContentBlocked, lambda: buy(provider, offer, **fields), bought=True)
        assert error.details["billed"] is True
        assert error.details["finish_reason"] == "CONTENT_FILTERED"
        assert error.details["request_id"] == "req-1"
        assert len(emulator.bills) == 1

    name = "filtered after it was made" + (", told in JSON" if json_ else "")
    return Case(offer, operation, "blocked", name, check)


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
        operation="upscale_creative",
    ),
    _answers(
        "an id that leads elsewhere",
        BadResponse,
        json_answer(200, {"id": "../../v1/user/account"}),
        offer=ASYNC,
        operation="upscale_creative",
    ),
    _answers(
        "a picture in place of an id",
        BadResponse,
        Answer(200, PHOTO, {"content-type": "image/png"}),
        offer=ASYNC,
        operation="upscale_creative",
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


def _not_there(emulator: StabilityEmulator, provider: StabilityProvider) -> None:
    """A result that there is not is Stability's last word; what was paid is not asked for again."""
    ticket = hand_in(provider)
    other = provider_for(emulator, key=emulator.other_key)
    error = fails(BadResponse, lambda: collect(other, ticket), bought=None)
    assert "24 hours" in error.message
    assert "the key that ordered it" in error.message
    assert len(emulator.polled) == 1
    assert collect(provider, ticket).outputs


def _expired(emulator: StabilityEmulator, provider: StabilityProvider) -> None:
    now = [1_000.0]
    emulator.now = lambda: now[0]
    ticket = hand_in(provider)
    now[0] += KEPT_SECONDS + 1
    error = fails(BadResponse, lambda: collect(provider, ticket), bought=None)
    assert error.details["name"] == "generation_not_found"
    assert len(emulator.bills) == 1


def _key_taken_away(emulator: StabilityEmulator, provider: StabilityProvider) -> None:
    """A key that is not taken any more is no word on the work: with the right key it is there."""
    ticket = hand_in(provider)
    wrong = provider_for(emulator, key="sk-wrong-key-0123456789")
    fails(AuthFailed, lambda: collect(wrong, ticket))
    assert collect(provider, ticket).outputs


def _still_at_work(emulator: StabilityEmulator, provider: StabilityProvider) -> None:
    emulator.polls_needed = 30
    hasty = provider_for(emulator, collect_seconds=0.2)
    ticket = hand_in(hasty)
    error = fails(OutcomeUnknown, lambda: collect(hasty, ticket), bought=None)
    assert "24 hours" in error.message
    assert collect(provider, ticket).outputs
    assert len(emulator.bills) == 1


def _refused_on_the_way(status: int, name: str) -> Case:
    """What somebody on the way refuses is the question, not the work."""

    def check(emulator: StabilityEmulator, provider: StabilityProvider) -> None:
        ticket = hand_in(provider)
        emulator.instead.extend(Answer(status, b"<html>proxy</html>") for _ in range(3))
        assert collect(provider, ticket).outputs
        emulator.instead.extend(Answer(status, b"<html>proxy</html>") for _ in range(300))
        hasty = provider_for(emulator, collect_seconds=0.2)
        fails(OutcomeUnknown, lambda: collect(hasty, ticket), bought=None)
        assert len(emulator.bills) == 1

    return Case(ASYNC, "upscale_creative", "error", name, check)


def _lost_address(emulator: StabilityEmulator, provider: StabilityProvider) -> None:
    """A 404 that is not about results is about the address; it is not the last word."""
    ticket = hand_in(provider)
    emulator.instead.append(Answer(404, b"<html>nginx</html>"))
    fails(ModelRetired, lambda: collect(provider, ticket))
    assert collect(provider, ticket).outputs


def _moderated_late(emulator: StabilityEmulator, provider: StabilityProvider) -> None:
    ticket = hand_in(provider)
    emulator.instead.append(
        json_answer(403, {"id": "1", "name": "content_moderation", "errors": ["flagged"]})
    )
    error = fails(ContentBlocked, lambda: collect(provider, ticket))
    assert error.details["billed"] is False


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
    for values in ({"credits": "7"}, {"credits": True}, [], {}):
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


def _error(name: str, check: Callable[..., None], offer: str = SYNC, operation: str = "") -> Case:
    return Case(offer, operation or "generate", "error", name, check)


CASES = (
    _rejected("stability/ultra", "generate", "reference", "example.png", {"reference": _SMALL}),
    _rejected(
        "stability/inpaint", "inpaint", "image", "example.png", {"image": _SMALL, "mask": PHOTO}
    ),
    _rejected(
        "stability/upscale-fast",
        "upscale",
        "image",
        "example.png",
        {"image": picture("x", 1_540, 32)},
    ),
    _rejected(
        "stability/outpaint", "outpaint", "image", "example.png", {"image": picture("x", 400, 100)}
    ),
    _rejected(
        "stability/style-transfer",
        "style_transfer",
        "change_strength",
        "0.05",
        change_strength=0.05,
    ),
    _rejected(
        "stability/replace-background-and-relight",
        "replace_background",
        "light",
        "example.png",
        {"image": PHOTO, "light": _SMALL},
    ),
    _rejected(
        "stability/stable-fast-3d", "image_to_3d", "foreground_ratio", "1.5", foreground_ratio=1.5
    ),
    _rejected(
        "stability/stable-point-aware-3d",
        "image_to_3d",
        "foreground_ratio",
        "0.5",
        foreground_ratio=0.5,
    ),
    _rejected("stability/sd3.5-medium", "generate", "guidance", "12.0", guidance=12),
    _error("401 for a wrong key", _wrong_key),
    _error("400 comes before 401", _fields_come_before_the_key, "stability/sketch", "sketch"),
    _error("402 without credits", _no_money),
    _error("403 without rights", _no_rights),
    _error("404 for an end point that is gone", _retired_end_point),
    _error("400 for a model that is gone", _retired_model, "stability/sd3.5-large"),
    _error("413 told by Stability", _too_large_there, "stability/sketch", "sketch"),
    _error("too large to be sent", _too_large_here, "stability/style-transfer", "style_transfer"),
    _error("too long with its style", _too_long_with_style),
    _error("neither mask nor transparency", _nothing_to_erase, "stability/erase", "erase"),
    _error("an input picture that is broken", _broken_input, "stability/erase", "erase"),
    _language(SYNC, "generate", "prompt", prompt="лиса в лесу"),
    _language(
        "stability/replace-background-and-relight",
        "replace_background",
        "background_prompt",
        background_prompt="海辺",
    ),
    _error("429 locks out for a minute", _locked_out),
    _error("429 with a time to wait", _told_to_wait),
    Case(SYNC, "generate", "blocked", "403 by moderation, free", _moderated),
    Case(SYNC, "generate", "blocked", "422 for a public figure, free", _public_figure),
    Case(ASYNC, "upscale_creative", "blocked", "403 when collected", _moderated_late),
    _filtered(SYNC, "generate", prompt=f"{BLURRED}"),
    _filtered(SYNC, "generate", json_=True, prompt=f"{BLURRED}"),
    _filtered(ASYNC, "upscale_creative", prompt=f"{BLURRED}"),
    _filtered("stability/remove-background", "remove_background"),
    _filtered("stability/upscale-fast", "upscale", json_=True),
    *_ODD,
    _error("404 for another key's result", _not_there, ASYNC, "upscale_creative"),
    _error("404 after 24 hours", _expired, ASYNC, "upscale_creative"),
    _error("401 when collected", _key_taken_away, ASYNC, "upscale_creative"),
    _error("still at work when patience ends", _still_at_work, ASYNC, "upscale_creative"),
    _error("404 of a proxy when collected", _lost_address, ASYNC, "upscale_creative"),
    _refused_on_the_way(407, "407 of a proxy when collected"),
    _refused_on_the_way(413, "413 of a proxy when collected"),
    _refused_on_the_way(400, "400 of a proxy when collected"),
    _error("the balance is told", _balance),
    _error("the balance with a wrong key", _balance_with_a_wrong_key),
    _error("a balance that is none", _balance_that_is_none),
    _error("no key at all", _no_key),
    _error("keys stay secret", _keys_stay_secret),
)
