"""HTTP to a provider: time-outs, careful retries and no secrets told.

No provider has an idempotency key, so a request for work is sent again only where the first one
surely started none: the connection never stood, or the provider said so (429, and a 503 whose
meaning is documented). Everything else that is not an answer is an unknown outcome.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from pydantic import SecretStr

from providers.connections import Connections
from providers.redaction import Redactor
from providers.replies import ENCODING, LARGEST_ANSWER, Reply, read_reply
from providers.tries import may_come_again, next_wait
from studio.errors import (
    AuthFailed,
    InvalidRequest,
    OutcomeUnknown,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
)

__all__ = ["CONNECT_SECONDS", "LARGEST_ANSWER", "READ_SECONDS", "ReadError", "Reply", "Transport"]

CONNECT_SECONDS = 10
READ_SECONDS = 60
"""How long an answer to a question (a poll, a balance) may take."""

_TRIES = 4
_PATIENCE = 20.0
"""Seconds in all that one call may wait between its tries; what takes longer is the engine's."""
_FIRST_WAIT = 0.5

_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)
"""Failures before the first byte of the request left."""
_SENT_ON = frozenset({307, 308})
"""The redirects that say by definition that nothing was done (RFC 9110, 15.4.8 and 15.4.9)."""

ReadError = Callable[[Reply], ProviderError | None]
"""Turns an answer into the error that it stands for; ``None`` for one that is none."""


@dataclass(frozen=True, slots=True)
class _Call:
    """A request, how long its answer may take in seconds, and whether it may buy something."""

    request: httpx.Request
    seconds: float
    buys: bool


async def _no_pace() -> None:
    """Wait for nothing."""


