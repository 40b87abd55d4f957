"""What Gemini's work costs: by the tokens it counts, and never above the ceiling of the price."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from providers import Offer
from providers.gemini import GeminiProvider, ceiling
from providers.gemini.costs import MOST_TEXT, TEXT_TOKENS, read_usage
from providers.gemini.models import MODELS, Rates, Tier, tier_of
from providers.gemini.prompts import words_for
from studio.operations import OPERATIONS, input_fields
from tests.contract.emulators.gemini import GeminiEmulator
from tests.contract.gemini_kit import buy, provider_for
from tests.contract.gemini_success import OFFERS

_NANO = MODELS["gemini-nano-banana-2.1"]
_TIER = _NANO.tiers[0]


def _fullest(offer: Offer) -> dict[str, Any]:
    """Return the longest words and the most pictures that an offer takes."""
    cls = OPERATIONS[offer.operation]
    words = {name: "x" * most for name, most in offer.lengths.items()}
    style = {"style": "y" * 60} if "style" in cls.model_fields else {}
    return {**cls.example, **words, **style, **dict.fromkeys(input_fields(cls), "a.png")}


@pytest.mark.parametrize("offer", OFFERS, ids=lambda offer: offer.id)
def test_the_longest_words_of_an_offer_can_be_said(offer: Offer) -> None:
    """What `lengths` lets through is refused by no further limit, in plain letters."""
    operation = OPERATIONS[offer.operation].model_validate(_fullest(offer))
    assert not offer.refusal(operation.model_copy(update={"model": offer.model}))
    said = words_for(operation, tuple(input_fields(type(operation))))
    assert len(said.encode()) <= MOST_TEXT < TEXT_TOKENS


def test_whatever_is_counted_stays_below_the_ceiling() -> None:
    """The dearest answers that fit: all pictures that there is room for, the rest in words."""
    with GeminiEmulator() as emulator:
        provider = provider_for(emulator)
        emulator.greedy = True
        for offer in OFFERS:
            emulator.bills.clear()
            fields = {k: v for k, v in _fullest(offer).items() if k != "operation"}
            delivery = buy(provider, offer.id, **fields)
            assert delivery.cost == emulator.billed
            assert delivery.cost <= ceiling(offer), offer.id
            # Nor is it far below: no more is held than has to be.
            assert offer.kind == "text" or delivery.cost > ceiling(offer) * 0.9, offer.id


@pytest.mark.parametrize("offer", OFFERS, ids=lambda offer: offer.id)
def test_no_more_pictures_fit_than_the_ceiling_counts(offer: Offer) -> None:
    tier = tier_of(offer)
    if offer.kind == "picture":
        assert tier.pictures >= 1
        assert tier.most_tokens // tier.tokens == tier.pictures
    else:
        assert tier.most_tokens == tier.spare


def test_prices_are_those_of_the_list() -> None:
    """A picture at each tier costs what Google's list says, in US dollars."""
    listed = {
        "gemini-nano-banana-2.1": ("0.0336", "0.0504", "0.1134"),
        "gemini-3-pro-image": ("0.1344", "0.1344", "0.24"),
        "gemini-3.1-flash-lite-image": ("0.0336",),
    }
    for name, prices in listed.items():
        model = MODELS[name]
        found = [
            model.rates[0].micro_credits(prompt=0, image=tier.tokens, text=0)
            for tier in model.tiers
        ]
        assert found == [round(float(price) * 100_000_000) for price in prices]


def test_the_formula() -> None:
    usage = read_usage(
        {
            "promptTokenCount": 7,
            "candidatesTokenCount": 1450,
            "thoughtsTokenCount": 10,
            "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1120}],
        },
        _TIER,
        1,
    )
    assert usage is not None
    assert (usage.prompt, usage.image, usage.text, usage.told) == (7, 1120, 340, True)
    cost = usage.cost(_NANO, dt.date(2026, 11, 22))
    assert cost == 7 * 150 + 1120 * 3000 + 340 * 750


def test_parts_of_a_micro_credit_are_rounded_up() -> None:
    rates = Rates.model_validate({"since": "2026-01-01", "input": "0.125", "text": "2.50"})
    assert rates.micro_credits(prompt=2, image=0, text=0) == 25
    assert rates.micro_credits(prompt=1, image=0, text=0) == 13


def test_rates_change_on_their_day() -> None:
    model = MODELS["gemini-3.8-flash"]
    assert str(model.rates_on(dt.date(2026, 12, 31)).input) == "0.75"
    assert str(model.rates_on(dt.date(2027, 1, 1)).text) == "7.50"
    assert model.rates_on(dt.date(2020, 1, 1)) == model.rates[0]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (None, None),
        ([], None),
        ({}, (0, 1120, 0)),
        ({"promptTokenCount": True}, None),
        ({"promptTokenCount": 1.5}, None),
        ({"thoughtsTokenCount": -1}, None),
        ({"candidatesTokenCount": 10**8}, None),
        ({"candidatesTokenCount": 1200}, (0, 1120, 80)),
        ({"candidatesTokenCount": 1200, "candidatesTokensDetails": "?"}, (0, 1120, 80)),
        (
            {"candidatesTokenCount": 9, "candidatesTokensDetails": [{"modality": "TEXT"}]},
            (0, 1120, 0),
        ),
        (
            {"candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": "many"}]},
            (0, 1120, 0),
        ),
    ],
)
def test_odd_counts(said: Any, expected: tuple[int, int, int] | None) -> None:
    usage = read_usage(said, _TIER, 1)
    assert (usage and (usage.prompt, usage.image, usage.text)) == expected


def test_a_tier_needs_room_for_words() -> None:
    with pytest.raises(ValidationError):
        Tier(name="1k", tokens=1120, pictures=1, spare=0)


def test_a_provider_may_be_given_the_limits_of_its_account() -> None:
    with GeminiEmulator() as emulator:
        plain = provider_for(emulator)
        assert plain.limits is not None
        assert (plain.limits.requests, plain.limits.images) == ((), ())
        given = GeminiProvider(
            key=SecretStr(emulator.key),
            url=emulator.url,
            requests_per_minute=60,
            images_per_minute=10,
        )
        assert given.limits is not None
        assert [(each.count, each.seconds) for each in given.limits.requests] == [(60, 60)]
        assert [(each.count, each.seconds) for each in given.limits.images] == [(10, 60)]
