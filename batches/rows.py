"""Judging rows: each by the model of its operation, and by what it says of other rows."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from pydantic import ValidationError

from batches.columns import read_cell
from batches.reading import Line
from batches.references import Pictures
from batches.spec import Problem, Reference
from studio.errors import shorten
from studio.operations import (
    OPERATIONS,
    InputKind,
    Operation,
    describe_problems,
    input_fields,
)

LONGEST_CELL = 10_000
"""Characters in a cell."""

_NAME = re.compile(r"[a-z0-9_-]{1,60}")


@dataclass(slots=True)
class Draft:
    """A row while it is judged.

    Attributes:
        line: line of the file on which it starts, from 1.
        name: as the file gives it, be it right or wrong; else the line's number.
        operation: ``None`` unless its model finds it right.
        problems: what is wrong with it, each column once (a list's items each once).
    """

    line: int
    name: str
    operation: Operation | None = None
    references: tuple[Reference, ...] = ()
    problems: list[Problem] = field(default_factory=list)

    def note(self, column: str, value: str, rule: str) -> None:
        """Add a problem."""
        self.problems.append(Problem(self.line, shorten(self.name), column, shorten(value), rule))

    def blames(self, column: str) -> bool:
        """Whether a problem of that column is known."""
        return any(problem.field == column for problem in self.problems)


def judge(places: dict[str, int], lines: tuple[Line, ...], pictures: Pictures) -> list[Draft]:
    """Judge the rows of a file, in their order.

    Args:
        places: the place of each known column among a line's cells.
    """
    drafts = [_draft(line, places) for line in lines]
    first_lines = [pictures.announce(draft.name, draft.line) for draft in drafts]
    for line, draft, first in zip(lines, drafts, first_lines, strict=True):
        if line.fault:
            draft.note("", line.found, line.fault)
        else:
            cells = {column: line.cells[place].strip() for column, place in places.items()}
            _judge_name(draft, cells.pop("row", ""), first)
            _judge_cells(draft, {column: text for column, text in cells.items() if text}, pictures)
        pictures.pass_by(draft.name, draft.operation)
        # A column that the file lacks comes last, a fault of the whole line first.
        draft.problems.sort(key=lambda it: places.get(it.field, len(places)) if it.field else -1)
    return drafts


def _draft(line: Line, places: dict[str, int]) -> Draft:
    place = places.get("row", len(line.cells))
    given = line.cells[place].strip() if place < len(line.cells) else ""
    return Draft(line.number, given or str(line.number))


def _judge_name(draft: Draft, given: str, first: int) -> None:
    if given and not _NAME.fullmatch(given):
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
        operation = cls.model_validate({**values, "operation": name}, strict=True)
    except ValidationError as error:
        known = {problem.field for problem in draft.problems}
        for found in describe_problems(error):
            # An item of a list is called "formats.1" by the model; the column is "formats".
            column, _, item = found["field"].partition(".")
            if column not in known:
                draft.note(column, found["given"] if item else texts.get(column, ""), found["rule"])
        return None
    if len(operation.pieces()) > 1:
        # A row is one piece of work: its state, its credits, its place in the manifest.
        draft.note("variations", texts["variations"], "must be 1 in a batch; add a row for each")
        return None
    return operation


def _judge_input(draft: Draft, column: str, text: str, kind: InputKind, pictures: Pictures) -> None:
    if text.startswith("@"):
        reference = pictures.refer(column, text, draft.name)
        if isinstance(reference, str):
            draft.note(column, text, reference)
        else:
            draft.references += (reference,)
    elif reason := pictures.missing(pictures.place(text), kind):
        draft.note(column, text, reason)
