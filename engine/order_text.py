"""Orders as bytes, for a process on another machine to carry out: what was decided stays decided.

Whoever takes them up plans nothing anew: a signed quote, a provider that rested, a picture of an
earlier row are all in them.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

from engine.execute import Order
from engine.jobs import Picture
from providers import Choice, Offer, Plan, Provider
from studio.errors import SetupIncomplete
from studio.operations import Operation, parse_operation

_OF_ITS_OWN = frozenset({"plan", "pictures"})


def pack(orders: Sequence[Order]) -> bytes:
    """Return orders as compressed JSON, about 200 bytes each."""
    return zlib.compress(json.dumps([_values(each) for each in orders]).encode(), 1)


def unpack(data: bytes, providers: Mapping[str, Provider]) -> list[Order]:
    """Return the orders that were packed.

    Args:
        providers: of this process, by their names.

    Raises:
        SetupIncomplete: an order's provider is not ready here, so that nobody here can do it.
    """
    offers = {offer.id: offer for each in providers.values() for offer in each.offers()}
    orders = [_order(values, offers) for values in json.loads(zlib.decompress(data))]
    for offer in {order.plan.first.offer.id: order.plan.first.offer for order in orders}.values():
        if why := providers[offer.provider].not_ready(offer):
            raise _lacking(offer.id, why)
    return orders


def _lacking(offer: str, why: str) -> SetupIncomplete:
    return SetupIncomplete(
        f"This machine cannot do what was quoted: {offer} {why}. Give its worker the settings of "
        "the machine where the batch was started.",
        offer=offer,
    )


def _values(order: Order) -> dict[str, Any]:
    plain = {
        each.name: getattr(order, each.name)
        for each in fields(order)
        if each.name not in _OF_ITS_OWN
    }
    operation = order.plan.operation
    return {
        **plain,
        "notes": dict(order.notes),
        "operation": operation.model_dump(mode="json"),
        "template": operation.asked_template,
        "choices": [
            {
                "offer": each.offer.id,
                "price": each.price,
                "reason": each.reason,
                "cost": each.cost,
                "units": each.units,
            }
            for each in order.plan.choices
        ],
        "pictures": [asdict(each) for each in order.pictures],
    }


def _order(values: dict[str, Any], offers: Mapping[str, Offer]) -> Order:
    operation = _operation(values.pop("operation"), values.pop("template"))
    first, *others = values.pop("choices")
    if first["offer"] not in offers:
        # Not the second choice instead: it may be dearer than what is set aside for the first.
        raise _lacking(first["offer"], "is not sold here")
    choices = tuple(
        Choice(offers[each["offer"]], **{name: each[name] for name in each if name != "offer"})
        for each in (first, *others)
        if each["offer"] in offers
    )
    pictures = tuple(Picture(**each) for each in values.pop("pictures"))
    return Order(plan=Plan(operation, choices, ()), pictures=pictures, **values)


def _operation(values: Mapping[str, Any], template: str) -> Operation:
    """Return the request; usage is told by the template that it named."""
    plain = parse_operation(values)
    if not template:
        return plain
    named = parse_operation({**values, "template": template})
    return named if named.canonical() == plain.canonical() else plain
