"""Postings: sending a few bytes to an address that somebody gave; only the status is heeded.

The same rules as for downloads: no connection is opened but to the public internet by https, or to
an origin that the operator configured; no redirect is followed, and no cookie kept.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping, Sequence

import httpcore

from providers.addresses import PublicBackend, Resolve, check_public, look_up
from providers.links import Link, Refused

SECONDS = 15.0
"""What one posting may take."""


def check_target(url: str, origins: Sequence[str] = ()) -> Link:
    """Return the link that an address is, if it may be posted to.

    Raises:
        Refused: it is not plain https to a public host, or holds what may be a secret.
    """
    link = Link.read(url)
    if "?" in link.target:
        raise Refused("it has a query, which may hold a secret")
    if link.origin not in _trusted(origins):
        check_public(link)
    return link


async def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    origins: Sequence[str] = (),
    *,
    resolve: Resolve = look_up,
    wire: httpcore.AsyncNetworkBackend | None = None,
    tls: ssl.SSLContext | None = None,
) -> int:
    """Post a body and return the status of the answer, whose own body is not read.

    Args:
        origins: base URLs that the operator configured: they are trusted as they are.
        resolve: looks public hosts up.
        wire: opens connections.
        tls: whom to believe who they are; the public certificate authorities by default.

    Raises:
        Refused: the address is forbidden, also once it was looked up.
        OSError: it cannot be reached, or did not answer in time; without the peer's words.
    """
    link = check_target(url, origins)
    wire = wire or httpcore.AnyIOBackend()
    trusted = link.origin in _trusted(origins)
    backend = wire if trusted else PublicBackend(resolve, wire)
    where = httpcore.URL(scheme=link.scheme, host=link.host, port=link.port, target=link.target)
    sent = [("Host", link.authority), ("User-Agent", "image-studio"), *headers.items()]
    sent.append(("Content-Length", str(len(body))))
    times = dict.fromkeys(("connect", "read", "write", "pool"), SECONDS)
    try:
        async with (
            asyncio.timeout(SECONDS),
            httpcore.AsyncConnectionPool(
                ssl_context=tls or httpcore.default_ssl_context(), network_backend=backend
            ) as pool,
            pool.stream(
                "POST", where, headers=sent, content=body, extensions={"timeout": times}
            ) as response,
        ):
            return int(response.status)
    except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as error:
        raise OSError(f"the connection failed ({type(error).__name__})") from None
    except TimeoutError:
        raise OSError("the connection failed (it took too long)") from None


def _trusted(origins: Sequence[str]) -> set[tuple[str, str, int]]:
    return {Link.read(each).origin for each in origins}
