"""A provider that sends bills: a strict, tiny HTTP server on loopback that counts every purchase.

It runs in a thread of the test's process, so what it counted outlives every process that is
killed. ``POST /v1/now/<model>`` does the work at once; ``POST /v1/jobs/<model>`` takes it in and
answers an id, ``GET /v1/jobs/<id>`` says how it stands, ``GET /v1/jobs/<id>/file`` has the file.
No request has an idempotency key: the same body sent twice is bought twice.
"""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import struct
import threading
import zlib
from collections import Counter, deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Self

KEY = "paid-key-of-the-tests"
"""The key that the server accepts."""

Fault = Literal[
    "busy", "limit", "drop", "error", "slow", "garbage", "wrong_type", "truncated", "cut"
]
"""What a request can meet.

``busy`` (503) and ``limit`` (429) come before any work, and the answer says so. With all others
the purchase is counted: ``drop`` closes the connection without an answer, ``error`` is a 500,
``slow`` answers after ``slow_seconds``, ``garbage``, ``wrong_type`` and ``truncated`` are files
that are not what they are called, and ``cut`` ends the connection in the middle of the file.
"""

_MORE = {
    "guidance",
    "steps",
    "variations",
    "palette",
    "persona",
    "enhance",
    "template",
    "ratio",
    "reference",
    "reference_2",
    "reference_3",
}
_FIELDS = {
    "generate": {
        "prompt",
        "negative_prompt",
        "width",
        "height",
        "style",
        "quality",
        "seed",
        *_MORE,
    },
    "remove_background": {"image"},
    "upscale": {"image", "factor", "preset", "mode", "prompt", "budget"},
    "social_export": {
        "image",
        "formats",
        "fit",
        "padding",
        "color",
        "focus_x",
        "focus_y",
        "safe_zones",
        "zip",
    },
}
_EVERYWHERE = {"operation", "provider", "model", "output_format"}


def tiny_png(words: str, side: int = 8) -> bytes:
    """Return a PNG whose pixels follow from ``words``: the same words, the same bytes."""
    digest = hashlib.sha256(words.encode()).digest()
    row = b"\0" + (digest * (side * 3 // len(digest) + 1))[: side * 3]
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(row * side, 1)), (b"IEND", b"")]
    chunks = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@dataclass(frozen=True)
class Purchase:
    """Something that was bought.

    Attributes:
        work: SHA-256 of the request; the same work has the same.
        model: which model did it.
        operation: which operation.
    """

    work: str
    model: str
    operation: str


