"""Connections to a provider: of one event loop each, without memory of who asked before."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from weakref import WeakKeyDictionary

import httpx

_KEEP_SECONDS = 3.0
"""How long a connection for questions waits for the next one; polls come every 1 to 2 seconds."""


@dataclass(frozen=True, slots=True)
class _Pair:
    orders: httpx.AsyncClient
    questions: httpx.AsyncClient


class Connections:
    """HTTP clients for a provider, made where they are first used.

    An order gets a connection of its own, closed after its answer. One that is kept may be closed
    by the other side in the very moment when an order is sent on it, and then nobody can tell
    whether it was read: httpcore looks whether a connection is still open before it uses it, but
    the time that word of its end takes to arrive (some 10 to 100 ms) is left. A question is simply
    asked again. The price is a TLS handshake for an order of some seconds.

    Args:
        width: connections at once, for orders and for questions.
    """

    def __init__(self, width: int) -> None:
        self._width = width
        self._tls: ssl.SSLContext | None = None
        # A connection belongs to the loop that opened it; another one could only trip over it.
        self._pairs: WeakKeyDictionary[asyncio.AbstractEventLoop, _Pair] = WeakKeyDictionary()

    def orders(self) -> httpx.AsyncClient:
        """Return the client of this loop that opens a connection for each request."""
        return self._pair().orders

    def questions(self) -> httpx.AsyncClient:
        """Return the client of this loop that keeps connections for a while."""
        return self._pair().questions

    async def close(self) -> None:
        """Close what this loop opened; what another one opened ends with it."""
        pair = self._pairs.pop(asyncio.get_running_loop(), None)
        if pair is not None:
            await pair.orders.aclose()
            await pair.questions.aclose()

    def _pair(self) -> _Pair:
        loop = asyncio.get_running_loop()
        pair = self._pairs.get(loop)
        if pair is None:
            pair = self._pairs[loop] = _Pair(self._client(kept=0), self._client(kept=self._width))
        return pair

    def _client(self, *, kept: int) -> httpx.AsyncClient:
        if self._tls is None:  # reading the authorities takes a while
            self._tls = httpx.create_ssl_context()
        return httpx.AsyncClient(
            verify=self._tls,
            limits=httpx.Limits(
                max_connections=self._width,
                max_keepalive_connections=kept,
                keepalive_expiry=_KEEP_SECONDS,
            ),
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            follow_redirects=False,
            trust_env=True,
        )
