"""Credits as text and back, without rounding."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from studio import credits as money
from studio.errors import InvalidRequest


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("0", 0),
        ("1", 1_000_000),
        ("12.5", 12_500_000),
        ("0.000001", 1),
        ("0.10", 100_000),
        ("007.70", 7_700_000),
        (" 3 ", 3_000_000),
        ("1000000000", money.MOST),
        ("1000000000.000000", money.MOST),
    ],
)
def test_text_is_read_exactly(text: str, amount: int) -> None:
    assert money.parse(text) == amount


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", ".", "1.", ".5", "1,5", "1_000", "1e3", "+1", "--1", "1 2", "0x10", "NaN"),
        *("nan", "Infinity", "-", "1.5.5", "٣", "½", "1\n2", "12 credits", "$1"),
        *("1.0000001", "0.0000000", "0" * 41, "9" * 5000),
        *("1000000000.000001", "1000000001", "-0.000001", "-1"),
    ],
)
def test_what_is_no_amount_is_refused_with_what_is_one(text: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        money.parse(text, field="price")
    assert refusal.value.field == "price"
    assert refusal.value.given
    assert refusal.value.allowed


@pytest.mark.parametrize("value", [1, 1.5, True, None, Decimal("1.5"), b"1"])
def test_only_text_is_read(value: Any) -> None:
    with pytest.raises(InvalidRequest):
        money.parse(value)


def test_negatives_are_read_where_they_are_allowed() -> None:
    assert money.parse("-12.5", least=-money.MOST) == -12_500_000
    with pytest.raises(InvalidRequest):
        money.parse("-12.500001", least=-12_500_000)
    with pytest.raises(InvalidRequest):
        money.parse("0", least=1)


@pytest.mark.parametrize(
    ("amount", "shown", "dollars"),
    [
        (0, "0", "0"),
        (1, "0.000001", "0.00000001"),
        (12_500_000, "12.5", "0.125"),
        (100_000_000, "100", "1"),
        (10_000_000, "10", "0.1"),
        (-1_000_001, "-1.000001", "-0.01000001"),
        (money.MOST, "1000000000", "10000000"),
    ],
)
def test_amounts_are_shown_exactly(amount: int, shown: str, dollars: str) -> None:
    assert (money.show(amount), money.dollars(amount)) == (shown, dollars)


@given(st.integers(-money.MOST, money.MOST))
@example(-1)
def test_what_is_shown_is_read_back(amount: int) -> None:
    assert money.parse(money.show(amount), least=-money.MOST) == amount
    assert Decimal(money.show(amount)) * money.MICRO == amount
    assert Decimal(money.dollars(amount)) * money.MICRO * 100 == amount


@pytest.mark.parametrize("value", [True, False, 1.0, float("nan"), "1", None, Decimal(1)])
def test_an_amount_is_an_int_and_nothing_like_one(value: Any) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        money.check(value)
    assert refusal.value.allowed == "an integer"


@pytest.mark.parametrize("value", [-1, money.MOST + 1, 10**400, -(10**400)])
def test_an_amount_has_bounds(value: int) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        money.check(value)
    assert refusal.value.allowed == "0 to 1000000000 credits"
    assert money.check(0) == 0
    assert money.check(money.MOST) == money.MOST


def test_the_largest_amount_is_exact_as_json_number_and_in_the_database() -> None:
    assert int(float(money.MOST)) == money.MOST < 2**53
    assert 2 * money.MOST < 2**63
