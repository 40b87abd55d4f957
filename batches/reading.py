"""From a CSV text to a table of texts: pandas reads, nothing is interpreted."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from itertools import islice

from batches.columns import COLUMNS, column_of
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
_AT_ONCE = 5_000
"""Records that pandas is given together: all of a large file would be in memory three times."""

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
        return len({column_of(name) for name in names} & _KNOWN)

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
    sound = [r for r in body if not r.fault and r.cells == header.cells]
    readable = _read_with_pandas([header, *sound], header.cells, delimiter)
    columns = next(readable)
    lines = tuple(
        Line(record.line, next(readable))
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


def _read_with_pandas(sound: list[Record], width: int, delimiter: str) -> Iterator[list[str]]:
    """Yield the cells of records that are known to have ``width`` of them."""
    import pandas as pd  # noqa: PLC0415 - takes half a second; only who reads a file waits for it

    # pandas drops a byte order mark before the first cell, even one that is part of a text, and
    # may then see a quote where there was none: so its first line is none of ours.
    first = delimiter * (width - 1) + "\n"
    for start in range(0, len(sound), _AT_ONCE):
        some = sound[start : start + _AT_ONCE]
        frame = pd.read_csv(
            io.StringIO(first + "\n".join(record.text for record in some) + "\n"),
            sep=delimiter,
            header=None,
            names=range(width),
            index_col=False,
            # Not str: that would be Arrow's where it is installed, and more memory.
            dtype=object,
            # "NA", "null" and the empty text are texts like any other.
            keep_default_na=False,
            na_filter=False,
            skip_blank_lines=False,
            engine="c",
        )
        if frame.shape != (1 + len(some), width):
            raise AssertionError(f"pandas read {frame.shape} cells, not {(1 + len(some), width)}")
        yield from frame.to_numpy().tolist()[1:]


__all__ = ["DELIMITERS", "LARGEST_FILE", "MOST_COLUMNS", "MOST_ROWS", "Line", "Sheet", "read_csv"]
