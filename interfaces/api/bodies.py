"""Requests for operations: read by the operation's own model, and described by it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic_core import to_jsonable_python

from billing.tokens import LONGEST_TOKEN
from studio import credits as money
from studio.errors import InvalidRequest
from studio.operations import OPERATIONS, Operation, input_fields, inputs_given, parse_operation

ASSET = "^ast_[0-9a-z_]{1,60}$"
_DEEPEST = 20

PURSE: Mapping[str, dict[str, Any]] = {
    "quote": {
        "type": "string",
        "maxLength": LONGEST_TOKEN,
        "default": "",
        "description": "The token of a quote of this very request: its price is kept.",
    },
    "project": {
        "type": "string",
        "maxLength": 80,
        "default": "",
        "description": "What it is for; its budget is kept to.",
    },
    "max_credits": {
        "type": "string",
        "maxLength": 20,
        "default": "",
        "description": "Credits that it may come to, such as 12.5; above it nothing is bought.",
    },
}
"""What a request says about the money, beside the fields of its operation."""


@dataclass(frozen=True, slots=True)
class Order:
    """A request for an operation that is right in itself.

    Attributes:
        operation: what is asked for.
        purse: ``quote``, ``project`` and ``max_credits``, empty where they are not given.
    """

    operation: Operation
    purse: Mapping[str, str]

    @property
    def most(self) -> int | None:
        """Micro-credits that it may come to; ``None`` without a ceiling."""
        most = self.purse["max_credits"]
        return money.parse(most, field="max_credits") if most else None

    def values(self) -> dict[str, Any]:
        """Return what the flow of the operation is started with, but for whose it is."""
        values: dict[str, Any] = to_jsonable_python(self.operation.again())
        del values["operation"]
        return {**values, **self.purse}


def read_order(name: str, body: Mapping[str, Any]) -> Order:
    """Return the request for operation ``name`` that a body is.

    Raises:
        InvalidRequest: it is not right; all problems are in ``details['problems']``.
    """
    check_text(body)
    fields = {key: value for key, value in body.items() if key not in PURSE}
    if fields.get("operation", name) != name:
        raise InvalidRequest(
            "The request names another operation than its address.",
            field="operation",
            given=fields["operation"],
            allowed=name,
        )
    return order_of(parse_operation({**fields, "operation": name}), body)


def order_of(operation: Operation, purse: Mapping[str, Any]) -> Order:
    """Return the request for an operation whose fields are right.

    Raises:
        InvalidRequest: an input is named by something else than an asset, or ``purse`` is wrong.
    """
    for field, reference in inputs_given(operation).items():
        if not reference.startswith("ast_"):
            # A path would name a file of this machine, which is nobody's outside of it.
            raise InvalidRequest(
                "Files are named by the id of an asset.",
                field=field,
                given=reference,
                allowed="an asset's id (ast_…): POST /uploads brings a file in",
            )
    order = Order(operation, {field: _short(purse, field) for field in PURSE})
    _ = order.most  # refuses what is no amount
    return order


def _short(body: Mapping[str, Any], field: str) -> str:
    value = body.get(field, "")
    longest = int(PURSE[field]["maxLength"])
    if isinstance(value, str) and len(value) <= longest:
        return value
    raise InvalidRequest(
        f"{field} cannot be used.",
        field=field,
        given=value,
        allowed=f"a text of at most {longest} characters",
    )


def check_text(value: Any, place: str = "", depth: int = 0) -> None:
    """Refuse what no database or log takes: NUL, half characters, numbers that are none.

    Raises:
        InvalidRequest: names the place in the body.
    """
    if depth > _DEEPEST:
        raise InvalidRequest(
            "The body is nested too deeply.", field=place, allowed=f"at most {_DEEPEST} levels"
        )
    if isinstance(value, str) and ("\0" in value or not _is_unicode(value)):
        raise InvalidRequest(
            "The text has characters that cannot be kept.",
            field=place or "body",
            given=value.encode("ascii", "backslashreplace").decode(),
            allowed="Unicode text without NUL",
        )
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidRequest(
            "That is no number.", field=place or "body", given=value, allowed="a finite number"
        )
    for key, each in _parts(value):
        check_text(key, place or "body", depth + 1)
        check_text(each, f"{place}.{key}" if place else key, depth + 1)


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        yield from value.items()
    elif isinstance(value, list):
        yield from ((str(number), each) for number, each in enumerate(value))


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def schema_of(name: str) -> dict[str, Any]:
    """Return the JSON schema of a body for operation ``name``: its model's, and the money's."""
    kind = OPERATIONS[name]
    schema = kind.model_json_schema()
    schema.pop("description", None)
    for field in input_fields(kind):
        described = schema["properties"][field]
        described.pop("input", None)
        needed = field in schema.get("required", ())
        described["pattern"] = (
            ASSET if needed else ASSET.replace("^ast", "^(|ast").replace("$", ")$")
        )
        described["description"] = "An asset's id (ast_…)." + ("" if needed else " Empty for none.")
    schema["properties"] |= PURSE
    schema["title"] = f"{kind.__name__}Request"
    schema["examples"] = [example_of(name)]
    return schema


def example_of(name: str) -> dict[str, Any]:
    """Return an example of a body; its pictures are assets."""
    kind = OPERATIONS[name]
    inputs = input_fields(kind)
    return {
        key: "ast_01jd0m2v6k9y3hqk7d0c8r5wxe" if key in inputs and value else value
        for key, value in kind.example.items()
    }
