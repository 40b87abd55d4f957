"""A network in small: servers on loopback that follow a script, and a wire that leads to them.

The wire stands where sockets are opened. It is given addresses, as the internet would be, and leads
each to a port of the loopback; one that it does not know ends at a canary, which must never sing.
So everything above it, the checks of addresses among it, runs as it does outside.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

import httpcore
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Answer = bytes | Callable[[asyncio.StreamWriter], Awaitable[None]]
"""What a server sends, or what it does with the connection, before it closes it."""

KEPT = b"connection: keep-alive"
"""With this in an answer, the connection stays open for the next request."""


def answer(status: int = 200, body: bytes = b"", **headers: str) -> bytes:
    """A whole answer; ``content_length=""`` leaves that header out."""
    lines = {"content_length": str(len(body)), "connection": "close", **headers}
    head = "".join(
        f"{name.replace('_', '-')}: {value}\r\n" for name, value in lines.items() if value
    )
    return f"HTTP/1.1 {status} X\r\n{head}\r\n".encode() + body


def to(location: str, status: int = 302) -> bytes:
    """A redirect."""
    return answer(status, location=location)


CHUNKED = b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n"
CHUNK = b"10000\r\n" + bytes(0x10000) + b"\r\n"


class Server:
    """Follows its script, an answer for each request; the last one serves all that follow."""

    def __init__(self, *script: Answer, tls: ssl.SSLContext | None = None) -> None:
        self.script = list(script)
        self.connections = 0
        self.most_at_once = 0
        self.requests: list[str] = []
        self.names: list[str | None] = []
        self._serving: set[asyncio.Task[None]] = set()
        self._tls = tls
        if tls is not None:
            tls.sni_callback = lambda _socket, name, _context: self.names.append(name)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.connections += 1
        self._serving.add(task)
        self.most_at_once = max(self.most_at_once, len(self._serving))
        try:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await self._follow_script(reader, writer)
        finally:
            writer.close()
            with suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()
            self._serving.discard(task)

    async def _follow_script(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while True:
            self.requests.append((await reader.readuntil(b"\r\n\r\n")).decode())
            what = self.script.pop(0) if len(self.script) > 1 else self.script[0]
            if callable(what):
                await what(writer)
            else:
                writer.write(what)
                await writer.drain()
            if callable(what) or KEPT not in what:
                return


class Wire(httpcore.AsyncNetworkBackend):
    """Opens connections to loopback instead of to the address it is given.

    Attributes:
        opened: where to, as it was told.
    """

    def __init__(self, routes: Mapping[str, int], canary: int) -> None:
        self._routes = routes
        self._canary = canary
        self._inner = httpcore.AnyIOBackend()
        self.opened: list[tuple[str, int]] = []
        self.refusing: set[str] = set()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        self.opened.append((host, port))
        if host in self.refusing:
            raise httpcore.ConnectError("refused")
        lead = port if host == "127.0.0.1" else self._routes.get(host, self._canary)
        return await self._inner.connect_tcp("127.0.0.1", lead, timeout, local_address)


class Names:
    """A resolver: a list of addresses for each name, or a list of such lists, one a look-up."""

    def __init__(self, names: Mapping[str, Sequence[Sequence[str]]]) -> None:
        self._names = {name: list(answers) for name, answers in names.items()}
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        answers = self._names.get(host) or _numeric(host)
        if not answers:
            raise OSError(-2, "Name or service not known")
        return answers.pop(0) if len(answers) > 1 else answers[0]


def _numeric(host: str) -> list[Sequence[str]]:
    try:
        return [[str(ip_address(host))]]
    except ValueError:
        return []


@cache
def authority(*names: str) -> tuple[bytes, bytes]:
    """A certificate for ``names``, signed by itself, and its key (PEM)."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(each) for each in names]), False)
        .sign(key, hashes.SHA256())
    )
    return (
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )


def server_tls(*names: str) -> ssl.SSLContext:
    """Who proves to be ``names``."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with TemporaryDirectory() as folder:
        path = Path(folder, "both.pem")
        path.write_bytes(b"".join(authority(*names)))
        context.load_cert_chain(path)
    return context


def client_tls(*names: str) -> ssl.SSLContext:
    """Who believes that certificate, and no other."""
    return ssl.create_default_context(cadata=authority(*names)[0].decode())
