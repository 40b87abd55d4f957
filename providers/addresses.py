"""Addresses: which are on the public internet, and connections that go to no other.

A name is looked up once for each connection, every address that comes back is checked, and the
connection goes to one of those very addresses. A name that means something else a moment later
(DNS rebinding) therefore gains nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import httpcore

from providers.links import Link, Refused

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Looks a host up: its addresses as text. ``OSError`` says that it has none."""

_MOST_TRIED = 4
"""Addresses of one name that are tried in turn."""

# https://www.iana.org/assignments/iana-ipv4-special-registry and its IPv6 sister. Written out,
# because `is_global` differs between patch releases of Python (CVE-2024-4032) and calls relays,
# translators and multicast global.
_CLOSED = tuple(
    ip_network(each)
    for each in (
        "0.0.0.0/8",  # this host
        "10.0.0.0/8",
        "100.64.0.0/10",  # carriers' NAT, and the metadata of some clouds
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's host, in public space, seen from its machines only
        "169.254.0.0/16",  # link-local, and the metadata of most clouds
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "2001::/23",  # Teredo, ORCHID, benchmarks
        "2001:db8::/32",
        "2002::/16",  # 6to4: an IPv4 address in disguise
        "2620:4f:8000::/48",
        "3fff::/20",
    )
)
_OPEN = ip_network("2000::/3")
"""All of IPv6 that the internet uses; mapped, local and multicast addresses are outside."""
_TRANSLATED = ip_network("64:ff9b::/96")
"""NAT64: the IPv4 internet as a network without IPv4 sees it (RFC 6052); the last 4 bytes count."""


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Say whether ``address`` is a host on the public internet."""
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return False
        if address in _TRANSLATED:
            return is_public(IPv4Address(address.packed[-4:]))
        if address not in _OPEN:
            return False
    return address.is_global and not any(address in network for network in _CLOSED)


def check_public(link: Link) -> None:
    """Check what can be seen of a link before its name is looked up.

    Raises:
        Refused: it is not https, has a port of its own, or its host is none of the public internet.
    """
    link.check_public()
    with contextlib.suppress(ValueError):
        if not is_public(ip_address(link.host)):
            raise Refused("it is no host on the public internet")


async def look_up(host: str, port: int) -> list[str]:
    """Return the addresses of ``host`` in the order in which they are best tried.

    Raises:
        OSError: it has none, or nobody could be asked.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(sockaddr[0]) for *_, sockaddr in found]


class PublicBackend(httpcore.AsyncNetworkBackend):
    """Opens connections to hosts on the public internet, and to no others.

    Args:
        resolve: looks hosts up.
        wire: opens the connections; it is given addresses, never names.
    """

    def __init__(self, resolve: Resolve, wire: httpcore.AsyncNetworkBackend) -> None:
        self._resolve = resolve
        self._wire = wire

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address of ``host`` that takes it; ``timeout`` is for each.

        Raises:
            Refused: one of its addresses is not public.
            httpcore.ConnectError: it has no address, or none takes the connection.
            httpcore.ConnectTimeout: the look-up or the last address took too long.
        """
        trouble: Exception = httpcore.ConnectError("it has no address")
        for address in (await self._addresses(host, port, timeout))[:_MOST_TRIED]:
            try:
                return await self._wire.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                trouble = error
        raise trouble

    async def _addresses(self, host: str, port: int, seconds: float | None) -> list[str]:
        """Look ``host`` up, once, and return its addresses if all of them are public."""
        try:
            async with asyncio.timeout(seconds):
                found = await self._resolve(host, port)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout("its name was not found in time") from error
        except OSError as error:
            raise httpcore.ConnectError("its name was not found") from error
        addresses = [_read(each) for each in found]
        if not all(address is not None and is_public(address) for address in addresses):
            raise Refused(f"{host} has an address that is not on the public internet")
        return [str(address) for address in addresses]


def _read(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
