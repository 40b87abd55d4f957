"""WaveSpeed: uploads of input files, which buy nothing whatever becomes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from providers.wavespeed import WaveSpeedProvider
from studio.errors import ProviderUnavailable
from studio.operations import ImageToVideo
from tests.contract.cases import Case
from tests.contract.emulators.base import Answer, json_answer
from tests.contract.emulators.wavespeed import WaveSpeedEmulator
from tests.contract.wavespeed_kit import (
    carried_out,
    failure,
    is_error,
    make_quick,
    order,
    photo,
    provider_for,
    sent,
)

VIDEO = "wavespeed/wan-2.5/image_to_video/480p"
MOVES = ImageToVideo(image="i", prompt="p", resolution="480p", duration=3)
ONE = {"image": photo()}
NO_JSON = Answer(200, b"<html>proxy</html>")

Check = Callable[[WaveSpeedEmulator, WaveSpeedProvider], None]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    make_quick(monkeypatch, tmp_path)


@pytest.fixture
def emulator() -> Iterator[WaveSpeedEmulator]:
    with WaveSpeedEmulator() as started:
        yield started


def _old_uploads(status: int) -> Check:
    def check(emulator: WaveSpeedEmulator, provider: WaveSpeedProvider) -> None:
        emulator.new_uploads, emulator.gone = False, status
        carried_out(provider, VIDEO, MOVES, ONE)
        assert sent(emulator, "image.png") == ONE["image"]
        assert (emulator.requests["form_upload"], emulator.requests["put_upload"]) == (1, 0)

    return check


def _rough_uploads(*faults: Any) -> Check:
    def check(emulator: WaveSpeedEmulator, provider: WaveSpeedProvider) -> None:
        emulator.uploads.next.extend(faults)
        carried_out(provider, VIDEO, MOVES, ONE)
        assert not emulator.uploads.next
        assert order(emulator)[1]["image"] == "image.png"
        assert len(emulator.bills) == 1

    return check


def _no_uploads(fault: Any) -> Check:
    """An upload that never works: surely nothing was bought."""

    def check(emulator: WaveSpeedEmulator, provider: WaveSpeedProvider) -> None:
        emulator.uploads.next.extend([fault] * 100)
        error = failure(provider, VIDEO, MOVES, ONE)
        assert error.bought is False
        assert emulator.requests["submit"] == 0

    return check


def _odd_upload(*answers: Answer) -> Check:
    def check(emulator: WaveSpeedEmulator, provider: WaveSpeedProvider) -> None:
        emulator.scripted["ask_upload"].extend(answers * 4)
        is_error(failure(provider, VIDEO, MOVES, ONE), ProviderUnavailable, bought=False)
        assert emulator.requests["submit"] == 0

    return check


def _place(**changed: Any) -> Answer:
    place = {"method": "PUT", "url": "https://storage.example.com/x", "headers": {}, **changed}
    return json_answer(
        200, {"code": 200, "data": {"download_url": "https://cdn.example.com/x", "upload": place}}
    )


def _storage(address: str) -> Check:
    """Where the bytes are to be PUT is WaveSpeed's word, and is judged like a download's."""

    def check(emulator: WaveSpeedEmulator, provider: WaveSpeedProvider) -> None:
        emulator.storage = address
        error = is_error(failure(provider, VIDEO, MOVES, ONE), ProviderUnavailable, bought=False)
        assert "is refused" in error.message
        assert emulator.requests["submit"] == 0

    return check


def _other_loopback(emulator: WaveSpeedEmulator, provider: WaveSpeedProvider) -> None:
    with WaveSpeedEmulator() as other:
        _storage(other.url)(emulator, provider)
        assert other.requests.total() == 0


def _slow_upload(emulator: WaveSpeedEmulator, provider: WaveSpeedProvider) -> None:
    emulator.slow_seconds = 5
    emulator.uploads.next.append("slow")
    found = next(each for each in provider.offers() if each.id == VIDEO)
    provider._offers = (found.model_copy(update={"seconds": 1}),)
    error = is_error(failure(provider, VIDEO, MOVES, ONE), ProviderUnavailable, bought=False)
    assert "within 0.5 seconds" in error.message
    assert emulator.requests["submit"] == 0


UPLOADS = (
    ("upload: by form, 404", _old_uploads(404)),
    ("upload: by form, 405", _old_uploads(405)),
    *((f"upload: asking meets {fault}", _rough_uploads(fault))
      for fault in ("drop", "error", "busy")),
    *((f"upload: putting meets {fault}", _rough_uploads(None, fault))
      for fault in ("drop", "error", "busy")),
    *((f"upload: never, {fault}", _no_uploads(fault)) for fault in ("drop", "error", "limit")),
    ("upload: no JSON", _odd_upload(NO_JSON)),
    ("upload: no data", _odd_upload(json_answer(200, {"code": 200}))),
    ("upload: another method", _odd_upload(_place(method="POST"))),
    ("upload: no address", _odd_upload(_place(url=None))),
    ("upload: headers that cannot be sent", _odd_upload(_place(headers={"x": "a\r\nb: c"}))),
    ("upload: to the metadata", _storage("https://169.254.169.254")),
    ("upload: not by https", _storage("http://storage.example.com")),
    ("upload: to another port of this machine", _other_loopback),
    ("upload: too slow", _slow_upload),
)  # fmt: skip

CASES: tuple[Case, ...] = tuple(
    Case(VIDEO, "image_to_video", "network", name, check) for name, check in UPLOADS
)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_case(case: Case, emulator: WaveSpeedEmulator) -> None:
    case.check(emulator, provider_for(emulator))
    assert emulator.twice == []
