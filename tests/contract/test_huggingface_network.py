"""Hugging Face: trouble on the network, in polls and files, and the hub's look-ups."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from providers import Ticket
from providers.huggingface import HuggingFaceProvider
from providers.huggingface.tickets import LONGEST, Remote
from studio.errors import (
    AuthFailed,
    BadResponse,
    ModelRetired,
    OutcomeUnknown,
    PaymentRequired,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
)
from studio.operations import Generate
from tests.contract.cases import Case
from tests.contract.emulators.base import Answer, json_answer
from tests.contract.emulators.huggingface import HuggingFaceEmulator
from tests.contract.emulators.huggingface_rules import BFL
from tests.contract.huggingface_kit import (
    carried_out,
    collected,
    expect,
    failure,
    hurry,
    provider_for,
    ticket_of,
    with_closing,
)
from tests.contract.test_huggingface_errors import (
    CUTOUT,
    EDITOR,
    HF,
    NSCALE,
    ORDERS,
    QUEUE,
    REPLICATE,
    SYNC,
    TAGGER,
    TOGETHER,
    WANTED,
    WAVESPEED,
    WRITER,
    Check,
    fails,
)

DEV = f"{BFL}/FLUX.1-dev"
POLLS = {QUEUE: "fal_status", REPLICATE: "replicate_status", WAVESPEED: "wavespeed_result"}
"""How the emulator's answer to a poll is called."""


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


def _case(offer: str, name: str, check: Check) -> Case:
    return Case(offer, ORDERS[offer][0].operation, "network", name, check)


def _done(provider: HuggingFaceProvider, offer: str) -> Any:
    operation, files, _ = ORDERS[offer]
    return carried_out(provider, offer, operation, files)


async def _ticket(emulator: HuggingFaceEmulator, provider: Any, offer: str) -> Ticket:
    if offer == REPLICATE:
        emulator.outcomes.append("slow")
    operation, files, _ = ORDERS[offer]
    return await ticket_of(provider, offer, operation, files)


# --- The request for work -----------------------------------------------------------------------


def _lost(offer: str, fault: Any) -> Check:
    """It was bought, and no answer came: nobody knows, and it is never sent again."""

    def check(emulator: HuggingFaceEmulator, _: HuggingFaceProvider) -> None:
        provider = provider_for(emulator, answer_seconds=0.25)
        emulator.work.next.append(fault)
        expect(fails(provider, offer), OutcomeUnknown, bought=None)
        assert (emulator.requests[ORDERS[offer][2]], len(emulator.bills)) == (1, 1)

    return check


def _garbled(offer: str) -> Check:
    def check(emulator: HuggingFaceEmulator, provider: HuggingFaceProvider) -> None:
        emulator.scripted[ORDERS[offer][2]].append(Answer(200, b"{not json"))
        expect(fails(provider, offer), BadResponse, bought=None)
        assert emulator.requests[ORDERS[offer][2]] == 1

    return check


def _unreachable(emulator: HuggingFaceEmulator, _: HuggingFaceProvider) -> None:
    provider = provider_for(emulator, url="http://127.0.0.1:9")
    expect(fails(provider, SYNC), ProviderUnavailable, bought=False)
    expect(fails(provider, WRITER), ProviderUnavailable, bought=False)


def _spoilt_inline(offer: str, fault: Any) -> Check:
    """What comes in the answer itself cannot be fetched again."""

    def check(emulator: HuggingFaceEmulator, provider: HuggingFaceProvider) -> None:
        emulator.work.next.append(fault)
        cls = OutcomeUnknown if fault == "cut" else BadResponse
        expect(fails(provider, offer), cls, bought=None)
        assert (emulator.requests[ORDERS[offer][2]], len(emulator.bills)) == (1, 1)

    return check


def _wrong_type_inline(emulator: HuggingFaceEmulator, provider: HuggingFaceProvider) -> None:
    emulator.work.next.append("wrong_type")
    assert _done(provider, HF).outputs[0].media_type == "image/jpeg", "by its bytes"


# --- Polls --------------------------------------------------------------------------------------


