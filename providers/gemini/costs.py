"""What an answer costs: Gemini sends no price, only the tokens that it counted.

The formula (Google's price page, read 2026-11-22)::

    prompt x input + pictures' tokens x image + (other output + thoughts) x text

The ceiling of a price has to hold before anything is counted. It is that formula with the most of
each that the adapter lets happen:

- Prompt: ``bodies.py`` sends at most ``MOST_TEXT`` bytes of words. A token is at least one byte, so
  that is at most as many tokens; ``TEXT_TOKENS`` adds what the service puts around them (marks of
  turns, a schema). Every input picture counts as ``input_tokens`` at most, and an operation has
  only so many fields for pictures.
- Output: thoughts count against ``maxOutputTokens``, which is ``pictures x tokens + spare``. Since
  ``spare`` is less than a picture's tokens, one more picture than ``pictures`` does not fit. A
  picture's token is the dearest, so the most that the answer can cost is ``pictures`` of them and
  ``spare`` tokens of words.
- Rates: the dearest that are known, later ones included.

It rests on two facts that Google's tables state and nobody has confirmed for each model: how many
tokens a picture has, and that ``maxOutputTokens`` binds picture models as it does all others. If
one of them fails, the settlement still never exceeds what was held: the operator bears the rest.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from providers.gemini.models import Model, Tier, model_of, tier_of
from providers.offers import Offer
from studio.operations import OPERATIONS, input_fields

MOST_TEXT = 5_800
"""Bytes of words in a request."""
TEXT_TOKENS = 6_000
"""Tokens that they may count as, with what the service adds."""

_MOST_TOKENS = 10_000_000
"""A count beyond it is no count."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens that Gemini counted.

    Attributes:
        prompt: what was sent.
        image: of the pictures in the answer; from the table of sizes where it does not tell.
        text: of everything else that was made: words and thoughts.
        told: whether it told how many tokens the pictures have.
    """

    prompt: int
    image: int
    text: int
    told: bool

    @property
    def made(self) -> bool:
        """Whether anything was made, and so billed."""
        return self.image + self.text > 0

    def cost(self, model: Model, day: dt.date) -> int:
        """Return what they cost on a day, in micro-credits, rounded up."""
        rates = model.rates_on(day)
        return rates.micro_credits(prompt=self.prompt, image=self.image, text=self.text)


def read_usage(said: object, tier: Tier, pictures: int) -> Usage | None:
    """Return the tokens that an answer tells of; ``None`` if it tells of none that make sense.

    Args:
        said: its ``usageMetadata``.
        tier: what was asked.
        pictures: how many finished pictures the answer has, drafts left out.
    """
    if not isinstance(said, dict):
        return None
    prompt, output, thoughts = (
        _count(said, name)
        for name in ("promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount")
    )
    if prompt is None or output is None or thoughts is None:
        return None
    image = _image_tokens(said.get("candidatesTokensDetails"))
    told = image is not None
    if image is None:
        image = pictures * tier.tokens
    return Usage(prompt, image, max(0, output - image) + thoughts, told)


def _count(said: Mapping[str, Any], name: str) -> int | None:
    """Return a count; one that is left out is 0, as always in Google's JSON."""
    number = said.get(name, 0)
    # type() and not isinstance: True is an int.
    return number if type(number) is int and 0 <= number <= _MOST_TOKENS else None


def _image_tokens(details: object) -> int | None:
    if not isinstance(details, list):
        return None
    counts = [
        _count(each, "tokenCount")
        for each in details
        if isinstance(each, dict) and each.get("modality") == "IMAGE"
    ]
    known = [count for count in counts if count is not None]
    return sum(known) if known and len(known) == len(counts) else None


def ceiling(offer: Offer) -> int:
    """Return the most that one call of an offer can cost, in micro-credits."""
    model, tier = model_of(offer), tier_of(offer)
    sent = input_fields(OPERATIONS[offer.operation]).keys() - set(offer.unable)
    prompt = TEXT_TOKENS + len(sent) * model.input_tokens
    image = tier.pictures * tier.tokens
    return max(
        rates.micro_credits(prompt=prompt, image=image, text=tier.spare) for rates in model.rates
    )
