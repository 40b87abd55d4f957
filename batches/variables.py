"""Variables in cells: ``{colour}`` stands for what the row's column ``colour`` holds.

Plain replacement, once from left to right: what is put in is never looked at again, so a cell can
neither name another variable nor do anything else. Braces that are meant are written twice.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from studio.errors import InvalidRequest, shorten

OWN = ("date", "time", "row", "number")
"""What every row has: day and hour, the row's name, and its place below the header, from 1."""

_MOST_NAMED = 30
_BRACES = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


def has_braces(text: str) -> bool:
    """Whether a cell must be looked at."""
    return "{" in text or "}" in text


def fill(text: str, values: Mapping[str, str]) -> tuple[str, frozenset[str], str]:
    """Return a cell with its variables put in, their names, and what is wrong with it.

    Args:
        text: the cell.
        values: the row's columns, and those of ``OWN`` that it does not name itself.
    """
    used: set[str] = set()
    faults: list[str] = []

    def put_in(match: re.Match[str]) -> str:
        found = match[0]
        if found in {"{{", "}}"}:
            return found[0]
        name = (match[1] or "").strip()
        if found in {"{", "}"} or not name:
            faults.append(f"a brace that begins no variable is written twice: {found[0] * 2}")
        elif name in values:
            used.add(name)
            return values[name]
        else:
            known = ", ".join(list(values)[:_MOST_NAMED])
            faults.append(f"there is no variable {{{shorten(name)}}}; allowed: {known}")
        return found

    filled = _BRACES.sub(put_in, text)
    return filled, frozenset(used), faults[0] if faults else ""


def fill_name(name: str, day: str, time: str) -> str:
    """Return a batch's name with ``{date}`` and ``{time}`` put in.

    Raises:
        InvalidRequest: it names another variable, or has a brace that is none.
    """
    if not has_braces(name):
        return name
    filled, _, fault = fill(name, {"date": day, "time": time})
    if fault:
        raise InvalidRequest("The batch's name is wrong.", field="name", given=name, allowed=fault)
    return filled
