"""What all providers with a key and an address share."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Sequence

from pydantic import SecretStr

from providers.contract import Health, Provider
from providers.http import Transport
from providers.offers import Offer
from studio.errors import ProviderError

_FINGERPRINT = 12


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
        self._has_key = bool(key.get_secret_value())
        self._setting = setting
        self._offers = tuple(offers)
        digest = hashlib.sha256(key.get_secret_value().encode()).hexdigest()
        self.account = f"{name}:{digest[:_FINGERPRINT]}"

    def offers(self) -> Sequence[Offer]:
        """Return everything that this provider sells."""
        return self._offers

    def not_ready(self, offer: Offer) -> str:
        """Say that the key is missing; empty when there is one."""
        del offer
        return "" if self._has_key else f"needs a key: set {self._setting}"

    def pace_by(self, pace: Callable[[], Awaitable[None]]) -> None:
        """Have ``pace`` awaited before each HTTP request."""
        self.http.pace = pace

    async def check(self) -> Health:
        """Ask the provider how it is; it buys nothing."""
        if not self._has_key:
            return Health(reachable=False, says=f"no key: set {self._setting}")
        try:
            return await self._check()
        except ProviderError as error:
            return Health(reachable=False, says=error.message)

    @abstractmethod
    async def _check(self) -> Health:
        """Ask something that needs the key and costs nothing."""

    async def close(self) -> None:
        """Close the connections."""
        await self.http.close()
