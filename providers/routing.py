"""Routing: which offers are tried for an operation, in what order, and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from providers.contract import Provider
from providers.offers import Offer
from studio.errors import NoOffer, PriceUnknown
from studio.operations import Operation


@dataclass(frozen=True, slots=True)
class Choice:
    """An offer to try, and the reason for its place in the order."""

    offer: Offer
    price: int
    """What the whole operation costs, in micro-credits."""
    reason: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """An offer that is not tried, and why."""

    offer: str
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The ordered offers to try for an operation; never empty."""

    operation: Operation
    choices: tuple[Choice, ...]
    refusals: tuple[Refusal, ...]

    @property
    def first(self) -> Choice:
        """The offer to try first."""
        return self.choices[0]


Price = Callable[[Offer, Operation], int]
"""What an operation costs at an offer, in micro-credits; raises PriceUnknown."""


@dataclass(frozen=True, slots=True)
class Route:
    """Chooses offers among providers.

    Attributes:
        providers: by their names.
        price: what an operation costs at an offer.
    """

    providers: Mapping[str, Provider]
    price: Price

    def plan(self, operation: Operation, sizes: Sequence[tuple[int, int]] = ()) -> Plan:
        """Return the offers to try: the cheapest first, mere substitutes last.

        Args:
            operation: what is asked.
            sizes: width and height of the input pictures, in pixels.

        Raises:
            NoOffer: nobody sells it; the message says what each offer lacks.
            PriceUnknown: offers fit, but the price book knows none of them.
        """
        self._check_names(operation)
        choices: list[Choice] = []
        refusals: list[Refusal] = []
        unpriced: PriceUnknown | None = None
        for offer in self._offers(operation):
            reason = self._refusal(offer, operation, sizes)
            if reason:
                refusals.append(Refusal(offer.id, reason))
                continue
            try:
                price = self.price(offer, operation)
            except PriceUnknown as error:
                unpriced = error
                refusals.append(Refusal(offer.id, "has no price in the price book"))
                continue
            choices.append(Choice(offer, price, _reason(operation, offer)))
        if not choices:
            raise unpriced or _no_offer(operation, refusals)
        choices.sort(key=lambda choice: (choice.offer.fallback, choice.price))
        return Plan(operation, tuple(choices), tuple(refusals))

    def _check_names(self, operation: Operation) -> None:
        """Refuse a provider or model that nobody knows, before any other reason hides it."""
        if operation.provider != "auto" and operation.provider not in self.providers:
            raise NoOffer(
                "There is no such provider.",
                field="provider",
                given=operation.provider,
                allowed=", ".join(["auto", *self.providers]),
            )
        models = [offer.model for offer in self._offers(operation)]
        if operation.model and operation.model not in models:
            raise NoOffer(
                f"{operation.title}: no provider asked for has such a model.",
                field="model",
                given=operation.model,
                allowed=", ".join(models) or "none: that provider does not do this",
            )

    def _offers(self, operation: Operation) -> list[Offer]:
        """Return the offers for this kind of work from the providers that may be asked."""
        return [
            offer
            for name, provider in self.providers.items()
            if operation.provider in {"auto", name}
            for offer in provider.offers()
            if offer.operation == operation.operation
        ]

    def _refusal(self, offer: Offer, operation: Operation, sizes: Sequence[tuple[int, int]]) -> str:
        if operation.model and offer.model != operation.model:
            return f"is not the model asked for ({operation.model})"
        broken = [text for text in (offer.pictures.refusal(*size) for size in sizes) if text]
        return (
            offer.refusal(operation)
            or "; ".join(broken)
            or self.providers[offer.provider].not_ready(offer)
        )


def _reason(operation: Operation, offer: Offer) -> str:
    if operation.model:
        return f"the model {operation.model} was asked for"
    if offer.fallback:
        return "a substitute, for when nothing better can be had"
    if operation.provider != "auto":
        return f"the cheapest fitting offer of {operation.provider}, which was asked for"
    return "the cheapest fitting offer of all ready providers"


def _no_offer(operation: Operation, refusals: Sequence[Refusal]) -> NoOffer:
    words = "; ".join(f"{refusal.offer} {refusal.reason}" for refusal in refusals)
    return NoOffer(
        f"{operation.title}: nobody can do this. {words or 'No provider offers it'}.",
        refusals=[{"offer": refusal.offer, "reason": refusal.reason} for refusal in refusals],
    )
