"""Real servers on the loopback that take notifications: one for HTTP, one for SMTP.

Both can fail so many times first, so that a test sees what a channel that is down does.
"""

from __future__ import annotations

import email
import json
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class HttpSink:
    """What an HTTP channel was told.

    Attributes:
        told: the JSON documents that it took.
        failures: how many requests it answers 503 first.
        slow: seconds before it answers.
    """

    port: int = 0
    told: list[dict[str, Any]] = field(default_factory=list)
    failures: int = 0
    slow: float = 0
    asked: int = 0

    @property
    def url(self) -> str:
        return f"json://user:very-secret@127.0.0.1:{self.port}/hidden-path"


@dataclass
class MailSink:
    """What a mail server was given.

    Attributes:
        letters: the letters that it took.
        failures: how many letters it refuses for now (451) first.
    """

    port: int = 0
    letters: list[EmailMessage] = field(default_factory=list)
    failures: int = 0

    @property
    def url(self) -> str:
        return f"mailto://127.0.0.1:{self.port}/?from=studio@example.org&to=ada@example.org"


@contextmanager
def http_sink() -> Iterator[HttpSink]:
    """Serve an HTTP channel."""
    sink = HttpSink()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            document = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            sink.asked += 1
            time.sleep(sink.slow)
            fails = sink.failures > 0
            sink.failures -= fails
            if not fails:
                sink.told.append(document)
            self.send_response(503 if fails else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with _served(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as sink.port:
        yield sink


@contextmanager
def mail_sink() -> Iterator[MailSink]:
    """Serve SMTP as far as a client needs it to hand a letter over (RFC 5321)."""
    sink = MailSink()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self._say("220 sink")
            while line := self.rfile.readline():
                verb = line.split()[0].upper() if line.split() else b""
                if verb == b"QUIT":
                    self._say("221 bye")
                    return
                if verb == b"DATA":
                    self._say("354 go on")
                    self._take()
                else:
                    self._say("250 ok")

        def _take(self) -> None:
            lines = []
            while (line := self.rfile.readline()) not in {b".\r\n", b""}:
                lines.append(line.removeprefix(b"."))
            if sink.failures:
                sink.failures -= 1
                self._say("451 not now")
                return
            letter = email.message_from_bytes(b"".join(lines), policy=default)
            assert isinstance(letter, EmailMessage)
            sink.letters.append(letter)
            self._say("250 taken")

        def _say(self, words: str) -> None:
            self.wfile.write(words.encode() + b"\r\n")

    with _served(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)) as sink.port:
        yield sink


@contextmanager
def _served(server: socketserver.TCPServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
