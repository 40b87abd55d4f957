"""WaveSpeed: the account (prices, balance, health, limits) and signed webhooks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from providers.pacing import Window
from providers.wavespeed import WaveSpeedProvider, verify
from providers.wavespeed.tiers import tiers
from studio.errors import BadResponse, InvalidRequest, ProviderRejected, SetupIncomplete
from studio.operations import Generate
from tests.contract.emulators.base import json_answer
from tests.contract.emulators.wavespeed import TIERS, WaveSpeedEmulator
from tests.contract.wavespeed_kit import carried_out, make_quick, provider_for, with_closing

VIDEO = "alibaba/wan-2.5/image-to-video"
INPUTS = {"image": "https://example.com/a.png", "prompt": "p", "resolution": "1080p", "duration": 4}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    make_quick(monkeypatch, tmp_path)


@pytest.fixture
def emulator() -> Iterator[WaveSpeedEmulator]:
    with WaveSpeedEmulator() as started:
        yield started


@pytest.mark.parametrize(("new", "cost"), [(True, 54_000_000), (False, 60_000_000)])
def test_price(emulator: WaveSpeedEmulator, *, new: bool, cost: int) -> None:
    """Four seconds at US$0.15: 60 credits by the list, 54 with the account's discount."""
    emulator.new_prices = new
    provider = provider_for(emulator)
    quoted = with_closing(provider, lambda: provider.price(VIDEO, INPUTS))
    assert (quoted.model, quoted.cost, quoted.list_price) == (VIDEO, cost, 60_000_000)
    assert emulator.bills == []


def test_price_of_nonsense(emulator: WaveSpeedEmulator) -> None:
    provider = provider_for(emulator)
    with pytest.raises(ProviderRejected) as caught:
        with_closing(provider, lambda: provider.price(VIDEO, INPUTS | {"steps": 5}))
    assert caught.value.field == "steps"


@pytest.mark.parametrize(
    "told",
    [{"price": "much"}, {"price": None}, {"price": 1, "currency": "EUR"}, {"price": True}, [],
     {"price": float("inf")}],
)  # fmt: skip
def test_price_that_cannot_be_read(
    emulator: WaveSpeedEmulator, told: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        WaveSpeedEmulator, "price", lambda self, call: json_answer(200, {"code": 200, "data": told})
    )
    provider = provider_for(emulator)
    with pytest.raises(BadResponse):
        with_closing(provider, lambda: provider.price(VIDEO, INPUTS))


@pytest.mark.parametrize("new", [True, False])
def test_health_tells_the_balance(emulator: WaveSpeedEmulator, *, new: bool) -> None:
    emulator.new_prices, emulator.funds = new, 12_349_999
    provider = provider_for(emulator)
    health = with_closing(provider, provider.check)
    assert (health.reachable, health.balance) == (True, "US$12.34")


def test_health_without_a_right_key(emulator: WaveSpeedEmulator) -> None:
    wrong = provider_for(emulator, key=SecretStr("wsk_wrong_0123456789"))
    health = with_closing(wrong, wrong.check)
    assert not health.reachable
    assert "key" in health.says
    assert "wsk_" not in health.says
    none = provider_for(emulator, key=SecretStr(""))
    assert with_closing(none, none.check).says == "no key: set STUDIO_WAVESPEED_KEY"
    assert none.not_ready(none.offers()[0]) == "needs a key: set STUDIO_WAVESPEED_KEY"
    assert emulator.requests["balance"] == 1


def test_limits_are_those_of_the_tier(emulator: WaveSpeedEmulator) -> None:
    assert tiers().keys() == TIERS.keys()
    for tier, (images, videos, concurrent) in TIERS.items():
        limits = provider_for(emulator, tier=tier).limits
        assert limits is not None
        assert limits.images == (Window(count=images, seconds=60),)
        assert limits.videos == (Window(count=videos, seconds=60),)
        assert (limits.concurrent, limits.requests) == (concurrent, ())
    with pytest.raises(SetupIncomplete) as caught:
        WaveSpeedProvider(key=SecretStr("k"), tier="tin")
    assert (caught.value.given, caught.value.allowed) == ("tin", "bronze, silver, gold, ultra")


def test_every_request_is_paced(emulator: WaveSpeedEmulator) -> None:
    provider, paced = provider_for(emulator), []

    async def pace() -> None:
        paced.append(1)

    provider.pace_by(pace)
    carried_out(provider, "wavespeed/qwen-image", Generate(prompt="a fox", seed=1))
    assert len(paced) == emulator.requests["submit"] + emulator.requests["result"] >= 2


# --- Webhooks -----------------------------------------------------------------------------------