def _rough_polls(offer: str) -> Check:
    def check(emulator: HuggingFaceEmulator, provider: HuggingFaceProvider) -> None:
        if offer == REPLICATE:
            emulator.outcomes.append("slow")
        emulator.least_polls = 6
        emulator.polls.next.extend(["drop", "error", "busy", "limit", None, "drop"])
        _done(provider, offer)
        assert len(emulator.bills) == 1
        assert not emulator.polls.next

    return check


def _odd_polls(offer: str) -> Check:
    def check(emulator: HuggingFaceEmulator, provider: HuggingFaceProvider) -> None:
        odd = (
            Answer(200, b"{"),
            json_answer(200, []),
            json_answer(200, {"status": "NEW_STATE", "data": 5}),
            json_answer(404, {"detail": "Not Found"}),
            json_answer(404, {"detail": "Not Found"}),
            json_answer(400, {"detail": "odd"}),
        )
        emulator.scripted[POLLS[offer]].extend(odd)
        if offer == REPLICATE:
            emulator.outcomes.append("slow")
        _done(provider, offer)
        assert not emulator.scripted[POLLS[offer]]

    return check


def _silent(offer: str, answer: Answer, cls: type[ProviderError]) -> Check:
    """Polls tell nothing: the work is still there, and is had when they do."""

    def check(emulator: HuggingFaceEmulator, provider: HuggingFaceProvider) -> None:
        async def do() -> None:
            ticket = await _ticket(emulator, provider, offer)
            emulator.scripted[POLLS[offer]].extend([answer] * 200)
            with pytest.raises(cls) as caught:
                await collected(provider, offer, ticket)
            assert not isinstance(caught.value, BadResponse | ProviderRejected), "not final"
            emulator.scripted[POLLS[offer]].clear()
            assert (await collected(provider, offer, ticket)).seed == 7

        with_closing(provider, do)
        assert (emulator.requests[ORDERS[offer][2]], len(emulator.bills)) == (1, 1)

    return check


def _stuck(offer: str) -> Check:
    def check(emulator: HuggingFaceEmulator, _: HuggingFaceProvider) -> None:
        provider = provider_for(emulator, patience=0.05)

        async def do() -> None:
            emulator.outcomes.append("stuck")
            ticket = await ticket_of(provider, offer, WANTED)
            with pytest.raises(OutcomeUnknown, match="not done after") as caught:
                await collected(provider, offer, ticket)
            assert caught.value.details["request_id"] in ticket.remote_id
            emulator.jobs[emulator.bills[0].id].outcome = ""
            await collected(provider, offer, ticket)

        with_closing(provider, do)
        assert len(emulator.bills) == 1

    return check


def _expired(offer: str) -> Check:
    def check(emulator: HuggingFaceEmulator, provider: HuggingFaceProvider) -> None:
        async def do() -> None:
            ticket = await _ticket(emulator, provider, offer)
            emulator.forgotten.add(emulator.bills[0].id)
            with pytest.raises(BadResponse, match="no longer knows") as caught:
                await collected(provider, offer, ticket)
            assert caught.value.bought is None

        with_closing(provider, do)
        assert emulator.requests[POLLS[offer]] == 3, "one 404 may be a copy that lags behind"

    return check


def _foreign(offer: str) -> Check:
    def check(emulator: HuggingFaceEmulator, provider: HuggingFaceProvider) -> None:
        emulator.outcomes.append("foreign")
        expect(failure(provider, offer, WANTED), OutcomeUnknown, bought=None)
        assert emulator.requests["file"] == 0

    return check


def _broken_result(emulator: HuggingFaceEmulator, provider: HuggingFaceProvider) -> None:
    """A 5xx in place of the result is not the queue's last word."""

    async def do() -> None:
        emulator.outcomes.append("broken_result")
        ticket = await ticket_of(provider, QUEUE, WANTED)
        with pytest.raises(OutcomeUnknown):
            await collected(provider, QUEUE, ticket)
        emulator.jobs[emulator.bills[0].id].outcome = ""
        await collected(provider, QUEUE, ticket)

    with_closing(provider, do)


def _account_rests(status: int, cls: type[ProviderError]) -> Check:
    """A token that is refused while work waits leaves the work where it is."""
    return _silent(QUEUE, json_answer(status, {"error": "no"}), cls)


# --- Files --------------------------------------------------------------------------------------


