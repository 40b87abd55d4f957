"""The program of a helper: it forks a child for every file and never looks at one itself.

See ``studio.imaging.sandbox`` for why, and ``studio.imaging.wire`` for what goes over the pipes.
"""

from __future__ import annotations

import os
import select
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO

from PIL import Image, ImageCms

from studio.errors import PictureRefused
from studio.imaging import pixels, wire
from studio.imaging.confine import confine
from studio.imaging.kinds import FORMATS

__all__ = ["main", "receive", "send", "serve"]

_IN, _OUT = 0, 1
_BLOCK = 1024 * 1024
_MODES = {
    "PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
    "JPEG": ("L", "RGB", "CMYK"),
    "WEBP": ("RGB", "RGBA"),
    "GIF": ("L", "P"),
}
_NO_REQUEST = 3
"""Exit code of a child that found the pipe closed."""


def main() -> None:
    """Decode pictures until the pipe is closed."""
    _warm()
    serve(_decode)


def serve(work: Callable[[], None]) -> None:
    """Have a child do ``work`` for every request, until the pipe is closed.

    Args:
        work: reads a request, closes the process off, and answers. It raises ``EOFError`` when
            there is no request.
    """
    send(wire.READY)
    waiting = select.poll()
    waiting.register(_IN, select.POLLIN)
    while True:
        waiting.poll()
        child = os.fork()
        if child == 0:
            _child(work)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if code:
            _end_like(code)


def _warm() -> None:
    """Decode our own pictures of every kind: a child can load no more modules."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    for media_type, name in FORMATS.items():
        for mode in _MODES[name]:
            file = BytesIO()
            Image.new(mode, (4, 4)).save(file, name, icc_profile=profile)
            pixels.decode(file.getvalue(), pixels.Order(media_type, 4, 4)).tobytes()


def _end_like(code: int) -> None:
    """End as the child did, so that whoever waits for it learns of it."""
    if code == _NO_REQUEST:
        sys.exit(0)
    if code < 0:
        with suppress(OSError, ValueError):  # SIGKILL has no handler
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


def _child(work: Callable[[], None]) -> None:
    """Do the work for one file, and end."""
    try:
        work()
    except EOFError:
        os._exit(_NO_REQUEST)
    except BaseException:  # noqa: BLE001 - whatever it is: there is nobody above
        os._exit(1)
    os._exit(0)


def _decode() -> None:
    """Decode one picture."""
    request = wire.unpacked_request(bytes(receive(wire.REQUEST_SIZE)))
    confine(request.memory, request.cpu)
    _answer(request)


def _answer(request: wire.Request) -> None:
    try:
        image = pixels.decode(bytes(receive(request.length)), request.order)
        raw = image.tobytes()
    except PictureRefused as refusal:
        _say(wire.REFUSED, str(refusal.given).removeprefix(f"{request.order.media_type}: "))
    except MemoryError:
        _say(wire.NO_MEMORY)
    else:
        send(wire.Answer(wire.DECODED, len(image.getbands())).packed())
        send(raw)


def _say(outcome: int, words: str = "") -> None:
    data = words.encode()[: wire.LONGEST_WORDS]
    send(wire.Answer(outcome, words=len(data)).packed() + data)


def receive(length: int) -> bytearray:
    """Return exactly so many bytes of the request.

    Raises:
        EOFError: the pipe was closed.
    """
    data = bytearray(length)
    view = memoryview(data)
    while view:
        count = os.readv(_IN, [view[:_BLOCK]])
        if not count:
            raise EOFError
        view = view[count:]
    return data


def send(data: bytes | bytearray) -> None:
    """Send bytes of the answer."""
    view = memoryview(data)
    while view:
        view = view[os.write(_OUT, view[:_BLOCK]) :]
