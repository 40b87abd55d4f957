"""Quotes, to the micro-credit."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.pricebook import PriceBook, PriceLine
from billing.quotes import MOST_LINES, MOST_UNITS, Charge, quote
from studio import credits as money
from studio.errors import InvalidRequest, PriceUnknown

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def line(offer: str, unit: str, price: int) -> PriceLine:
    return PriceLine(offer=offer, unit=unit, price=price, provider_cost=0, source="a test")


BOOK = PriceBook(
    version="2026-11-22",
    date=date(2026, 11, 22),
    currency="credits",
    lines=(
        line("local/draw", "picture", 200_001),
        line("local/crop", "format", 50_000),
        line("local/free", "picture", 0),
        line("local/dear", "picture", money.MOST),
    ),
)


def test_a_quote_is_the_exact_sum_of_its_lines() -> None:
    made = quote(
        [
            Charge("row 1", "local/draw", "picture", 3),
            Charge("row 2", "local/crop", "format", 7),
            Charge("row 3", "local/free", "picture", 1),
        ],
        BOOK,
        NOW,
    )
    assert [(each.key, each.unit_price, each.amount) for each in made.lines] == [
        ("row 1", 200_001, 600_003),
        ("row 2", 50_000, 350_000),
        ("row 3", 0, 0),
    ]
    assert made.total == 950_003
    assert (made.book_version, made.book_date) == ("2026-11-22", date(2026, 11, 22))
    assert (made.made_at, made.expires_at) == (NOW, NOW + timedelta(minutes=30))
    longer = quote([Charge("a", "local/crop", "format", 1)], BOOK, NOW, valid=timedelta(1))
    assert longer.expires_at == NOW + timedelta(1)


def test_a_quote_is_json() -> None:
    made = quote([Charge("a", "local/draw", "picture", 3)], BOOK, NOW)
    assert json.loads(json.dumps(made.as_dict())) == {
        "lines": [
            {
                "key": "a",
                "offer": "local/draw",
                "unit": "picture",
                "quantity": 3,
                "unit_price": 200_001,
                "amount": 600_003,
            }
        ],
        "total": 600_003,
        "total_credits": "0.600003",
        "book_version": "2026-11-22",
        "book_date": "2026-11-22",
        "made_at": "2026-11-22T12:00:00+00:00",
        "expires_at": "2026-11-22T12:30:00+00:00",
    }


@pytest.mark.parametrize("quantity", [0, -1, MOST_UNITS + 1, True, 1.0, "1", None])
def test_a_quantity_is_a_whole_number_within_bounds(quantity: Any) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        quote([Charge("a", "local/crop", "format", quantity)], BOOK, NOW)
    assert refusal.value.field == "quantity"
    assert refusal.value.details["key"] == "a"
    assert quote([Charge("a", "local/crop", "format", MOST_UNITS)], BOOK, NOW).total == 5 * 10**10


def test_a_quote_has_lines_and_not_too_many() -> None:
    charges = [Charge(str(n), "local/crop", "format", 1) for n in range(MOST_LINES + 1)]
    for refused in ([], charges):
        with pytest.raises(InvalidRequest) as refusal:
            quote(refused, BOOK, NOW)
        assert refusal.value.field == "charges"
    assert quote(charges[:-1], BOOK, NOW).total == MOST_LINES * 50_000


def test_one_line_without_a_price_refuses_the_whole_quote() -> None:
    fine = Charge("a", "local/crop", "format", 1)
    with pytest.raises(PriceUnknown):
        quote([fine, Charge("b", "local/nobody", "picture", 1)], BOOK, NOW)
    with pytest.raises(PriceUnknown) as refusal:
        quote([fine, Charge("b", "local/crop", "picture", 1)], BOOK, NOW)
    assert (refusal.value.given, refusal.value.allowed) == ("picture", "format")


def test_two_charges_with_one_key_are_refused() -> None:
    with pytest.raises(InvalidRequest) as refusal:
        quote([Charge("a", "local/crop", "format", 1)] * 2, BOOK, NOW)
    assert refusal.value.field == "key"


def test_a_total_beyond_the_largest_amount_is_refused() -> None:
    assert quote([Charge("a", "local/dear", "picture", 1)], BOOK, NOW).total == money.MOST
    with pytest.raises(InvalidRequest) as refusal:
        quote(
            [
                Charge("a", "local/dear", "picture", 1),
                Charge("b", "local/crop", "format", 1),
            ],
            BOOK,
            NOW,
        )
    assert refusal.value.field == "total"


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=30))
def test_splitting_a_charge_never_changes_the_sum(quantities: list[int]) -> None:
    split = [Charge(str(n), "local/draw", "picture", each) for n, each in enumerate(quantities)]
    whole = [Charge("all", "local/draw", "picture", sum(quantities))]
    assert quote(split, BOOK, NOW).total == quote(whole, BOOK, NOW).total
