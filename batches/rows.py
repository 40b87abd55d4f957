"""Judging rows: each by the model of its operation, and by what it says of other rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from pydantic import ValidationError

from batches.columns import read_cell
from batches.references import Pictures
from batches.sheet import MOST_ROWS, Line
from batches.spec import NOTHING, Problem, Reference
from studio.errors import StudioError, shorten
from studio.operations import (
    OPERATIONS,
    InputKind,
    Operation,
    Settled,
    describe_problems,
    input_fields,
)

LONGEST_CELL = 10_000
"""Characters in a cell."""

LONGEST_NAME = 60
"""Characters in a row's name."""

_NAME = re.compile(rf"[a-z0-9_-]{{1,{LONGEST_NAME}}}")


@dataclass(slots=True)
class Draft:
    """A row while it is judged.

    Attributes:
        line: line of the file on which it starts, from 1.
        name: as the file gives it, be it right or wrong; else the line's number.
        operation: ``None`` unless its model finds it right.
        notes: what the studio changed in the request as the file gives it.
        stage: which step of a chain it is, from 1; 0 for a row of its own.
        problems: what is wrong with it, each column once (a list's items each once).
    """

    line: int
    name: str
    operation: Operation | None = None
    notes: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    references: tuple[Reference, ...] = ()
    stage: int = 0
    problems: list[Problem] = field(default_factory=list)

    def note(self, column: str, value: str, rule: str) -> None:
        """Add a problem."""
        self.problems.append(Problem(self.line, shorten(self.name), column, shorten(value), rule))

    def blames(self, column: str) -> bool:
        """Whether a problem of that column is known."""
        return any(problem.field == column for problem in self.problems)


Settle = Callable[[Operation], Settled]
"""Returns a request with all that it names replaced by what it stands for; a StudioError if not."""


def judge(
    places: dict[str, int], lines: tuple[Line, ...], pictures: Pictures, settle: Settle = Settled
) -> list[Draft]:
    """Judge the rows of a file, in their order.

    Args:
        places: the place of each known column among a line's cells.
        settle: puts in what a request names, such as a persona.
    """
    drafts = [_draft(line, places) for line in lines]
    first_lines = [pictures.announce(draft.name, draft.line) for draft in drafts]
    for line, draft, first in zip(lines, drafts, first_lines, strict=True):
        for note in line.notes:
            draft.note(*note)
        if line.fault:
            draft.note("", line.found, line.fault)
        else:
            cells = {column: line.cells[place].strip() for column, place in places.items()}
            _judge_name(draft, cells.pop("row", ""), first, line.stage)
            _judge_cells(draft, {column: text for column, text in cells.items() if text}, pictures)
        _settle(draft, settle)
        pictures.pass_by(draft.name, draft.operation)
        if line.origins:
            draft.problems = [_placed(problem, line.origins) for problem in draft.problems]
        # A column that the file lacks comes last, a fault of the whole line first.
        draft.problems.sort(key=lambda it: places.get(it.field, len(places)) if it.field else -1)
    _judge_parts(drafts)
    return drafts


def part_names(name: str, number: int) -> tuple[str, ...]:
    """Return the names of the rows that a line with ``number`` variations stands for."""
    return tuple(f"{name}-{part}" for part in range(1, number + 1)) if number > 1 else (name,)


def _settle(draft: Draft, settle: Settle) -> None:
    if draft.operation is None:
        return
    try:
        done = settle(draft.operation)
    except StudioError as error:
        draft.operation = None
        draft.note(error.field or "", error.given or "", error.allowed or error.message)
    else:
        draft.operation, draft.notes = done.operation, done.notes or NOTHING


def _judge_parts(drafts: list[Draft]) -> None:
    """Judge the names and the number of the rows that variations come to."""
    lines = {draft.name: draft.line for draft in drafts}
    total = 0
    for draft in drafts:
        number = len(draft.operation.pieces()) if draft.operation else 1
        total += number
        if number == 1:
            continue
        names = part_names(draft.name, number)
        told = f"{number} variations are the rows {names[0]} to {names[-1]}"
        if taken := [each for each in names if each in lines]:
            rule = f"{told}, and line {lines[taken[0]]} has the name {taken[0]}"
            draft.note("row", draft.name, rule)
        elif len(names[-1]) > LONGEST_NAME:
            rule = f"{told}; such a name may have {LONGEST_NAME} characters at most"
            draft.note("row", draft.name, rule)
        if total > MOST_ROWS:
            rule = f"with variations, a file may have {MOST_ROWS} rows at most; here are {total}"
            draft.note("variations", str(number), rule)
            break


