"""The program of a helper: it forks a child for every picture and never looks at one itself.

See ``studio.imaging.sandbox`` for why, and ``studio.imaging.wire`` for what goes over the pipes.
"""

from __future__ import annotations

import os
import select
import signal
import sys
from contextlib import suppress
from io import BytesIO

from PIL import Image, ImageCms

from studio.errors import PictureRefused
from studio.imaging import pixels, wire
from studio.imaging.confine import confine
from studio.imaging.kinds import FORMATS

__all__ = ["main"]

_IN, _OUT = 0, 1
_BLOCK = 1024 * 1024
_NO_REQUEST = 3
"""Exit code of a child that found the pipe closed."""


def main() -> None:
    """Take requests until the pipe is closed."""
    _warm()
    _write(wire.READY)
    waiting = select.poll()
    waiting.register(_IN, select.POLLIN)
    while True:
        waiting.poll()
        child = os.fork()
        if child == 0:
            _child()
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if code:
            _end_like(code)


def _warm() -> None:
    """Decode our own pictures of every kind: a child can load no more modules."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    for media_type, name in FORMATS.items():
        file = BytesIO()
        Image.new("L", (4, 4)).save(file, name, icc_profile=profile)
        pixels.decode(file.getvalue(), pixels.Order(media_type, 4, 4))


def _end_like(code: int) -> None:
    """End as the child did, so that whoever waits for it learns of it."""
    if code == _NO_REQUEST:
        sys.exit(0)
    if code < 0:
        with suppress(OSError, ValueError):  # SIGKILL has no handler
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


def _child() -> None:
    """Decode one picture, and end."""
    try:
        head = _read(wire.REQUEST_SIZE)
        if not head:
            os._exit(_NO_REQUEST)
        request = wire.unpacked_request(bytes(head))
        confine(request.memory, request.cpu)
        _answer(request)
    except BaseException:  # noqa: BLE001 - whatever it is: there is nobody above
        os._exit(1)
    os._exit(0)


def _answer(request: wire.Request) -> None:
    try:
        image = pixels.decode(bytes(_read(request.length)), request.order)
        raw = image.tobytes()
    except PictureRefused as refusal:
        _say(wire.REFUSED, str(refusal.given).removeprefix(f"{request.order.media_type}: "))
    except MemoryError:
        _say(wire.NO_MEMORY)
    else:
        _write(wire.Answer(wire.DECODED, len(image.getbands())).packed())
        _write(raw)


def _say(outcome: int, words: str = "") -> None:
    data = words.encode()[: wire.LONGEST_WORDS]
    _write(wire.Answer(outcome, words=len(data)).packed() + data)


def _read(length: int) -> bytearray:
    """Return exactly so many bytes; nothing if the pipe was closed before the first.

    Raises:
        EOFError: it was closed on the way.
    """
    data = bytearray(length)
    view = memoryview(data)
    while view:
        count = os.readv(_IN, [view[:_BLOCK]])
        if not count:
            if len(view) == length:
                return bytearray()
            raise EOFError
        view = view[count:]
    return data


def _write(data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(_OUT, view[:_BLOCK]) :]
