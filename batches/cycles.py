"""Rows that need each other in a circle: no order could serve them, and the circle is named."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache

from batches.references import row_named
from batches.rows import Draft
from batches.sheet import Line
from batches.spec import Problem
from studio.operations import OPERATIONS, input_fields

_LONGEST_TOLD = 10
"""Rows of a circle that a rule names."""

_MOST = 1_000
"""Circles that are looked for, and rows that are looked at for one: what is beyond is refused just
as well, only not called a circle."""


def name_cycles(drafts: Sequence[Draft], lines: Iterable[Line], places: Mapping[str, int]) -> None:
    """Where a row names one below it that needs it in turn, name the circle in the problem."""
    if not any(_points_down(problem) for draft in drafts for problem in draft.problems):
        return
    inputs = [place for column, place in places.items() if column in _input_columns()]
    needs = {
        draft.name: [
            name
            for place in inputs
            if place < len(line.cells) and (name := row_named(line.cells[place].strip()))
        ]
        for draft, line in zip(drafts, lines, strict=True)
    }
    looked = 0
    for draft in drafts:
        for position, problem in enumerate(draft.problems):
            if not _points_down(problem) or looked == _MOST:
                continue
            looked += 1
            way = _way(needs, row_named(problem.value), draft.name)
            if way:
                told = " -> ".join([draft.name, *way][: _LONGEST_TOLD + 1])
                rule = f"{problem.rule}; they need each other in a circle: {told}"
                draft.problems[position] = replace(problem, rule=rule)


def _points_down(problem: Problem) -> bool:
    return " comes later, on line " in problem.rule


@cache
def _input_columns() -> frozenset[str]:
    return frozenset(name for cls in OPERATIONS.values() for name in input_fields(cls))


def _way(needs: Mapping[str, Sequence[str]], start: str, end: str) -> list[str]:
    """Return the shortest way from one row to another by what rows need; empty if there is none."""
    before: dict[str, str] = {start: ""}
    queue = deque([start])
    while queue and len(before) <= _MOST:
        name = queue.popleft()
        if name == end:
            way = []
            while name:
                way.append(name)
                name = before[name]
            return way[::-1]
        for needed in needs.get(name, ()):
            if needed not in before:
                before[needed] = name
                queue.append(needed)
    return []
