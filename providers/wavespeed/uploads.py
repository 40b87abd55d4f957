"""Uploads: input files are put where WaveSpeed's models can read them.

Uploading buys nothing, so everything here may be tried again. There are two ways: the new one in
two steps (ask for a place, then PUT the bytes there), and the one of old, a multipart form, which
is taken where the new one is not there. Small files are uploaded, too: how large a ``data:`` URI
may be is not confirmed. WaveSpeed keeps uploads for seven days.
"""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import httpcore

from providers.addresses import PublicBackend, Resolve, look_up
from providers.http import Transport
from providers.links import Link, Refused
from providers.wavespeed.errors import GONE, NAME
from providers.wavespeed.files import File
from studio.errors import BadResponse, ProviderError, ProviderUnavailable, TooLarge

LARGEST = 200 * 1024 * 1024
"""Bytes: the cap of the official SDK; what the service itself takes is not confirmed."""
PAUSES = (0.5, 2.0)
"""Seconds between the tries of one upload, of which there is one more."""

_ASKED = "/api/v3/media/uploads"
_FORM = "/api/v3/media/upload/binary"
_CONNECT_SECONDS = 10.0
_PUT_SECONDS = 60.0
"""How long nothing may move."""
_MOST_CONNECTIONS = 8
_KEEP_SECONDS = 30.0
_MOST_HEADERS = 20
_LONGEST_HEADER = 4_096
_LONGEST_URL = 8_192
_OURS = frozenset({"authorization", "connection", "content-length", "host", "transfer-encoding"})
"""Headers that belong to the connection, or would give our key away: never taken from an answer."""
_DONE = range(200, 300)

_TROUBLE = (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError, OSError)


class Uploader:
    """Uploads input files.

    Args:
        http: asks what buys nothing.
        origin: the configured base URL, which is trusted as it is, also on loopback.
        pauses: seconds between the tries of one upload.
        resolve: looks public hosts up.
        wire: opens connections.
        tls: whom to believe who they are; the public certificate authorities by default.
    """

    def __init__(
        self,
        http: Transport,
        origin: str,
        *,
        pauses: Sequence[float] = PAUSES,
        resolve: Resolve = look_up,
        wire: httpcore.AsyncNetworkBackend | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._http = http
        self._pauses = tuple(pauses)
        self._trusted = Link.read(origin).origin
        self._form_only = False
        wire = wire or httpcore.AnyIOBackend()
        tls = tls or _authorities()
        self._public_pool = _pool(PublicBackend(resolve, wire), tls)
        self._trusted_pool = _pool(wire, tls)

    async def upload(self, files: Sequence[File]) -> dict[str, str]:
        """Upload all ``files`` at once and return where each is, by its field.

        Raises:
            TooLarge: one has more bytes than are taken.
            ProviderError: it did not work; nothing was bought.
        """
        for each in files:
            if len(each.data) > LARGEST:
                raise TooLarge(
                    "An input file is too large to be uploaded. Nothing was bought.",
                    provider=NAME,
                    field=each.field,
                    given=f"{len(each.data)} bytes",
                    allowed=f"at most {LARGEST} bytes",
                )
        tasks = [asyncio.create_task(self._persist(each)) for each in files]
        try:
            urls = await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return {each.field: url for each, url in zip(files, urls, strict=True)}

    async def close(self) -> None:
        """Let go of the connections."""
        await self._public_pool.aclose()
        await self._trusted_pool.aclose()

    async def _persist(self, file: File) -> str:
        """Upload once more after what may pass: each try asks for a new place."""
        for pause in self._pauses:
            try:
                return await self._try(file)
            except _Passing:
                await asyncio.sleep(pause * random.uniform(0.5, 1.5))
        try:
            return await self._try(file)
        except _Passing as passing:
            raise _failed(file, str(passing)) from None

    async def _try(self, file: File) -> str:
        try:
            if not self._form_only:
                try:
                    return await self._in_two_steps(file)
                except ProviderError as error:
                    if error.details.get("status") not in GONE:
                        raise
                    self._form_only = True
            return await self._by_form(file)
        except BadResponse as error:
            raise _Passing(error.message.rstrip(".")) from None

    async def _in_two_steps(self, file: File) -> str:
        reply = await self._http.read(
            _ASKED,
            method="POST",
            json={
                "filename": file.name,
                "size": len(file.data),
                "content_type": file.media_type,
            },
        )
        data = _data(reply.json(), file)
        place = data.get("upload")
        if not isinstance(place, dict) or place.get("method", "PUT") != "PUT":
            raise _failed(file, "WaveSpeed named no place to PUT it")
        url = _text(place.get("url"), file)
        await self._put(url, _headers(place.get("headers"), file), file)
        return _text(data.get("download_url"), file)

    async def _by_form(self, file: File) -> str:
        reply = await self._http.read(
            _FORM, method="POST", files={"file": (file.name, file.data, file.media_type)}
        )
        return _text(_data(reply.json(), file).get("download_url"), file)

    async def _put(self, address: str, headers: list[tuple[str, str]], file: File) -> None:
        """PUT the bytes where WaveSpeed says; its word is outside input, as with downloads."""
        try:
            link = Link.read(address)
            if link.origin != self._trusted:
                link.check_public()
            status = await self._send(link, headers, file.data)
        except Refused as refused:
            raise _failed(
                file, f"the place that WaveSpeed named is refused: {refused.reason}"
            ) from None
        except _TROUBLE as error:
            raise _Passing(f"the connection failed ({type(error).__name__})") from None
        if status not in _DONE:
            # Also a 403: the place may have been meant for a moment that is over.
            raise _Passing(f"its storage answered {status}")

    async def _send(self, link: Link, headers: list[tuple[str, str]], data: bytes) -> int:
        pool = self._trusted_pool if link.origin == self._trusted else self._public_pool
        response = await pool.request(
            "PUT",
            httpcore.URL(scheme=link.scheme, host=link.host, port=link.port, target=link.target),
            headers=[("Host", link.authority), *headers],
            content=data,
            extensions={
                "timeout": {
                    "connect": _CONNECT_SECONDS,
                    "read": _PUT_SECONDS,
                    "write": _PUT_SECONDS,
                    "pool": _PUT_SECONDS,
                }
            },
        )
        return response.status


class _Passing(Exception):
    """It did not work this time."""


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


def _failed(file: File, reason: str) -> ProviderUnavailable:
    return ProviderUnavailable(
        f"An input file could not be uploaded to WaveSpeed: {reason}. Nothing was bought.",
        provider=NAME,
        field=file.field,
    )


def _data(body: Any, file: File) -> dict[str, Any]:
    data = body.get("data") if isinstance(body, dict) else None
    if not isinstance(data, dict):
        raise _failed(file, "WaveSpeed's answer has no data")
    return data


def _text(value: Any, file: File) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_URL:
        raise _failed(file, "WaveSpeed named no address for it")
    return value


def _headers(value: Any, file: File) -> list[tuple[str, str]]:
    """Return the headers to send with the bytes: exactly those that were named."""
    named = value if isinstance(value, Mapping) else {}
    if len(named) > _MOST_HEADERS or not all(
        isinstance(text, str) and len(text) <= _LONGEST_HEADER and text.isprintable()
        for text in named.values()
    ):
        raise _failed(file, "WaveSpeed named headers that cannot be sent")
    return [(str(name), text) for name, text in named.items() if str(name).lower() not in _OURS]