def _file(offer: str, fault: Any, *, fetches: int) -> Check:
    """The file arrives spoilt once, and is fetched once more: that buys nothing."""

    def check(emulator: HuggingFaceEmulator, provider: HuggingFaceProvider) -> None:
        emulator.files.next.append(fault)
        _done(provider, offer)
        assert (emulator.requests["file"], len(emulator.bills)) == (fetches, 1)

    return check


def _spoilt(offer: str, fault: Any, cls: type[ProviderError]) -> Check:
    def check(emulator: HuggingFaceEmulator, provider: HuggingFaceProvider) -> None:
        emulator.files.next.extend([fault] * 50)
        expect(fails(provider, offer), cls, bought=None)
        assert (emulator.requests[ORDERS[offer][2]], len(emulator.bills)) == (1, 1)

    return check


def _fetched_later(offer: str) -> Check:
    """What was made at once and cannot be fetched now is had later, by another process."""

    def check(emulator: HuggingFaceEmulator, provider: HuggingFaceProvider) -> None:
        async def do() -> None:
            ticket = await ticket_of(provider, offer, WANTED)
            emulator.files.next.extend(["error"] * 20)
            with pytest.raises(OutcomeUnknown):
                await collected(provider, offer, ticket)
            emulator.files.next.clear()
            await collected(provider, offer, Ticket(str(ticket.remote_id)))

        with_closing(provider, do)
        assert (emulator.requests[ORDERS[offer][2]], len(emulator.bills)) == (1, 1)

    return check


# --- The hub ------------------------------------------------------------------------------------


def _as_list(emulator: HuggingFaceEmulator, provider: HuggingFaceProvider) -> None:
    emulator.as_list = True
    _done(provider, SYNC)


def _asked_once(emulator: HuggingFaceEmulator, provider: HuggingFaceProvider) -> None:
    """One question for many orders, also for those at the same moment and at other providers."""

    async def do() -> None:
        many = (Generate(prompt=f"fox {number}", seed=1) for number in range(8))
        await asyncio.gather(*(ticket_of(provider, SYNC, each) for each in many))
        await ticket_of(provider, WAVESPEED, WANTED)

    with_closing(provider, do)
    assert emulator.requests["model"] == 1


def _asked_again(emulator: HuggingFaceEmulator, _: HuggingFaceProvider) -> None:
    moments = [0.0]
    provider = provider_for(emulator, clock=lambda: moments[0], keep_seconds=9_999)

    async def do() -> None:
        for number, moment in enumerate((0.0, 3_599.0, 3_601.0)):
            moments[0] = moment
            await ticket_of(provider, SYNC, Generate(prompt=f"fox {number}", seed=1))

    with_closing(provider, do)
    assert emulator.requests["model"] == 2, "nothing is believed for more than an hour"


def _renamed(emulator: HuggingFaceEmulator, provider: HuggingFaceProvider) -> None:
    """The name that was kept is refused with a 404, which bought nothing; the new one is taken."""

    async def do() -> None:
        await ticket_of(provider, SYNC, WANTED)
        emulator.names[DEV, "fal-ai"] = "fal-ai/flux-1/dev"
        await ticket_of(provider, SYNC, Generate(prompt="another", seed=1))

    with_closing(provider, do)
    assert [path for path, _ in emulator.orders] == [
        "/fal-ai/fal-ai/flux/dev",
        "/fal-ai/fal-ai/flux-1/dev",
    ]
    assert (emulator.requests["model"], emulator.requests["fal"]) == (2, 3)
    assert len(emulator.bills) == 2


def _renamed_not(status: int, requests: int, looks: int) -> Check:
    """Asked anew once; where the name is the same, or the refusal another, that is the end."""

    def check(emulator: HuggingFaceEmulator, provider: HuggingFaceProvider) -> None:
        async def do() -> None:
            await ticket_of(provider, SYNC, WANTED)
            answer = json_answer(status, {"detail": "no"})
            emulator.scripted["fal"].extend([answer] * 5)
            with pytest.raises(ProviderError) as caught:
                await ticket_of(provider, SYNC, Generate(prompt="another", seed=1))
            assert caught.value.details["status"] == status

        with_closing(provider, do)
        assert (emulator.requests["fal"], emulator.requests["model"]) == (requests, looks)
        assert len(emulator.bills) == 1

    return check


