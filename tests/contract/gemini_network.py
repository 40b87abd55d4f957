"""Gemini: trouble on the network and with what comes, before and after the work."""

from __future__ import annotations

from unittest.mock import patch

from pydantic import SecretStr

from providers import http
from providers.gemini import GeminiProvider
from studio.errors import BadResponse, OutcomeUnknown, ProviderError, ProviderUnavailable
from tests.contract.cases import Case
from tests.contract.emulators.base import Fault
from tests.contract.emulators.gemini import GeminiEmulator
from tests.contract.gemini_kit import EDIT, NANO, TAG, buy, fails, provider_for


def _trouble(
    fault: Fault,
    error: type[ProviderError],
    *,
    offer: str = NANO,
    operation: str = "generate",
    status: int = 500,
) -> Case:
    """What was sent and may have been bought is sent once."""

    def check(emulator: GeminiEmulator, provider: GeminiProvider) -> None:
        emulator.slow_seconds = 1.6
        emulator.broken_status = status
        emulator.work.next.append(fault)
        # A picture of 60,000 pixels a side is refused by its header; the rest is quick.
        fails(error, lambda: buy(provider, offer, changes={"seconds": 1}), bought=None)
        assert emulator.requests["generate"] == 1
        assert len(emulator.bills) == 1
        assert emulator.twice == []

    return Case(offer, operation, "network", f"{fault} {status}", check)


def _wrong_type(emulator: GeminiEmulator, provider: GeminiProvider) -> None:
    """What a picture is called is of no interest."""
    emulator.work.next.append("wrong_type")
    assert buy(provider, NANO).outputs[0].media_type == "image/jpeg"


def _unreachable(emulator: GeminiEmulator, _: GeminiProvider) -> None:
    """Where no connection stands, surely nothing was bought; it is tried again, and told so."""
    provider = GeminiProvider(key=SecretStr(emulator.key), url="http://127.0.0.1:9")
    with patch.object(http, "_FIRST_WAIT", 0.01):
        error = fails(ProviderUnavailable, lambda: buy(provider, NANO))
    assert error.details["again"] is True


def _too_much(emulator: GeminiEmulator, _: GeminiProvider) -> None:
    """An endless answer is not read to its end; the work was done."""
    provider = provider_for(emulator)
    provider.http._largest = 1_000
    fails(BadResponse, lambda: buy(provider, NANO), bought=None)
    assert len(emulator.bills) == 1


CASES = (
    _trouble("drop", OutcomeUnknown),
    _trouble("error", OutcomeUnknown),
    _trouble("error", OutcomeUnknown, status=502),
    _trouble("error", OutcomeUnknown, status=504),
    _trouble("slow", OutcomeUnknown),
    _trouble("cut", OutcomeUnknown),
    _trouble("garbage", BadResponse),
    _trouble("truncated", BadResponse),
    _trouble("bomb", BadResponse),
    _trouble("drop", OutcomeUnknown, offer=EDIT, operation="edit"),
    _trouble("truncated", BadResponse, offer=EDIT, operation="edit"),
    _trouble("drop", OutcomeUnknown, offer=TAG, operation="tag"),
    _trouble("error", OutcomeUnknown, offer=TAG, operation="tag"),
    _trouble("garbage", BadResponse, offer=TAG, operation="tag"),
    _trouble("truncated", BadResponse, offer=TAG, operation="tag"),
    _trouble("cut", OutcomeUnknown, offer=TAG, operation="tag"),
    Case(NANO, "generate", "network", "wrong_type", _wrong_type),
    Case(NANO, "generate", "network", "unreachable", _unreachable),
    Case(NANO, "generate", "network", "endless", _too_much),
)
