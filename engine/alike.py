"""Planning many requests that differ in little: each kind of them is planned once.

Routing looks at an operation only through what offers say of it. A prompt's words and a seed's
digits are nothing to it, only whether they are given, how long they are, and within which limits.
Requests that are equal in all of that have the same offers at the same prices, so a batch of
100,000 rows comes to a handful of plans.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import Any

from annotated_types import MaxLen
from pydantic import StringConstraints

from engine.jobs import Picture
from engine.planning import Planner
from providers import Offer, Plan, Provider
from providers.words import in_words
from studio.operations import Operation, input_fields

_MOST_KINDS = 5_000
"""Plans that are remembered; a batch of more kinds is planned more slowly, not otherwise."""

_WORDS = 1_000
"""A text field that may be so long holds words, not a choice."""

_Look = Callable[[Any], Hashable]


class Alike:
    """Plans requests as ``planner`` does, remembering the plans of each kind.

    For one batch, and not for longer: providers' keys and rests are as they were at the first row
    of a kind. The refusals of a plan may repeat the words of another row of the same kind.

    Args:
        planner: plans the first request of each kind.
        providers: whose offers say what tells kinds apart.
    """

    def __init__(self, planner: Planner, providers: Mapping[str, Provider]) -> None:
        self._planner = planner
        self._offers = [offer for each in providers.values() for offer in each.offers()]
        self._looks: dict[type[Operation], _Look] = {}
        self._plans: dict[Hashable, Plan] = {}

    def plan(self, operation: Operation, pictures: Sequence[Picture] = ()) -> Plan:
        """Return the offers to try for ``operation``, in order.

        Raises:
            StudioError: as ``Planner.plan`` does; what failed is planned anew each time, so that
                the error tells of this request.
        """
        kind = self.kind(operation, pictures)
        known = self._plans.get(kind)
        if known is not None:
            return replace(known, operation=operation)
        plan = self._planner.plan(operation, pictures)
        if len(self._plans) < _MOST_KINDS:
            self._plans[kind] = plan
        return plan

    def kind(self, operation: Operation, pictures: Sequence[Picture]) -> Hashable:
        """Return what is equal for requests that have the same offers at the same prices."""
        cls = type(operation)
        look = self._looks.get(cls)
        if look is None:
            look = self._looks[cls] = _look_at(cls, self._offers)
        return cls, look(operation), tuple([picture.facts() for picture in pictures])


def _look_at(cls: type[Operation], offers: Sequence[Offer]) -> _Look:
    """Return what reads off an operation all that any offer could ask of it."""
    name = cls.model_fields["operation"].default
    sold = [offer for offer in offers if offer.operation == name]
    rules = [offer.price for offer in sold]
    counted = {it for rule in rules for it in (rule.count_of, rule.amount_of, rule.speech_of)}
    loose = [it for it in cls.model_fields if it not in counted and _is_loose(cls, it)]
    strict = [it for it in cls.model_fields if it not in loose]
    read = attrgetter(*strict, "operation")  # two names at least: it then gives a tuple
    looks = [(attrgetter(it), _loose_look(cls, it, sold)) for it in loose]

    def look(operation: Any) -> Hashable:
        values = tuple([tuple(it) if isinstance(it, list) else it for it in read(operation)])
        spoken = in_words(operation)  # as offers count it
        return values, tuple([test(get(spoken)) for get, test in looks])

    return look


def _is_loose(cls: type[Operation], name: str) -> bool:
    """Whether a field's very value is nothing to routing: words, seeds, names of files."""
    if name == "seed" or name in input_fields(cls):
        return True
    field = cls.model_fields[name]
    lengths = [each.max_length for each in field.metadata if isinstance(each, MaxLen)]
    lengths += [
        each.max_length or 0 for each in field.metadata if isinstance(each, StringConstraints)
    ]
    return field.annotation is str and max(lengths, default=0) >= _WORDS


def _loose_look(cls: type[Operation], name: str, sold: Sequence[Offer]) -> _Look:
    """Return what offers may ask of such a field: is it given, and does it keep their limits?

    What may be left out is empty by default, so that it is given says that it is not empty.
    """
    default = cls.model_fields[name].default
    values = [set(offer.values[name]) for offer in sold if name in offer.values]
    lengths = sorted({offer.lengths[name] for offer in sold if name in offer.lengths})
    ranges = sorted({offer.ranges[name] for offer in sold if name in offer.ranges})
    choices = set().union(*values)

    def look(value: Any) -> Hashable:
        return (
            value == default,
            tuple([len(value) > most for most in lengths]),
            tuple([least <= value <= most for least, most in ranges]),
            str(value) if choices and str(value) in choices else "",
        )

    return look
