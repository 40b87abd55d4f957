"""Offers: what a provider sells, as data.

Routing, validation, quotes, forms and documents are derived from offers; a provider's offers are
in an ``offers.toml`` beside its code. What costs or takes something else is an offer of its own:
a video model that is sold in three resolutions is three offers.
"""

from __future__ import annotations

import math
import tomllib
from collections import Counter
from collections.abc import Sequence, Sized
from importlib.resources import files
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from providers.inputs import Input, InputLimits
from providers.sizes import Sizes
from providers.words import in_words
from studio.errors import PriceUnknown
from studio.operations import OPERATIONS, Operation, input_fields

Quality = Literal["draft", "standard", "premium"]

CHARACTERS_A_SECOND = 15
"""How fast scripts are spoken: English prose by the local voice, measured."""

_LONGEST_TOLD = 40
"""Characters of a value that are repeated in a refusal."""


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PriceRule(_Data):
    """How many units of the price book an operation comes to; without a rule, one.

    Attributes:
        unit: what is counted, the same word as in the price book.
        count_of: the field whose length is the number of units.
        amount_of: the field whose value is the number of units.
        seconds_of: the input field whose length in seconds, rounded up, is the number of units.
        speech_of: the field whose text, spoken at ``CHARACTERS_A_SECOND`` and rounded up, has as
            many seconds as there are units.
        megapixels: whether begun millions of pixels are the units.
        step: units are sold by so many; the number is rounded up to a multiple of it.
    """

    unit: str
    count_of: str = ""
    amount_of: str = ""
    seconds_of: str = ""
    speech_of: str = ""
    megapixels: bool = False
    step: int = Field(default=1, ge=1)

    @model_validator(mode="after")
    def _count_one_thing(self) -> Self:
        fields = (self.count_of, self.amount_of, self.seconds_of, self.speech_of)
        if sum(map(bool, (*fields, self.megapixels))) > 1:
            raise ValueError(
                "only one of count_of, amount_of, seconds_of, speech_of, megapixels can count"
            )
        return self

    def quantity(self, operation: Operation, inputs: Sequence[Input] = (), pixels: int = 0) -> int:
        """Return the number of units, at least one step.

        Args:
            operation: what is asked.
            inputs: its input files.
            pixels: how many the offer makes for it, where that is priced.
        """
        number = 1
        if self.count_of:
            counted = getattr(operation, self.count_of)
            if not isinstance(counted, Sized):
                raise TypeError(f"{self.count_of} of {operation.operation} cannot be counted")
            number = len(counted)
        elif self.amount_of:
            number = int(getattr(operation, self.amount_of))
        elif self.seconds_of:
            lengths = [each.seconds for each in inputs if each.field == self.seconds_of]
            number = math.ceil(max(lengths, default=0))
        elif self.speech_of:
            number = math.ceil(len(str(getattr(operation, self.speech_of))) / CHARACTERS_A_SECOND)
        elif self.megapixels:
            number = math.ceil(pixels / 1_000_000)
        return math.ceil(max(1, number) / self.step) * self.step


