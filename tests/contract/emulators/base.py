"""What all emulators share: an HTTP server, a ledger of what is billed, and faults.

An emulator is a subclass with routes. It runs in a thread of the process that started it, so that
what it counted outlives every client that is killed.
"""

from __future__ import annotations

import io
import json
import random
import re
import socket
import struct
import threading
import time
import zlib
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Literal, Self
from urllib.parse import parse_qs, unquote, urlsplit

from PIL import Image

Before = Literal["busy", "limit"]
"""Faults before any work; nothing is billed.

``busy`` is the provider's documented "not now" (503 where it has one, else 429), ``limit`` a 429.
"""
After = Literal["drop", "error", "slow"]
"""Faults after the work; it is billed.

``drop`` closes the connection without an answer, ``error`` is a 500, ``slow`` answers late.
"""
Spoilt = Literal["garbage", "wrong_type", "truncated", "bomb", "cut"]
"""Faults of the file that is delivered; it is billed.

``garbage`` is no picture, ``wrong_type`` is called something that it is not, ``truncated`` ends in
its middle, ``bomb`` claims an enormous size, ``cut`` ends the connection in its middle.
"""
Fault = Before | After | Spoilt

_BOMB_SIDE = 60_000
_LARGEST_BODY = 256 * 1024 * 1024


@dataclass(frozen=True)
class Part:
    """One part of a ``multipart/form-data`` body."""

    name: str
    filename: str | None
    content_type: str
    data: bytes

    @property
    def text(self) -> str:
        """The part as text."""
        return self.data.decode()


@dataclass(frozen=True)
class Call:
    """A request that arrived whole.

    Attributes:
        path: without the query, decoded.
        query: the first value of each name.
        headers: names in lower case.
        match: the groups of the route's pattern.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    match: Mapping[str, str] = field(default_factory=dict)

    @property
    def content_type(self) -> str:
        """The media type of the body, without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def json(self) -> Any:
        """Return the body as JSON values; ``ValueError`` if it is none."""
        return json.loads(self.body)

    def parts(self) -> list[Part]:
        """Return the parts of a multipart body; ``ValueError`` if it is none."""
        head = f"content-type: {self.headers.get('content-type', '')}\r\n\r\n".encode()
        message = BytesParser(policy=HTTP).parsebytes(head + self.body)
        if not message.is_multipart():
            raise ValueError("the body is not multipart")
        found = []
        for part in message.iter_parts():
            name = part.get_param("name", header="content-disposition")
            if not isinstance(name, str):
                raise ValueError("a part has no name")  # noqa: TRY004 - the value is wrong
            data = part.get_payload(decode=True)
            found.append(
                Part(name, part.get_filename(), part.get_content_type(), bytes(data or b""))
            )
        return found


@dataclass(frozen=True)
class Answer:
    """What is answered.

    Attributes:
        file: whether the body is a delivered file, which faults may spoil.
    """

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    file: bool = False


def json_answer(
    status: int,
    values: Any,
    headers: Mapping[str, str] | None = None,
    kind: str = "application/json",
) -> Answer:
    """Return JSON values as an answer."""
    return Answer(status, json.dumps(values).encode(), {"content-type": kind, **(headers or {})})


@dataclass(frozen=True)
class Bill:
    """Something that was bought.

    Attributes:
        id: the job's, where it has one.
        work: what names the work: the same request body has the same.
        amount: in the provider's smallest unit (see the emulator's ``unit``).
    """

    id: str
    what: str
    work: str
    amount: int
    refunded: bool = False


Handler = Callable[[Any, Call], Answer]


