"""Files of every kind that the studio keeps: what one is, how large, how long, how it looks small.

Pictures are ``studio.imaging``'s business; here are sound, video, 3D models and texts. The kind is
told by the bytes alone. Sounds and videos are looked at in a process of their own
(``studio.media_apart``).
"""

from __future__ import annotations

import contextlib
import json
import re
import struct
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from studio import archive, imaging
from studio.errors import PictureRefused
from studio.media_apart import FRAME, SOUND, VIDEO, Facts, facts

MAX_MADE_BYTES = 160 * 1024 * 1024
"""Largest picture that is kept of a provider's making, in bytes: more than is taken from outside,
since it is paid for. 33 megapixels (8K) of noise are a PNG of 100 MB."""
MAX_AUDIO_BYTES = 60 * 1024 * 1024
"""Ten minutes of stereo WAV at 48 kHz and 16 bit have 58 MB."""
MAX_VIDEO_BYTES = 300 * 1024 * 1024
MAX_MODEL_BYTES = 100 * 1024 * 1024
MAX_TEXT_BYTES = 1024 * 1024

_LONGEST_SECONDS = 3_600
_CARD = (512, 384)
_CARDS = {
    "model/gltf-binary": "3D",
    "application/json": "TEXT",
    "text/plain": "TEXT",
    "application/zip": "ZIP",
}
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_AUDIO = ("audio/wav", "audio/mpeg")
_GLB_HEADER = struct.Struct("<4sII")
"""Magic, version, length of the whole file in bytes (glTF 2.0, section 4.4.2)."""
_GLB_VERSION = 2


@dataclass(frozen=True, slots=True)
class Media:
    """What is known of a file.

    Attributes:
        width: pixels; 0 where that makes no sense.
        height: pixels; 0 where that makes no sense.
        seconds: how long it lasts; 0 where that makes no sense.
    """

    media_type: str
    width: int = 0
    height: int = 0
    seconds: float = 0


def look(data: bytes, *, texts: bool = False) -> Media:
    """Return what a file is, by its bytes.

    Args:
        data: the whole file.
        texts: whether plain text will do as well: UTF-8 without control characters, and no markup,
            which a browser might take for a page.

    Raises:
        PictureRefused: it is of no kind that the studio keeps, too large, or broken.
    """
    media_type = imaging.sniff(data)
    if media_type in _AUDIO:
        return _audio(data, media_type)
    if media_type == "video/mp4":
        return _video(data)
    if media_type == "model/gltf-binary":
        return _model(data)
    if media_type == "application/zip":
        archive.check(data)
        return Media(media_type)
    text = _text(data) if media_type is None and texts else None
    return text or _json_or_picture(data, media_type)


def _json_or_picture(data: bytes, media_type: str | None) -> Media:
    if media_type is None and data[:1] in {b"{", b"["}:
        return _json(data)
    found = imaging.probe(data, max_bytes=MAX_MADE_BYTES)
    return Media(found.media_type, found.width, found.height)


def face(data: bytes, media: Media) -> Image.Image:
    """Return a picture that stands for the file: itself, its first frame, or a card that names it.

    Raises:
        PictureRefused: a picture or video whose pixels cannot be read.
    """
    if media.media_type.startswith("image/"):
        return imaging.open_picture(data, max_bytes=MAX_MADE_BYTES)
    if media.media_type == "video/mp4":
        return _first_frame(data)
    return _card(_CARDS.get(media.media_type, "SOUND"))


def _refuse(words: str, given: object, allowed: str) -> PictureRefused:
    return PictureRefused(words, given=given, allowed=allowed)


def _check_size(data: bytes, most: int) -> None:
    if len(data) > most:
        raise _refuse("The file is too large.", f"{len(data)} bytes", f"at most {most} bytes")


def _audio(data: bytes, media_type: str) -> Media:
    _check_size(data, MAX_AUDIO_BYTES)
    try:
        seconds = facts(data, SOUND, max_pixels=0, media_type=media_type).frames
    except PictureRefused as error:
        raise _unreadable("sound", error, "a WAV or MP3 file") from error
    if not 0 < seconds <= _LONGEST_SECONDS:
        raise _refuse(
            "The sound is too short or too long.",
            f"{seconds:.1f} seconds",
            f"up to {_LONGEST_SECONDS} seconds",
        )
    return Media(media_type, seconds=round(seconds, 3))


def _model(data: bytes) -> Media:
    _check_size(data, MAX_MODEL_BYTES)
    if len(data) < _GLB_HEADER.size:
        raise _refuse("The 3D model is cut short.", f"{len(data)} bytes", "a whole GLB file")
    _, version, length = _GLB_HEADER.unpack_from(data)
    if version != _GLB_VERSION or length != len(data):
        raise _refuse(
            "The 3D model is broken.",
            f"version {version}, {length} bytes said, {len(data)} there",
            "a whole GLB file of version 2",
        )
    return Media("model/gltf-binary")


def _text(data: bytes) -> Media | None:
    """Return what kind of text it is; ``None`` for what is none."""
    try:
        words = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    if not words.strip() or _CONTROL.search(words) or words.lstrip().startswith("<"):
        return None
    _check_size(data, MAX_TEXT_BYTES)
    if words[0] in "{[":
        with contextlib.suppress(ValueError, RecursionError):
            json.loads(words)
            return Media("application/json")
    return Media("text/plain")


def _json(data: bytes) -> Media:
    _check_size(data, MAX_TEXT_BYTES)
    try:
        json.loads(data)
    except ValueError as error:
        raise _refuse("The text is no JSON.", data[:40], "JSON") from error
    return Media("application/json")


def _video(data: bytes) -> Media:
    _check_size(data, MAX_VIDEO_BYTES)
    found = _film(data, VIDEO)
    width, height = found.width, found.height
    seconds = found.frames / found.rate if found.rate > 0 else 0
    if not (0 < width * height <= imaging.MAX_PIXELS and 0 < seconds <= _LONGEST_SECONDS):
        raise _refuse(
            "The video cannot be read.", f"{width}x{height}, {seconds:.1f} seconds", "an MP4 file"
        )
    return Media("video/mp4", width, height, round(seconds, 3))


def _first_frame(data: bytes) -> Image.Image:
    film = _film(data, FRAME)
    if film.frame is None:
        raise _refuse("The video has no picture.", "no frame", "an MP4 file")
    return Image.frombytes("RGB", (film.width, film.height), film.frame)


def _film(data: bytes, asked: int) -> Facts:
    try:
        return facts(data, asked, max_pixels=imaging.MAX_PIXELS, media_type="video/mp4")
    except PictureRefused as error:
        raise _unreadable("video", error, "an MP4 file") from error


def _unreadable(what: str, error: PictureRefused, allowed: str) -> PictureRefused:
    return _refuse(f"The {what} cannot be read. {error.message}", error.given, allowed)


def _card(word: str) -> Image.Image:
    image = Image.new("RGB", _CARD, "#e8e6e1")
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(size=120)
    draw.text((_CARD[0] / 2, _CARD[1] / 2), word, fill="#5a564e", font=font, anchor="mm")
    return image
