"""HTTP to a provider: one pooled client each, with time-outs, careful retries and no secrets told.

No provider has an idempotency key, so a request for work is sent again only where the first one
surely started none: the connection never stood, or the provider said so (429, and a 503 whose
meaning is documented). Everything else that is not an answer is an unknown outcome.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from pydantic import SecretStr

from providers.redaction import Redactor
from studio.errors import (
    BadResponse,
    OutcomeUnknown,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
)

CONNECT_SECONDS = 10
READ_SECONDS = 60
"""How long an answer to a question (a poll, a balance) may take."""
LARGEST_ANSWER = 96 * 1024 * 1024
"""Bytes: a base64 picture of the largest size that any of them makes, with room."""

_TRIES = 4
_PATIENCE = 20.0
"""Seconds in all that one call may wait between its tries; what takes longer is the engine's."""
_FIRST_WAIT = 0.5
_KEEP_ALIVE_SECONDS = 3.0
"""Short: a connection that the other side has just closed makes a request's outcome unknown."""
_LARGEST_ERROR = 2_000
"""Characters of an error body that are looked at."""

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
"""Failures before the first byte of the request left."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a provider answered.

    Attributes:
        status: the HTTP status.
        headers: names in any case.
        body: at most ``LARGEST_ANSWER`` bytes.
    """

    provider: str
    status: int
    headers: httpx.Headers
    body: bytes

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300  # noqa: PLR2004 - what 2xx means

    @property
    def media_type(self) -> str:
        """What the header calls the body, without parameters; not to be trusted."""
        return str(self.headers.get("content-type", "")).partition(";")[0].strip().lower()

    @property
    def request_id(self) -> str:
        """The provider's name for the request, for its support; empty if it gave none."""
        return str(self.headers.get("x-request-id", ""))[:200]

    def json(self) -> Any:
        """Return the body as JSON values.

        Raises:
            BadResponse: it is no JSON.
        """
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise BadResponse(
                f"{self.provider} answered {self.status} with something that is no JSON.",
                provider=self.provider,
                request_id=self.request_id,
            ) from error

    def text(self) -> str:
        """Return the beginning of the body as text, for messages."""
        return self.body[:_LARGEST_ERROR].decode("utf-8", "replace")


ReadError = Callable[[Reply], ProviderError | None]
"""Turns an answer into the error that it stands for; ``None`` for one that is none."""


async def _no_pace() -> None:
    """Wait for nothing."""


