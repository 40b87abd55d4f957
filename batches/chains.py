"""Chains: several steps of work in one row's cell ``operation``.

``generate | remove_background | upscale fast | social instagram_story+linkedin_feed_post`` is a row
for each step. A step is an operation, in one word or several, and what it is given besides:
``field=value``, or a value alone where the operation has a choice or a list that it belongs to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, get_args, get_origin

from studio.operations import OPERATIONS, Operation, input_fields

BETWEEN = "|"
"""What stands between two steps."""

MOST_STEPS = 10
"""Steps of one chain."""

ALIASES: Mapping[str, str] = {"social": "social_export", "upscale_fast": "upscale"}
"""Other names of operations."""

NO_PICTURE = frozenset({"enhance_prompt", "tag", "image_to_video", "talking_avatar", "image_to_3d"})
"""Operations whose output no other step can take in."""

_MOST_WORDS = 3
"""Words of an operation's name."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a chain.

    Attributes:
        operation: its name; as it was written if nobody knows it.
        values: what the chain itself gives it, by field.
        fault: what is wrong with it; empty if nothing is.
    """

    operation: str
    values: Mapping[str, str]
    fault: str = ""


@cache
def read_chain(text: str) -> tuple[Step, ...]:
    """Return the steps of a cell; at least one."""
    parts = text.split(BETWEEN)
    if len(parts) > MOST_STEPS:
        return (Step(text, {}, f"a chain may have {MOST_STEPS} steps at most"),)
    steps = [_read_step(part, alone=len(parts) == 1) for part in parts]
    for place, step in enumerate(steps[:-1]):
        if step.operation in NO_PICTURE and not step.fault:
            rule = f"{step.operation} makes no picture, which the next step would need"
            steps[place] = Step(step.operation, step.values, rule)
    return tuple(steps)


def main_input(operation: str) -> str:
    """Return the field in which a step takes what the step before it made; empty if none does."""
    return next(iter(input_fields(OPERATIONS[operation])), "")


def _read_step(text: str, *, alone: bool) -> Step:
    words = text.split()
    for count in range(min(_MOST_WORDS, len(words)), 0, -1):
        name = "_".join(words[:count])
        name = ALIASES.get(name, name)
        if name in OPERATIONS:
            return _with_values(name, words[count:])
    if alone:
        return Step(text, {})  # the row's own fault is told in the row's own words
    rule = f"{text.strip() or 'an empty step'} is no operation; allowed: {', '.join(OPERATIONS)}"
    return Step(text.strip(), {}, rule)


def _with_values(name: str, words: list[str]) -> Step:
    operation = OPERATIONS[name]
    values: dict[str, str] = {}
    for word in words:
        field, equals, value = word.partition("=")
        if not equals:
            field, value = _field_of(operation, word), word
        if field not in operation.model_fields or field == "operation":
            fields = ", ".join(it for it in operation.model_fields if it != "operation")
            rule = f"{word} means nothing to {name}; allowed: field=value with one of {fields}"
            return Step(name, {}, rule)
        if field in values:
            return Step(name, {}, f"{name} is given {field} twice: {values[field]} and {value}")
        values[field] = value
    return Step(name, values)


def _field_of(operation: type[Operation], value: str) -> str:
    """Return the field whose choices hold a value, or else the one that takes a list."""
    lists = ""
    for name, field in operation.model_fields.items():
        extra = field.json_schema_extra
        choices = extra.get("enum", ()) if isinstance(extra, dict) else ()
        if value in get_args(field.annotation) or (isinstance(choices, list) and value in choices):
            return name
        if _is_list(field.annotation):
            lists = lists or name
    return lists


def _is_list(annotation: Any) -> bool:
    return get_origin(annotation) in {list, tuple} and get_origin(annotation) is not Literal
