"""What the tests of videos, avatars and models share: offers, sounds, and a look into files."""

from __future__ import annotations

import io
import wave
from dataclasses import dataclass
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from providers.offers import read_offers

OFFERS = {offer.id: offer for offer in read_offers("providers.local.motion")}

Floats = NDArray[np.floating[Any]]


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def tone(seconds: float, rate: int = 16_000) -> Floats:
    """A vowel of sorts: 150 Hz with overtones."""
    time = np.arange(round(seconds * rate)) / rate
    return np.asarray(
        0.5 * sum(np.sin(2 * np.pi * 150 * k * time) / k for k in range(1, 12)), np.float32
    )


def wav(sound: Floats, rate: int = 16_000) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(sound, -1, 1) * 32_767).astype("<i2").tobytes())
    return buffer.getvalue()


def frames_of(video: bytes) -> list[NDArray[np.uint8]]:
    with av.open(io.BytesIO(video)) as file:
        return [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]


@dataclass(frozen=True)
class Stream:
    codec: str
    pixels: str
    rate: float
    seconds: float


def streams_of(video: bytes) -> tuple[Stream, Stream | None]:
    """The picture's stream and, if there is one, the sound's."""
    with av.open(io.BytesIO(video)) as file:
        picture = file.streams.video[0]
        seen = Stream(
            picture.codec_context.name,
            picture.codec_context.pix_fmt,
            float(picture.average_rate),
            float(picture.duration * picture.time_base),
        )
        if not file.streams.audio:
            return seen, None
        sound = file.streams.audio[0]
        seconds = float(sound.duration * sound.time_base)
        return seen, Stream(sound.codec_context.name, "", sound.rate, seconds)