def _renamed_fresh(emulator: HuggingFaceEmulator, provider: HuggingFaceProvider) -> None:
    emulator.scripted["fal"].append(json_answer(404, {"detail": "no"}))
    expect(fails(provider, SYNC), ModelRetired, bought=False)
    assert (emulator.requests["fal"], emulator.requests["model"]) == (1, 1)


def _state(state: str, cls: type[ProviderError]) -> Check:
    """What is not live is not ordered; what was refused so is not kept."""

    def check(emulator: HuggingFaceEmulator, provider: HuggingFaceProvider) -> None:
        emulator.states[DEV, "fal-ai"] = state

        async def do() -> None:
            with pytest.raises(cls) as caught:
                await ticket_of(provider, SYNC, WANTED)
            assert caught.value.bought is False
            assert emulator.requests["fal"] == 0
            emulator.states.clear()
            await ticket_of(provider, SYNC, WANTED)

        with_closing(provider, do)

    return check


def _hub(answer: Answer, cls: type[ProviderError], *, tries: int = 1) -> Check:
    def check(emulator: HuggingFaceEmulator, provider: HuggingFaceProvider) -> None:
        emulator.scripted["model"].extend([answer] * 4)
        expect(fails(provider, SYNC), cls, bought=False)
        assert emulator.requests["model"] == tries
        assert emulator.requests["fal"] == 0

    return check


def _entry(**values: Any) -> Answer:
    entry = {"status": "live", "providerId": "fal-ai/flux/dev", "task": "text-to-image"} | values
    return json_answer(200, {"id": DEV, "inferenceProviderMapping": {"fal-ai": entry}})


_ODD_MAPPING = {"inferenceProviderMapping": 5}
HUB = (
    ("a list", _as_list),
    ("asked once", _asked_once),
    ("asked again after an hour", _asked_again),
    ("renamed", _renamed),
    ("404 under the same name", _renamed_not(404, 2, 2)),
    ("400 under the same name", _renamed_not(400, 2, 2)),
    ("422 is about something else", _renamed_not(422, 2, 1)),
    ("404 under a name that is fresh", _renamed_fresh),
    ("in staging", _state("staging", ModelRetired)),
    ("failing", _state("error", ProviderUnavailable)),
    ("not there", _state("none", ModelRetired)),
    ("another task", _hub(_entry(task="image-to-image"), ModelRetired)),
    ("an adapter", _hub(_entry(adapter="lora"), ModelRetired)),
    ("a name that leaves the path", _hub(_entry(providerId="../../v1/x"), ProviderUnavailable)),
    ("a name with a query", _hub(_entry(providerId="fal-ai/x?y=1"), ProviderUnavailable)),
    ("a name that is none", _hub(_entry(providerId=None), ProviderUnavailable)),
    ("no mapping", _hub(json_answer(200, {"id": DEV}), ModelRetired)),
    (
        "an odd mapping",
        _hub(json_answer(200, {"inferenceProviderMapping": 5}), ProviderUnavailable),
    ),
    ("no JSON", _hub(Answer(200, b"<html>"), ProviderUnavailable)),
    ("an unknown model", _hub(json_answer(401, {"error": "Invalid"}), ModelRetired)),
    ("broken", _hub(json_answer(500, {"error": "oh"}), ProviderUnavailable, tries=4)),
)