@dataclass
class Faults:
    """What the next requests meet.

    Attributes:
        next: one for each coming request for work; when they are used up, ``share`` decides.
        share: the part of requests for work that meets a fault, 0 to 1.
        kinds: which faults those are.
    """

    next: deque[Fault | None] = field(default_factory=deque)
    share: float = 0
    kinds: tuple[Fault, ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._lock = threading.Lock()

    def draw(self) -> Fault | None:
        """Return the fault that a request meets; ``None`` for none."""
        with self._lock:
            if self.next:
                return self.next.popleft()
            if self.kinds and self._random.random() < self.share:
                return self._random.choice(self.kinds)
        return None


class Emulator:
    """An emulator, from ``with`` to its end.

    A subclass lists ``routes``: method, pattern of the path (a regular expression for all of it,
    groups are handed on), and the name of the method that answers. Methods that do work call
    ``bill`` when the real service would; the fault that such a request meets is in ``self.fault``.

    Attributes:
        key: the key that is accepted.
        unit: what amounts in the ledger are counted in.
        bills: all that was bought, in order.
        requests: how many requests came for each route, by the answering method's name.
        work: faults of requests for work.
        polls: faults of questions how work stands.
        files: faults of files that are fetched.
        slow_seconds: how long ``slow`` takes.
    """

    name: ClassVar[str]
    key: ClassVar[str]
    unit: ClassVar[str]
    routes: ClassVar[tuple[tuple[str, str, str], ...]]

    def __init__(self, port: int = 0) -> None:
        self._port = port
        self.bills: list[Bill] = []
        self.requests: Counter[str] = Counter()
        self.work = Faults()
        self.polls = Faults()
        self.files = Faults()
        self.slow_seconds = 1.0
        self.lock = threading.RLock()
        self._awake = threading.Event()
        self._local = threading.local()
        self._compiled = [
            (method, re.compile(pattern), handler) for method, pattern, handler in self.routes
        ]

    def __enter__(self) -> Self:
        self._server = _Server(("127.0.0.1", self._port), _Handler)
        self._server.emulator = self
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
        """The work that was bought more than once and not refunded; there must be none."""
        with self.lock:
            times = Counter(bill.work for bill in self.bills if not bill.refunded)
        return [work for work, count in times.items() if count > 1]

    @property
    def billed(self) -> int:
        """What all bills come to, without refunded ones."""
        with self.lock:
            return sum(bill.amount for bill in self.bills if not bill.refunded)

    @property
    def fault(self) -> Fault | None:
        """The fault that the present request meets."""
        met: Fault | None = getattr(self._local, "fault", None)
        return met

    def bill(self, what: str, work: str, amount: int, identifier: str = "") -> Bill:
        """Write a purchase into the ledger."""
        entry = Bill(identifier, what, work, amount)
        with self.lock:
            self.bills.append(entry)
        return entry

    def refund(self, identifier: str) -> None:
        """Take back what the job with that id was billed."""
        with self.lock:
            self.bills = [
                Bill(b.id, b.what, b.work, b.amount, refunded=True) if b.id == identifier else b
                for b in self.bills
            ]

    def begin(self, faults: Faults) -> Fault | None:
        """Draw the fault that the present request meets, and remember it."""
        self._local.fault = faults.draw()
        return self.fault

    def wait(self) -> None:
        """Take the time that ``slow`` takes, unless the emulator ends meanwhile."""
        self._awake.wait(self.slow_seconds)

    def not_found(self, call: Call) -> Answer:
        """Answer a request for which there is no route."""
        return json_answer(404, {"error": f"no route for {call.method} {call.path}"})

    def broken(self) -> Answer:
        """Answer the fault ``error``; a subclass answers in the provider's shape."""
        return json_answer(500, {"error": "something broke"})

    def answer(self, call: Call) -> Answer:
        """Find the route and answer."""
        self._local.fault = None
        for method, pattern, handler in self._compiled:
            match = pattern.fullmatch(call.path)
            if method == call.method and match:
                with self.lock:
                    self.requests[handler] += 1
                matched = Call(
                    call.method, call.path, call.query, call.headers, call.body, match.groupdict()
                )
                answer = getattr(self, handler)(matched)
                assert isinstance(answer, Answer)
                return answer
        return self.not_found(call)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    emulator: Emulator

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that went away; they are killed here on purpose."""
        import sys

        error = sys.exception()
        if not isinstance(error, ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = 30
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer."""
        self._serve()

    def do_POST(self) -> None:
        """Answer."""
        self._serve()

    def do_PUT(self) -> None:
        """Answer."""
        self._serve()

    def _serve(self) -> None:
        url = urlsplit(self.path)
        length = int(self.headers.get("content-length") or 0)
        if length > _LARGEST_BODY:
            self.close_connection = True
            return
        body = self.rfile.read(length)
        if len(body) < length:  # the client went away: nothing arrived whole
            self.close_connection = True
            return
        call = Call(
            method=self.command,
            path=unquote(url.path),
            query={name: values[0] for name, values in parse_qs(url.query).items()},
            headers={name.lower(): value for name, value in self.headers.items()},
            body=body,
        )
        emulator = self.server.emulator
        answer = emulator.answer(call)
        fault = emulator.fault
        if fault == "drop":
            self._drop()
            return
        if fault == "error":
            answer = emulator.broken()
        if fault == "slow":
            emulator.wait()
        self._send(answer, fault)

    def _send(self, answer: Answer, fault: Fault | None) -> None:
        data, headers = answer.body, dict(answer.headers)
        cut = False
        if answer.file:
            data, headers, cut = spoil(data, headers, fault)
        self.send_response(answer.status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(data) + (1_000 if cut else 0)))
        self.end_headers()
        self.wfile.write(data)
        if cut:
            self._drop()

    def _drop(self) -> None:
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True


