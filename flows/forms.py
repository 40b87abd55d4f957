"""Forms: a flow's parameters, derived from its operation's model.

Prefect draws a flow's form from its signature. Only ``json_schema_extra`` inside ``Annotated``
brings title and help text into it; limits come along from the model's own metadata.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from prefect import Flow
from pydantic import Field
from pydantic.fields import FieldInfo

from billing.signed import LONGEST_TOKEN
from studio.operations import Operation

Function = TypeVar("Function", bound=Callable[..., Any])

OWNER = Annotated[
    str,
    Field(
        max_length=80,
        json_schema_extra={
            "title": "Wallet",
            "description": "Whose wallet pays; empty means the one that this studio is set to.",
        },
    ),
]

QUOTE = Annotated[
    str,
    Field(
        max_length=LONGEST_TOKEN,
        json_schema_extra={
            "title": "Quote",
            "description": "A signed quote of this very request, as `studio quote` gives it: its "
            "price is kept until it expires. Empty for the price of today.",
        },
    ),
]


def form(operation: type[Operation]) -> Callable[[Function], Function]:
    """Give a flow's function one keyword for each field of ``operation``, ``quote`` and ``owner``.

    The function's attribute ``operation`` says which operation it is for.
    """

    def decorate(function: Function) -> Function:
        parameters = [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                annotation=_annotation(field),
                default=inspect.Parameter.empty if field.is_required() else field.get_default(),
            )
            for name, field in _by_need(operation)
        ]
        parameters += [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default="")
            for name, kind in (("quote", QUOTE), ("owner", OWNER))
        ]
        signature = inspect.Signature(parameters, return_annotation=Any)
        function.__signature__ = signature  # type: ignore[attr-defined]
        function.operation = operation  # type: ignore[attr-defined]
        return function

    return decorate


def operation_of(flow: Flow[..., Any]) -> type[Operation]:
    """Return the operation that a flow with a form is for."""
    operation: type[Operation] = flow.fn.operation  # type: ignore[attr-defined]
    return operation


def _by_need(operation: type[Operation]) -> list[tuple[str, FieldInfo]]:
    """Order the fields as people fill them in: the operation's own, then those that many share."""
    fields = operation.model_fields
    own = [name for name in operation.__annotations__ if name in fields]
    names = [*own, *(name for name in fields if name not in own)]
    last = ("provider", "model")
    names = [name for name in names if name not in {"operation", *last}]
    return [(name, fields[name]) for name in (*names, *last)]


def _annotation(field: FieldInfo) -> Any:
    texts: dict[str, Any] = {"title": field.title, "description": field.description}
    extra = field.json_schema_extra
    if isinstance(extra, dict) and "enum" in extra:  # drawn as a list to choose from
        texts["enum"] = extra["enum"]
    return Annotated[(field.annotation, Field(json_schema_extra=texts), *field.metadata)]
