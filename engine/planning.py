"""Planning: who would do it, and what it would cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from billing.pricebook import PriceBook
from billing.quotes import Charge, Quote, quote
from engine.jobs import Picture
from providers import Offer, Plan, Provider, Route
from providers.offers import first_size
from providers.routing import Health
from studio.clock import now
from studio.errors import InvalidRequest
from studio.operations import Operation


class Planner:
    """Joins what providers sell with what the price book says."""

    def __init__(
        self, providers: Mapping[str, Provider], book: PriceBook, health: Health = lambda _: ""
    ) -> None:
        self._book = book
        self._route = Route(providers, self._price, health)

    def plan(self, operation: Operation, pictures: Sequence[Picture] = ()) -> Plan:
        """Return the offers to try for ``operation``, in order.

        Raises:
            InvalidRequest: it does not go with its pictures.
            NoOffer: nobody can do it, and why.
            PriceUnknown: somebody could, but there is no price.
        """
        inputs = [picture.facts() for picture in pictures]
        if problem := operation.problem(*first_size(inputs)):
            raise InvalidRequest(
                f"{operation.title}: {problem}.", field=inputs[0].field, given=pictures[0].name
            )
        return self._route.plan(operation, inputs)

    def quote(self, wanted: Mapping[str, Plan]) -> Quote:
        """Return a quote with a line for each plan, named by its key, at its first offer."""
        charges = [_charge(key, plan.first.offer, plan.first.units) for key, plan in wanted.items()]
        return quote(charges, self._book, now())

    def _price(self, offer: Offer, units: int) -> tuple[int, int]:
        price = quote([_charge("", offer, units)], self._book, now()).total
        return price, self._book.line(offer.id).provider_cost * units


def _charge(key: str, offer: Offer, units: int) -> Charge:
    return Charge(key, offer.id, offer.price.unit, units)
