"""Files of every kind: told by their bytes, refused when broken."""

from __future__ import annotations

import io
import json
import struct
import wave
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from studio import media
from studio.errors import PictureRefused


def sound(seconds: float, rate: int = 8_000) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(bytes(2 * int(seconds * rate)))
    return out.getvalue()


def video(folder: Path, frames: int = 10, rate: float = 5) -> bytes:
    path = folder / "made.mp4"
    code = cv2.VideoWriter.fourcc(*"mp4v")
    writer = cv2.VideoWriter(str(path), code, rate, (64, 48))
    for number in range(frames):
        writer.write(np.full((48, 64, 3), (255, 20 * number, 0), np.uint8))
    writer.release()
    return path.read_bytes()


def model(length: int | None = None, version: int = 2) -> bytes:
    chunk = json.dumps({"asset": {"version": "2.0"}}).encode()
    chunk += b" " * (-len(chunk) % 4)
    total = 20 + len(chunk)
    header = b"glTF" + struct.pack("<II", version, length or total)
    return header + struct.pack("<I4s", len(chunk), b"JSON") + chunk


def picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (30, 20), "teal").save(out, "PNG")
    return out.getvalue()


def test_each_kind_is_told_by_its_bytes(tmp_path: Path) -> None:
    assert media.look(picture()) == media.Media("image/png", 30, 20)
    assert media.look(sound(7.5)) == media.Media("audio/wav", seconds=7.5)
    assert media.look(video(tmp_path)) == media.Media("video/mp4", 64, 48, 2.0)
    assert media.look(model()) == media.Media("model/gltf-binary")
    assert media.look(b'{"tags": ["fox"]}') == media.Media("application/json")


def test_the_face_of_a_video_is_its_first_frame(tmp_path: Path) -> None:
    data = video(tmp_path)
    shown = media.face(data, media.look(data))
    assert shown.size == (64, 48)
    red, _, blue = shown.getpixel((30, 20))  # type: ignore[misc]
    assert (blue > 200, red < 60) == (True, True), "OpenCV's order of colours was not turned round"


def test_what_has_no_picture_gets_a_card() -> None:
    for data in (sound(1), model(), b"{}"):
        shown = media.face(data, media.look(data))
        assert len(shown.getcolors(100_000) or ()) > 1, "an empty card tells nothing"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"<html></html>", "kind"),
        (b"{broken", "no JSON"),
        (b'{"a": "' + b"x" * media.MAX_TEXT_BYTES + b'"}', "too large"),
        (sound(1)[:20], "sound"),
        (b"ID3" + b"\0" * 50, "sound"),
        (model(length=10), "broken"),
        (model(version=1), "broken"),
        (model()[:8], "cut short"),
        (b"\0\0\0\x1cftypisom" + b"\0" * 100, "video"),
    ],
)
def test_what_is_broken_is_refused_with_words(data: bytes, words: str) -> None:
    with pytest.raises(PictureRefused) as refused:
        media.look(data)
    assert words in str(refused.value)


def test_a_recording_of_more_than_an_hour_is_refused() -> None:
    header = bytearray(sound(0.1))
    seconds, rate = 3_700, 8_000
    struct.pack_into("<I", header, 40, seconds * rate * 2)
    struct.pack_into("<I", header, 4, 36 + seconds * rate * 2)
    with pytest.raises(PictureRefused):
        media.look(bytes(header))