INLINE = (HF, TOGETHER, NSCALE)
URLS = (SYNC, QUEUE, REPLICATE, WAVESPEED, EDITOR)
CASES: tuple[Case, ...] = (
    *(
        _case(offer, fault, _lost(offer, fault))
        for offer in (SYNC, QUEUE, REPLICATE, WAVESPEED, TOGETHER, NSCALE, HF, CUTOUT, TAGGER)
        for fault in ("drop", "error", "slow")
    ),
    *(_case(offer, "no JSON", _garbled(offer)) for offer in (SYNC, QUEUE, NSCALE, TAGGER)),
    _case(SYNC, "unreachable", _unreachable),
    *(
        _case(offer, fault, _spoilt_inline(offer, fault))
        for offer in INLINE
        for fault in ("garbage", "truncated", "bomb")
    ),
    _case(HF, "cut", _spoilt_inline(HF, "cut")),
    _case(HF, "wrong type", _wrong_type_inline),
    *(_case(offer, "rough polls", _rough_polls(offer)) for offer in POLLS),
    *(_case(offer, "odd polls", _odd_polls(offer)) for offer in POLLS),
    *(
        _case(offer, f"polls answer {status}", _silent(offer, Answer(status), OutcomeUnknown))
        for offer in POLLS
        for status in (400, 422)
    ),
    *(_case(offer, "stuck", _stuck(offer)) for offer in POLLS),
    *(_case(offer, "expired", _expired(offer)) for offer in POLLS),
    *(_case(offer, "another's answer", _foreign(offer)) for offer in (REPLICATE, WAVESPEED)),
    _case(QUEUE, "a result of 500", _broken_result),
    _case(QUEUE, "a token that is refused meanwhile", _account_rests(401, AuthFailed)),
    _case(QUEUE, "no credits meanwhile", _account_rests(402, PaymentRequired)),
    *(
        _case(offer, f"file {fault} once", _file(offer, fault, fetches=2))
        for offer in URLS
        for fault in ("garbage", "truncated", "bomb", "cut", "drop", "error")
    ),
    _case(SYNC, "file wrong_type", _file(SYNC, "wrong_type", fetches=1)),
    *(
        _case(offer, f"file {fault} always", _spoilt(offer, fault, cls))
        for offer in (SYNC, QUEUE, WAVESPEED)
        for fault, cls in (
            ("garbage", BadResponse),
            ("truncated", BadResponse),
            ("bomb", BadResponse),
            ("cut", OutcomeUnknown),
            ("drop", OutcomeUnknown),
            ("error", OutcomeUnknown),
        )
    ),
    *(_case(offer, "fetched later", _fetched_later(offer)) for offer in (SYNC, REPLICATE, QUEUE)),
    *(_case(SYNC, f"hub: {name}", check) for name, check in HUB),
)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_network(case: Case, emulator: HuggingFaceEmulator) -> None:
    case.check(emulator, provider_for(emulator))
    assert emulator.twice == []
    assert emulator.key_at_files == emulator.hub_tokens == 0


@pytest.mark.parametrize(
    "remote",
    [
        Remote("fal", "/fal-ai/flux/requests/0a-b_c", "fal-ai/flux/dev", "", 0, "64x64"),
        Remote("replicate", "abc", f"{BFL}/x:{'b' * 64}", "abc", None, ""),
        Remote("wavespeed", "0" * 32, "wavespeed-ai/qwen-image/text-to-image", "r=1&s=2", 2**31),
        Remote("file", "https://fal.media/x?Key=%2F&a=b%20c#d", "m", "r", 7, "1x1", unflagged=True),
    ],
)
def test_a_ticket_tells_all(remote: Remote) -> None:
    ticket = remote.ticket()
    assert ticket is not None
    assert Remote.read(ticket) == remote


def test_a_ticket_is_never_too_long() -> None:
    ticket = Remote("fal", "/" + "x" * 100, "m" * 200, "r" * 200, 1, "1x1").ticket()
    assert ticket is not None
    assert len(ticket.remote_id) <= LONGEST
    assert Remote.read(ticket) == Remote("fal", "/" + "x" * 100, "m" * 200, "", 1, "1x1")
    assert Remote("file", "https://x.example/" + "y" * 500).ticket() is None


@pytest.mark.parametrize(
    "text",
    [
        *("", "fal:", "fal:/a/../b?", "fal://host/x", "replicate:a/b"),
        *("replicate:..", "wavespeed:%2e%2e%2f", "other:abc", "replicate:abc?s=-1", "abc"),
    ],
)
def test_a_ticket_of_others_is_refused(emulator: HuggingFaceEmulator, text: str) -> None:
    provider = provider_for(emulator)
    with pytest.raises(BadResponse, match="no ticket"):
        with_closing(provider, lambda: collected(provider, QUEUE, Ticket(text)))
    assert emulator.requests.total() == 0


def test_a_file_whose_address_is_too_long_is_fetched_at_once(
    emulator: HuggingFaceEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("providers.huggingface.tickets.LONGEST", 20)
    assert _done(provider_for(emulator), SYNC).outputs
