"""Stability AI: trouble on the network and with files, before, at and after the work."""

from __future__ import annotations

from collections.abc import Sequence
from unittest.mock import patch

from pydantic import SecretStr

from providers import http
from providers.stability import StabilityProvider
from providers.stability.provider import SPOILT_TRIES
from studio.errors import (
    BadResponse,
    OutcomeUnknown,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
)
from tests.contract.cases import Case
from tests.contract.emulators.base import Fault
from tests.contract.emulators.stability import StabilityEmulator
from tests.contract.stability_kit import ASYNC, SYNC, buy, collect, fails, hand_in, provider_for


def _work(
    fault: Fault,
    error: type[ProviderError],
    *,
    bought: bool | None,
    offer: str = SYNC,
    operation: str = "generate",
    bills: int = 1,
) -> Case:
    """A fault of a request for work: it is sent once, and told with what it means for the money."""

    def check(emulator: StabilityEmulator, provider: StabilityProvider) -> None:
        emulator.slow_seconds = 1.6
        emulator.work.next.append(fault)
        fails(error, lambda: buy(provider, offer, changes={"seconds": 1}), bought=bought)
        assert emulator.requests["work_on"] == 1
        assert len(emulator.bills) == bills
        assert emulator.twice == []

    return Case(offer, operation, "network", f"{fault} at the work", check)


def _wrong_type(emulator: StabilityEmulator, provider: StabilityProvider) -> None:
    """What a header says of a picture is of no interest."""
    emulator.work.next.append("wrong_type")
    assert buy(provider, SYNC).outputs[0].media_type == "image/png"


def _unreachable(emulator: StabilityEmulator, _: StabilityProvider) -> None:
    """Where no connection stands, surely nothing was bought; it is tried again, and told so."""
    provider = StabilityProvider(key=SecretStr(emulator.key), url="http://127.0.0.1:9")
    with patch.object(http, "_FIRST_WAIT", 0.01):
        error = fails(ProviderUnavailable, lambda: buy(provider, SYNC))
    assert error.details["again"] is True


def _passing(faults: Sequence[Fault], name: str, *, files: bool = False) -> Case:
    """Trouble while a result is fetched passes, and buys nothing."""

    def check(emulator: StabilityEmulator, provider: StabilityProvider) -> None:
        emulator.retry_after = "0"
        emulator.slow_seconds = 0.1
        ticket = hand_in(provider)
        (emulator.files if files else emulator.polls).next.extend(faults)
        assert collect(provider, ticket).outputs[0].media_type == "image/png"
        assert len(emulator.bills) == 1
        assert emulator.requests["work_on"] == 1

    return Case(ASYNC, "replace_background", "network", name, check)


def _lasting(fault: Fault) -> Case:
    """Trouble that lasts is no last word: the work stays at Stability and can be had later."""

    def check(emulator: StabilityEmulator, provider: StabilityProvider) -> None:
        hasty = provider_for(emulator, collect_seconds=0.3)
        ticket = hand_in(hasty)
        emulator.polls.share, emulator.polls.kinds = 1, (fault,)
        with patch.object(http, "_FIRST_WAIT", 0.01):
            fails(OutcomeUnknown, lambda: collect(hasty, ticket), bought=None)
        emulator.polls.share = 0
        assert collect(provider, ticket).outputs
        assert len(emulator.bills) == 1

    return Case(ASYNC, "replace_background", "network", f"{fault} at every poll", check)


def _spoilt_for_good(fault: Fault) -> Case:
    """A result that is broken each time it is fetched is broken."""

    def check(emulator: StabilityEmulator, provider: StabilityProvider) -> None:
        ticket = hand_in(provider)
        emulator.polls_needed = 0
        emulator.files.share, emulator.files.kinds = 1, (fault,)
        fails(BadResponse, lambda: collect(provider, ticket), bought=None)
        assert len(emulator.polled) == SPOILT_TRIES
        assert len(emulator.bills) == 1

    return Case(ASYNC, "replace_background", "network", f"{fault} at every fetch", check)


_3D = ("stability/stable-fast-3d", "image_to_3d")

CASES = (
    _work("drop", OutcomeUnknown, bought=None),
    _work("error", OutcomeUnknown, bought=None),
    _work("slow", OutcomeUnknown, bought=None),
    _work("garbage", BadResponse, bought=None),
    _work("truncated", BadResponse, bought=None),
    _work("bomb", BadResponse, bought=None),
    _work("cut", OutcomeUnknown, bought=None),
    _work("limit", RateLimited, bought=False, bills=0),
    _work("busy", RateLimited, bought=False, bills=0),
    _work("drop", OutcomeUnknown, bought=None, offer=ASYNC, operation="replace_background"),
    _work("error", OutcomeUnknown, bought=None, offer=ASYNC, operation="replace_background"),
    _work("limit", RateLimited, bought=False, bills=0, offer=ASYNC, operation="replace_background"),
    _work("garbage", BadResponse, bought=None, offer=_3D[0], operation=_3D[1]),
    _work("truncated", BadResponse, bought=None, offer=_3D[0], operation=_3D[1]),
    _work("cut", OutcomeUnknown, bought=None, offer=_3D[0], operation=_3D[1]),
    Case(SYNC, "generate", "network", "wrong_type at the work", _wrong_type),
    Case(SYNC, "generate", "network", "unreachable", _unreachable),
    _passing(["drop", "error", "limit", "busy", "slow", "drop"], "trouble at polls passes"),
    _passing(["garbage", "truncated"], "broken files pass", files=True),
    _passing(["bomb", "cut", "wrong_type"], "hostile files pass", files=True),
    _lasting("drop"),
    _lasting("error"),
    _lasting("limit"),
    _spoilt_for_good("garbage"),
    _spoilt_for_good("truncated"),
    _spoilt_for_good("bomb"),
)
