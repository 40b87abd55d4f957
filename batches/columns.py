"""The columns of a batch file, derived from the operations' models."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from functools import cache
from typing import Annotated, Any, get_args, get_origin

from batches.spec import Problem
from studio.errors import shorten
from studio.operations import OPERATIONS, Operation

COLUMNS: tuple[str, ...] = tuple(
    dict.fromkeys(
        ["row", "operation", *(name for cls in OPERATIONS.values() for name in cls.model_fields)]
    )
)
"""Every column that a batch file may have: ``row``, ``operation``, and all operations' fields."""

_BETWEEN_ITEMS = re.compile(r"[+|\s]+")
_WHOLE = re.compile(r"(-?[0-9]{1,18})(\.0+|,00?)?")
_DECIMAL = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?")
_THOUSANDS = re.compile(r"-?[1-9][0-9]{0,2}(,[0-9]{3})+")
_DECIMAL_COMMA = re.compile(r"(-?[0-9]{1,18}),([0-9]{1,18})")
_BOOLEANS = {"true": True, "false": False, "yes": True, "no": False}

_KNOWN = frozenset(COLUMNS)
_ALLOWED = f"allowed: {', '.join(COLUMNS)}"
_BETWEEN_WORDS = re.compile(r"[\s-]+")
_ALIKE = 0.75
"""From which likeness on (0 to 1) a name is taken for a slip of the pen."""

Reader = Callable[[str], Any]


def column_of(name: str) -> str:
    """Return the column that a name in a header means; the name itself if it is none.

    People write ``Prompt`` and ``Negative prompt`` in their spreadsheets.
    """
    alike = _BETWEEN_WORDS.sub("_", name.strip().lower())
    return alike if alike in _KNOWN else name.strip()


def columns_of(names: Sequence[str]) -> tuple[str, ...]:
    """Return the columns that a header means. One that stands there as it is called goes first."""
    there = set(names)
    return tuple(
        name if name in _KNOWN or (column := column_of(name)) in there else column for name in names
    )


def check_header(line: int, names: tuple[str, ...]) -> tuple[dict[str, int], list[Problem]]:
    """Return the place of each known column, and what is wrong with the header.

    Of a column that is there twice the first one counts.
    """
    places: dict[str, int] = {}
    problems = []
    for place, name in enumerate(names):
        rule = ""
        if name in places:
            rule = "is there twice; each column may be there once"
        elif name in COLUMNS:
            places[name] = place
        elif name:
            meant = get_close_matches(name.lower(), COLUMNS, 1, _ALIKE)
            hint = f"; perhaps {meant[0]} is meant" if meant else ""
            rule = f"is not a column, and no cell has {{{shorten(name)}}} in it{hint}; {_ALLOWED}"
        else:
            rule = f"column {place + 1} must have a name"
        if rule:
            problems.append(Problem(line, "", shorten(name), shorten(name), rule))
    if "operation" not in places:
        allowed = ", ".join(OPERATIONS)
        rule = f"there must be a column of this name; its values: {allowed}"
        problems.append(Problem(line, "", "operation", "", rule))
    return places, problems


def read_cell(operation: type[Operation], column: str, text: str) -> Any:
    """Return the value that a cell stands for, or its text where the model must judge it.

    Whole numbers are written in digits. ``1024.0`` is taken for 1024, because pandas and
    spreadsheets write it so when a column has gaps; ``1e3``, ``1_000`` and ``1,000`` are not
    taken for numbers. A comma is a decimal one (``0,5``) where it cannot be one of thousands.
    Items of a list stand between ``+``, ``|`` or blanks.
    """
    reader = _readers(operation).get(column)
    return reader(text) if reader else text


@cache
def _readers(operation: type[Operation]) -> dict[str, Reader]:
    return {name: _reader(field.annotation) for name, field in operation.model_fields.items()}


def _reader(annotation: Any) -> Reader:
    if get_origin(annotation) is Annotated:
        return _reader(get_args(annotation)[0])
    if get_origin(annotation) in {list, tuple}:
        read_item = _reader(get_args(annotation)[0])
        return lambda text: [read_item(item) for item in _BETWEEN_ITEMS.split(text) if item]
    simple: dict[Any, Reader] = {int: _whole, float: _decimal, bool: _boolean}
    return simple.get(annotation, str)


def _whole(text: str) -> int | str:
    found = _WHOLE.fullmatch(text)
    return int(found[1]) if found else text


def _decimal(text: str) -> float | str:
    comma = _DECIMAL_COMMA.fullmatch(text)
    if comma and not _THOUSANDS.fullmatch(text):
        text = f"{comma[1]}.{comma[2]}"
    return float(text) if _DECIMAL.fullmatch(text) else text


def _boolean(text: str) -> bool | str:
    return _BOOLEANS.get(text.lower(), text)
