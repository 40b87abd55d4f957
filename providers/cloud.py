"""What all providers with a key and an address share."""

from __future__ import annotations

import asyncio
import hashlib
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from pydantic import SecretStr

from providers.contract import Delivery, Health, Provider, Request, Ticket
from providers.http import Transport, can_be_sent
from providers.offers import Offer
from providers.words import in_words
from studio.errors import ProviderError
from studio.permit import Permit

_FINGERPRINT = 12
_CHECK_SECONDS = 20.0
"""How long the answer to "how are you" may take, with all its tries."""


class CloudProvider(Provider):
    """A provider behind HTTP.

    Args:
        name: as in its offers.
        key: its key; empty means that it is not to be asked.
        setting: the setting that holds the key, for messages.
        offers: what it sells.
        transport: how it is reached.
    """

    def __init__(
        self,
        name: str,
        *,
        key: SecretStr,
        setting: str,
        offers: Sequence[Offer],
        transport: Transport,
    ) -> None:
        self.name = name
        self.http = transport
        self._lacks = _lacks(key.get_secret_value(), setting)
        self._offers = tuple(offers)
        digest = hashlib.sha256(key.get_secret_value().encode()).hexdigest()
        self.account = f"{name}:{digest[:_FINGERPRINT]}"

    def offers(self) -> Sequence[Offer]:
        """Return everything that this provider sells."""
        return self._offers

    def not_ready(self, offer: Offer) -> str:
        """Say that the key is missing or is none; empty when there is one."""
        del offer
        return f"needs a key: {self._lacks}" if self._lacks else ""

    async def submit(self, permit: Permit, offer: Offer, request: Request) -> Delivery | Ticket:
        """Have the work done; no model in the cloud has a field for colours."""
        request = replace(request, operation=in_words(request.operation))
        return await super().submit(permit, offer, request)

    def pace_by(self, pace: Callable[[], Awaitable[None]]) -> None:
        """Have ``pace`` awaited before each HTTP request."""
        self.http.pace = pace

    async def check(self) -> Health:
        """Ask the provider how it is; it buys nothing."""
        if self._lacks:
            return Health(reachable=False, says=f"no key: {self._lacks}")
        try:
            async with asyncio.timeout(_CHECK_SECONDS):
                return await self._check()
        except ProviderError as error:
            return Health(reachable=False, says=error.message)
        except TimeoutError:
            words = f"did not answer within {_CHECK_SECONDS:g} seconds"
            return Health(reachable=False, says=words)

    @abstractmethod
    async def _check(self) -> Health:
        """Ask something that needs the key and costs nothing."""

    async def close(self) -> None:
        """Close the connections."""
        await self.http.close()


def _lacks(key: str, setting: str) -> str:
    """Say what to do about a key that cannot be used; empty for one that can."""
    if not key:
        return f"set {setting}"
    if can_be_sent(key) and " " not in key:
        return ""
    return f"{setting} holds a space, a line break or a letter that no key has"
