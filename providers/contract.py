"""What the engine and a provider say to each other."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from providers.inputs import Input
from providers.offers import Offer
from providers.pacing import AccountLimits
from studio.errors import HoldRefused
from studio.operations import Operation
from studio.permit import Permit


@dataclass(frozen=True, slots=True)
class Request:
    """One piece of work for a provider.

    Attributes:
        operation: what is asked, with every choice made (its seed is no longer -1).
        files: the bytes of the input files by the operation's field name.
        inputs: what is known of those files, in the order of the fields.
    """

    operation: Operation
    files: Mapping[str, bytes] = field(default_factory=dict)
    inputs: tuple[Input, ...] = ()


@dataclass(frozen=True, slots=True)
class Output:
    """One file that a provider made.

    Attributes:
        data: the bytes, at most what the offer allows.
        media_type: by the bytes themselves, not by what a header said.
        name: which of several outputs it is, such as the social format; empty for the only one.
        width: pixels; 0 where that makes no sense.
        height: pixels; 0 where that makes no sense.
    """

    data: bytes
    media_type: str
    name: str = ""
    width: int = 0
    height: int = 0


@dataclass(frozen=True, slots=True)
class Delivery:
    """What was made, and the facts to keep with it.

    Attributes:
        outputs: at least one.
        model: the model that was really used.
        method: how it was made, in words, honestly.
        seed: the seed that was used, where the work has one.
        cost: what the provider charges for it, in micro-credits at US$0.01 a credit, where it is
            only known afterwards (``Offer.usage``); ``None`` where the price book says it.
        facts: more to keep: request ids, what could not be done, … JSON values, no secrets.
    """

    outputs: tuple[Output, ...]
    model: str
    method: str
    seed: int | None = None
    cost: int | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ticket:
    """A provider's word that it took the work and will have it later.

    Attributes:
        remote_id: the provider's own name for the job; it is stored before anybody waits.
    """

    remote_id: str


@dataclass(frozen=True, slots=True)
class Health:
    """What a provider answered when it was asked how it is.

    Attributes:
        reachable: whether it answered and took our key.
        says: in words, for people; never with a key in it.
        balance: what is left in our account there, in its own currency, where it tells.
        left: the same in micro-credits at US$0.01 a credit.
    """

    reachable: bool
    says: str
    balance: str = ""
    left: int | None = None


class Provider(ABC):
    """Somebody who does work.

    A subclass writes ``_submit`` and, if it ever returns a :class:`Ticket`, ``_collect``.
    Failures are the ``ProviderError`` branch of ``studio.errors``; anything else that escapes
    counts as an unknown outcome.
    """

    name: str
    account: str = ""
    """Whose limits apply: ``provider:`` and a fingerprint of the key; empty where none do."""
    limits: AccountLimits | None = None
    """How often and how much at once that account may ask."""

    @abstractmethod
    def offers(self) -> Sequence[Offer]:
        """Return everything that this provider sells."""

    @abstractmethod
    def not_ready(self, offer: Offer) -> str:
        """Say why ``offer`` cannot be had now (no key, no weights); empty when it can."""

    async def submit(self, permit: Permit, offer: Offer, request: Request) -> Delivery | Ticket:
        """Have the work done, or handed in to be collected later.

        Raises:
            HoldRefused: the permit is for something else or was used before; nothing was sent.
            ProviderError: the provider did not deliver.
        """
        if not isinstance(permit, Permit):
            raise HoldRefused("A provider is called with a permit of the gate, and nothing else.")
        permit.use(offer.id)
        return await self._submit(offer, request)

    async def collect(self, offer: Offer, ticket: Ticket) -> Delivery:
        """Wait for work handed in before and return it. It buys nothing and may be repeated.

        Raises:
            ProviderError: the provider did not deliver.
        """
        return await self._collect(offer, ticket)

    @abstractmethod
    async def _submit(self, offer: Offer, request: Request) -> Delivery | Ticket:
        """Do the work or hand it in."""

    async def _collect(self, offer: Offer, ticket: Ticket) -> Delivery:
        """Wait for work handed in; only providers that give tickets have this."""
        raise TypeError(f"{self.name} gave no ticket such as {ticket.remote_id} for {offer.id}")

    def resolve(self, model: str) -> str:
        """Return the model that is meant by a name, which may be that of a retired one."""
        return model

    async def check(self) -> Health:
        """Ask the provider how it is; it buys nothing and answers within some seconds."""
        return Health(reachable=True, says="on this machine")

    def pace_by(self, pace: Callable[[], Awaitable[None]]) -> None:  # noqa: B027 - local has none
        """Have ``pace`` awaited before each HTTP request: limits are to hold for all of them."""

    async def close(self) -> None:  # noqa: B027 - most providers that compute have nothing to close
        """Let go of connections and threads."""
