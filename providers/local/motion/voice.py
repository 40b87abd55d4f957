"""A synthetic English voice that speaks a script (the package hibari-tts, extra ``speech``).

Voice, lexicon and network are in the package: nothing is fetched when it speaks.
"""

from __future__ import annotations

import io
import threading
import unicodedata
import wave
from functools import cache
from typing import Any

import numpy as np

from studio.errors import ProviderRejected

NAME = "hibari, American English"
LONGEST = 90.0
"""Seconds; 1,000 characters of prose take about 67, of numbers far more."""

_RATE = 24_000
_QUIETEST = 1e-3
"""RMS below which nothing was said (-60 dB of full scale)."""
_MOST_NAMED = 5

_lock = threading.Lock()
"""The reader of words keeps a state; a minute of speech takes a second."""


def speak(script: str, seed: int) -> bytes:
    """Return the script as a WAV; the same seed gives the same bytes.

    Args:
        script: English; titles, numbers, dates and units are read as words.
        seed: of the noise in the voice, not negative.

    Raises:
        ProviderRejected: it has letters that an English voice cannot read, nothing that can be
            said, or it takes too long to say.
    """
    _refuse_other_letters(script)
    parts: list[np.ndarray[Any, np.dtype[np.float32]]] = []
    seconds = 0.0
    with _lock:
        for part in _voice().stream(script, seed=seed):
            parts.append(part)
            seconds += len(part) / _RATE
            if seconds > LONGEST:
                raise _refused(
                    "The script takes too long to say; numbers are read as words.",
                    script,
                    f"words of at most {LONGEST:g} seconds",
                )
    sound = np.concatenate(parts) if parts else np.zeros(0, np.float32)
    if not sound.size or float(np.sqrt(np.mean(sound**2))) < _QUIETEST:
        raise _refused("Nothing in the script can be said.", script, "English words")
    return _wav(sound)


@cache
def _voice() -> Any:
    """Return this process's one voice; it is loaded in about half a second."""
    from hibari import Hibari  # noqa: PLC0415 - an extra that need not be installed

    return Hibari()


def _refuse_other_letters(script: str) -> None:
    other = [letter for letter in script if letter.isalpha() and not _latin(letter)]
    if other:
        named = "".join(dict.fromkeys(other))[:_MOST_NAMED]
        raise _refused(f"The voice reads English only, not letters such as {named}.", script,
                       "English words in Latin letters")  # fmt: skip
    if not any(letter.isalnum() for letter in script):
        raise _refused("Nothing in the script can be said.", script, "English words")


def _latin(letter: str) -> bool:
    return unicodedata.name(letter, "").startswith("LATIN")


def _wav(sound: np.ndarray[Any, np.dtype[np.float32]]) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(_RATE)
        file.writeframes(np.rint(np.clip(sound, -1, 1) * 32_767).astype("<i2").tobytes())
    return buffer.getvalue()


def _refused(message: str, script: str, allowed: str) -> ProviderRejected:
    return ProviderRejected(
        f"{message} Other voices and languages can be given as a recording, in audio.",
        provider="local",
        field="script",
        given=script,
        allowed=allowed,
    )
