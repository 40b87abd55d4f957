"""A server of raw bytes on loopback, in threads of its own: what it saw outlives every loop."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

Answer = bytes | Callable[[socket.socket], None]
"""What is sent, or what is done with the connection, which ends it."""

LINGER_OFF = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Seen:
    """A request that arrived whole, and on which connection (from 1)."""

    connection: int
    head: str
    body: bytes
    at: float = field(default_factory=time.monotonic)

    def header(self, name: str) -> list[str]:
        lines = [line.partition(":") for line in self.head.split("\r\n")[1:]]
        return [value.strip() for each, _, value in lines if each.lower() == name.lower()]


def says(status: int = 200, body: bytes = b"{}", **headers: str) -> bytes:
    """A whole answer after which the connection stays open."""
    lines = {"content_length": str(len(body)), **headers}
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status} X\r\n{head}\r\n".encode() + body


def closes(connection: socket.socket) -> None:
    """End the connection without a word."""
    connection.shutdown(socket.SHUT_RDWR)


def resets(connection: socket.socket) -> None:
    """End the connection the hard way."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_OFF)


def then(sent: bytes, what: Callable[[socket.socket], None] = closes) -> Answer:
    """Send something, then do something else."""

    def act(connection: socket.socket) -> None:
        connection.sendall(sent)
        what(connection)

    return act


def silent(seconds: float) -> Callable[[socket.socket], None]:
    """Say nothing for a while."""
    return lambda _: time.sleep(seconds)


class RawServer:
    """Follows its script, an answer for each request; the last one serves all that follow.

    Args:
        idle: seconds after which it closes a connection on which nothing comes.

    Attributes:
        seen: requests that arrived whole.
        connections: how many were opened.
    """

    def __init__(
        self, *script: Answer, idle: float = 30, tls: ssl.SSLContext | None = None
    ) -> None:
        self.script: Sequence[Answer] = script or (says(),)
        self.seen: list[Seen] = []
        self.connections = 0
        self._idle = idle
        self._tls = tls
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = int(self._listener.getsockname()[1])
        self._threads = [threading.Thread(target=self._listen, daemon=True)]
        self._threads[0].start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for each in self._open:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(
                target=self._serve, args=(connection, self.connections), daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        with self._lock:
            self._open.add(connection)
        connection.settimeout(self._idle)
        try:
            with contextlib.suppress(OSError, EOFError):
                if self._tls is not None:
                    connection = self._tls.wrap_socket(connection, server_side=True)
                while self._answer(connection, number):
                    pass
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()

    def _answer(self, connection: socket.socket, number: int) -> bool:
        """Answer a request; return whether the connection stays open."""
        head, body = _read(connection)
        with self._lock:
            place = len(self.seen)
            self.seen.append(Seen(number, head, body))
        what = self.script[min(place, len(self.script) - 1)]
        if callable(what):
            what(connection)
            return False
        connection.sendall(what)
        return True


def _read(connection: socket.socket) -> tuple[str, bytes]:
    data = b""
    while b"\r\n\r\n" not in data:
        data += _some(connection)
    raw, _, body = data.partition(b"\r\n\r\n")
    head = raw.decode()
    lengths = [line.partition(":")[2] for line in head.lower().split("\r\n")[1:]
               if line.startswith("content-length")]  # fmt: skip
    while len(body) < int(lengths[0] if lengths else 0):
        body += _some(connection)
    return head, body


def _some(connection: socket.socket) -> bytes:
    data = connection.recv(65_536)
    if not data:
        raise EOFError
    return data
