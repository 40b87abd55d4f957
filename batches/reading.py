"""From a CSV text to a table of texts; nothing is interpreted."""

from __future__ import annotations

import re
from itertools import islice

from batches.columns import COLUMNS
from batches.layout import Record, records, split
from batches.sheet import (
    LARGEST_FILE,
    MOST_COLUMNS,
    MOST_ROWS,
    Line,
    Sheet,
    refused,
    without_empty_columns,
)
from batches.spec import Problem

DELIMITERS = (",", ";", "\t", "|")
"""The one by which the header has the most known columns counts; of equals the first."""

_KNOWN = frozenset(COLUMNS)
_SEPARATOR = re.compile(r'"?sep=(?P<delimiter>[^\r\n"\w])"?(?=\r\n|\n|\r|\Z)', re.IGNORECASE)
"""Excel's own first line that names the delimiter."""


def read_csv(text: str) -> Sheet:
    """Read a CSV text by the delimiter that its first line names, or that its header has."""
    found = _SEPARATOR.match(text)
    if found:
        # Blanked and not cut off: every line keeps its number.
        text = text[found.end() :]
    delimiter = found["delimiter"] if found else _delimiter(text)
    found_records = list(islice(records(text, delimiter), MOST_ROWS + 2))
    if not found_records:
        return refused(1, "", "the file is empty; it must have a header and rows")
    return without_empty_columns(_table(found_records[0], found_records[1:], delimiter))


def _delimiter(text: str) -> str:
    """Return the delimiter by which the header has the most names that a batch knows."""

    def known(delimiter: str) -> int:
        header = next(records(text, delimiter), None)
        names = split(header, delimiter) if header else []
        return len({name.strip() for name in names} & _KNOWN)

    return max(DELIMITERS, key=known)  # of equals the first


def _table(header: Record, body: list[Record], delimiter: str) -> Sheet:
    if header.fault:
        return refused(header.line, header.text, header.fault)
    if header.cells > MOST_COLUMNS:
        found = f"{header.cells} columns"
        return refused(header.line, found, f"a file may have {MOST_COLUMNS} columns at most")
    problems = []
    if not body:
        problems.append(Problem(header.line, "", "", "", "the file has a header but no rows"))
    if len(body) > MOST_ROWS:
        rule = f"a batch may have {MOST_ROWS} rows at most; the file goes on from here"
        problems.append(Problem(body[MOST_ROWS].line, "", "", "", rule))
        del body[MOST_ROWS:]
    columns = split(header, delimiter)
    lines = tuple(
        Line(record.line, split(record, delimiter))
        if not record.fault and record.cells == header.cells
        else _unsound(record, header.cells, delimiter)
        for record in body
    )
    return Sheet(header.line, tuple(name.strip() for name in columns), lines, problems)


def _unsound(record: Record, width: int, delimiter: str) -> Line:
    cells = split(record, delimiter)
    if record.fault:
        return Line(record.line, cells, record.fault, record.text.splitlines()[0])
    rule = f"must have {width} cells, as many as the header"
    if record.cells > width:
        rule += "; a text that contains the delimiter needs quotes around it"
    return Line(record.line, cells, rule, f"{record.cells} cells")


__all__ = ["DELIMITERS", "LARGEST_FILE", "MOST_COLUMNS", "MOST_ROWS", "Line", "Sheet", "read_csv"]
