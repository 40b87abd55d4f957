"""The bounds of what may stand in the files of prices and plans: kept, and no further."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from billing.accounts.plans import Plan, PlanBook
from billing.pricebook import PriceBook, PriceLine
from studio import credits as money

LINE: dict[str, Any] = {
    "offer": "local/a",
    "unit": "picture",
    "price": 5,
    "provider_cost": 0,
    "source": "s",
}
PLAN: dict[str, Any] = {
    "name": "one",
    "title": "One",
    "price_month": 5,
    "price_year": 5,
    "credits": 5,
    "modules": frozenset({"create"}),
}
BOOK: dict[str, Any] = {"version": "v1", "date": "2026-11-29"}
PRICES: dict[str, Any] = {**BOOK, "currency": "credits", "lines": (LINE,)}
PLANS: dict[str, Any] = {**BOOK, "plans": (PLAN,)}

_MOST_COUNT = 1_000_000_000

AMOUNT = ((0, money.MOST), (-1, money.MOST + 1))
COUNT = ((0, _MOST_COUNT), (-1, _MOST_COUNT + 1))
WORDS = (("x", "x" * 500), ("", " ", "x" * 501))
BOUNDS = (
    (PriceLine, LINE, "offer", (("a/b", "a/" + "b" * 118), ("a", "a/" + "b" * 119))),
    (PriceLine, LINE, "unit", (("u", "u" * 40), ("", "u" * 41))),
    (PriceLine, LINE, "price", AMOUNT),
    (PriceLine, LINE, "provider_cost", AMOUNT),
    (PriceLine, LINE, "source", WORDS),
    (PriceBook, PRICES, "version", (("1", "v" * 40), ("", "v" * 41))),
    (PriceBook, PRICES, "currency", WORDS),
    (PriceBook, PRICES, "lines", (((LINE,),), ((),))),
    (Plan, PLAN, "name", (("n", "n" * 40), ("", "n" * 41))),
    (Plan, PLAN, "title", WORDS),
    (Plan, PLAN, "price_month", COUNT),
    (Plan, PLAN, "price_year", COUNT),
    (Plan, PLAN, "credits", AMOUNT),
    (Plan, PLAN, "largest_hold", AMOUNT),
    (Plan, PLAN, "batch_rows", COUNT),
    (Plan, PLAN, "concurrency", COUNT),
    (PlanBook, PLANS, "plans", (((PLAN,), (PLAN,) * 100), ((), (PLAN,) * 101))),
)


@pytest.mark.parametrize(
    ("model", "known", "field", "values"),
    BOUNDS,
    ids=[f"{model.__name__}.{field}" for model, _, field, _ in BOUNDS],
)
def test_a_bound_may_be_reached_and_not_passed(
    model: type[BaseModel], known: dict[str, Any], field: str, values: Any
) -> None:
    within, beyond = values
    for value in within:
        assert getattr(model.model_validate({**known, field: value}), field) is not None
    for value in beyond:
        with pytest.raises(ValidationError) as refusal:
            model.model_validate({**known, field: value})
        assert [fault["loc"][0] for fault in refusal.value.errors()] == [field]


@pytest.mark.parametrize("count", [0, 1_000_000_000])
def test_a_limit_of_a_plan_may_be_nothing_and_may_be_large(count: int) -> None:
    assert Plan.model_validate({**PLAN, "limits": {"generate": count}}).limit("generate") == count


@pytest.mark.parametrize("count", [-1, 1_000_000_001, 1.0, True, "1"])
def test_a_limit_of_a_plan_is_a_count(count: object) -> None:
    with pytest.raises(ValidationError, match=r"limits\.generate"):
        Plan.model_validate({**PLAN, "limits": {"generate": count}})
