"""Planning: who would do it, and what it would cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from billing.pricebook import PriceBook
from billing.quotes import Charge, Quote, quote
from engine.jobs import Picture
from providers import Choice, Offer, Plan, Provider, Route
from studio.clock import now
from studio.operations import Operation


class Planner:
    """Joins what providers sell with what the price book says."""

    def __init__(self, providers: Mapping[str, Provider], book: PriceBook) -> None:
        self._book = book
        self._route = Route(providers, self._price)

    def plan(self, operation: Operation, pictures: Sequence[Picture] = ()) -> Plan:
        """Return the offers to try for ``operation``, in order.

        Raises:
            NoOffer: nobody can do it, and why.
            PriceUnknown: somebody could, but there is no price.
        """
        return self._route.plan(operation, [(p.width, p.height) for p in pictures])

    def quote(self, wanted: Mapping[str, Plan]) -> Quote:
        """Return a quote with a line for each plan, named by its key, at its first offer."""
        charges = [_charge(key, plan.operation, plan.first) for key, plan in wanted.items()]
        return quote(charges, self._book, now())

    def _price(self, offer: Offer, operation: Operation) -> int:
        charge = Charge("", offer.id, offer.price.unit, offer.price.quantity(operation))
        return quote([charge], self._book, now()).total


def _charge(key: str, operation: Operation, choice: Choice) -> Charge:
    offer = choice.offer
    return Charge(key, offer.id, offer.price.unit, offer.price.quantity(operation))
