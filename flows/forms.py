"""Forms: a flow's parameters, derived from its operation's model.

Prefect draws a flow's form from its signature. Only ``json_schema_extra`` inside ``Annotated``
brings title and help text into it; limits come along from the model's own metadata.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeVar

from prefect import Flow
from pydantic import Field
from pydantic.fields import FieldInfo

from billing.tokens import LONGEST_TOKEN
from engine.preflight import Caller
from engine.studio import open_settings
from studio import credits as money
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

BATCH_QUOTE = Annotated[
    str,
    Field(
        max_length=LONGEST_TOKEN,
        json_schema_extra={
            "title": "Quote",
            "description": "A signed quote of this very file with these options, as `studio batch "
            "quote` gives it: its prices are kept until it expires. Empty for the prices of today.",
        },
    ),
]

USER = Annotated[
    str,
    Field(
        max_length=80,
        json_schema_extra={
            "title": "User",
            "description": "Who asks: a member of the workspace whose wallet pays. Empty means "
            "the user that this studio is set to, else the one of the wallet's own name.",
        },
    ),
]

PROJECT = Annotated[
    str,
    Field(
        max_length=80,
        json_schema_extra={
            "title": "Project",
            "description": "What it is for; its budget is kept to. Empty for no project.",
        },
    ),
]

MAX_CREDITS = Annotated[
    str,
    Field(
        max_length=20,
        json_schema_extra={
            "title": "At most",
            "description": "Credits that the run may come to, such as 12.5; above it nothing is "
            "bought. Empty sets no ceiling of its own.",
        },
    ),
]

VERSION = Annotated[
    str,
    Field(
        max_length=80,
        json_schema_extra={
            "title": "Version of",
            "description": "A library asset (ast_...) whose request is run again: the result is "
            "filed as a version of it. Empty for new work.",
        },
    ),
]

ACCOUNT = {
    "owner": OWNER,
    "user": USER,
    "project": PROJECT,
    "max_credits": MAX_CREDITS,
}
"""What every flow that buys something is asked beside its work: who pays, who asks, how much."""


ORDER = {"quote": QUOTE, "version_of": VERSION}
"""What every flow of an operation is asked of its order: at whose price, and as what."""


def caller_of(values: Mapping[str, Any], owner: str) -> Caller:
    """Return who asks, by what a form was filled in with.

    Raises:
        InvalidRequest: ``max_credits`` is no amount.
    """
    most = str(values.get("max_credits", ""))
    return Caller(
        user=str(values.get("user", "")) or open_settings().user or owner,
        project=str(values.get("project", "")),
        most=money.parse(most, field="max_credits") if most else None,
    )


def form(operation: type[Operation]) -> Callable[[Function], Function]:
    """Give a flow's function a keyword for each field of ``operation``, ``ORDER`` and ``ACCOUNT``.

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
            for name, kind in (*ORDER.items(), *ACCOUNT.items())
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
