"""Stability AI: its documented errors, and what it blocks."""

from __future__ import annotations

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
    ContentBlocked,
    ModelRetired,
    PaymentRequired,
    ProviderRejected,
    RateLimited,
    TooLarge,
)
from tests.contract.cases import Case
from tests.contract.emulators.base import picture
from tests.contract.emulators.stability import (
    BLURRED,
    CELEBRITY,
    FLAGGED,
    StabilityEmulator,
)
from tests.contract.stability_kit import (
    PHOTO,
    SYNC,
    buy,
    fails,
    provider_for,
)

_SMALL = picture("too small", 40, 40)


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
    prompt = "x" * 9_995
    error = fails(ProviderRejected, lambda: buy(provider, SYNC, prompt=prompt, style="unheard-of"))
    assert (error.field, error.given) == (
        "prompt",
        f"{9_995 + len(', unheard of style')} characters",
    )
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
    _filtered(SYNC, "generate", prompt=f"{BLURRED}"),
    _filtered(SYNC, "generate", json_=True, prompt=f"{BLURRED}"),
    _filtered("stability/upscale-creative", "upscale_creative", prompt=f"{BLURRED}"),
    _filtered("stability/remove-background", "remove_background"),
    _filtered("stability/upscale-fast", "upscale", json_=True),
)
