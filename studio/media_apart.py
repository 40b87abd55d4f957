"""Looks at sounds and videos in a process that can do nothing else: the program, and how to ask.

FFmpeg (within OpenCV) reads what a provider calls a video, tinytag what a stranger calls a
recording. One is a hundred decoders in C; the other looks 20 s long through 60 MB of bytes for a
frame that is not there. So each file has a process of its own, with bounds, as risky pictures do;
see ``studio.imaging.sandbox``.
"""

from __future__ import annotations

import io
import math
import struct
from dataclasses import dataclass
from typing import Any

from studio.errors import PictureRefused
from studio.imaging.confine import confine
from studio.imaging.helper import Helper, HelperEnded
from studio.imaging.sandbox import Sandbox, available
from studio.imaging.sandboxed import receive, send, serve

SOUND, VIDEO, FRAME = range(3)
"""What is asked: how long a sound is, how large and long a video is, or its first frame too."""

_PROGRAM = "from studio.media_apart import main; main()"
_REQUEST = struct.Struct("<4sBQQ")
"""Magic, what is asked, bytes that follow, pixels that a frame may have."""
_ANSWER = struct.Struct("<4sBIIdd")
"""Magic, whether it worked, width, height, frames and frames a second; then perhaps a frame in RGB.

Of a sound: its seconds in the place of the frames.
"""
_MAGIC = b"AV01"
_SOUND_SECONDS, _VIDEO_SECONDS = 5, 20
"""Of CPU time: a sound takes some milliseconds, unless it keeps its parser busy."""
_WALL_SECONDS = 120.0
_MEMORY = 512 * 1024 * 1024
_BYTES_A_PIXEL = 24
"""A decoder holds up to sixteen frames of 1.5 bytes a pixel."""
_RGB = 3

_sandbox = Sandbox(program=_PROGRAM)


@dataclass(frozen=True, slots=True)
class Facts:
    """What a file says of itself; nothing of it is checked.

    Attributes:
        width: pixels; 0 for a sound.
        height: pixels; 0 for a sound.
        frames: of a video; seconds of a sound.
        rate: frames a second.
        frame: the first one in RGB, row by row, where it was asked for.
    """

    width: int
    height: int
    frames: float
    rate: float
    frame: bytes | bytearray | None = None


def facts(data: bytes, asked: int, *, max_pixels: int, media_type: str) -> Facts:
    """Return what a sound or video says of itself.

    Args:
        data: the whole file.
        asked: ``SOUND``, ``VIDEO`` or ``FRAME``.
        max_pixels: that a frame may have.
        media_type: for a refusal.

    Raises:
        PictureRefused: it cannot be read, or not within bounds.
        StudioUnavailable: no process for it can be had.
    """
    if not available():
        return _read(data, asked)
    return _sandbox.run(
        lambda helper, until: _ask(helper, data, asked, max_pixels, until),
        wall=_WALL_SECONDS,
        given=media_type,
    )


def _ask(helper: Helper, data: bytes, asked: int, max_pixels: int, until: float) -> Facts:
    helper.send(_REQUEST.pack(_MAGIC, asked, len(data), max_pixels), until)
    helper.send(data, until)
    answer = _ANSWER.unpack(helper.receive(_ANSWER.size, until))
    magic, good, width, height, frames, rate = answer
    if magic != _MAGIC or not (math.isfinite(frames) and math.isfinite(rate)):
        raise HelperEnded("it answered nonsense")
    if not good:
        raise _unreadable()
    if asked != FRAME:
        return Facts(width, height, frames, rate)
    if not 0 < width * height <= max_pixels:
        raise HelperEnded("it answered with too large a frame")
    return Facts(width, height, frames, rate, helper.receive(width * height * _RGB, until))


def main() -> None:
    """Look at files until the pipe is closed."""
    import tinytag  # noqa: F401, PLC0415 - a child can load no more modules

    serve(_answer)


def _answer() -> None:
    """Look at one file."""
    _, asked, length, max_pixels = _REQUEST.unpack(receive(_REQUEST.size))
    if asked != SOUND:
        import cv2  # noqa: F401, PLC0415 - 0.2 s that only videos are worth
    cpu = _SOUND_SECONDS if asked == SOUND else _VIDEO_SECONDS
    confine(_MEMORY + _BYTES_A_PIXEL * max_pixels + 2 * length, cpu)
    try:
        found = _read(bytes(receive(length)), asked)
        if found.frame is not None and found.width * found.height > max_pixels:
            raise _unreadable()
    except (PictureRefused, MemoryError):
        send(_ANSWER.pack(_MAGIC, 0, 0, 0, 0, 0))
        return
    head = found.width, found.height, found.frames, found.rate
    send(_ANSWER.pack(_MAGIC, 1, *head))
    if found.frame is not None:
        send(found.frame)


def _read(data: bytes, asked: int) -> Facts:
    return _sound(data) if asked == SOUND else _video(data, frame=asked == FRAME)


def _sound(data: bytes) -> Facts:
    import tinytag  # noqa: PLC0415 - loaded by then

    try:
        seconds = tinytag.TinyTag.get(file_obj=io.BytesIO(data), tags=False).duration or 0
    except Exception as error:
        raise _unreadable() from error
    return Facts(0, 0, _finite(seconds), 0)


def _video(data: bytes, *, frame: bool) -> Facts:
    import cv2  # noqa: PLC0415 - loaded by then

    stream = io.BytesIO(data)  # OpenCV keeps no reference to it, and crashes when it is gone
    # One thread: a process that is closed off can start no others.
    how = [cv2.CAP_PROP_N_THREADS, 1]
    # Its types do not know that any stream of Python's will do (OpenCV 4.12).
    video = cv2.VideoCapture(stream, cv2.CAP_FFMPEG, how)  # type: ignore[call-overload]
    try:
        width, height = (
            int(video.get(what)) for what in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)
        )
        frames, rate = video.get(cv2.CAP_PROP_FRAME_COUNT), video.get(cv2.CAP_PROP_FPS)
        pixels: Any = video.read()[1] if frame else None
    finally:
        video.release()
    if not frame:
        return Facts(width, height, _finite(frames), _finite(rate))
    if pixels is None:
        raise _unreadable()
    height, width = pixels.shape[:2]
    return Facts(width, height, _finite(frames), _finite(rate), pixels[:, :, ::-1].tobytes())


def _finite(value: float) -> float:
    return value if math.isfinite(value) else 0.0


def _unreadable() -> PictureRefused:
    return PictureRefused(
        "The file cannot be read.", given="broken contents", allowed="a whole file"
    )
