"""Downloads: the one place that fetches files from URLs that a provider names.

A provider's answer is outside input. Whatever it names, no connection is opened but to the public
internet by https, or to an origin that the operator configured; nothing of ours (key, cookie) goes
along; and neither time nor memory is without a limit. httpcore is used without httpx's client,
which would keep cookies, undo compression and log whole URLs.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import random
import re
import ssl
from collections.abc import Sequence
from functools import cache

import httpcore

from providers.addresses import PublicBackend, Resolve, look_up
from providers.links import Link, Refused, redacted
from studio.errors import BadResponse, OutcomeUnknown, SetupIncomplete

LIMIT = 64 * 1024 * 1024
"""Bytes of a file, unless the caller says otherwise."""

SECONDS = 300.0
"""What one fetch may take, with all its tries."""

PAUSES = (0.5, 2.0, 8.0)
"""Seconds between the tries, each half as much to half as much again."""

_MOST_REDIRECTS = 3
_MOST_CONNECTIONS = 8
_CONNECT_SECONDS = 10.0
_READ_SECONDS = 30.0
_KEEP_SECONDS = 30.0

_OK = 200
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SERVER_ERROR = 500
_PASSING = frozenset({408, 425, 429})
"""Refusals that time mends; any other 4xx is final."""

_TROUBLE = (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError, OSError)
_HEADERS = [("User-Agent", "image-studio"), ("Accept", "*/*"), ("Accept-Encoding", "identity")]

_EMBEDDED = re.compile(
    r"data:(?:image|video|model|audio)/[a-z0-9.+-]+(?:;[a-z0-9-]+=[^;,]*)?;base64,",
    re.IGNORECASE | re.ASCII,
)


class _Passing(Exception):
    """The file was not had this time."""


class Downloader:
    """Fetches the files that a provider made. One for each provider and process.

    Args:
        provider: who is named in errors.
        origins: base URLs that the operator configured for the provider (only scheme, host and
            port count): they are trusted as they are, also on loopback and by http.
        resolve: looks public hosts up.
        wire: opens connections.
        tls: whom to believe who they are; the public certificate authorities by default.
        seconds: what one fetch may take, with all its tries.
        pauses: seconds between the tries, of which there is one more.

    Raises:
        SetupIncomplete: an origin is not a URL.
    """

    def __init__(
        self,
        provider: str,
        origins: Sequence[str] = (),
        *,
        resolve: Resolve = look_up,
        wire: httpcore.AsyncNetworkBackend | None = None,
        tls: ssl.SSLContext | None = None,
        seconds: float = SECONDS,
        pauses: Sequence[float] = PAUSES,
    ) -> None:
        self.provider = provider
        self._trusted = frozenset(_configured(each).origin for each in origins)
        self._seconds = seconds
        self._pauses = tuple(pauses)
        wire = wire or httpcore.AnyIOBackend()
        tls = tls or _authorities()
        self._public_pool = _pool(PublicBackend(resolve, wire), tls)
        self._trusted_pool = _pool(wire, tls)

    async def fetch(self, url: str, *, limit: int = LIMIT) -> bytes:
        """Return the bytes at ``url``, which may also be a ``data:`` URI of a picture and such.

        Fetching buys nothing, so it is tried again after what may pass.

        Args:
            url: where the provider says that the file is.
            limit: bytes that are taken at most.

        Raises:
            BadResponse: the URL is forbidden, the file is gone or larger than ``limit``.
            OutcomeUnknown: it could not be fetched now. The work is bought; fetch it again later.
        """
        try:
            if url[:5].lower() == "data:":
                return _embedded(url, limit)
            async with asyncio.timeout(self._seconds):
                return await self._persist(Link.read(url), limit)
        except Refused as refused:
            raise BadResponse(
                f"The file that {self.provider} made cannot be fetched: {refused.reason}.",
                provider=self.provider,
                field="url",
                given=redacted(url),
                allowed=refused.allowed,
                reason=refused.reason,
            ) from None
        except TimeoutError:
            raise self._not_yet(url, f"it took more than {self._seconds:g} seconds") from None
        except _Passing as passing:
            raise self._not_yet(url, str(passing)) from None

    async def close(self) -> None:
        """Let go of the connections."""
        await self._public_pool.aclose()
        await self._trusted_pool.aclose()

    async def _persist(self, link: Link, limit: int) -> bytes:
        """Try until it is had, it is refused, or the last try failed."""
        for pause in self._pauses:
            try:
                return await self._try(link, limit)
            except _Passing:
                await asyncio.sleep(pause * random.uniform(0.5, 1.5))
        return await self._try(link, limit)

    async def _try(self, link: Link, limit: int) -> bytes:
        """Fetch once, through redirects."""
        self._check(link)
        for _ in range(_MOST_REDIRECTS + 1):
            answer = await self._get(link, limit)
            if isinstance(answer, bytes):
                return answer
            link = self._redirected(link, answer)
        raise Refused("it redirects again and again", allowed=f"{_MOST_REDIRECTS} redirects")

    def _check(self, link: Link) -> None:
        if link.origin not in self._trusted:
            link.check_public()

    def _redirected(self, link: Link, location: str) -> Link:
        """Return where a redirect leads. What is trusted is so for no other's redirects."""
        try:
            target = link.follow(location)
            self._check(target)
        except Refused as refused:
            raise Refused(f"it redirects, and there {refused.reason}") from None
        if target.origin in self._trusted and target.origin != link.origin:
            raise Refused(f"it redirects to the provider's configured address, {target}")
        return target

    async def _get(self, link: Link, limit: int) -> bytes | str:
        """Return the bytes, or where it redirects to."""
        trusted = link.origin in self._trusted
        pool = self._trusted_pool if trusted else self._public_pool
        url = httpcore.URL(scheme=link.scheme, host=link.host, port=link.port, target=link.target)
        try:
            async with pool.stream(
                "GET",
                url,
                headers=[("Host", link.authority), *_HEADERS],
                extensions={"timeout": self._timeouts()},
            ) as response:
                if response.status in _REDIRECTS:
                    return _header(response, b"location")
                _check_status(response.status)
                return await _body(response, limit)
        except _TROUBLE as error:
            # Not its words: they can repeat what a server sent, and that what we asked for.
            raise _Passing(f"the connection failed ({type(error).__name__})") from None

    def _timeouts(self) -> dict[str, float]:
        return {
            "connect": _CONNECT_SECONDS,
            "read": _READ_SECONDS,
            "write": _READ_SECONDS,
            "pool": self._seconds,
        }

    def _not_yet(self, url: str, reason: str) -> OutcomeUnknown:
        return OutcomeUnknown(
            f"{self.provider} has done the work and it is bought, but its file could not be "
            f"fetched yet: {reason}. Fetching it again buys nothing.",
            provider=self.provider,
            field="url",
            given=redacted(url),
            reason=reason,
        )