class Transport:
    """HTTP to one provider.

    Args:
        provider: its name, for errors.
        base_url: ``http`` or ``https``, without a slash at its end.
        headers: sent with each request; secret ones are taken out of whatever is told.
        read_error: the provider's own way of saying what went wrong.
        width: connections at once, for orders and for questions.
        largest: bytes that an answer may have.

    Attributes:
        pace: awaited before each request; the engine sets it where an account has limits.
        redact: takes the keys out of a text.

    Raises:
        InvalidRequest: the base URL is none.
    """

    def __init__(
        self,
        provider: str,
        base_url: str,
        *,
        headers: Mapping[str, SecretStr | str],
        read_error: ReadError,
        width: int = 64,
        largest: int = LARGEST_ANSWER,
    ) -> None:
        _check_url(provider, base_url)
        self.provider = provider
        self.base_url = base_url.rstrip("/")
        self.pace: Callable[[], Awaitable[None]] = _no_pace
        self.redact = Redactor(value for value in headers.values() if isinstance(value, SecretStr))
        self._headers = headers
        self._read_error = read_error
        self._width = width
        self._largest = largest
        self._connections = Connections(width)

    async def submit(
        self,
        path: str,
        *,
        seconds: float,
        method: str = "POST",
        headers: Mapping[str, str] | None = None,
        **body: Any,
    ) -> Reply:
        """Send a request for work, and send it again only if surely none was started.

        Args:
            path: behind the base URL, with its query. It is logged, so no secret may be in it.
            seconds: how long the whole answer may take from when the request is sent.
            headers: more of them.
            body: ``json``, ``files``, ``data`` or ``content``, as httpx takes them, with bytes in
                memory: they may have to be sent again.

        Raises:
            OutcomeUnknown: it was sent, and there was no answer that tells what came of it.
            ProviderError: what the provider's answer stands for.
        """
        request = self._request(method, path, seconds, headers, body)
        return await self._try(_Call(request, seconds, buys=True))

    async def read(
        self,
        path: str,
        *,
        seconds: float = READ_SECONDS,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        **body: Any,
    ) -> Reply:
        """Ask something that buys nothing; any failure of the network is tried again.

        Raises:
            ProviderError: what the answer stands for, or that there was none.
        """
        request = self._request(method, path, seconds, headers, body)
        return await self._try(_Call(request, seconds, buys=False))

    async def close(self) -> None:
        """Close the connections that the running event loop opened."""
        await self._connections.close()

    async def _try(self, call: _Call) -> Reply:
        waited = 0.0
        for attempt in range(1, _TRIES + 1):
            try:
                reply = await self._send(call)
                error = self._error_of(reply, call)
                if error is None:
                    return reply
            except httpx.HTTPError as failure:
                error = self._lost(failure, call)
            wait = next_wait(error, attempt, _FIRST_WAIT)
            if attempt == _TRIES or wait is None or waited + wait > _PATIENCE:
                raise error
            waited += wait
            await asyncio.sleep(wait)
        raise AssertionError("the last try raises or returns")

    def _error_of(self, reply: Reply, call: _Call) -> ProviderError | None:
        error = self._read_error(reply)
        if reply.redirected:
            error = _redirected(reply, error, call)
        if error is None:
            return None
        error.message = self.redact(error.message)
        error.args = (error.message,)
        if error.given is not None:
            error.given = self.redact(error.given)
        if error.allowed is not None:
            error.allowed = self.redact(error.allowed)
        error.details.setdefault("status", reply.status)
        if reply.request_id:
            error.details.setdefault("request_id", reply.request_id)
        if reply.retry_after is not None and may_come_again(error):
            error.details.setdefault("retry_after", reply.retry_after)
        error.details = self.redact.values(error.details)
        return error

    def _request(
        self,
        method: str,
        path: str,
        seconds: float,
        headers: Mapping[str, str] | None,
        body: Mapping[str, Any],
    ) -> httpx.Request:
        """Put a request together; a failure to do so says surely that nothing was sent."""
        usual = {"accept": "*/*", "user-agent": "image-studio"}
        opened = self._open_headers()
        waits = httpx.Timeout(seconds, connect=CONNECT_SECONDS, pool=CONNECT_SECONDS)
        try:
            every = httpx.Headers(usual)
            every.update(opened)
            every.update(headers)
            every["accept-encoding"] = ENCODING
            return httpx.Request(
                method,
                self.base_url + path,
                headers=every,
                extensions={"timeout": waits.as_dict()},
                **body,
            )
        except (httpx.InvalidURL, TypeError, ValueError) as error:
            raise ProviderRejected(
                f"A request to {self.provider} could not be put together "
                f"({type(error).__name__}). Nothing was sent.",
                provider=self.provider,
            ) from error

    def _open_headers(self) -> dict[str, str]:
        opened = {}
        for name, value in self._headers.items():
            if isinstance(value, SecretStr):
                opened[name] = value.get_secret_value()
                # The libraries' own errors would repeat what they cannot send.
                if not can_be_sent(opened[name]):
                    raise AuthFailed(
                        f"The key for {self.provider} is empty, or has characters that no key "
                        "has, such as a line break. Nothing was sent.",
                        provider=self.provider,
                        allowed="letters, digits and signs of ASCII",
                    )
            else:
                opened[name] = value
        return opened

    async def _send(self, call: _Call) -> Reply:
        """Send a request once and read the answer; its time runs from when all of it was sent."""
        await self.pace()
        connections = self._connections
        client = connections.orders() if call.buys else connections.questions()
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(None) as limit:

                async def note(event: str, _: object) -> None:
                    if event.endswith("send_request_headers.started"):
                        limit.reschedule(None)  # what came before was a proxy's
                    elif event.endswith("send_request_body.complete"):
                        limit.reschedule(loop.time() + call.seconds)

                call.request.extensions["trace"] = note
                response = await client.send(call.request, stream=True)
                try:
                    return await read_reply(self.provider, response, self._largest)
                finally:
                    await response.aclose()
        except TimeoutError:
            raise httpx.ReadTimeout("no whole answer in time") from None

    def _lost(self, failure: httpx.HTTPError, call: _Call) -> ProviderError:
        """Return what it means that no answer came."""
        if call.buys and not isinstance(failure, _NOT_SENT):
            return OutcomeUnknown(
                f"The request reached {self.provider}, but no whole answer came back "
                f"({type(failure).__name__}). It may have been bought.",
                provider=self.provider,
            )
        words = self.redact(str(failure)) or type(failure).__name__
        if isinstance(failure, httpx.PoolTimeout):
            words = f"all {self._width} connections are in use"
        return ProviderUnavailable(
            f"{self.provider} cannot be reached: {words.rstrip('.')}.",
            provider=self.provider,
            again=True,
        )


def can_be_sent(key: str) -> bool:
    """Whether a text may stand in a header: printable ASCII with no space at its ends."""
    return key.isascii() and key.isprintable() and bool(key) and key == key.strip()


def _check_url(provider: str, base_url: str) -> None:
    """Refuse an address that cannot be asked, or would put a password into logs."""
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL:
        url = httpx.URL("")
    if url.scheme in {"http", "https"} and url.host and not (url.userinfo or url.query):
        return
    raise InvalidRequest(
        f"The address of {provider} cannot be used.",
        field=f"{provider}_url",
        given=f"{url.scheme}://{url.host}" if url.host else None,
        allowed="http:// or https:// with a host, without user, password or query",
    )


def _redirected(reply: Reply, error: ProviderError | None, call: _Call) -> ProviderError:
    """Return the error of an answer that leads elsewhere: it is no answer, whoever calls it one.

    After an order, only 307 and 308 say that nothing was done; a 303 says that something was.
    """
    words = f"{reply.provider} answered {reply.status}, which leads elsewhere and is not followed."
    if call.buys and reply.status not in _SENT_ON and (error is None or error.bought is False):
        return OutcomeUnknown(f"{words} It may have been bought.", provider=reply.provider)
    return error or ProviderUnavailable(
        f"{words} See whether its address is right.", provider=reply.provider
    )
