"""Planning: who would do it, and what it would cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import replace
from datetime import datetime, timedelta

from billing.pricebook import PriceBook
from billing.quotes import VALID, Charge, Quote, QuoteLine, quote
from engine.deciding import decides
from engine.jobs import Picture
from providers import Offer, Plan, Provider, Route
from providers.offers import first_size
from providers.routing import Health
from studio.clock import now
from studio.errors import InvalidRequest, NoOffer, PriceUnknown
from studio.operations import Operation


class Planner:
    """Joins what providers sell with what the price book says.

    Args:
        health: which providers had better be left alone now.
        valid: how long its quotes stand.
        stopped: says why a provider of that name may not be asked at all; empty where it may.
    """

    def __init__(
        self,
        providers: Mapping[str, Provider],
        book: PriceBook,
        health: Health = lambda _: "",
        valid: timedelta = VALID,
        stopped: Callable[[str], str] = lambda _: "",
    ) -> None:
        self._book = book
        self._valid = valid
        self._until: datetime | None = None
        self._route = Route(providers, self._price, health, stopped=stopped)

    def plan(self, operation: Operation, pictures: Sequence[Picture] = ()) -> Plan:
        """Return the offers to try for ``operation``, in order.

        Raises:
            InvalidRequest: it does not go with its pictures.
            NoOffer: nobody can do it, and why.
            PriceUnknown: somebody could, but there is no price.
        """
        return self._plan(self._route, operation, pictures)

    def honour(self, operation: Operation, pictures: Sequence[Picture], line: QuoteLine) -> Plan:
        """Return a plan with the offer of a quote alone, at its price.

        What the price book says by now does not matter, nor whether another offer is cheaper.

        Raises:
            InvalidRequest: it does not go with its pictures.
            NoOffer: the offer is not there any more, or not to be had now.
        """
        if all(offer.id != line.offer for offer in self._offers()):
            raise _not_sold(line.offer)
        route = replace(
            self._route,
            price=lambda _offer, _units: (line.amount, self._cost(line.offer) * line.quantity),
            only=frozenset({line.offer}),
        )
        return self._plan(route, operation, pictures)

    def promised(self, book: PriceBook, until: datetime) -> Planner:
        """Return a planner of the offers that ``book`` lists alone, at its prices.

        Who rests at the moment is nothing to it: the same requests come to the same offers again,
        for as long as those are to be had. What a unit costs the operator is as it is today.

        Args:
            book: the prices that are kept.
            until: when its quotes expire.

        Raises:
            NoOffer: one of the offers is not sold any more.
        """
        gone = {line.offer for line in book.lines} - {offer.id for offer in self._offers()}
        if gone:
            raise _not_sold(", ".join(sorted(gone)))
        other = copy(self)
        other._book, other._until = book, until  # noqa: SLF001 - its own copy
        other._route = replace(  # noqa: SLF001 - as above
            self._route,
            price=lambda offer, units: (
                other._price(offer, units)[0],  # noqa: SLF001 - as above
                self._cost(offer.id) * units,
            ),
            health=lambda _: "",
            only=frozenset(line.offer for line in book.lines),
        )
        return other

    def regardless(self) -> Planner:
        """Return a planner that takes all providers for ready and rested: for what it would cost.

        What it plans cannot be bought, perhaps.
        """
        other = copy(self)
        other._route = replace(self._route, regardless=True, health=lambda _: "")  # noqa: SLF001 - its own copy
        return other

    def _plan(self, route: Route, operation: Operation, pictures: Sequence[Picture]) -> Plan:
        if persona := getattr(operation, "persona", ""):
            # Its content is what is bought; a request that only names it would be made without.
            raise ValueError(f"persona {persona!r} was not put into the request")
        if decides(operation):
            raise ValueError("which way of enlarging is taken was not decided")
        inputs = [picture.facts() for picture in pictures]
        if problem := operation.problem(*first_size(inputs)):
            raise InvalidRequest(
                f"{operation.title}: {problem}.", field=inputs[0].field, given=pictures[0].name
            )
        return route.plan(operation, inputs)

    def _offers(self) -> list[Offer]:
        return [offer for provider in self._route.providers.values() for offer in provider.offers()]

    def _cost(self, offer: str) -> int:
        """What one unit costs the operator now; 0 where the book of today does not say it."""
        try:
            return self._book.line(offer).provider_cost
        except PriceUnknown:
            return 0

    def quote(self, wanted: Mapping[str, Plan]) -> Quote:
        """Return a quote with a line for each plan, named by its key, at its first offer."""
        charges = [_charge(key, plan.first.offer, plan.first.units) for key, plan in wanted.items()]
        made = quote(charges, self._book, now(), valid=self._valid)
        return replace(made, expires_at=self._until) if self._until else made

    def _price(self, offer: Offer, units: int) -> tuple[int, int]:
        price = quote([_charge("", offer, units)], self._book, now()).total
        return price, self._book.line(offer.id).provider_cost * units


def _charge(key: str, offer: Offer, units: int) -> Charge:
    return Charge(key, offer.id, offer.price.unit, units)


def _not_sold(offer: str) -> NoOffer:
    return NoOffer(
        "The offer of this quote is not sold any more; ask for a new quote.",
        field="quote",
        given=offer,
        allowed="a quote of an offer that is sold",
    )