class Offer(_Data):
    """An operation that a provider does with one of its models.

    Attributes:
        id: begins with the provider's name and a slash; the same as in the price book.
        model: what people call it; several offers may have one model.
        route: what the provider calls it, where that differs: an end point, a model id.
        quality: the qualities that it serves; empty for operations that have no such choice.
        repeatable: whether doing it again costs nothing and gives the same bytes, so that work cut
            off by a crash may simply be done again. Never true for a provider that sends a bill.
        usage: whether the provider tells afterwards what it came to; the price is then a ceiling.
        asynchronous: whether the work is handed in and collected later.
        exact: whether what it makes is in size and file type just what was asked; the studio
            finishes what the others make.
        needs: weights without which it cannot be had.
        needs_extra: the extra of this package without which it cannot be had.
        fallback: whether it is only a substitute, planned only when nothing better is ready.
        values: for fields with fewer choices here than in the operation, those choices.
        ranges: for numbers with narrower limits here, the smallest and the largest.
        lengths: for texts that must be shorter here, the most characters.
        unable: fields that mean nothing to the model; whoever sets one is refused.
        required: fields that may be empty in the operation, but not here.
        inputs: what input files it takes, by their field; ``"*"`` stands for all others.
        sizes: which sizes the model makes; the studio finishes from the nearest one.
        kind: what comes back.
        seconds: how long one call may take, waiting for the result included, before it is given up.
        source: where the facts come from, with the date they were read.
        says: what the result is, for people.
    """

    id: str
    provider: str
    model: str
    route: str = ""
    operation: str
    quality: tuple[Quality, ...] = ()
    price: PriceRule
    repeatable: bool = False
    usage: bool = False
    asynchronous: bool = False
    exact: bool = False
    needs: tuple[str, ...] = ()
    needs_extra: str = ""
    fallback: bool = False
    values: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    ranges: dict[str, tuple[float, float]] = Field(default_factory=dict)
    lengths: dict[str, int] = Field(default_factory=dict)
    unable: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    inputs: dict[str, InputLimits] = Field(default_factory=dict)
    sizes: Sizes | None = None
    kind: Literal["picture", "video", "model", "text"] = "picture"
    seconds: int = Field(default=300, ge=1, le=21_600)
    source: str = ""
    says: str

    def refusal(self, operation: Operation, inputs: Sequence[Input] = ()) -> str:
        """Say what in ``operation`` the offer cannot do; empty when it can do all of it."""
        if operation.operation != self.operation:
            return f"does {self.operation}, not {operation.operation}"
        return (
            self._refused_value(operation)
            or self._refused_field(operation)
            or self._refused_quality(operation)
            or self._refused_input(inputs)
        )

    def _refused_value(self, operation: Operation) -> str:
        for name, allowed in self.values.items():
            given = str(getattr(operation, name))
            if given not in allowed:
                return f"takes {name} {_or(allowed)}, not {_told(given)}"
        for name, (least, most) in self.ranges.items():
            number = getattr(operation, name)
            if not least <= number <= most and not _is_default(operation, name):
                return f"takes {name} from {least:.10g} to {most:.10g}, not {number:.10g}"
        for name, longest in self.lengths.items():
            length = len(getattr(in_words(operation), name))
            if length > longest:
                return f"takes at most {longest} characters of {name}, not {length}"
        return ""

    def _refused_field(self, operation: Operation) -> str:
        for name in self.unable:
            if not _is_default(operation, name):
                return f"has no {name}; leave it out (given: {_told(getattr(operation, name))})"
        for name in self.required:
            if not getattr(operation, name):
                return f"needs {name}, which is empty"
        return ""

    def _refused_quality(self, operation: Operation) -> str:
        # A model that was asked for by its name is what the asker wants, whatever it is called.
        quality = getattr(operation, "quality", "")
        if self.quality and not operation.model and quality not in self.quality:
            return f"serves quality {_or(self.quality)}, not {quality}"
        return ""

    def _refused_input(self, inputs: Sequence[Input]) -> str:
        for each in inputs:
            limits = self.inputs.get(each.field, self.inputs.get("*"))
            reason = limits.refusal(each) if limits else ""
            if reason:
                return f"{reason} ({each.field})"
        return ""

    def quantity(self, operation: Operation, inputs: Sequence[Input] = ()) -> int:
        """Return how many units of the price book the operation comes to.

        Raises:
            PriceUnknown: it is sold by its pixels, and nobody knows yet how many there are.
        """
        pixels = 0
        if self.price.megapixels:
            pixels = self._pixels(operation.target(*first_size(inputs)))
        return self.price.quantity(operation, inputs, pixels)

    def _pixels(self, target: tuple[int, int] | None) -> int:
        if self.sizes is None or not target or not min(target):
            raise PriceUnknown(
                f"{self.id} is sold by its pixels, whose number is not known before it is made.",
                field="offer",
                given=self.id,
            )
        return math.prod(self.sizes.nearest(*target)[1:])


def first_size(inputs: Sequence[Input]) -> tuple[int, int]:
    """Return the pixels of the first input picture; zeros if there is none."""
    return next(((each.width, each.height) for each in inputs if each.width), (0, 0))


def _is_default(operation: Operation, name: str) -> bool:
    field = type(operation).model_fields[name]
    return bool(getattr(operation, name) == field.get_default(call_default_factory=True))