@dataclass
class PaidServer:
    """The server, from ``with`` to its end.

    Attributes:
        purchases: all of them, in their order.
        submits: requests for work that arrived whole, bought or not.
        faults: what the next requests for work meet, one each; then all goes well.
        poll_faults: the same for the requests that ask how work stands.
        polls: how often work is said to be under way before it is ready.
        ready: how many pieces of work, the first ones, may become ready; all others stay under way
            until the number is raised. ``None``: all may.
        slow_seconds: how long ``slow`` takes, and an answer that work is held back by ``ready``.
    """

    purchases: list[Purchase] = field(default_factory=list)
    submits: int = 0
    faults: deque[Fault] = field(default_factory=deque)
    poll_faults: deque[Fault] = field(default_factory=deque)
    polls: int = 1
    ready: int | None = None
    slow_seconds: float = 1.0
    _jobs: dict[str, list[Any]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _awake: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.paid = self
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._awake.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def twice(self) -> list[str]:
        """The work that was bought more than once; there must be none."""
        with self._lock:
            times = Counter(purchase.work for purchase in self.purchases)
        return [work for work, count in times.items() if count > 1]

    def wait(self) -> None:
        """Take the time that ``slow`` takes, unless the server is closed meanwhile."""
        self._awake.wait(self.slow_seconds)

    def arrive(self) -> Fault | None:
        """Note a request for work; return what it meets."""
        with self._lock:
            self.submits += 1
            return self.faults.popleft() if self.faults else None

    def meet(self) -> Fault | None:
        """Return what a request meets that asks how work stands."""
        with self._lock:
            return self.poll_faults.popleft() if self.poll_faults else None

    def buy(self, model: str, body: dict[str, Any]) -> str:
        """Count a purchase; return what names the work."""
        work = hashlib.sha256(json.dumps([model, body], sort_keys=True).encode()).hexdigest()
        with self._lock:
            self.purchases.append(Purchase(work, model, str(body["operation"])))
        return work

    def take_in(self, work: str) -> str:
        """Begin work that is collected later; return its id."""
        with self._lock:
            number = len(self._jobs) + 1
            identifier = f"remote-{number}"
            self._jobs[identifier] = [work, self.polls, number]
        return identifier

    def remote_ids(self) -> dict[str, str]:
        """Return the ids of the work that is collected later, by what names the work."""
        with self._lock:
            return {str(job[0]): identifier for identifier, job in self._jobs.items()}

    def look(self, identifier: str) -> tuple[str, int] | None:
        """Return the work and how many more polls it takes, one less each time."""
        with self._lock:
            job = self._jobs.get(identifier)
            if job is None:
                return None
            work, polls, number = job
            held = self.ready is not None and number > self.ready
            if not held:
                job[1] = polls = max(0, polls - 1)
        if held:
            self.wait()
        return str(work), max(1, polls) if held else polls


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    paid: PaidServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients are killed here on purpose."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = 30

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""

    def do_POST(self) -> None:
        """Take a request for work."""
        body = self._body()
        parts = self.path.strip("/").split("/")
        if body is None or not self._allowed():
            return
        if len(parts) != 3 or parts[0] != "v1" or parts[1] not in {"now", "jobs"}:
            self._json(404, {"error": "there is no such route"})
            return
        wrong = _wrong_field(body)
        if wrong:
            self._json(422, {"error": "that field is not right", "field": wrong})
            return
        fault = self.server.paid.arrive()
        if fault in {"busy", "limit"}:
            status = 503 if fault == "busy" else 429
            self._json(status, {"error": fault, "started": False, "retry_after": 1})
            return
        work = self.server.paid.buy(parts[2], body)
        if parts[1] == "now":
            self._answer(fault, lambda: self._now(body, work, fault))
        else:
            self._answer(fault, lambda: self._json(202, {"id": self.server.paid.take_in(work)}))

    def do_GET(self) -> None:
        """Say how work stands, or hand out its file."""
        parts = self.path.strip("/").split("/")
        if not self._allowed():
            return
        found = self.server.paid.look(parts[2]) if len(parts) in {3, 4} else None
        if found is None:
            self._json(404, {"error": "there is no such job"})
            return
        work, left = found
        fault = self.server.paid.meet()
        if fault in {"busy", "limit"}:
            self._json(503 if fault == "busy" else 429, {"error": fault, "started": False})
        elif len(parts) == 3:
            self._answer(fault, lambda: self._json(200, {"state": "working" if left else "ready"}))
        else:
            self._answer(fault, lambda: self._file(tiny_png(work), fault))

    def _answer(self, fault: Fault | None, answer: Any) -> None:
        if fault == "drop":
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
        elif fault == "error":
            self._json(500, {"error": "something broke"})
        else:
            if fault == "slow":
                self.server.paid.wait()
            answer()

    def _now(self, body: dict[str, Any], work: str, fault: Fault | None) -> None:
        if body["operation"] != "social_export":
            self._file(tiny_png(work), fault)
            return
        files = [
            {"name": name, "data": base64.b64encode(tiny_png(work + name)).decode()}
            for name in body["formats"]
        ]
        self._json(200, {"files": files})

    def _file(self, data: bytes, fault: Fault | None) -> None:
        sent = {"garbage": b"no picture at all", "truncated": data[: len(data) // 2]}
        data = sent.get(fault or "", data)
        self.send_response(200)
        self.send_header("Content-Type", "image/jpeg" if fault == "wrong_type" else "image/png")
        self.send_header("Content-Length", str(len(data) * (2 if fault == "cut" else 1)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(data)
        self.close_connection = True

    def _json(self, status: int, values: dict[str, Any]) -> None:
        data = json.dumps(values).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(data)
        self.close_connection = True

    def _body(self) -> dict[str, Any] | None:
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            body = json.loads(data)
        except ValueError:
            body = None
        if isinstance(body, dict):
            return body
        self._json(400, {"error": "the body is no JSON object"})
        return None

    def _allowed(self) -> bool:
        if self.headers.get("Authorization") == f"Bearer {KEY}":
            return True
        self._json(401, {"error": "the key is not right"})
        return False


def _wrong_field(body: dict[str, Any]) -> str:
    """Return the first field that is missing, unknown or unfit; empty when all are right."""
    wanted = _FIELDS.get(str(body.get("operation")))
    if wanted is None:
        return "operation"
    for name in sorted(wanted - body.keys()) + sorted(body.keys() - wanted - _EVERYWHERE):
        return name
    if "seed" in wanted and not (isinstance(body["seed"], int) and body["seed"] >= 0):
        return "seed"
    if "image" in wanted:
        try:
            picture = base64.b64decode(body["image"], validate=True)
        except (TypeError, ValueError):
            picture = b""
        return "" if picture.startswith(b"\x89PNG") else "image"
    return ""