class Transport:
    """HTTP to one provider.

    Args:
        provider: its name, for errors.
        base_url: without a slash at its end.
        headers: sent with each request; secret ones are taken out of whatever is told.
        read_error: the provider's own way of saying what went wrong.
        width: connections at once.

    Attributes:
        pace: awaited before each request; the engine sets it where an account has limits.
    """

    def __init__(
        self,
        provider: str,
        base_url: str,
        *,
        headers: Mapping[str, SecretStr | str],
        read_error: ReadError,
        width: int = 64,
    ) -> None:
        self.provider = provider
        self.base_url = base_url.rstrip("/")
        self.pace: Callable[[], Awaitable[None]] = _no_pace
        self.redact = Redactor(value for value in headers.values() if isinstance(value, SecretStr))
        self._headers = headers
        self._read_error = read_error
        self._width = width
        self._client: httpx.AsyncClient | None = None

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
            path: behind the base URL, with its query.
            seconds: how long the answer may take.
            headers: more of them.
            body: ``json``, ``files``, ``data`` or ``content``, as httpx takes them.

        Raises:
            OutcomeUnknown: it was sent, and there was no answer that tells what came of it.
            ProviderError: what the provider's answer stands for.
        """
        return await self._try(
            lambda: self._send(method, path, seconds, headers, body), self._lost_submit
        )

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
        return await self._try(
            lambda: self._send(method, path, seconds, headers, body), self._lost_read
        )

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()

    async def _try(
        self,
        send: Callable[[], Awaitable[Reply]],
        lost: Callable[[httpx.HTTPError], ProviderError],
    ) -> Reply:
        waited = 0.0
        for attempt in range(1, _TRIES + 1):
            try:
                reply = await send()
                error = self._error_of(reply)
                if error is None:
                    return reply
            except httpx.HTTPError as failure:
                error = lost(failure)
            wait = _wait(error, attempt)
            if attempt == _TRIES or wait is None or waited + wait > _PATIENCE:
                raise error
            waited += wait
            await asyncio.sleep(wait)
        raise AssertionError("the last try raises or returns")

    def _error_of(self, reply: Reply) -> ProviderError | None:
        error = self._read_error(reply)
        if error is None:
            return None
        error.message = self.redact(error.message)
        error.args = (error.message,)
        if error.given is not None:
            error.given = self.redact(error.given)
        error.details.setdefault("status", reply.status)
        if reply.request_id:
            error.details.setdefault("request_id", reply.request_id)
        return error

    async def _send(
        self,
        method: str,
        path: str,
        seconds: float,
        headers: Mapping[str, str] | None,
        body: Mapping[str, Any],
    ) -> Reply:
        await self.pace()
        request = self._http().build_request(
            method,
            self.base_url + path,
            headers={**self._open_headers(), **(headers or {})},
            timeout=httpx.Timeout(seconds, connect=CONNECT_SECONDS, pool=CONNECT_SECONDS),
            **body,
        )
        response = await self._http().send(request, stream=True)
        try:
            data = await self._body(response)
        finally:
            await response.aclose()
        return Reply(self.provider, response.status_code, response.headers, data)

    async def _body(self, response: httpx.Response) -> bytes:
        parts, size = [], 0
        async for part in response.aiter_bytes():
            size += len(part)
            if size > LARGEST_ANSWER:
                raise BadResponse(
                    f"{self.provider} answered with more than {LARGEST_ANSWER} bytes.",
                    provider=self.provider,
                )
            parts.append(part)
        return b"".join(parts)

    def _open_headers(self) -> dict[str, str]:
        return {
            name: value.get_secret_value() if isinstance(value, SecretStr) else value
            for name, value in self._headers.items()
        }

    def _http(self) -> httpx.AsyncClient:
        if self._client is None:  # made in the loop that uses it
            self._client = httpx.AsyncClient(
                limits=httpx.Limits(
                    max_connections=self._width, keepalive_expiry=_KEEP_ALIVE_SECONDS
                ),
                follow_redirects=False,
                trust_env=True,
            )
        return self._client

    def _lost_submit(self, failure: httpx.HTTPError) -> ProviderError:
        if isinstance(failure, _NOT_SENT):
            return self._unreachable(failure)
        return OutcomeUnknown(
            f"The request reached {self.provider}, but no whole answer came back "
            f"({type(failure).__name__}). It may have been bought.",
            provider=self.provider,
        )

    def _lost_read(self, failure: httpx.HTTPError) -> ProviderError:
        return self._unreachable(failure)

    def _unreachable(self, failure: httpx.HTTPError) -> ProviderError:
        words = self.redact(str(failure)) or type(failure).__name__
        return ProviderUnavailable(
            f"{self.provider} cannot be reached: {words}.", provider=self.provider, again=True
        )


def _wait(error: ProviderError, attempt: int) -> float | None:
    """Return the seconds until the next try, or ``None`` when there must be none.

    Only errors that say so by ``again`` (a documented "not started", or the network) and 429s are
    tried again; the provider's own word on the time comes first, then longer and longer waits.
    Each has some chance in it, so that many callers do not come back at the same moment.
    """
    if error.bought is not False:
        return None
    if not (isinstance(error, RateLimited) or error.details.get("again")):
        return None
    told = error.details.get("retry_after")
    wait = float(told) if told is not None else _FIRST_WAIT * 2 ** (attempt - 1)
    return wait + random.uniform(0, min(wait, 1.0) / 2)
