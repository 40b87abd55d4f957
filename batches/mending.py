"""Errors files: rows that are not done, with what is wrong with them, to be mended and run again.

Cells are made safe for spreadsheets by an apostrophe before what looks like a formula, ``@row`` for
example. Whoever reads such a file again takes it away, told by the columns ``FAULTS``.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import cache
from itertools import zip_longest
from pathlib import Path
from typing import Any

from batches.columns import columns_of
from batches.formats import read_sheet
from batches.references import Pictures, no_such_file
from batches.sheet import Sheet
from batches.spec import Problem
from studio.operations import OPERATIONS, input_fields
from studio.spreadsheets import neutral

FAULTS = ("fault_line", "faults")
"""Columns of an errors file behind the input's own; whoever mends it need not remove them."""

_MARKED = re.compile("'+[=+\\-@\t\r\n＝＋－＠]")  # noqa: RUF001 - as studio.spreadsheets


def marked(text: str) -> str:
    """Return a cell that no spreadsheet takes for a formula, and that ``unmarked`` gives back."""
    return f"'{text}" if _MARKED.match(text) else str(neutral(text))


def unmarked(text: str) -> str:
    """Return the text of a cell that ``marked`` wrote."""
    return text[1:] if _MARKED.match(text) else text


def errors_csv(
    data: bytes, problems: Iterable[Problem], encoding: str = "", folder: Path | None = None
) -> bytes:
    """Return the faulty rows of a file in its own columns, with the faults behind them.

    Args:
        data: the file, in any format.
        problems: what is wrong with it.
        encoding: as it was read with.
        folder: where its relative paths start, if the errors file will lie elsewhere: they are
            written in full, so that they lead to the same files from there.
    """
    sheet = read_sheet(data, encoding)
    if folder is not None:
        sheet = _placed(sheet, folder)
    faults: dict[int, list[str]] = {}
    for problem in problems:
        faults.setdefault(problem.line, []).append(_words(problem))
    columns = [column for column in sheet.columns if column not in FAULTS]
    rows = (
        [*_cells(sheet, line.cells), str(line.number), "; ".join(faults[line.number])]
        for line in sheet.lines
        if line.number in faults
    )
    return write_rows([*columns, *FAULTS], rows)


def _cells(sheet: Sheet, cells: Sequence[str]) -> list[str]:
    """Return a record's cells without those of an errors file before; one for each column."""
    padded = [*cells, *[""] * (len(sheet.columns) - len(cells))]
    pairs = zip(sheet.columns, padded, strict=False)
    return [cell for column, cell in pairs if column not in FAULTS]


def _placed(sheet: Sheet, folder: Path) -> Sheet:
    """Return a sheet whose files are named by full paths. Braces of the folder are no variables."""
    pictures = Pictures(Path(str(folder).replace("{", "{{").replace("}", "}}")), no_such_file)
    named = [column in _input_columns() for column in columns_of(sheet.columns)]
    lines = tuple(
        replace(
            line,
            cells=[
                pictures.place(cell.strip()) if is_file and cell.strip() else cell
                for cell, is_file in zip_longest(line.cells, named[: len(line.cells)])
            ],
        )
        for line in sheet.lines
    )
    return replace(sheet, lines=lines)


@cache
def _input_columns() -> frozenset[str]:
    return frozenset(name for cls in OPERATIONS.values() for name in input_fields(cls))


def _words(problem: Problem) -> str:
    given = f" (given: {problem.value})" if problem.value else ""
    return f"{problem.field}: {problem.rule}{given}" if problem.field else f"{problem.rule}{given}"


def as_cell(value: Any) -> str:
    """Return a field's value as the cell that is read as it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return "+".join(map(str, value))
    if isinstance(value, float):
        return format(Decimal(repr(value)), "f")
    return str(value).replace("{", "{{").replace("}", "}}")


def write_rows(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """Return rows of texts as CSV in UTF-8 with a byte order mark: Excel needs it to see UTF-8."""
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_MINIMAL)
    writer.writerow([marked(column) for column in columns])
    for row in rows:
        writer.writerow([marked(cell) for cell in row])
    return ("\ufeff" + file.getvalue()).encode()
