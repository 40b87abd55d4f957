"""One helper process that forks children which decode, seen from the process that uses it."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from PIL import Image

from studio.errors import PictureRefused, StudioUnavailable
from studio.imaging import wire
from studio.imaging.pixels import broken_picture

PROGRAM = "from studio.imaging.sandboxed import main; main()"

_START = "import sys; sys.path[:] = sys.argv[1:]; "
_ROOT = str(Path(__file__).parents[2])
_START_SECONDS = 60.0
_BLOCK = 1024 * 1024
_PASSED = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""Variables without which some Pythons do not start."""
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
"""A process with one thread forks safely."""
_OTHERS_SIGNALS = frozenset({"SIGKILL", "SIGTERM", "SIGINT", "SIGHUP"})
"""What a decoder does not get by its own doing."""
_TOO_LONG = "SIGXCPU"


class HelperEnded(Exception):
    """The helper is gone, or did not answer in time.

    Attributes:
        too_long: whether time ran out.
        from_outside: whether somebody else ended it.
    """

    def __init__(self, words: str, *, too_long: bool = False, from_outside: bool = False) -> None:
        super().__init__(words)
        self.too_long = too_long
        self.from_outside = from_outside


class Helper:
    """A process that takes pictures, one after the other.

    It gets no variable, no file and no folder of ours but two pipes, and its own session, so that
    a Ctrl-C meant for us does not end it. When its pipe is closed, because we end in whatever way,
    it ends too.

    Args:
        program: what it runs.

    Raises:
        StudioUnavailable: it cannot be started.
    """

    def __init__(self, program: str = PROGRAM) -> None:
        paths = [_ROOT, *(path for path in sys.path if path)]
        passed = {name: os.environ[name] for name in _PASSED if name in os.environ}
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-I", "-S", "-c", _START + program, *paths],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                cwd="/",
                env=passed | _ONE_THREAD,
                start_new_session=True,
            )
        except OSError as error:
            raise StudioUnavailable(
                f"No process for decoding pictures can be started: {error.strerror}."
            ) from error
        try:
            self._begin()
        except HelperEnded as end:
            self.end()
            raise StudioUnavailable(
                f"The process for decoding pictures does not start: {end}."
            ) from end
        except BaseException:
            self.end()
            raise

    def _begin(self) -> None:
        """Set the pipes up and wait until the helper is ready."""
        if self._process.stdin is None or self._process.stdout is None:
            raise HelperEnded("it has no pipes")
        self._to, self._from = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._to, False)
        os.set_blocking(self._from, False)
        if self.receive(len(wire.READY), time.monotonic() + _START_SECONDS) != wire.READY:
            raise HelperEnded("it said something else")

    def decode(self, request: wire.Request, data: bytes, until: float) -> Image.Image:
        """Have a picture decoded.

        Args:
            request: the order and its limits.
            data: the file.
            until: when to give up, by ``time.monotonic``.

        Raises:
            PictureRefused: the child says that it is broken or too much.
            HelperEnded: there is no answer, and the helper is of no more use.
        """
        self.send(request.packed(), until)
        self.send(data, until)
        try:
            answer = wire.unpacked_answer(bytes(self.receive(wire.ANSWER_SIZE, until)))
        except ValueError as error:
            raise HelperEnded("it answered nonsense") from error
        if answer.outcome != wire.DECODED:
            raise _refused(request, answer, bytes(self.receive(answer.words, until)))
        size = request.order.size
        raw = self.receive(size[0] * size[1] * answer.channels, until)
        mode = wire.MODES[answer.channels]
        return Image.frombytes(mode, size, raw)

    def lives(self) -> bool:
        """Whether it can take another picture."""
        return self._process.poll() is None

    def end(self) -> None:
        """End it and its child, and wait until they are gone."""
        self._kill()
        self._process.wait()
        self._close()

    def leave(self) -> None:
        """Forget it in a process that was forked from the one that started it."""
        self._process.returncode = 0  # it is not our child
        self._close()

    def _kill(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _close(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def send(self, data: bytes, until: float) -> None:
        """Send bytes.

        Raises:
            HelperEnded: it does not take them.
        """
        view = memoryview(data)
        while view:
            self._await(self._to, select.POLLOUT, until)
            try:
                view = view[os.write(self._to, view[:_BLOCK]) :]
            except BlockingIOError:
                continue
            except BrokenPipeError:
                raise self._ended() from None

    def receive(self, length: int, until: float) -> bytearray:
        """Return exactly so many bytes.

        Raises:
            HelperEnded: it does not send them.
        """
        data = bytearray(length)
        view = memoryview(data)
        while view:
            self._await(self._from, select.POLLIN, until)
            try:
                count = os.readv(self._from, [view[:_BLOCK]])
            except BlockingIOError:
                continue
            if not count:
                raise self._ended()
            view = view[count:]
        return data

    def _await(self, pipe: int, event: int, until: float) -> None:
        """Wait until the pipe can be used, or its other end is closed."""
        poll = select.poll()
        poll.register(pipe, event)
        left = until - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            self._kill()
            raise HelperEnded("no answer in time", too_long=True)

    def _ended(self) -> HelperEnded:
        """Say how the helper ended."""
        try:
            code = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return HelperEnded("it closed its pipes")
        if code >= 0:
            return HelperEnded(f"ended with code {code}")
        name = signal.Signals(-code).name
        return HelperEnded(
            f"ended by {name}", too_long=name == _TOO_LONG, from_outside=name in _OTHERS_SIGNALS
        )


def _refused(request: wire.Request, answer: wire.Answer, words: bytes) -> PictureRefused:
    """Return the refusal that a child spoke of; its words are not to be trusted."""
    media_type = request.order.media_type
    if answer.outcome == wire.NO_MEMORY:
        return PictureRefused(
            "The picture takes too much memory to decode.",
            field="picture",
            given=f"{media_type}, {request.order.width} x {request.order.height} pixels",
            allowed=f"at most {request.memory} bytes",
        )
    text = words.decode("utf-8", "replace")
    return broken_picture(media_type, "".join(c if c.isprintable() else "?" for c in text))
