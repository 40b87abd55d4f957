"""Every flow of a single operation, by its operation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType, ModuleType
from typing import Any

from prefect import Flow

from flows import control, create, edit, library, social, transform, upscale
from flows.forms import operation_of
from studio.operations import OPERATIONS

_MODULES = (create, edit, upscale, transform, control, social, library)


def _flows(module: ModuleType) -> Iterator[Flow[..., Any]]:
    return (value for value in vars(module).values() if isinstance(value, Flow))


_BY_OPERATION = {
    operation_of(each).model_fields["operation"].default: each
    for module in _MODULES
    for each in _flows(module)
}

OPERATION_FLOWS: Mapping[str, Flow[..., Any]] = MappingProxyType(
    {name: _BY_OPERATION[name] for name in OPERATIONS}
)
"""The flow of each operation, by the operation's name; none may be missing."""
