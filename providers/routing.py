"""Routing: which offers are tried for an operation, in what order, and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from providers.contract import Provider
from providers.inputs import Input
from providers.offers import Offer, first_size
from studio.errors import NoOffer, PriceUnknown
from studio.operations import Operation


@dataclass(frozen=True, slots=True)
class Choice:
    """An offer to try, and the reason for its place in the order."""

    offer: Offer
    price: int
    """What the whole operation costs, in micro-credits; a ceiling where usage is priced."""
    reason: str
    cost: int = 0
    """What the provider charges the operator for it, in micro-credits."""
    units: int = 1
    """How many units of the price book it comes to."""


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


Price = Callable[[Offer, int], tuple[int, int]]
"""What so many units of an offer cost, and cost the operator, in micro-credits; PriceUnknown."""

Health = Callable[[Provider], str]
"""Says why a provider is not to be asked now; empty when it may be."""

_FINE_ENLARGEMENT = 1.5
"""A picture that need not be enlarged more than so comes before one that must be."""


@dataclass(frozen=True, slots=True)
class Route:
    """Chooses offers among providers.

    Attributes:
        providers: by their names.
        price: what so many units of an offer cost.
        health: which providers had better be left alone now.
    """

    providers: Mapping[str, Provider]
    price: Price
    health: Health = lambda _: ""

    def plan(self, operation: Operation, inputs: Sequence[Input] = ()) -> Plan:
        """Return the offers to try: large enough ones first, then the cheapest.

        Mere substitutes are tried only where nothing better is ready: whoever asked for a
        photograph is not to get a drawing because the photographer was busy.

        Args:
            operation: what is asked.
            inputs: what is known of its input files.

        Raises:
            NoOffer: nobody sells it; the message says what each offer lacks.
            PriceUnknown: offers fit, but the price book knows none of them.
        """
        self._check_names(operation)
        choices: list[Choice] = []
        refusals: list[Refusal] = []
        unpriced: PriceUnknown | None = None
        for offer in self._offers(operation):
            reason = self._refusal(offer, operation, inputs)
            if reason:
                refusals.append(Refusal(offer.id, reason))
                continue
            try:
                units = offer.quantity(operation, inputs)
                price, cost = self.price(offer, units)
            except PriceUnknown as error:
                unpriced = error
                refusals.append(Refusal(offer.id, "has no price in the price book"))
                continue
            choices.append(Choice(offer, price, _reason(operation, offer), cost, units))
        if not choices:
            raise unpriced or _no_offer(operation, refusals)
        if not all(choice.offer.fallback for choice in choices):
            spare = [choice for choice in choices if choice.offer.fallback]
            refusals += [Refusal(each.offer.id, "is only a substitute") for each in spare]
            choices = [choice for choice in choices if not choice.offer.fallback]
        target = operation.target(*first_size(inputs))
        choices.sort(key=lambda choice: (_must_enlarge(choice.offer, target), choice.price))
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

    def _refusal(self, offer: Offer, operation: Operation, inputs: Sequence[Input]) -> str:
        if operation.model and offer.model != operation.model:
            return f"is not the model asked for ({operation.model})"
        provider = self.providers[offer.provider]
        return (
            offer.refusal(operation, inputs) or provider.not_ready(offer) or self.health(provider)
        )


def _must_enlarge(offer: Offer, target: tuple[int, int] | None) -> bool:
    """Whether what the offer makes is a good deal smaller than what was asked."""
    if target is None or offer.sizes is None:
        return False
    return offer.sizes.enlargement(*target) > _FINE_ENLARGEMENT


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
