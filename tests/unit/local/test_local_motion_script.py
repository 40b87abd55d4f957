"""A picture speaks a script: the words are heard, priced beforehand, and checked before work."""

from __future__ import annotations

import io
import math
import socket
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from providers.catalogue import all_offers
from providers.contract import Request
from providers.local import extras
from providers.local.motion import WORK, film, voice
from providers.local.provider import LocalProvider
from providers.offers import CHARACTERS_A_SECOND
from studio import media
from studio.errors import ProviderRejected
from studio.operations import TalkingAvatar, describe_problems
from tests.unit.local.motion_kit import OFFERS, png, streams_of

OFFER = OFFERS["local/puppet-script"]
WORDS = "Hello there, I am a picture that speaks."


def heard(sound: bytes) -> np.ndarray[Any, np.dtype[np.float64]]:
    with wave.open(io.BytesIO(sound)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 24_000)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32_768


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", fail)
    monkeypatch.setattr(socket, "getaddrinfo", fail)


@pytest.mark.usefixtures("offline")
def test_a_picture_speaks_its_script(astronaut: Image.Image, weights: Path) -> None:
    wanted = TalkingAvatar(image="a", script=WORDS, resolution="480p", seed=40)
    request = Request(wanted, {"image": png(astronaut)})
    delivery = WORK[OFFER.id](OFFER, request, weights)
    (output,) = delivery.outputs
    seconds = media.look(output.data).seconds
    assert OFFER.quantity(wanted) == math.ceil(len(WORDS) / CHARACTERS_A_SECOND)
    assert OFFER.quantity(wanted) == pytest.approx(seconds, abs=1.5)
    _, sound = streams_of(output.data)
    assert sound is not None
    assert sound.seconds == pytest.approx(seconds, abs=0.1)
    samples = film.read_sound(output.data, 16_000, 1, 60)[0]
    parts = [float(np.sqrt(np.mean(part**2))) for part in np.array_split(samples, 6)]
    assert np.median(parts) > 0.02, "it is heard most of the time"
    assert delivery.facts["voice"] == voice.NAME
    assert "synthetic voice" in delivery.method


@pytest.mark.usefixtures("offline")
def test_the_same_words_sound_the_same_and_last_as_long_as_they_are() -> None:
    one = voice.speak(WORDS, 1)
    assert one == voice.speak(WORDS, 1) != voice.speak(WORDS, 2)
    longer = heard(voice.speak(f"{WORDS} {WORDS}", 1))
    assert len(longer) > 1.7 * len(heard(one))
    assert 2.0 < len(heard(one)) / 24_000 < 4.0


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("日本語のテキスト", "English only"),
        ("Hello and Привет", "such as Приве"),
        ("... !?", "Nothing in the script"),
        ("1234567890 " * 20, "too long to say"),
    ],
)
def test_what_cannot_be_said_is_refused_and_audio_is_named(script: str, words: str) -> None:
    with pytest.raises(ProviderRejected) as caught:
        voice.speak(script, 1)
    assert words in caught.value.message
    assert "audio" in caught.value.message
    assert caught.value.field == "script"
    assert caught.value.bought is False


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "needs audio (a recording) or script (words to speak)"),
        ({"script": "  "}, "needs audio (a recording) or script (words to speak)"),
        ({"audio": "a.wav", "script": "hi"}, "takes audio or script, not both: leave one of them"),
        ({"script": "x" * 1_001}, "at most 1000 characters"),
    ],
)
def test_exactly_one_of_recording_and_script(values: dict[str, str], words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        TalkingAvatar.model_validate({"image": "a.png", **values})
    (problem,) = describe_problems(caught.value)
    assert words in problem["rule"]


def test_others_refuse_a_script_and_this_one_a_recording() -> None:
    scripted = TalkingAvatar(image="a", script=WORDS, resolution="480p")
    recorded = TalkingAvatar(image="a", audio="b", resolution="480p")
    able = {o.id for o in all_offers() if not o.refusal(scripted)}
    assert able == {OFFER.id}
    for offer in all_offers():
        if offer.operation == "talking_avatar" and offer.id != OFFER.id:
            other = scripted.model_copy(
                update={"resolution": offer.values.get("resolution", ("480p",))[0]}
            )
            assert "has no script" in offer.refusal(other)
    assert "has no audio" in OFFER.refusal(recorded)


def test_without_the_extra_it_is_refused_with_its_size_and_the_command(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = LocalProvider(weights, width=1)
    assert provider.not_ready(OFFER) == ""
    monkeypatch.setattr(extras, "find_spec", lambda name: name == "av" or None)
    assert provider.not_ready(OFFER) == (
        'lacks the extra speech (50 MB): run `pip install "image-studio[speech]"`'
    )
    assert provider.not_ready(OFFERS["local/puppet"]) == ""