def _draft(line: Line, places: dict[str, int]) -> Draft:
    place = places.get("row", len(line.cells))
    given = line.cells[place].strip() if place < len(line.cells) else ""
    return Draft(line.number, given or str(line.number), stage=line.stage)


def _placed(problem: Problem, origins: Mapping[str, str]) -> Problem:
    """Return a problem under the column in which its value really stands."""
    if problem.field not in origins:
        return problem
    rule = f"{problem.field}: {problem.rule}"
    return replace(problem, field=origins[problem.field], rule=rule)


def _judge_name(draft: Draft, given: str, first: int, stage: int) -> None:
    # The later steps of a chain are named after their row: "fox.2"; no row of a file may be.
    own = given.rpartition(".")[0] if stage > 1 else given
    if own and not _NAME.fullmatch(own):
        draft.note("row", given, "must be 1 to 60 of a-z, 0-9, _ and -")
    elif first != draft.line:
        rule = f"must be unique; line {first} has the same name"
        draft.note("row", given, rule if given else f"{rule} ({draft.name}), so this one needs one")


def _judge_cells(draft: Draft, cells: dict[str, str], pictures: Pictures) -> None:
    """Judge all but the name."""
    for column, text in cells.items():
        if len(text) > LONGEST_CELL:
            rule = f"a cell may have {LONGEST_CELL} characters at most, this has {len(text)}"
            draft.note(column, text, rule)
    name = cells.pop("operation", "")
    operation = OPERATIONS.get(name)
    if operation is None:
        if not draft.blames("operation"):
            draft.note("operation", name, f"must be one of: {', '.join(OPERATIONS)}")
        return
    kinds = input_fields(operation)
    inputs = [column for column in kinds if column in cells]
    texts = cells | {column: pictures.place(cells[column]) for column in inputs}
    draft.operation = _validate(draft, operation, texts)
    for column in inputs:
        if not draft.blames(column):
            _judge_input(draft, column, cells[column], kinds[column], pictures)


def _validate(draft: Draft, cls: type[Operation], texts: dict[str, str]) -> Operation | None:
    """Let the model judge; it neither turns texts into numbers nor the other way round."""
    values = {column: read_cell(cls, column, text) for column, text in texts.items()}
    name = cls.model_fields["operation"].default
    try:
        return with_all_fields(cls.model_validate({**values, "operation": name}, strict=True))
    except ValidationError as error:
        known = {problem.field for problem in draft.problems}
        for found in describe_problems(error, cls):
            # An item of a list is called "formats.1" by the model; the column is "formats".
            column, _, item = found["field"].partition(".")
            if column not in known:
                draft.note(column, found["given"] if item else texts.get(column, ""), found["rule"])
        return None


def with_all_fields(operation: Operation, **changes: Any) -> Operation:
    """Return a request in which all fields count as set, as in one that is loaded again.

    One set of names for all rows: one for each would be half of their memory.
    """
    cls = type(operation)
    names = _all_fields(cls)
    if operation.model_fields_set is names:
        # It was made below and nobody has seen it yet: it is frozen for all who get it.
        vars(operation).update(changes)
        return operation
    return cls.model_construct(names, **{**vars(operation), **changes})


@cache
def _all_fields(cls: type[Operation]) -> set[str]:
    return set(cls.model_fields)


def _judge_input(draft: Draft, column: str, text: str, kind: InputKind, pictures: Pictures) -> None:
    if text.startswith("@"):
        reference = pictures.refer(column, text, draft.name)
        if isinstance(reference, str):
            draft.note(column, text, reference)
        else:
            draft.references += (reference,)
    elif reason := pictures.missing(pictures.place(text), kind):
        draft.note(column, text, reason)
