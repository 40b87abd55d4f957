"""Answers that hold something while they are sent, and give it back however they end."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator
from typing import IO, Any

from starlette.responses import Response, StreamingResponse

from studio.errors import TooManyRequests

_PIECE = 1 << 18
"""Bytes of a file that are in memory for one answer."""


class _Closing(Response):
    """An answer around another one."""

    def __init__(self, inner: Response, closing: tuple[Callable[[], object], ...]) -> None:
        self._inner = inner
        self._closing = closing
        # What the framework looks at, and adds headers to.
        self.status_code = inner.status_code
        self.background = None
        self.raw_headers = inner.raw_headers

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await self._inner(scope, receive, send)
        finally:
            for each in self._closing:
                each()


def closed_by(inner: Response, *closing: Callable[[], object]) -> Response:
    """Return an answer that calls ``closing`` when it was sent, or could not be."""
    return _Closing(inner, closing)


class Places:
    """How many files one process makes and sends at once; each is on disk meanwhile.

    Args:
        most: files at once.
        what: they are, in the plural, for the refusal.
    """

    def __init__(self, most: int, what: str) -> None:
        self._most = most
        self._what = what
        self._free = threading.BoundedSemaphore(most)

    def made(self, fill: Callable[[IO[bytes]], object]) -> IO[bytes]:
        """Return a file that is gone when it is closed, once ``fill`` has written it.

        It holds a place until ``release`` is called.

        Raises:
            TooManyRequests: there is no place.
        """
        if not self._free.acquire(blocking=False):
            raise TooManyRequests(
                f"As many {self._what} are being made and sent as may be.",
                allowed=f"{self._most} at once",
                retry_after=10,
            )
        file = tempfile.TemporaryFile()  # noqa: SIM115 - closed once it was sent
        try:
            fill(file)
        except BaseException:
            file.close()
            self._free.release()
            raise
        return file

    def release(self) -> None:
        """Give a place back."""
        self._free.release()

    def file(
        self,
        fill: Callable[[IO[bytes]], object],
        name: str,
        media_type: str,
        *,
        delivered: Callable[[], None] = lambda: None,
    ) -> Response:
        """Return a file as an answer that is saved under a name; raises as ``made``.

        Args:
            delivered: called when the last byte was handed over.
        """
        made = self.made(fill)
        size = made.seek(0, 2)
        headers = {
            "Content-Disposition": f'attachment; filename="{name}"',
            "Content-Length": str(size),
        }

        def body() -> Iterator[bytes]:
            yield from pieces(made, 0, size)
            delivered()

        inner = StreamingResponse(body(), headers=headers, media_type=media_type)
        return closed_by(inner, made.close, self.release)


LARGEST_ZIP = 2_000_000_000
"""Bytes of the files of one ZIP."""

PLACES = Places(8, "ZIPs")
"""For all ZIPs together."""


def pieces(file: IO[bytes], start: int, end: int) -> Iterator[bytes]:
    """Yield the bytes of a file from one place to before another."""
    file.seek(start)
    while start < end and (piece := file.read(min(_PIECE, end - start))):
        yield piece
        start += len(piece)