def _pool(
    backend: httpcore.AsyncNetworkBackend, tls: ssl.SSLContext
) -> httpcore.AsyncConnectionPool:
    return httpcore.AsyncConnectionPool(
        ssl_context=tls,
        max_connections=_MOST_CONNECTIONS,
        max_keepalive_connections=_MOST_CONNECTIONS,
        keepalive_expiry=_KEEP_SECONDS,
        network_backend=backend,
    )


@cache
def _authorities() -> ssl.SSLContext:
    # Reading the authorities takes tens of milliseconds: once for all providers.
    return httpcore.default_ssl_context()


def _configured(url: str) -> Link:
    try:
        return Link.read(url)
    except Refused:
        raise SetupIncomplete(
            "A provider's base URL cannot be read.",
            field="origins",
            given=redacted(url),
            allowed="such as https://api.example.com or http://127.0.0.1:8123",
        ) from None


def _check_status(status: int) -> None:
    if status >= _SERVER_ERROR or status in _PASSING:
        raise _Passing(f"its server answered {status}")
    if status != _OK:
        raise Refused(f"its server answered {status}", allowed="an answer of 200")


async def _body(response: httpcore.Response, limit: int) -> bytes:
    """Read the body as it comes; what a header says of its size is not believed."""
    encoding = _header(response, b"content-encoding").strip().lower()
    if encoding not in {"", "identity"}:
        raise Refused("it comes compressed, against our request", allowed="the file as it is")
    announced = _header(response, b"content-length")
    if announced.isdigit() and int(announced) > limit:
        raise _too_large(limit)
    data = bytearray()
    async for part in response.aiter_stream():
        if len(data) + len(part) > limit:
            raise _too_large(limit)
        data += part
    return bytes(data)


def _header(response: httpcore.Response, name: bytes) -> str:
    """Return a header of the answer, all of its lines; empty when there is none."""
    lines = [value for key, value in response.headers if key.lower() == name]
    return b", ".join(lines).decode("utf-8", "replace")


def _embedded(url: str, limit: int) -> bytes:
    """Return the bytes of a ``data:`` URI."""
    head = _EMBEDDED.match(url, 0, 200)
    if head is None:
        raise Refused("it is embedded in a way that is not known", allowed="base64 media")
    # Four characters hold three bytes; a text that is surely too long is not even decoded.
    if (len(url) - head.end()) // 4 * 3 > limit + 2:
        raise _too_large(limit)
    try:
        data = base64.b64decode(url[head.end() :], validate=True)
    except (binascii.Error, ValueError):
        raise Refused("it is embedded as base64 that is broken", allowed="base64") from None
    if len(data) > limit:
        raise _too_large(limit)
    return data


def _too_large(limit: int) -> Refused:
    return Refused("it is too large", allowed=f"at most {limit} bytes")