SECRET = SecretStr("whsec_b7Hq2vX9kLm4Np6R")
ID = "d4f1a0c29b3e4f67a1b2c3d4e5f60718"
BODY = (
    b'{"id":"d4f1a0c29b3e4f67a1b2c3d4e5f60718","model":"wavespeed-ai/qwen-image/text-to-image",'
    b'"outputs":["https://d1q70pf5vjeyhc.cloudfront.net/x.png"],"status":"completed"}'
)
# openssl dgst -sha256 -hmac b7Hq2vX9kLm4Np6R over "<id>.1795514400.<body>", OpenSSL 3
SIGNATURE = "v3,831c766870beeee0c03346770b9c8c2d6feeee502c94fffbc60203cf3d44d52b"
NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
HEADERS = {
    "Webhook-Id": ID,
    "Webhook-Timestamp": "1795514400",
    "Webhook-Signature": SIGNATURE,
}


def test_a_webhook_is_read() -> None:
    prediction = verify(SECRET, HEADERS, BODY, NOW)
    assert (prediction["id"], prediction["status"]) == (ID, "completed")
    several = HEADERS | {"Webhook-Signature": f"v3,{'0' * 64} {SIGNATURE}"}
    assert verify(SECRET, several, BODY, NOW) == prediction
    assert verify(SecretStr("b7Hq2vX9kLm4Np6R"), HEADERS, BODY, NOW) == prediction


@pytest.mark.parametrize("seconds", [-300, 0, 300])
def test_a_webhook_of_this_moment(seconds: int) -> None:
    assert verify(SECRET, HEADERS, BODY, NOW + timedelta(seconds=seconds))


@pytest.mark.parametrize("seconds", [-301, 301, 86_400])
def test_a_webhook_of_another_moment(seconds: int) -> None:
    with pytest.raises(InvalidRequest) as caught:
        verify(SECRET, HEADERS, BODY, NOW + timedelta(seconds=seconds))
    assert caught.value.field == "webhook-timestamp"


@pytest.mark.parametrize(
    ("changed", "body", "field"),
    [
        ({}, BODY + b" ", "webhook-signature"),
        ({"Webhook-Id": "another"}, BODY, "webhook-signature"),
        ({"Webhook-Timestamp": "1795514401"}, BODY, "webhook-signature"),
        ({"Webhook-Signature": SIGNATURE.replace("v3", "v1")}, BODY, "webhook-signature"),
        ({"Webhook-Signature": SIGNATURE[:-1]}, BODY, "webhook-signature"),
        ({"Webhook-Signature": "v3,ä"}, BODY, "webhook-signature"),
        ({"Webhook-Signature": ""}, BODY, "webhook-signature"),
        ({"Webhook-Id": ""}, BODY, "webhook-id"),
        ({"Webhook-Timestamp": ""}, BODY, "webhook-timestamp"),
        ({}, b"x" * (1024 * 1024 + 1), "body"),
    ],
)
def test_a_webhook_of_somebody_else(changed: dict[str, str], body: bytes, field: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        verify(SECRET, HEADERS | changed, body, NOW)
    assert caught.value.field == field
    assert "b7Hq2vX9kLm4Np6R" not in str(caught.value)


def test_no_secret_is_no_key() -> None:
    with pytest.raises(InvalidRequest) as caught:
        verify(SecretStr("whsec_"), HEADERS, BODY, NOW)
    assert caught.value.field == "secret"


def test_the_emulators_webhook(emulator: WaveSpeedEmulator) -> None:
    carried_out(provider_for(emulator), "wavespeed/qwen-image", Generate(prompt="a fox", seed=1))
    headers, body = emulator.webhook(emulator.bills[0].id, int(NOW.timestamp()))
    prediction = verify(SecretStr(emulator.secret), headers, body, NOW)
    assert prediction == json.loads(body)
    assert prediction["input"]["prompt"] == "a fox"
    with pytest.raises(InvalidRequest):
        verify(SecretStr(emulator.secret), headers, body.replace(b"a fox", b"a dog"), NOW)


@pytest.mark.parametrize(
    "body", [b"[]", b"{", b'{"id":"../x","status":"completed"}', b'{"id":"a"}']
)
def test_a_signed_webhook_that_tells_nothing(body: bytes) -> None:
    import hashlib
    import hmac

    digest = hmac.new(
        b"b7Hq2vX9kLm4Np6R", b"%s.1795514400.%s" % (ID.encode(), body), hashlib.sha256
    )
    headers = HEADERS | {"Webhook-Signature": f"v3,{digest.hexdigest()}"}
    with pytest.raises(InvalidRequest) as caught:
        verify(SECRET, headers, body, NOW)
    assert caught.value.field == "body"
