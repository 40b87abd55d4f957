"""Options derived from an operation's model, so that a field is described once.

Help, choices, ranges and defaults come from the model's JSON schema. The words on the line are
judged by the model itself, which names every fault at once and in the words of all other doors.
"""

from __future__ import annotations

import inspect
import shlex
from collections.abc import Callable
from typing import Annotated, Any

from cyclopts import Parameter

from studio.operations import Operation


def own_fields(kind: type[Operation]) -> list[str]:
    """Return the fields as people fill them in: the operation's own, then provider and model."""
    shared = ["provider", "model"]
    return [n for n in kind.model_fields if n not in {*shared, "operation"}] + shared


def options(kind: type[Operation]) -> list[inspect.Parameter]:
    """Return a keyword for each field of ``kind``."""
    schema = kind.model_json_schema()["properties"]
    return [_option(kind, name, schema[name]) for name in own_fields(kind)]


def with_options(function: Callable[..., int], kind: type[Operation]) -> Callable[..., int]:
    """Return ``function`` with its ``**values`` replaced by the fields of ``kind``."""

    def command(**values: Any) -> int:
        return function(kind, **values)

    fixed = [
        parameter
        for parameter in inspect.signature(function, eval_str=True).parameters.values()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    ]
    command.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [*options(kind), *fixed], return_annotation=int
    )
    command.__name__ = kind.model_fields["operation"].default
    command.__doc__ = f"{kind.summary}\n\nExample: {example(function.__name__.strip('_'), kind)}"
    return command


def example(command: str, kind: type[Operation]) -> str:
    """Return a line that can be typed."""
    words = ["studio", command, kind.model_fields["operation"].default]
    for name, value in kind.example.items():
        given = value if isinstance(value, list) else [value]
        words += [f"--{name.replace('_', '-')}", *map(str, given)]
    return shlex.join(words)


def _option(kind: type[Operation], name: str, schema: dict[str, Any]) -> inspect.Parameter:
    field = kind.model_fields[name]
    many = schema.get("type") == "array"
    parameter = Parameter(
        help=_help(schema),
        # Empty texts and the like say "leave it to the studio", which the description spells out.
        show_default=not field.is_required() and field.get_default() not in ("", -1),
        negative=(),
        consume_multiple=True if many else None,
    )
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        annotation=Annotated[_hint(schema), parameter],
        default=inspect.Parameter.empty if field.is_required() else _typed(field.get_default()),
    )


def _typed(default: Any) -> Any:
    """Return a default as it would be typed."""
    if isinstance(default, list):
        return [str(each) for each in default]
    return default if isinstance(default, bool) else str(default)


def _hint(schema: dict[str, Any]) -> Any:
    """Return what the command line makes of the words: text, which the model then judges."""
    if schema.get("type") == "array":
        return list[str]
    return bool if schema.get("type") == "boolean" else str


def _help(schema: dict[str, Any]) -> str:
    """Return the description, with choices and range where the description does not say them."""
    text = str(schema.get("description", ""))
    choices = schema.get("enum") or schema.get("items", {}).get("enum") or ()
    choices = [choice for choice in choices if choice]  # the description says what empty means
    if choices and not all(choice in text for choice in choices):
        return f"{text} [choices: {', '.join(choices)}]"
    limits = [schema.get("minimum"), schema.get("maximum")]
    if None not in limits and not all(str(limit) in text for limit in limits):
        return f"{text} [{limits[0]} to {limits[1]}]"
    return text
