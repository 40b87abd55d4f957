"""Operations by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from studio.errors import InvalidRequest
from studio.operations.base import Operation, describe_problems
from studio.operations.create import Generate
from studio.operations.edit import RemoveBackground
from studio.operations.social import SocialExport
from studio.operations.upscale import Upscale

OPERATIONS: Mapping[str, type[Operation]] = MappingProxyType(
    {
        cls.model_fields["operation"].default: cls
        for cls in (Generate, RemoveBackground, Upscale, SocialExport)
    }
)
"""Every operation by the name that CSV files, forms and the command line use."""


def operation_class(name: object) -> type[Operation]:
    """Return the operation called ``name``.

    Raises:
        InvalidRequest: there is no such operation.
    """
    try:
        return OPERATIONS[str(name)]
    except KeyError:
        raise InvalidRequest(
            "There is no such operation.",
            field="operation",
            given=name,
            allowed=", ".join(OPERATIONS),
        ) from None


def parse_operation(values: Mapping[str, Any]) -> Operation:
    """Return the operation that ``values`` describe; ``values["operation"]`` names it.

    Raises:
        InvalidRequest: no such operation, or its fields are not right. All problems are in
            ``details['problems']``; the first one is in ``field``, ``given`` and ``allowed``.
    """
    cls = operation_class(values.get("operation", ""))
    try:
        return cls.model_validate(dict(values))
    except ValidationError as error:
        problems = describe_problems(error)
        first = problems[0]
        raise InvalidRequest(
            f"{cls.title}: {first['field']} {first['rule']}.",
            field=first["field"],
            given=first["given"],
            allowed=first["rule"],
            problems=problems,
        ) from None
