"""Routing: who is tried, in what order, and what is said of the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers import Input, InputLimits, Offer, Plan, PriceRule, Provider, Route, Sizes
from studio.errors import NoOffer, PriceUnknown
from studio.operations import Generate, Upscale
from tests.unit.providers.offer_kit import Seller, offer

FOX = Generate(prompt="a fox")
SMALL = Sizes(max_side=512)
LARGE = Sizes(max_side=2_048)


def route(
    *sellers: Seller,
    prices: Mapping[str, int] | None = None,
    rests: Mapping[str, str] | None = None,
) -> Route:
    """A route among sellers; without prices, everything costs 10 a unit and 7 the operator."""

    def price(sold: Offer, units: int) -> tuple[int, int]:
        if prices is not None and sold.id not in prices:
            raise PriceUnknown(f"no price for {sold.id}")
        return (10 if prices is None else prices[sold.id]) * units, 7 * units

    def health(provider: Provider) -> str:
        return (rests or {}).get(provider.name, "")

    return Route({each.name: each for each in sellers}, price, health)


def ids(plan: Plan) -> list[str]:
    return [choice.offer.id for choice in plan.choices]


def refused(plan: Plan) -> dict[str, str]:
    return {refusal.offer: refusal.reason for refusal in plan.refusals}


def seller(name: str, *models: str, lacks: str = "", **more: Any) -> Seller:
    return Seller(name, *(offer(f"{name}/{model}", **more) for model in models), lacks=lacks)


def test_the_cheapest_goes_first() -> None:
    prices = {"a/x": 30, "b/y": 10, "c/z": 20}
    plan = route(seller("a", "x"), seller("b", "y"), seller("c", "z"), prices=prices).plan(FOX)
    assert ids(plan) == ["b/y", "c/z", "a/x"]
    assert plan.first.price == 10
    assert plan.first.cost == 7
    assert plan.refusals == ()


def test_of_equal_prices_the_first_named_goes_first() -> None:
    assert ids(route(seller("b", "y"), seller("a", "x", "w")).plan(FOX)) == ["b/y", "a/x", "a/w"]


def test_what_need_not_be_enlarged_goes_before_what_is_cheaper() -> None:
    small, large = seller("a", "x", sizes=SMALL), seller("b", "y", sizes=LARGE)
    prices = {"a/x": 1, "b/y": 99}
    asked = Generate(prompt="a fox", width=1_024, height=512)
    assert ids(route(small, large, prices=prices).plan(asked)) == ["b/y", "a/x"]
    # A little is no reason to pay more: 768 is one and a half times 512.
    asked = Generate(prompt="a fox", width=768, height=512)
    assert ids(route(small, large, prices=prices).plan(asked)) == ["a/x", "b/y"]
    asked = Generate(prompt="a fox", width=769, height=512)
    assert ids(route(small, large, prices=prices).plan(asked)) == ["b/y", "a/x"]


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=1, max_size=12))
def test_the_order_is_that_of_enlargement_and_then_of_price(
    made: list[tuple[bool, int]],
) -> None:
    sellers = [
        seller(f"p{place}", "x", sizes=SMALL if small else LARGE)
        for place, (small, _) in enumerate(made)
    ]
    prices = {f"p{place}/x": price for place, (_, price) in enumerate(made)}
    plan = route(*sellers, prices=prices).plan(FOX)
    order = [(choice.offer.sizes == SMALL, choice.price) for choice in plan.choices]
    assert order == sorted(order)
    assert len(order) == len(made)


def test_units_are_those_of_the_operation() -> None:
    rule = PriceRule(unit="megapixel", megapixels=True)
    plan = route(seller("a", "x", price=rule, sizes=LARGE)).plan(
        Generate(prompt="a fox", width=2_048, height=2_048)
    )
    assert (plan.first.units, plan.first.price, plan.first.cost) == (5, 50, 35)


def test_a_substitute_is_planned_only_when_nothing_better_is_ready() -> None:
    drawn = seller("local", "x", fallback=True)
    plan = route(drawn, seller("a", "y"), prices={"local/x": 1, "a/y": 99}).plan(FOX)
    assert ids(plan) == ["a/y"]
    assert refused(plan) == {"local/x": "is only a substitute"}
    plan = route(drawn, seller("a", "y", lacks="needs a key: set A")).plan(FOX)
    assert ids(plan) == ["local/x"]
    assert plan.first.reason == "a substitute, for when nothing better can be had"
    assert refused(plan) == {"a/y": "needs a key: set A"}


def test_a_substitute_that_was_asked_for_is_planned() -> None:
    both = route(seller("local", "x", fallback=True), seller("a", "y"))
    assert ids(both.plan(FOX.model_copy(update={"provider": "local"}))) == ["local/x"]
    assert ids(both.plan(FOX.model_copy(update={"model": "x"}))) == ["local/x"]


REST = "rests until 12:00:00 UTC: asked too often"


def test_a_provider_that_rests_is_left_alone_while_another_can() -> None:
    both = seller("a", "x"), seller("b", "y")
    plan = route(*both, prices={"a/x": 1, "b/y": 9}, rests={"a": REST}).plan(FOX)
    assert ids(plan) == ["b/y"]
    assert refused(plan) == {"a/x": REST}


@pytest.mark.parametrize("wish", [{"provider": "a"}, {"model": "x"}, {}])
def test_where_no_other_can_the_one_that_rests_is_waited_for(wish: dict[str, str]) -> None:
    """A rest of a minute does not make a request wrong, nor a drawing out of a photograph."""
    drawn = seller("local", "d", fallback=True)
    all_ = route(seller("a", "x"), drawn, rests={"a": REST})
    plan = all_.plan(FOX.model_copy(update=wish))
    assert ids(plan) == ["a/x"]
    assert plan.first.reason.endswith(f"; it {REST}")


def test_where_all_rest_all_are_tried_in_the_usual_order() -> None:
    both = seller("a", "x"), seller("b", "y")
    plan = route(*both, prices={"a/x": 9, "b/y": 1}, rests={"a": REST, "b": REST}).plan(FOX)
    assert ids(plan) == ["b/y", "a/x"]
    assert plan.refusals == ()


def test_a_provider_that_cannot_is_not_asked_how_it_is() -> None:
    asked: list[str] = []

    def health(provider: Provider) -> str:
        asked.append(provider.name)
        return ""

    sellers = seller("a", "x", "y"), seller("b", "z", lacks="needs a key")
    made = Route({each.name: each for each in sellers}, lambda *_: (1, 1), health)
    made.plan(FOX)
    assert asked == ["a"]


def test_only_the_provider_that_was_asked_for_is_tried() -> None:
    plan = route(seller("a", "x"), seller("b", "y", "z")).plan(
        FOX.model_copy(update={"provider": "b"})
    )
    assert ids(plan) == ["b/y", "b/z"]
    assert plan.refusals == ()
    assert plan.first.reason == "the cheapest fitting offer of b, which was asked for"
    assert plan.choices[1].reason.startswith("next in order")


def test_only_the_model_that_was_asked_for_is_tried() -> None:
    sellers = seller("a", "x", "y"), seller("b", "y")
    plan = route(*sellers).plan(FOX.model_copy(update={"model": "y"}))
    assert ids(plan) == ["a/y", "b/y"]
    assert refused(plan) == {"a/x": "is not the model asked for (y)"}
    assert plan.first.reason == "the model y was asked for"
    both = {"model": "y", "provider": "b"}
    assert ids(route(*sellers).plan(FOX.model_copy(update=both))) == ["b/y"]


def no_offer(made: Route, **wish: object) -> NoOffer:
    with pytest.raises(NoOffer) as caught:
        made.plan(Generate.model_validate({"prompt": "a fox", **wish}))
    return caught.value


def test_a_provider_that_there_is_not() -> None:
    error = no_offer(route(seller("a", "x"), seller("b", "y")), provider="c")
    assert (error.field, error.given, error.allowed) == ("provider", "c", "auto, a, b")


def test_a_provider_that_does_something_else() -> None:
    other = seller("b", "y", operation="upscale")
    error = no_offer(route(seller("a", "x"), other), provider="b")
    assert (error.field, error.given, error.allowed) == ("provider", "b", "auto, a")


def test_a_model_that_there_is_not() -> None:
    sellers = seller("a", "x", "y"), seller("b", "y"), seller("c", "z", operation="upscale")
    error = no_offer(route(*sellers), model="z")
    assert (error.field, error.given, error.allowed) == ("model", "z", "x, y")
    error = no_offer(route(*sellers), model="x", provider="b")
    assert (error.field, error.given, error.allowed) == ("model", "x", "y")


def test_many_models_are_not_all_told() -> None:
    error = no_offer(route(seller("a", *(f"model-{n}" for n in range(99)))), model="z")
    assert (error.allowed or "").endswith("model-39 and 59 more")


def test_what_nobody_does() -> None:
    error = no_offer(route(seller("a", "x", operation="upscale")))
    assert error.message == "Create image: nobody can do this. No provider offers it."


def test_reasons_are_told_once_with_those_that_they_are_of() -> None:
    error = no_offer(
        route(
            seller("a", "x", "y", "z", "w", "v", lacks="needs a key: set A"),
            seller("b", "y", ranges={"steps": (1, 9)}),
        ),
        steps=10,
    )
    assert error.message == (
        "Create image: nobody can do this. a/x, a/y, a/z and 2 more: needs a key: set A; "
        "b/y: takes steps from 1 to 9, not 10."
    )
    assert len(error.details["refusals"]) == 6
    assert error.details["refusals"][5] == {
        "offer": "b/y", "reason": "takes steps from 1 to 9, not 10"
    }  # fmt: skip


def test_who_else_does_it_is_told_to_who_named_a_provider() -> None:
    sellers = (
        seller("a", "x", ranges={"steps": (1, 9)}),
        seller("b", "y", lacks="needs a key"),
        seller("c", "z", ranges={"steps": (1, 5)}),
        seller("d", "z", operation="upscale"),
    )
    error = no_offer(route(*sellers), steps=10, provider="a")
    assert error.message == (
        "Create image: a cannot do this. a/x: takes steps from 1 to 9, not 10. "
        "Other providers do it: b."
    )
    assert "Other" not in no_offer(route(*sellers), steps=10).message


def test_other_models_are_no_news_to_who_named_one() -> None:
    sellers = seller("a", "x", "y"), seller("b", "z", lacks="needs a key")
    error = no_offer(route(*sellers), model="z")
    assert error.message == "Create image: nobody can do this. b/z: needs a key."
    assert len(error.details["refusals"]) == 3


def test_the_message_stays_readable_however_many_there_are() -> None:
    sellers = [
        Seller(
            f"provider-{p}",
            *(
                offer(f"provider-{p}/model-{m}", lengths={"prompt": 100 * p + m + 1})
                for m in range(40)
            ),
        )
        for p in range(5)
    ]
    error = no_offer(route(*sellers), prompt="x" * 9_999)
    assert len(error.message) < 1_500
    assert error.message.endswith("and 192 more offers, each for a reason of its own.")
    assert len(error.details["refusals"]) == 200
    long = seller("a", "x", lacks="needs " + "much " * 500)
    assert len(no_offer(route(long)).message) < 300


def test_what_has_no_price_is_not_sold() -> None:
    plan = route(seller("a", "x"), seller("b", "y"), prices={"b/y": 1}).plan(FOX)
    assert ids(plan) == ["b/y"]
    assert refused(plan) == {"a/x": "has no price in the price book"}
    with pytest.raises(PriceUnknown, match="no price for a/x"):
        route(seller("a", "x"), seller("b", "y", lacks="needs a key"), prices={}).plan(FOX)
    # What cannot be done anyway is not for want of a price.
    no_offer(route(seller("b", "y", lacks="needs a key"), prices={}))


def test_inputs_are_looked_at() -> None:
    def limits(most: int) -> dict[str, InputLimits]:
        return {"*": InputLimits(max_side=most)}

    sellers = (
        seller("a", "x", operation="upscale", inputs=limits(100)),
        seller("b", "y", operation="upscale", inputs=limits(200)),
    )
    plan = route(*sellers).plan(Upscale(image="a.png"), [Input("image", width=150, height=9)])
    assert ids(plan) == ["b/y"]
    words = "takes at most 100 pixels a side, the picture has 150x9 (image)"
    assert refused(plan) == {"a/x": words}


def test_every_offer_is_planned_or_refused_once() -> None:
    sellers = (
        seller("a", "x", "y", ranges={"steps": (1, 9)}),
        seller("b", "z", lacks="needs a key"),
        seller("c", "w", "v"),
        seller("d", "u", fallback=True),
        seller("e", "t"),
        seller("f", "s"),
    )
    prices = dict.fromkeys(["a/x", "a/y", "b/z", "c/w", "d/u", "e/t"], 1)
    wish = Generate(prompt="a fox", steps=10)
    plan = route(*sellers, prices=prices, rests={"e": REST}).plan(wish)
    named = ids(plan) + [refusal.offer for refusal in plan.refusals]
    assert sorted(named) == ["a/x", "a/y", "b/z", "c/v", "c/w", "d/u", "e/t", "f/s"]
    assert ids(plan) == ["c/w"]


def test_a_picture_that_is_yet_to_be_made_needs_no_enlargement() -> None:
    sold = seller("a", "x", operation="upscale", sizes=SMALL)
    assert ids(route(sold).plan(Upscale(image="@fox"))) == ["a/x"]
    by_pixels = PriceRule(unit="megapixel", megapixels=True)
    sold = seller("a", "x", operation="upscale", sizes=SMALL, price=by_pixels)
    # Nothing is held for work whose price nobody knows; counting it as one pixel would be cheap.
    with pytest.raises(PriceUnknown, match="not known before it is made"):
        route(sold).plan(Upscale(image="@fox"))
