"""Guessing keys: how often an address may come with one that does not count.

A key is 256 random bits, which nobody guesses. What is kept off here is the work of looking up
thousands of wrong ones, and the answer to whether one of them counts. Who failed too often is
refused before anything is looked up, but for keys that were good here lately: so one that guesses
locks nobody out who shares its address.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address, ip_network

from interfaces.api.throttle import Throttle
from studio.errors import TooManyRequests

FAILURES_PER_MINUTE = 30
"""Keys that do not count with which one address may come in a minute, and at once."""

_REMEMBERED = 10_000
"""Good keys that are remembered, by a hash."""
_GOOD_SECONDS = 3_600.0
_NETWORK = 64
"""Bits of an IPv6 address that are one client's: it has the others to choose from."""


class Guessing:
    """Counts failures of addresses, in this process.

    Args:
        per_minute: failures of one address in a minute, and at once.
        clock: seconds that only go forward.
    """

    def __init__(
        self,
        per_minute: int = FAILURES_PER_MINUTE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._failures = Throttle(per_minute, clock)
        self._clock = clock
        self._good: OrderedDict[bytes, float] = OrderedDict()
        self._lock = threading.Lock()

    def check(self, address: str, token: str) -> None:
        """Let pass who has not failed too often, or has a key that was good here lately.

        Raises:
            TooManyRequests: says in how many seconds to come back.
        """
        if not self._is_good(token):
            try:
                self._failures.peek(network_of(address))
            except TooManyRequests as error:
                raise TooManyRequests(
                    "Too many keys from this address did not count. Come back in "
                    f"{error.details['retry_after']} s.",
                    field="Authorization",
                    retry_after=error.details["retry_after"],
                ) from None

    def failed(self, address: str, token: str) -> None:
        """Count a key that does not count."""
        with self._lock:
            self._good.pop(_digest(token), None)
        self._failures.drain(network_of(address))

    def good(self, token: str) -> None:
        """Remember a key that counts."""
        with self._lock:
            digest = _digest(token)
            self._good[digest] = self._clock()
            self._good.move_to_end(digest)
            if len(self._good) > _REMEMBERED:
                self._good.popitem(last=False)

    def _is_good(self, token: str) -> bool:
        with self._lock:
            since = self._good.get(_digest(token))
        return since is not None and self._clock() - since < _GOOD_SECONDS


def network_of(address: str) -> str:
    """Return what is one client: an IPv4 address, or the network of an IPv6 one."""
    try:
        found = ip_address(address)
    except ValueError:
        return address[:100]
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ip_network((int(found), _NETWORK), strict=False))
    return str(found)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()