def _or(choices: Sequence[str]) -> str:
    """Return choices in words; an empty one is said, too."""
    return " or ".join(choice or "(empty)" for choice in choices)


def _told(given: object) -> str:
    """Return the beginning of a value, for a reason that is one among many."""
    text = " ".join(str(given).split())
    return (text if len(text) <= _LONGEST_TOLD else f"{text[: _LONGEST_TOLD - 1]}…") or "(empty)"


_OFFERS = TypeAdapter(tuple[Offer, ...])


def read_offers(package: str) -> tuple[Offer, ...]:
    """Read ``offers.toml`` of a provider's package.

    Raises:
        ValueError: the data is not right, or names an operation or field that there is not.
    """
    text = (files(package) / "offers.toml").read_text(encoding="utf-8")
    offers = _OFFERS.validate_python(tomllib.loads(text)["offers"])
    for offer in offers:
        _check_names(offer)
        _check_rules(offer)
        _check_price(offer)
    twice = [name for name, count in Counter(offer.id for offer in offers).items() if count > 1]
    if twice:
        raise ValueError(f"{package} sells the same offer twice: {', '.join(twice)}")
    return offers


def _check_names(offer: Offer) -> None:
    if offer.operation not in OPERATIONS:
        raise ValueError(f"{offer.id} names the unknown operation {offer.operation}")
    if not offer.id.startswith(f"{offer.provider}/"):
        raise ValueError(f"{offer.id} must begin with {offer.provider}/")
    rule = offer.price
    named = {*offer.values, *offer.ranges, *offer.lengths, *offer.unable, *offer.required}
    named |= {*offer.inputs} - {"*"}
    named |= {rule.count_of, rule.amount_of, rule.seconds_of, rule.speech_of} - {""}
    unknown = named - OPERATIONS[offer.operation].model_fields.keys()
    if unknown:
        raise ValueError(f"{offer.id} names fields that {offer.operation} lacks: {unknown}")


def _check_rules(offer: Offer) -> None:
    """Refuse rules that no request could meet, or that do not suit their field."""
    for name, allowed in offer.values.items():
        for choice in allowed:
            if not _may_be(offer, name, choice):
                raise ValueError(f"{offer.id}: {name} can never be {choice!r}")
        if not allowed:
            raise ValueError(f"{offer.id}: {name} has no values")
    for name, (least, most) in offer.ranges.items():
        if least > most or not isinstance(_example(offer, name), int | float):
            raise ValueError(f"{offer.id}: {name} cannot be from {least:g} to {most:g}")
    for name, longest in offer.lengths.items():
        if longest < 1 or not isinstance(_example(offer, name), Sized):
            raise ValueError(f"{offer.id}: {name} cannot have {longest} characters at most")
    if offer.usage and offer.repeatable:
        raise ValueError(f"{offer.id}: what may be repeated sends no bill")


def _check_price(offer: Offer) -> None:
    """Refuse a price whose units cannot be counted before the work is bought.

    A row of a batch may take a picture that is not made yet, so an input's size counts as unknown.
    """
    operation = OPERATIONS[offer.operation]
    rule = offer.price
    if rule.megapixels:
        target = operation.model_validate(operation.example).target(0, 0)
        if offer.sizes is None or not target or not min(target):
            raise ValueError(
                f"{offer.id}: sold by the megapixel, and {offer.operation} has an unknown number"
            )
    if rule.seconds_of and input_fields(operation).get(rule.seconds_of) != "audio":
        raise ValueError(f"{offer.id}: {rule.seconds_of} has no length in seconds")


def _may_be(offer: Offer, name: str, choice: str) -> bool:
    """Whether a field may hold a value that is written like ``choice``."""
    operation = OPERATIONS[offer.operation]
    try:
        held = operation.model_validate({**operation.example, name: choice})
    except ValidationError:
        return False
    return str(getattr(held, name)) == choice


def _example(offer: Offer, name: str) -> Any:
    """Return a value that a field may hold, of its kind."""
    operation = OPERATIONS[offer.operation]
    return getattr(operation.model_validate(operation.example), name)
