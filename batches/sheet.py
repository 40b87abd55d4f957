"""A batch file as a table of texts, whatever it was written in, and the limits of such a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from batches.spec import NOTHING, Problem
from studio.errors import shorten

LARGEST_FILE = 100_000_000
"""Bytes of a batch file: 1,000 a row, were it as long as it may be."""

MOST_ROWS = 100_000
"""Rows of a batch; blank lines are not counted."""

MOST_COLUMNS = 100
"""Columns of a batch file."""


@dataclass(frozen=True, slots=True)
class Line:
    """A record below the header.

    Attributes:
        number: the line on which it starts, from 1; in a workbook, the row of the sheet.
        cells: one text for each column; of an unsound record, those that could be told apart.
        fault: what makes it unsound; empty if nothing does.
        found: what to show for the fault.
        notes: what is wrong with single cells: column, value, rule.
        stage: which step of a chain it is, from 1; 0 for a row of its own.
        origins: for cells that the file does not have, the column that they come from.
    """

    number: int
    cells: Sequence[str]
    fault: str = ""
    found: str = ""
    notes: tuple[tuple[str, str, str], ...] = ()
    stage: int = 0
    origins: Mapping[str, str] = field(default_factory=lambda: NOTHING)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A file as texts.

    Attributes:
        line: the line of the header, from 1.
        columns: the header's cells.
        lines: at most ``MOST_ROWS``.
        problems: of the file and the header; with any of these ``columns`` may be empty.
    """

    line: int = 1
    columns: tuple[str, ...] = ()
    lines: tuple[Line, ...] = ()
    problems: list[Problem] = field(default_factory=list)


def refused(line: int, value: str, rule: str) -> Sheet:
    """Return the sheet of a file that cannot be read at all."""
    return Sheet(problems=[Problem(line, "", "", shorten(value), rule)])


def without_empty_columns(sheet: Sheet) -> Sheet:
    """Drop columns that have neither a name nor anything in them: spreadsheets write such ones."""
    nameless = [place for place, name in enumerate(sheet.columns) if not name]
    empty = {
        place
        for place in nameless
        if not any(len(it.cells) > place and it.cells[place].strip() for it in sheet.lines)
    }
    if not empty or len(empty) < len(nameless) or len(empty) == len(sheet.columns):
        return sheet

    def kept(cells: Sequence[str]) -> tuple[str, ...]:
        return tuple(text for place, text in enumerate(cells) if place not in empty)

    lines = tuple(replace(it, cells=kept(it.cells)) for it in sheet.lines)
    return Sheet(sheet.line, kept(sheet.columns), lines, sheet.problems)