def spoil(
    data: bytes, headers: Mapping[str, str], fault: Fault | None
) -> tuple[bytes, dict[str, str], bool]:
    """Return a file as the fault leaves it, its headers, and whether the connection is cut."""
    changed = dict(headers)
    if fault == "garbage":
        return b"no picture at all", changed, False
    if fault == "truncated":
        return data[: len(data) // 2], changed, False
    if fault == "bomb":
        return bomb(), changed, False
    if fault == "wrong_type":
        changed["content-type"] = "text/html"
        return data, changed, False
    return data, changed, fault == "cut"


def bomb(side: int = _BOMB_SIDE) -> bytes:
    """Return a small PNG that claims to be enormous."""
    row = zlib.compress(b"\0" * (side * 3 + 1) * 4, 9)
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in ((b"IHDR", header), (b"IDAT", row), (b"IEND", b""))
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def picture(
    words: str, width: int, height: int, format_: str = "PNG", *, alpha: bool = False
) -> bytes:
    """Return a picture whose colours follow from ``words``: the same words, the same bytes."""
    chance = random.Random(words)
    colours = [tuple(chance.randrange(256) for _ in range(3)) for _ in range(4)]
    small = Image.new("RGB", (2, 2))
    small.putdata(colours)
    image = small.resize((width, height), Image.Resampling.BILINEAR)
    if alpha:
        image.putalpha(Image.linear_gradient("L").resize((width, height)))
    out = io.BytesIO()
    options: dict[str, Any] = {"compress_level": 1} if format_ == "PNG" else {}
    image.save(out, format_, **options)
    return out.getvalue()


def read_picture(data: bytes) -> Image.Image:
    """Return a picture that was sent, decoded; ``ValueError`` if it is none."""
    try:
        image = Image.open(io.BytesIO(data))
        image.load()
    except Exception as error:
        raise ValueError("the bytes are no picture") from error
    return image


def cube() -> bytes:
    """Return a small, valid GLB file: glTF 2.0 with an empty scene."""
    document = json.dumps({"asset": {"version": "2.0"}, "scenes": [{"nodes": []}], "scene": 0})
    chunk = document.encode()
    chunk += b" " * (-len(chunk) % 4)
    total = 12 + 8 + len(chunk)
    return b"glTF" + struct.pack("<II", 2, total) + struct.pack("<I4s", len(chunk), b"JSON") + chunk


def clock() -> float:
    """Return seconds that only go forward."""
    return time.monotonic()
