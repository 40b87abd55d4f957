"""Pacing: when a provider's account may be asked, and what is learnt from its answers."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Final

from engine.jobs import Job
from providers import Offer, Provider
from providers.pacing import ANY_CALLER, Caller, Kind, Pacer
from studio.clock import now

_log = logging.getLogger(__name__)

_PATIENCE: Final = 900.0
"""Seconds that one piece of work waits for its account to have room: a batch at 10 pictures a
minute has sixteen rows waiting, and other processes have theirs."""

_REQUEST_PATIENCE: Final = 30.0
"""Seconds that one request waits in the middle of its work: shorter than any offer's time, since a
time-out there would look like an order whose outcome nobody knows."""

_LONGEST_REST = timedelta(hours=1)

_KINDS: Final[dict[str, Kind]] = {"picture": "images", "video": "videos"}
"""Which windows count an order; every HTTP request counts as such by itself."""


def _lock_out(provider: Provider) -> float:
    """Return how long an account rests after a 429 that did not say."""
    return provider.limits.lockout_seconds if provider.limits else 60.0


class Pacing:
    """Keeps the executor within the limits of accounts at providers.

    Args:
        pacer: where the limits are counted, over all processes; ``None`` counts nothing.
    """

    def __init__(self, pacer: Pacer | None) -> None:
        self._pacer = pacer

    @property
    def counts(self) -> bool:
        """Whether slots are counted at all."""
        return self._pacer is not None

    @contextlib.asynccontextmanager
    async def admission(
        self, provider: Provider, offer: Offer, caller: Caller = ANY_CALLER
    ) -> AsyncIterator[None]:
        """Wait until the account may be asked for work, and hold its slot until the work is done.

        Args:
            caller: whose work it is, and how urgent.

        Raises:
            RateLimited: there would be no room for longer than anybody waits.
            ProviderUnavailable: the provider has failed so often that it is left alone for longer.
        """
        if self._pacer is None or provider.limits is None:
            yield
            return
        if why := self.rests(provider):
            _log.warning("%s is waited for: it %s", provider.name, why)
        kind = _KINDS.get(offer.kind)
        account, limits = provider.account, provider.limits
        async with self._pacer.admission(
            account, limits, kind=kind, patience=_PATIENCE, caller=caller
        ):
            yield

    async def request(self, provider: Provider) -> None:
        """Wait until the account may send one more request of any kind."""
        if self._pacer is not None and provider.limits is not None:
            await self._pacer.request(provider.account, provider.limits, patience=_REQUEST_PATIENCE)

    async def learn(self, provider: Provider, job: Job) -> None:
        """Note what a job's end says of the account.

        A key that is refused, or an account without money, does not rest: whoever comes next is
        to hear the same at once, and not to wait for it.
        """
        if self._pacer is None or not provider.account:
            return
        if job.error and job.error.get("paced"):
            return  # our own refusal tells nothing of the provider
        code = str(job.error.get("code", "")) if job.error else ""
        if job.state in {"generated", "settled", "submitted"}:
            await self._pacer.succeeded(provider.account)
        elif code == "provider_rate_limited":
            told = job.error.get("retry_after") if job.error else None
            rest = timedelta(seconds=float(told if told is not None else _lock_out(provider)))
            await self._block(provider, rest, "asked too often")
        elif code in {"provider_unavailable", "outcome_unknown"}:
            await self._pacer.failed(provider.account)

    def rests(self, provider: Provider) -> str:
        """Say why a provider is to be left alone now; empty when it may be asked."""
        found = self._pacer.blocked(provider.account) if self._pacer and provider.account else None
        if found is None:
            return ""
        until, reason = found
        return f"rests until {until:%H:%M:%S} UTC: {reason}"

    async def _block(self, provider: Provider, rest: timedelta, reason: str) -> None:
        _log.warning("%s rests for %s: %s", provider.name, rest, reason)
        assert self._pacer is not None  # noqa: S101 - asked by whoever has one
        await self._pacer.block(provider.account, now() + min(rest, _LONGEST_REST), reason)
