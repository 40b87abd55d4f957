"""A request that is like one planned before has the same offers at the same prices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from billing.pricebook import current
from engine.alike import Alike
from engine.jobs import Picture
from engine.planning import Planner
from providers import Plan
from providers.catalogue import all_offers
from studio.clock import now
from studio.errors import NoOffer, StudioError
from studio.operations import OPERATIONS, Generate, Operation, TalkingAvatar, input_fields
from tests.support.providers import book
from tests.unit.engine.conftest import House
from tests.unit.providers.offer_kit import Seller, offer

NAMES = sorted({offer.provider for offer in all_offers()})
PROVIDERS = {
    name: Seller(name, *(offer for offer in all_offers() if offer.provider == name))
    for name in NAMES
}
PLANNER = Planner(PROVIDERS, current(now().date()))
ALIKE = Alike(PLANNER, PROVIDERS)

VALUES: dict[str, st.SearchStrategy[Any]] = {
    "seed": st.sampled_from([-1, 0, 7, 2_147_483_647, 2_147_483_648, 4_294_967_294]),
    "prompt": st.sampled_from(
        ["a fox", "an owl", "x" * 900, "x" * 1_600, "x" * 2_100, "x" * 9_999]
    ),
    "negative_prompt": st.sampled_from(["", "rain", "x" * 600, "x" * 3_000]),
    "width": st.sampled_from([64, 512, 768, 1024, 2048, 4096]),
    "height": st.sampled_from([64, 512, 1024, 4096]),
    "quality": st.sampled_from(["draft", "standard", "premium"]),
    "style": st.sampled_from(["", "line-art", "anime"]),
    "provider": st.sampled_from(["auto", *NAMES]),
    "guidance": st.sampled_from([0.0, 5.0, 19.0]),
    "output_format": st.sampled_from(["png", "jpeg", "webp"]),
}
FILES: st.SearchStrategy[Any] = st.sampled_from(["example.png", "other.png"])


@st.composite
def operations(draw: st.DrawFn) -> Operation:
    """An operation's example with other values in some of its fields."""
    cls = OPERATIONS[draw(st.sampled_from(sorted(OPERATIONS)))]
    values = VALUES | dict.fromkeys(input_fields(cls), FILES)
    optional = {name: values[name] for name in cls.model_fields if name in values}
    changes = draw(st.fixed_dictionaries({}, optional=optional))
    try:
        return cls.model_validate({**cls.example, **changes})
    except ValidationError:
        return cls.model_validate(cls.example)


def told(planner: Planner | Alike, operation: Operation) -> Any:
    try:
        plan = planner.plan(operation)
    except StudioError as error:
        return type(error), str(error)
    return plan.operation, plan.choices, [refusal.offer for refusal in plan.refusals]


@given(st.lists(operations(), min_size=1, max_size=8))
@settings(deadline=None, max_examples=150)
def test_what_is_planned_is_what_planning_alone_says(wanted: list[Operation]) -> None:
    for operation in wanted:
        assert told(ALIKE, operation) == told(PLANNER, operation)


def test_a_thousand_prompts_are_planned_once(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    planner = house.studio.planner
    plan, planned = planner.plan, []

    def count(operation: Operation, pictures: Sequence[Picture] = ()) -> Plan:
        planned.append(operation)
        return plan(operation, pictures)

    monkeypatch.setattr(planner, "plan", count)
    alike = Alike(planner, house.studio.providers)
    for number in range(1_000):
        operation = Generate(prompt=f"fox {number}", seed=number)
        assert alike.plan(operation).operation is operation
    assert len(planned) == 1
    alike.plan(Generate(prompt="fox", seed=1, width=512))
    assert len(planned) == 2


def test_limits_of_one_offer_make_kinds_of_their_own() -> None:
    cheap = offer(
        "cheap/painter", ranges={"seed": (0, 99)}, values={"negative_prompt": ("", "rain")}
    )
    providers = {"cheap": Seller("cheap", cheap), "dear": Seller("dear", offer("dear/painter"))}
    alike = Alike(Planner(providers, book(cheap=1, dear=2)), providers)
    for seed, negative, number in ((7, "", 2), (100, "", 1), (7, "snow", 1), (8, "rain", 2)):
        request = Generate(prompt="a fox", seed=seed, negative_prompt=negative)
        assert len(alike.plan(request).choices) == number


def test_scripts_of_other_lengths_are_of_other_prices() -> None:
    talking = offer(
        "near/talker", operation="talking_avatar", price={"unit": "second", "speech_of": "script"}
    )
    providers = {"near": Seller("near", talking)}
    made_up = book(near=1)
    line = made_up.lines[0].model_copy(update={"offer": talking.id, "unit": "second"})
    prices = made_up.model_copy(update={"lines": (line,)})
    alike = Alike(Planner(providers, prices), providers)
    for letters, seconds in ((15, 1), (900, 60), (30, 2)):
        request = TalkingAvatar(image="example.png", script="x" * letters)
        assert alike.plan(request).first.units == seconds


def test_what_failed_tells_of_its_own_request(house: House) -> None:
    alike = Alike(house.studio.planner, house.studio.providers)
    for provider in ("nobody", "nowhere"):
        with pytest.raises(NoOffer) as caught:
            alike.plan(Generate(prompt="a fox", provider=provider))
        assert caught.value.given == provider
