"""WaveSpeed: trouble on the network, in uploads, polls and files, and what it does to the money."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from providers import Ticket
from providers.wavespeed import WaveSpeedProvider
from providers.wavespeed import provider as module
from providers.wavespeed.tickets import Remote
from studio.errors import (
    AuthFailed,
    BadResponse,
    OutcomeUnknown,
    ProviderError,
    ProviderRejected,
)
from studio.operations import Generate, ImageToVideo, TagImage
from tests.contract.cases import Case
from tests.contract.emulators.base import Answer, json_answer
from tests.contract.emulators.wavespeed import WaveSpeedEmulator
from tests.contract.wavespeed_kit import (
    carried_out,
    collected,
    failure,
    is_error,
    make_quick,
    photo,
    provider_for,
    submitted,
    with_closing,
)

QWEN = "wavespeed/qwen-image"
VIDEO = "wavespeed/wan-2.5/image_to_video/480p"
TAGGER = "wavespeed/image-captioner"
WANTED = Generate(prompt="a fox", seed=7)
MOVES = ImageToVideo(image="i", prompt="p", resolution="480p", duration=3)
ONE = {"image": photo()}

Check = Callable[[WaveSpeedEmulator, WaveSpeedProvider], None]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    make_quick(monkeypatch, tmp_path)
    monkeypatch.setattr(module, "SUBMIT_SECONDS", 0.3)


@pytest.fixture
def emulator() -> Iterator[WaveSpeedEmulator]:
    with WaveSpeedEmulator() as started:
        yield started


# --- The request for work -----------------------------------------------------------------------


def _lost(fault: Any) -> Check:
    """It was bought, and no answer came: nobody knows, and it is never sent again."""

    def check(emulator: WaveSpeedEmulator, provider: WaveSpeedProvider) -> None:
        emulator.work.next.append(fault)
        is_error(failure(provider, QWEN, WANTED), OutcomeUnknown, bought=None)
        assert (emulator.requests["submit"], len(emulator.bills)) == (1, 1)

    return check


# --- Polls --------------------------------------------------------------------------------------


def _rough_polls(*faults: Any) -> Check:
    def check(emulator: WaveSpeedEmulator, provider: WaveSpeedProvider) -> None:
        emulator.polls.next.extend(faults)
        carried_out(provider, QWEN, WANTED)
        assert len(emulator.bills) == 1
        assert not emulator.polls.next

    return check


def _odd_polls(*answers: Answer) -> Check:
    def check(emulator: WaveSpeedEmulator, provider: WaveSpeedProvider) -> None:
        emulator.scripted["result"].extend(answers)
        carried_out(provider, QWEN, WANTED)
        assert not emulator.scripted["result"]

    return check


def _always(answer: Answer, cls: type[ProviderError]) -> Check:
    """Polls tell nothing: the work is still there, and is had when they do."""

    def check(emulator: WaveSpeedEmulator, provider: WaveSpeedProvider) -> None:
        async def do() -> None:
            ticket = await submitted(provider, QWEN, WANTED, {})
            emulator.scripted["result"].extend([answer] * 200)
            with pytest.raises(cls) as caught:
                await collected(provider, QWEN, ticket)
            assert not isinstance(caught.value, BadResponse | ProviderRejected), "not final"
            emulator.scripted["result"].clear()
            delivery = await collected(provider, QWEN, ticket)
            assert delivery.seed == 7

        with_closing(provider, do)
        assert (emulator.requests["submit"], len(emulator.bills)) == (1, 1)

    return check


def _stuck(emulator: WaveSpeedEmulator, _: WaveSpeedProvider) -> None:
    provider = provider_for(emulator, patience=0.1)

    async def do() -> None:
        emulator.outcomes.append("stuck")
        ticket = await submitted(provider, QWEN, WANTED, {})
        with pytest.raises(OutcomeUnknown, match="still at work") as caught:
            await collected(provider, QWEN, ticket)
        assert caught.value.details["prediction"] in ticket.remote_id
        emulator.predictions[caught.value.details["prediction"]].outcome = ""
        await collected(provider, QWEN, ticket)

    with_closing(provider, do)
    assert len(emulator.bills) == 1


def _foreign(emulator: WaveSpeedEmulator, provider: WaveSpeedProvider) -> None:
    emulator.outcomes.append("foreign")
    is_error(failure(provider, QWEN, WANTED), OutcomeUnknown, bought=None)
    assert emulator.requests["get_output"] == 0


def _expired(emulator: WaveSpeedEmulator, provider: WaveSpeedProvider) -> None:
    async def do() -> None:
        ticket = await submitted(provider, QWEN, WANTED, {})
        emulator.days = 7
        with pytest.raises(BadResponse, match="no longer knows") as caught:
            await collected(provider, QWEN, ticket)
        assert caught.value.bought is None

    with_closing(provider, do)
    assert emulator.requests["result"] == 3, "one 404 may be a copy that lags behind"


def _lagging(emulator: WaveSpeedEmulator, provider: WaveSpeedProvider) -> None:
    missing = json_answer(404, {"code": 404, "message": "prediction not found"})
    emulator.scripted["result"].extend([missing, missing])
    carried_out(provider, QWEN, WANTED)


def _urls_get(emulator: WaveSpeedEmulator, provider: WaveSpeedProvider) -> None:
    """What an answer names for the next poll is not followed: our key would go along."""
    with WaveSpeedEmulator() as thief:
        emulator.get_host = thief.url
        carried_out(provider, QWEN, WANTED)
        assert thief.requests.total() == 0


def _queue(emulator: WaveSpeedEmulator, provider: WaveSpeedProvider) -> None:
    """Bronze works on three at once; the others wait and come to their end as well."""
    emulator.work_seconds = 0.1
    seen: set[int] = set()

    async def one(number: int) -> None:
        ticket = await submitted(provider, QWEN, Generate(prompt=f"fox {number}", seed=1), {})
        running = [
            each for each in emulator.predictions.values() if each.started and not each.ended
        ]
        seen.add(len(running))
        delivery = await collected(provider, QWEN, ticket)
        assert delivery.outputs

    async def do() -> None:
        await asyncio.gather(*(one(number) for number in range(7)))

    with_closing(provider, do)
    assert max(seen) == 3
    assert len(emulator.bills) == 7


def _restart(emulator: WaveSpeedEmulator, provider: WaveSpeedProvider) -> None:
    """The ticket alone is enough: another process, another provider."""
    ticket = with_closing(
        provider, lambda: submitted(provider, TAGGER, TagImage(image="i", most_tags=2), ONE)
    )
    again = Ticket(str(ticket.remote_id))
    other = provider_for(emulator)
    delivery = with_closing(other, lambda: collected(other, TAGGER, again))
    assert b'"tags": ["lighthouse", "rocky"]' in delivery.outputs[0].data


# --- Files --------------------------------------------------------------------------------------


def _file(fault: Any, *, times: int, fetches: int, offer: str = QWEN) -> Check:
    """The file arrives spoilt some times, and is fetched once more: that buys nothing."""

    def check(emulator: WaveSpeedEmulator, provider: WaveSpeedProvider) -> None:
        emulator.files.next.extend([fault] * times)
        _deliver(provider, offer)
        assert (emulator.requests["get_output"], len(emulator.bills)) == (fetches, 1)

    return check


def _deliver(provider: WaveSpeedProvider, offer: str) -> None:
    if offer == VIDEO:
        carried_out(provider, VIDEO, MOVES, ONE)
    else:
        carried_out(provider, offer, WANTED)


def _spoilt(fault: Any, cls: type[ProviderError], offer: str = QWEN) -> Check:
    """The file arrives spoilt each time."""

    def check(emulator: WaveSpeedEmulator, provider: WaveSpeedProvider) -> None:
        emulator.files.next.extend([fault] * 50)
        try:
            _deliver(provider, offer)
        except ProviderError as error:
            is_error(error, cls, bought=None)
        else:
            raise AssertionError("it was delivered")
        assert (emulator.requests["submit"], len(emulator.bills)) == (1, 1)

    return check


def _fetched_later(emulator: WaveSpeedEmulator, provider: WaveSpeedProvider) -> None:
    async def do() -> None:
        ticket = await submitted(provider, QWEN, WANTED, {})
        emulator.files.next.extend(["error"] * 20)
        with pytest.raises(OutcomeUnknown):
            await collected(provider, QWEN, ticket)
        emulator.files.next.clear()
        await collected(provider, QWEN, ticket)

    with_closing(provider, do)
    assert len(emulator.bills) == 1


def _odd_end(outcome: str) -> Check:
    def check(emulator: WaveSpeedEmulator, provider: WaveSpeedProvider) -> None:
        emulator.outcomes.append(outcome)
        delivery = carried_out(provider, QWEN, WANTED)
        assert delivery.outputs[0].media_type == "image/png"

    return check


def _network(offer: str, operation: str, name: str, check: Check) -> Case:
    return Case(offer, operation, "network", name, check)


NO_JSON = Answer(200, b"<html>proxy</html>")
POLLS = (
    *((f"work: {fault}", _lost(fault)) for fault in ("drop", "error", "slow")),
    *((f"poll: {fault}", _rough_polls(fault)) for fault in ("drop", "error", "busy", "limit")),
    ("poll: everything in turn", _rough_polls("drop", "error", "busy", "drop", "limit")),
    ("poll: no JSON", _odd_polls(NO_JSON, NO_JSON)),
    ("poll: no prediction", _odd_polls(json_answer(200, {"code": 200, "data": []}))),
    ("poll: rejected for a moment", _odd_polls(json_answer(400, {"message": "what?"}))),
    ("poll: never JSON", _always(NO_JSON, OutcomeUnknown)),
    ("poll: always rejected", _always(json_answer(400, {"message": "what?"}), OutcomeUnknown)),
    ("poll: always down", _always(json_answer(503, {"message": "down"}), OutcomeUnknown)),
    ("poll: key refused meanwhile", _always(json_answer(401, {"message": "no"}), AuthFailed)),
    ("poll: never ends", _stuck),
    ("poll: another's prediction", _foreign),
    ("poll: expired after seven days", _expired),
    ("poll: not there yet", _lagging),
    ("poll: urls.get leads elsewhere", _urls_get),
    ("waiting list", _queue),
    ("flags are null", _odd_end("no_flags")),
    ("result is base64", _odd_end("base64")),
)
FILES = (
    *((f"file: {fault} once", _file(fault, times=1, fetches=2))
      for fault in ("garbage", "truncated", "bomb", "cut", "drop", "error")),
    ("file: wrong type", _file("wrong_type", times=1, fetches=1)),
    *((f"file: always {fault}", _spoilt(fault, BadResponse))
      for fault in ("garbage", "truncated", "bomb")),
    *((f"file: always {fault}", _spoilt(fault, OutcomeUnknown)) for fault in ("cut", "drop")),
    ("file: had later", _fetched_later),
)  # fmt: skip
CASES: tuple[Case, ...] = (
    *(_network(QWEN, "generate", name, check) for name, check in POLLS + FILES),
    _network(VIDEO, "image_to_video", "file: garbage once",
             _file("garbage", times=1, fetches=2, offer=VIDEO)),
    _network(VIDEO, "image_to_video", "file: always garbage",
             _spoilt("garbage", BadResponse, VIDEO)),
    _network(TAGGER, "tag", "collected after a restart", _restart),
)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
def test_case(case: Case, emulator: WaveSpeedEmulator) -> None:
    case.check(emulator, provider_for(emulator))
    assert emulator.twice == []


@pytest.mark.parametrize("text", ["", "../balance", "a/b", "a" * 129, "ä", "?seed=1"])
def test_a_ticket_of_somebody_else_is_not_followed(text: str) -> None:
    with pytest.raises(BadResponse):
        Remote.read(Ticket(text))


def test_a_ticket_tells_what_it_was_told() -> None:
    for remote in (Remote("a1"), Remote("a1", 0, "1024*768", 50), Remote("f" * 32, 2**31 - 1)):
        assert Remote.read(remote.ticket()) == remote
    assert Remote("a1").ticket().remote_id == "a1"
    assert len(Remote("f" * 128, 2**32, "x" * 20, 50).ticket().remote_id) < 500
