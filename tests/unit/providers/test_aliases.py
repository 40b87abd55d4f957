"""A retired model's name leads to the model that took its place."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from billing.pricebook import current
from engine.planning import Planner
from providers.catalogue import PACKAGES
from providers.gemini import GeminiProvider
from studio.clock import now
from studio.errors import NoOffer
from studio.operations import Generate
from studio.operations.base import PROVIDERS as PROVIDERS_IN_FORMS

PROVIDERS = {"gemini": GeminiProvider(key=SecretStr("AIza" + "0" * 20), url="http://127.0.0.1:9")}


def plan(model: str) -> str:
    planner = Planner(PROVIDERS, current(now().date()))
    return planner.plan(Generate(prompt="x", model=model)).first.offer.model


def test_forms_offer_the_providers_that_there_are() -> None:
    assert PROVIDERS_IN_FORMS == PACKAGES


def test_a_retired_name_is_understood() -> None:
    assert plan("gemini-2.5-flash-image") == plan("gemini-nano-banana-2.1")
    assert plan("gemini-3-pro-image-preview") == plan("gemini-3-pro-image") == "gemini-3-pro-image"


def test_a_name_that_never_was_is_refused_with_those_that_are() -> None:
    with pytest.raises(NoOffer) as refused:
        plan("gemini-0.1")
    assert "gemini-nano-banana-2.1" in str(refused.value)
