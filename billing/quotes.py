"""Quotes: what a run will cost, line by line, in integers, before anything is held."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from billing.pricebook import PriceBook
from studio import credits as money
from studio.errors import InvalidRequest, PriceUnknown

MOST_LINES = 100_000
"""Lines in one quote: a batch of 100,000 rows; a larger one is several batches."""

MOST_UNITS = 1_000_000
"""Units in one line. With the highest price of a book the product would need 70 bits; Python
counts on, and ``credits.MOST`` refuses the sum."""

VALID = timedelta(minutes=30)
"""How long a quote stands unless its maker says otherwise."""


@dataclass(frozen=True, slots=True)
class Charge:
    """Something to be priced: ``quantity`` units of an offer, under a key of the caller's."""

    key: str
    offer: str
    unit: str
    quantity: int


@dataclass(frozen=True, slots=True)
class QuoteLine:
    """One charge with its price. ``amount = quantity * unit_price``, in micro-credits."""

    key: str
    offer: str
    unit: str
    quantity: int
    unit_price: int
    amount: int

    def as_dict(self) -> dict[str, Any]:
        """The line as JSON values."""
        return {
            "key": self.key,
            "offer": self.offer,
            "unit": self.unit,
            "quantity": self.quantity,
            "unit_price": self.unit_price,
            "amount": self.amount,
        }


@dataclass(frozen=True, slots=True)
class Quote:
    """Priced charges. ``total`` is exactly the sum of the lines' amounts, in micro-credits."""

    lines: tuple[QuoteLine, ...]
    total: int
    book_version: str
    book_date: date
    made_at: datetime
    expires_at: datetime

    def as_dict(self) -> dict[str, Any]:
        """The quote as JSON values; amounts in micro-credits, the total in credits beside it."""
        return {
            "lines": [line.as_dict() for line in self.lines],
            "total": self.total,
            "total_credits": money.show(self.total),
            "book_version": self.book_version,
            "book_date": self.book_date.isoformat(),
            "made_at": self.made_at.isoformat(),
            "expires_at": self.expires_at.isoformat(),
        }


def quote(
    charges: Sequence[Charge], book: PriceBook, now: datetime, *, valid: timedelta = VALID
) -> Quote:
    """Price the charges by the book.

    Raises:
        PriceUnknown: the book has no price for an offer, or not by that unit.
        InvalidRequest: a quantity or the number of lines is out of bounds, two charges have one
            key, or the total is more than ``credits.MOST``.
    """
    if not 1 <= len(charges) <= MOST_LINES:
        raise InvalidRequest(
            "A quote cannot have so many lines.",
            field="charges",
            given=len(charges),
            allowed=f"1 to {MOST_LINES}",
        )
    lines = tuple(_line(charge, book) for charge in charges)
    _check_keys(lines)
    return Quote(
        lines=lines,
        total=money.check(sum(line.amount for line in lines), field="total"),
        book_version=book.version,
        book_date=book.date,
        made_at=now,
        expires_at=now + valid,
    )


def _line(charge: Charge, book: PriceBook) -> QuoteLine:
    # type() and not isinstance: a quantity of True is a programming mistake.
    if type(charge.quantity) is not int or not 1 <= charge.quantity <= MOST_UNITS:
        raise InvalidRequest(
            "Nobody can be quoted this quantity.",
            field="quantity",
            given=repr(charge.quantity),
            allowed=f"a whole number from 1 to {MOST_UNITS}",
            key=charge.key,
        )
    price = book.line(charge.offer)
    if price.unit != charge.unit:
        raise PriceUnknown(
            f"Price book {book.version} prices {charge.offer} by the {price.unit}, "
            f"not by the {charge.unit}.",
            field="unit",
            given=charge.unit,
            allowed=price.unit,
            book_version=book.version,
        )
    return QuoteLine(
        key=charge.key,
        offer=charge.offer,
        unit=charge.unit,
        quantity=charge.quantity,
        unit_price=price.price,
        amount=charge.quantity * price.price,
    )


def _check_keys(lines: Sequence[QuoteLine]) -> None:
    seen: set[str] = set()
    for line in lines:
        if line.key in seen:
            raise InvalidRequest(
                "Two charges have the same key.",
                field="key",
                given=line.key,
                allowed="a key of its own for each charge",
            )
        seen.add(line.key)
