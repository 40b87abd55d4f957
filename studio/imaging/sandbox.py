"""Decoders that may crash, loop or run wild do so in a process that is made for one picture.

**What is risky.** WebP: libwebp had one of the worst holes of any decoder (CVE-2023-4863, used
against browsers before it was known), and Pillow has it parse the file and allocate the canvas when
the file is opened. Everything with a colour profile, of any kind: littlecms parses it, and Pillow's
own glue to it overran a buffer (CVE-2024-28219). GIF: a decoder of Pillow's own, and rare here.
JPEG of unusual processes (arithmetic, lossless, 12 bit): code that hardly anybody runs.

**What is plain.** PNG, which Pillow reads with zlib alone (not libpng), and baseline or progressive
JPEG (libjpeg-turbo, in every browser and fuzzed for years), both without a profile. Pillow's glue
for JPEG overran a buffer, too (CVE-2026-112403, mended in 13.0, the oldest version that is let in),
where a file told two sizes: such files are refused before. Plain files are decoded in this process,
at no extra cost, without comments, EXIF or anything else that is no pixels; ``decode_apart=all``
sends them to a child as well.

**How.** A helper process is started once and imports Pillow. For every picture it forks a child,
which closes itself off (``studio.imaging.confine``: memory, CPU time, no new files, no sockets, no
processes, on Linux a list of system calls), reads the file from a pipe and writes raw pixels to
another, whose number is known beforehand; nothing is unpickled. So no picture meets the memory of
another one. A child that dies takes its helper with it, and the next picture starts a new one.

**Cost**, measured on two busy cores: a helper takes 0.25 s of CPU time once, and 41 MB while it
lives; a picture takes 7 ms more than in this process, and 12 to 20 ms for each megapixel (most of
it the kernel's, for memory that is new to the child).

It works from any thread and after a fork. Windows has neither ``fork`` nor ``resource``: there all
pictures are decoded in this process, and the log says so once. macOS does not enforce limits of
address space; there memory is bounded by the limit of pixels alone.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar
from weakref import WeakSet

from PIL import Image

from studio.errors import PictureRefused, StudioUnavailable
from studio.imaging import pixels, wire
from studio.imaging.helper import PROGRAM, Helper, HelperEnded

Result = TypeVar("Result")

_log = logging.getLogger(__name__)

MOST_HELPERS = 2
"""Pictures that are decoded at once in children of one process; others wait."""
LONGEST_WAIT = 120.0
"""Seconds that a picture waits for its turn."""

_TRIES = 2
"""Helpers that one picture may have, if somebody else ended the first."""
_BROKE_DOWN = "The file makes its decoder break down."


@dataclass(frozen=True, slots=True)
class Limits:
    """What one picture may take.

    Attributes:
        memory: bytes of address space, besides what the helper has and the file itself.
        memory_per_pixel: bytes more for each pixel; a decoder and the conversions of
            ``studio.imaging.colour`` hold up to eight copies of four bytes.
        cpu: seconds of CPU time, whole; the kernel counts no finer.
        pixels_per_cpu_second: pixels for which there is a second more.
        wall: seconds by the clock, besides four times the CPU time: machines are busy.
    """

    memory: int = 96 * 1024 * 1024
    memory_per_pixel: int = 40
    cpu: int = 4
    pixels_per_cpu_second: int = 4_000_000
    wall: float = 10.0

    def cpu_for(self, order: pixels.Order) -> int:
        """Seconds of CPU time for a picture."""
        return self.cpu + order.width * order.height // self.pixels_per_cpu_second

    def wall_for(self, order: pixels.Order) -> float:
        """Seconds by the clock for a picture."""
        return self.wall + 4 * self.cpu_for(order)

    def request(self, data: bytes, order: pixels.Order) -> wire.Request:
        """Return what is asked of the child for a picture."""
        memory = self.memory + self.memory_per_pixel * order.width * order.height + 3 * len(data)
        return wire.Request(order, len(data), memory, self.cpu_for(order))


_ALL: WeakSet[Sandbox] = WeakSet()
"""Those of this process."""


class Sandbox:
    """A few helper processes, started when they are needed.

    Args:
        most: helpers at once.
        wait: seconds that a picture waits for one of them.
        limits: what one picture may take.
        program: what a helper runs; tests let it crash.
    """

    def __init__(
        self,
        *,
        most: int = MOST_HELPERS,
        wait: float = LONGEST_WAIT,
        limits: Limits | None = None,
        program: str = PROGRAM,
    ) -> None:
        self._most = most
        self._room = threading.BoundedSemaphore(most)
        self._wait = wait
        self._limits = limits or Limits()
        self._program = program
        self._idle: list[Helper] = []
        _ALL.add(self)

    def decode(self, data: bytes, order: pixels.Order) -> Image.Image:
        """Decode a picture in a child; see ``studio.imaging.pixels.decode``.

        Raises:
            PictureRefused: it is broken, or its decoder crashed, took too long or wanted too much
                memory.
            StudioUnavailable: no helper can be had.
        """
        request = self._limits.request(data, order)
        return self.run(
            lambda helper, until: helper.decode(request, data, until),
            wall=self._limits.wall_for(order),
            given=f"{order.media_type}, {order.width} x {order.height} pixels",
            field="picture",
        )

    def run(
        self,
        work: Callable[[Helper, float], Result],
        *,
        wall: float,
        given: str,
        field: str | None = None,
    ) -> Result:
        """Do some work with a helper.

        Args:
            work: gets the helper and when to give up, by ``time.monotonic``. When it raises
                ``PictureRefused``, the child said so and all is well with the helper.
            wall: seconds that it may take.
            given: the file in words, for a refusal.
            field: of the request, for a refusal.

        Raises:
            PictureRefused: the child said so, or crashed, or took too long.
            StudioUnavailable: no helper can be had.
        """
        if not self._room.acquire(timeout=self._wait):
            raise StudioUnavailable(
                "Too many files wait to be decoded.", given=f"{self._wait:.0f} seconds waited"
            )
        try:
            for _ in range(_TRIES):
                try:
                    return self._try(work, wall)
                except HelperEnded as end:
                    if not end.from_outside:
                        raise _refusal(end, given, field) from end
        finally:
            self._room.release()
        raise StudioUnavailable(
            "The process that decodes files was ended from outside, twice; "
            "the machine may be short of memory."
        )

    def close(self) -> None:
        """End the helpers that wait for work."""
        while self._idle:
            self._idle.pop().end()

    def forget(self) -> None:
        """Leave the helpers, and the turns, to the process that this one was forked from."""
        self._room = threading.BoundedSemaphore(self._most)  # its other threads are not here
        while self._idle:
            self._idle.pop().leave()

    def _try(self, work: Callable[[Helper, float], Result], wall: float) -> Result:
        helper = self._helper()
        try:
            result = work(helper, time.monotonic() + wall)
        except PictureRefused:
            self._idle.append(helper)  # the child said so itself, and is gone
            raise
        except BaseException:
            helper.end()
            raise
        self._idle.append(helper)
        return result

    def _helper(self) -> Helper:
        """Return a helper that lives."""
        with suppress(IndexError):  # none is idle
            while not (helper := self._idle.pop()).lives():
                helper.end()
            return helper
        return Helper(self._program)


def _refusal(end: HelperEnded, given: str, field: str | None) -> PictureRefused:
    """Return what is said of a file that its decoder did not survive."""
    return PictureRefused(
        "The file takes too long to decode." if end.too_long else _BROKE_DOWN,
        field=field,
        given=f"{given}: {end}",
        allowed="a file that can be decoded within bounds",
    )


def _close_all() -> None:
    for each in tuple(_ALL):
        each.close()


def _forget_all() -> None:
    """Do not speak through the pipes of the process that this one was forked from."""
    for each in tuple(_ALL):
        each.forget()


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)

_default = Sandbox()
_told = threading.Event()


def decode(data: bytes, order: pixels.Order) -> Image.Image:
    """Decode a picture in a child of this process; see ``Sandbox.decode``."""
    if available():
        return _default.decode(data, order)
    if not _told.is_set():
        _told.set()
        _log.warning(
            "this system has no fork: pictures are decoded in this process, "
            "without limits of memory and time"
        )
    return pixels.decode(data, order)


def available() -> bool:
    """Whether this system can close off a process that decodes."""
    return hasattr(os, "fork") and hasattr(os, "posix_spawn")
