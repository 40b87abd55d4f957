"""Google's models as data: ids, sizes, prices of tokens, and what took the place of the dead."""

from __future__ import annotations

import datetime as dt
import math
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from functools import cached_property
from importlib.resources import files
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from providers.offers import Offer

NAME = "gemini"

_MICRO_CREDITS_IN_A_DOLLAR = 100_000_000


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Rates(_Data):
    """What a million tokens cost from a day on, in US dollars; texts, so that nothing is rounded.

    Attributes:
        since: the first day.
        input: of what is sent.
        image: of pictures made.
        text: of words and thoughts made.
    """

    since: dt.date
    input: Decimal
    image: Decimal = Decimal(0)
    text: Decimal

    def micro_credits(self, *, prompt: int, image: int, text: int) -> int:
        """Return what so many tokens cost, in micro-credits, rounded up."""
        dollars = prompt * self.input + image * self.image + text * self.text
        return math.ceil(dollars * _MICRO_CREDITS_IN_A_DOLLAR / 1_000_000)


class Tier(_Data):
    """One of the sizes, or kinds of work, that a model is sold in; see ``models.toml``."""

    name: str
    size: str = ""
    tokens: int = Field(default=0, ge=0)
    pictures: int = Field(default=0, ge=0)
    spare: int = Field(ge=1)
    thinking: str = ""

    @property
    def most_tokens(self) -> int:
        """What ``maxOutputTokens`` is set to."""
        return self.pictures * self.tokens + self.spare


class Model(_Data):
    """A live model; see ``models.toml``."""

    id: str
    name: str
    kind: Literal["image", "text"]
    input_tokens: int = Field(ge=1)
    most_pictures: int = Field(ge=1)
    thinking: tuple[str, ...] = ()
    ratios: tuple[str, ...] = ()
    rates: tuple[Rates, ...] = Field(min_length=1)
    tiers: tuple[Tier, ...] = Field(min_length=1)

    def rates_on(self, day: dt.date) -> Rates:
        """Return the rates of a day; the first ones for any day before them."""
        return max(
            (rates for rates in self.rates if rates.since <= day),
            key=lambda rates: rates.since,
            default=self.rates[0],
        )


class Alias(_Data):
    """Another name of a live model.

    Attributes:
        gone: why a model of that name is not asked any more; empty for a mere nickname.
    """

    id: str
    live: str
    gone: str = ""


class _Catalogue(_Data):
    models: tuple[Model, ...]
    aliases: tuple[Alias, ...]

    @cached_property
    def by_id(self) -> Mapping[str, Model]:
        return {model.id: model for model in self.models}

    @cached_property
    def by_alias(self) -> Mapping[str, Alias]:
        return {alias.id: alias for alias in self.aliases}


_CATALOGUE = _Catalogue.model_validate(
    tomllib.loads((files("providers.gemini") / "models.toml").read_text(encoding="utf-8"))
)

MODELS: Mapping[str, Model] = _CATALOGUE.by_id
"""The live models by their ids."""
ALIASES: Mapping[str, Alias] = _CATALOGUE.by_alias
"""Other names of theirs, of models that are gone above all."""


def resolve(model: str) -> str:
    """Return the id of the live model that a name stands for; any unknown name as it is."""
    plain = model.strip().removeprefix("models/")
    alias = ALIASES.get(plain)
    if alias is not None:
        return alias.live
    return plain if plain in MODELS else model


def retirement(model: str) -> str:
    """Say that a model is gone and which one to ask for; empty for one that is not known to be."""
    alias = ALIASES.get(model.strip().removeprefix("models/"))
    if alias is None or not alias.gone:
        return ""
    return f"Gemini no longer has {alias.id} ({alias.gone}); ask for {alias.live}."


def model_of(offer: Offer) -> Model:
    """Return the model that an offer sells."""
    return MODELS[offer.model]


def tier_of(offer: Offer) -> Tier:
    """Return the tier that an offer sells: a part of its id names it."""
    named = offer.id.split("/")
    return next(tier for tier in model_of(offer).tiers if tier.name in named)
