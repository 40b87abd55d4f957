"""Routing: which offers are tried for an operation, in what order, and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from providers.contract import Provider
from providers.inputs import Input
from providers.offers import Offer, first_size
from studio.errors import NoOffer, PriceUnknown, shorten
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
"""Says why a provider rests for a while (it was asked too often, say); empty when it does not."""

_FINE_ENLARGEMENT = 1.5
"""A picture that need not be enlarged more than so comes before one that must be."""

_MOST_REASONS = 8
_MOST_NAMED = 3
_MOST_MODELS = 40
"""How much of a long list a message names; ``details`` have all of it."""


@dataclass(frozen=True, slots=True)
class Route:
    """Chooses offers among providers.

    Attributes:
        providers: by their names.
        price: what so many units of an offer cost.
        health: which providers had better be left alone now.
        stopped: says why a provider of that name may not be asked; empty where it may.
        only: the offers that may be tried; without any, all of them may be.
        regardless: whether it does not matter if an offer can be had now.
    """

    providers: Mapping[str, Provider]
    price: Price
    health: Health = lambda _: ""
    stopped: Callable[[str], str] = lambda _: ""
    only: frozenset[str] = frozenset()
    regardless: bool = False

    def plan(self, operation: Operation, inputs: Sequence[Input] = ()) -> Plan:
        """Return the offers to try: large enough ones first, then the cheapest.

        Mere substitutes are tried only where nothing better is ready: whoever asked for a
        photograph is not to get a drawing because the photographer was busy. For the same reason
        a provider that rests is left alone only while another one can do it. Where none can, it is
        waited for (``engine/pacing.py`` does, and says so if it takes too long): a rest of a
        minute does not make a request wrong.

        Args:
            operation: what is asked.
            inputs: what is known of its input files.

        Raises:
            NoOffer: nobody sells it; the message says what each offer lacks.
            PriceUnknown: offers fit, but the price book knows none of them.
        """
        self._check_names(operation)
        choices, refusals, unpriced = self._sort_out(operation, inputs)
        if not choices:
            raise unpriced or _no_offer(operation, refusals, self._others(operation, inputs))
        choices = _without(choices, refusals, _is_substitute)
        rests = {name: self.health(self.providers[name]) for name in _names(choices)}
        choices = _without(choices, refusals, lambda it: rests[it.offer.provider])
        target = operation.target(*first_size(inputs))
        choices.sort(key=lambda choice: (_must_enlarge(choice.offer, target), choice.price))
        return Plan(operation, _with_reasons(operation, choices, rests), tuple(refusals))

    def _sort_out(
        self, operation: Operation, inputs: Sequence[Input]
    ) -> tuple[list[Choice], list[Refusal], PriceUnknown | None]:
        """Return what can do it, why the rest cannot, and what is said of missing prices."""
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
            choices.append(Choice(offer, price, "", cost, units))
        return choices, refusals, unpriced

    def _check_names(self, operation: Operation) -> None:
        """Refuse a provider or model that nobody knows, before any other reason hides it."""
        if operation.provider != "auto" and operation.provider not in self.providers:
            raise NoOffer(
                "There is no such provider.",
                field="provider",
                given=operation.provider,
                allowed=", ".join(["auto", *self.providers]),
            )
        offers = self._offers(operation)
        if operation.provider != "auto" and not offers:
            raise NoOffer(
                f"{operation.title}: the provider asked for does not do this.",
                field="provider",
                given=operation.provider,
                allowed=_listed(["auto", *self._sellers(operation)], _MOST_MODELS),
            )
        models = list(dict.fromkeys(offer.model for offer in offers))
        if not any(self._is_wanted(offer, operation) for offer in offers) and operation.model:
            raise NoOffer(
                f"{operation.title}: no provider asked for has such a model.",
                field="model",
                given=operation.model,
                allowed=_listed(models, _MOST_MODELS),
            )

    def _offers(self, operation: Operation) -> list[Offer]:
        """Return the offers for this kind of work from the providers that may be asked."""
        return [
            offer
            for name, provider in self.providers.items()
            if operation.provider in {"auto", name}
            for offer in provider.offers()
            if offer.operation == operation.operation and (not self.only or offer.id in self.only)
        ]

    def _sellers(self, operation: Operation) -> list[str]:
        """Return the names of all providers that do this kind of work."""
        return [
            name
            for name, provider in self.providers.items()
            if any(offer.operation == operation.operation for offer in provider.offers())
        ]

    def _others(self, operation: Operation, inputs: Sequence[Input]) -> list[str]:
        """Return who would do it if nobody had been asked for by name, with a key or without."""
        if operation.provider == "auto":
            return []
        open_to_all = operation.model_copy(update={"provider": "auto", "model": ""})
        return [
            name
            for name, provider in self.providers.items()
            if name != operation.provider
            and not all(offer.refusal(open_to_all, inputs) for offer in provider.offers())
        ]

    def _is_wanted(self, offer: Offer, operation: Operation) -> bool:
        """Whether it is of the model asked for, perhaps by a name that its provider has retired."""
        resolve = self.providers[offer.provider].resolve
        return not operation.model or resolve(operation.model) == offer.model

    def _refusal(self, offer: Offer, operation: Operation, inputs: Sequence[Input]) -> str:
        if not self._is_wanted(offer, operation):
            return f"is not the model asked for ({operation.model})"
        provider = self.providers[offer.provider]
        refused = offer.refusal(operation, inputs)
        if refused or self.regardless:
            return refused
        return self.stopped(provider.name) or provider.not_ready(offer)


def _must_enlarge(offer: Offer, target: tuple[int, int] | None) -> bool:
    """Whether what the offer makes is a good deal smaller than what was asked."""
    if target is None or offer.sizes is None or not min(target):
        return False  # a picture that an earlier row has yet to make has no size
    return offer.sizes.enlargement(*target) > _FINE_ENLARGEMENT


def _is_substitute(choice: Choice) -> str:
    return "is only a substitute" if choice.offer.fallback else ""


def _names(choices: Sequence[Choice]) -> list[str]:
    """Return the providers of ``choices``, each once."""
    return list(dict.fromkeys(choice.offer.provider for choice in choices))


def _without(
    choices: list[Choice], refusals: list[Refusal], objection: Callable[[Choice], str]
) -> list[Choice]:
    """Refuse the choices that there is an objection to, unless there is one to all of them."""
    objections = [objection(choice) for choice in choices]
    if all(objections):
        return choices
    pairs = list(zip(choices, objections, strict=True))
    refusals += [Refusal(choice.offer.id, words) for choice, words in pairs if words]
    return [choice for choice, words in pairs if not words]


def _with_reasons(
    operation: Operation, choices: Sequence[Choice], rests: Mapping[str, str]
) -> tuple[Choice, ...]:
    """Return ``choices``, in order, each with the reason for its place."""
    told = []
    for place, choice in enumerate(choices):
        words = _reason(operation, choice.offer, first=place == 0)
        rest = rests[choice.offer.provider]
        told.append(replace(choice, reason=f"{words}; it {rest}" if rest else words))
    return tuple(told)


def _reason(operation: Operation, offer: Offer, *, first: bool) -> str:
    if offer.fallback:
        return "a substitute, for when nothing better can be had"
    if operation.model:
        return f"the model {operation.model} was asked for"
    if not first:
        return "next in order, for when those before it surely bought nothing"
    if operation.provider != "auto":
        return f"the cheapest fitting offer of {operation.provider}, which was asked for"
    return "the cheapest fitting offer of all ready providers"


def _no_offer(operation: Operation, refusals: Sequence[Refusal], others: Sequence[str]) -> NoOffer:
    # That other models are not the one asked for helps nobody; details have it all the same.
    other = f"is not the model asked for ({operation.model})"
    offers: dict[str, list[str]] = {}
    for refusal in refusals:
        if refusal.reason != other:
            offers.setdefault(refusal.reason, []).append(refusal.offer)
    told = [
        f"{_listed(names, _MOST_NAMED)}: {shorten(reason)}"
        for reason, names in list(offers.items())[:_MOST_REASONS]
    ]
    left = sum(len(names) for names in list(offers.values())[_MOST_REASONS:])
    if left:
        told.append(f"and {left} more offers, each for a reason of its own")
    asked = operation.provider
    who = "nobody can" if asked == "auto" else f"{asked} cannot"
    elsewhere = f" Other providers do it: {', '.join(others)}." if others else ""
    return NoOffer(
        f"{operation.title}: {who} do this. {'; '.join(told) or 'No provider offers it'}."
        f"{elsewhere}",
        refusals=[{"offer": refusal.offer, "reason": refusal.reason} for refusal in refusals],
    )


def _listed(names: Sequence[str], most: int) -> str:
    """Return names in words, and how many more there are."""
    words = ", ".join(names[:most])
    return f"{words} and {len(names) - most} more" if len(names) > most else words
