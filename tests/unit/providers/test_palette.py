"""Colours of a request: every model in the cloud is told of them in words."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pydantic import SecretStr

from providers import Delivery, Offer, Output, Request
from providers.catalogue import all_offers
from providers.gemini import GeminiProvider
from providers.huggingface import HuggingFaceProvider
from providers.stability import StabilityProvider
from providers.wavespeed import WaveSpeedProvider
from providers.words import coloured, in_words
from studio.catalog import colour_name
from studio.operations import Generate, RemoveBackground
from studio.permit import issue

WORDS = "a fox. Colour palette: navy blue (#1b2a49), coral (#ff7f50)"


def test_colours_are_said_by_name_and_number() -> None:
    assert coloured("a fox.", "#1b2a49 #ff7f50") == WORDS
    assert coloured("a fox.", "") == "a fox."


def test_the_words_take_the_place_of_the_field() -> None:
    asked = Generate(prompt="a fox", palette="#1b2a49 #ff7f50")
    assert in_words(asked) == Generate(prompt=WORDS)
    other = RemoveBackground(image="x.png")
    assert in_words(other) is other


@pytest.mark.parametrize(
    ("colour", "name"),
    [("#ff0000", "red"), ("#fefefe", "white"), ("#0b1f3f", "navy blue"), ("#00807f", "teal")],
)
def test_names_are_those_of_near_colours(colour: str, name: str) -> None:
    assert colour_name(colour) == name


@pytest.mark.parametrize(
    "kind", [GeminiProvider, HuggingFaceProvider, StabilityProvider, WaveSpeedProvider]
)
def test_each_provider_is_given_the_words(kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    url = {"url": "http://127.0.0.1:1"} if kind is StabilityProvider else {}
    provider = kind(key=SecretStr("a-key"), **url)
    offer = next(each for each in provider.offers() if each.operation == "generate")
    seen: list[Request] = []

    async def submit(_self: Any, _offer: Offer, request: Request) -> Delivery:
        seen.append(request)
        return Delivery((Output(b"x", "image/png"),), "m", "w")

    monkeypatch.setattr(kind, "_submit", submit)
    asked = Request(Generate(prompt="a fox", palette="#1b2a49 #ff7f50"))
    asyncio.run(provider.submit(issue(job="job_test", offer=offer.id), offer, asked))
    assert seen[0].operation == Generate(prompt=WORDS)


def test_an_offer_counts_the_words_of_the_colours() -> None:
    offer = next(each for each in all_offers() if each.lengths and each.operation == "generate")
    longest = offer.lengths["prompt"]
    prompt = "x" * (longest - 20)
    asked = Generate(prompt=prompt, quality=offer.quality[0] if offer.quality else "standard")
    assert offer.refusal(asked) == ""
    refusal = offer.refusal(asked.model_copy(update={"palette": "#1b2a49"}))
    assert f"at most {longest} characters of prompt" in refusal
