"""What the WaveSpeed emulator's models make, and what they find wrong with the files they fetch."""

from __future__ import annotations

import io
import tempfile
import wave
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

from tests.contract.emulators.base import picture, read_picture
from tests.contract.emulators.wavespeed_models import RATIOS, Model

PICTURES = ("image", "mask_image", "face_image", "images", "reference_images")
_HEIGHTS = {"480p": (854, 480), "720p": (1280, 720), "1080p": (1920, 1080)}
_LONGER_SIDES = {"2k": 2048, "4k": 3840, "8k": 7680}
_FORMATS = {"jpeg": "JPEG", "png": "PNG", "webp": "WEBP"}
_FRAMES_PER_SECOND = 4
_MP3_MARKS = (b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2")


_SECONDS = 5
"""Of a video whose length is not told; it is billed for as many."""


class Wrong(Exception):
    """The work cannot be done: the code of the failure, and words."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(words)
        self.code = code


def seconds_of(sound: bytes) -> float:
    """Return how long a recording is; an MP3 is taken to have 128 kbit/s."""
    if sound[:4] == b"RIFF":
        with wave.open(io.BytesIO(sound)) as reader:
            return float(reader.getnframes() / reader.getframerate())
    if sound.startswith(_MP3_MARKS):
        return len(sound) / 16_000
    raise Wrong(1401, "audio must be wav or mp3")


def check_files(model: Model, files: Mapping[str, list[bytes]]) -> None:
    """Look at the fetched files as the model would.

    Raises:
        Wrong: one of them is not right.
    """
    for name in PICTURES:
        for data in files.get(name, []):
            _check_picture(model, name, data)
    if "mask_image" in files and "image" not in files:
        raise Wrong(1400, "parameter 'image' is missing")
    if "mask_image" in files and _size(files["mask_image"][0]) != _size(files["image"][0]):
        raise Wrong(1401, "'mask_image' must be as large as 'image'")
    for sound in files.get("audio", []):
        if model.largest and len(sound) > model.largest:
            raise Wrong(1401, "'audio' is too large")
        if model.longest and seconds_of(sound) > model.longest:
            raise Wrong(1401, f"'audio' must be at most {model.longest} seconds")


def _check_picture(model: Model, name: str, data: bytes) -> None:
    try:
        image = read_picture(data)
    except ValueError:
        raise Wrong(1402, f"'{name}' is not an image") from None
    least, most = model.sides
    if min(image.size) < least or max(image.size) > most:
        raise Wrong(1401, f"'{name}' must have sides of {least} to {most} pixels")


def _size(data: bytes) -> tuple[int, int]:
    return read_picture(data).size


def made(
    identifier: str, model: Model, body: Mapping[str, Any], files: Mapping[str, list[bytes]]
) -> tuple[bytes, str] | str:
    """Return the file that a model makes with its ending, or the text that it writes."""
    if model.makes == "text":
        return _text(body)
    if model.makes == "video":
        return _video(identifier, model, body, files), "mp4"
    kind = body.get("output_format", "jpeg")
    if "output_format" not in model.fields:
        kind = "png"
    image = _picture(identifier, body, files)
    out = io.BytesIO()
    image.save(out, _FORMATS[kind])
    return out.getvalue(), kind


def _picture(
    identifier: str, body: Mapping[str, Any], files: Mapping[str, list[bytes]]
) -> Image.Image:
    first = next((files[name][0] for name in ("image", "images") if name in files), b"")
    size = _wanted(body, read_picture(first).size if first else (1024, 1024))
    painted = read_picture(picture(identifier, *size)).convert("RGB")
    if "mask_image" not in files:
        return painted
    # White is painted anew, black stays.
    kept = read_picture(first).convert("RGB")
    mask = read_picture(files["mask_image"][0]).convert("L")
    return Image.composite(painted.resize(kept.size), kept, mask)


def _wanted(body: Mapping[str, Any], first: tuple[int, int]) -> tuple[int, int]:
    if "size" in body:
        width, height = body["size"].split("*")
        return int(width), int(height)
    if "aspect_ratio" in body:
        return RATIOS[body["aspect_ratio"]]
    if "target_resolution" in body:
        scale = _LONGER_SIDES[body["target_resolution"]] / max(first)
        return round(first[0] * scale), round(first[1] * scale)
    return first


def _video(
    identifier: str, model: Model, body: Mapping[str, Any], files: Mapping[str, list[bytes]]
) -> bytes:
    import cv2

    if "duration" in model.fields:
        seconds = body.get("duration", _SECONDS)
    else:
        seconds = min(seconds_of(files.get("audio", [b""])[0]), 10)  # the emulator's own limit
    size = _HEIGHTS[body.get("resolution", "720p")]
    frame = np.asarray(read_picture(picture(identifier, *size)).convert("RGB"))[:, :, ::-1]
    with tempfile.NamedTemporaryFile(suffix=".mp4") as file:
        code = cv2.VideoWriter.fourcc(*"mp4v")
        writer = cv2.VideoWriter(file.name, code, _FRAMES_PER_SECOND, size)
        for _ in range(max(1, round(seconds * _FRAMES_PER_SECOND))):
            writer.write(np.ascontiguousarray(frame))
        writer.release()
        return file.read()


def _text(body: Mapping[str, Any]) -> str:
    if "text" in body:
        return f"{body['text']}, richly detailed, soft morning light, shallow depth of field"
    return (
        "The image shows a red lighthouse on a rocky coast. Waves break on the rocks below the "
        "lighthouse, and the sky is blue with white clouds."
    )
