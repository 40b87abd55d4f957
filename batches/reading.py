"""From bytes to a table of texts: pandas reads, nothing is interpreted."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice

from batches.layout import Record, records, split
from batches.spec import Problem
from studio.errors import shorten

LARGEST_FILE = 100_000_000
"""Bytes of a batch file: 1,000 a row, were it as long as it may be."""

MOST_ROWS = 100_000
"""Rows of a batch; blank lines are not counted."""

MOST_COLUMNS = 100
"""Columns of a batch file."""

DELIMITERS = (",", ";", "\t")
"""Tried in this order: the first that gives the header a column ``operation``."""

_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Line:
    """A record below the header.

    Attributes:
        number: the line on which it starts, from 1.
        cells: one text for each column; of an unsound record, those that could be told apart.
        fault: what makes it unsound; empty if nothing does.
        found: what to show for the fault.
    """

    number: int
    cells: Sequence[str]
    fault: str = ""
    found: str = ""


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


def read_sheet(data: bytes) -> Sheet:
    """Read a CSV file: UTF-8 with or without a byte order mark; comma, semicolon or tab."""
    if len(data) > LARGEST_FILE:
        return _refused(1, f"{len(data)} bytes", f"a file may have {LARGEST_FILE} bytes at most")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = 1 + error.object[: error.start].count(b"\n")
        encoding = "UTF-16" if data.startswith(_UTF_16_MARKS) else "not UTF-8"
        found = f"{encoding}: byte {error.object[error.start]:02x}"
        return _refused(line, found, "the file must be saved as UTF-8")
    delimiter = _delimiter(text)
    found_records = list(islice(records(text, delimiter), MOST_ROWS + 2))
    if not found_records:
        return _refused(1, "", "the file is empty; it must have a header and rows")
    return _table(found_records[0], found_records[1:], delimiter)


def _refused(line: int, value: str, rule: str) -> Sheet:
    return Sheet(problems=[Problem(line, "", "", shorten(value), rule)])


def _delimiter(text: str) -> str:
    for delimiter in DELIMITERS:
        header = next(records(text, delimiter), None)
        names = split(header, delimiter) if header else []
        if "operation" in (name.strip() for name in names):
            return delimiter
    return DELIMITERS[0]


def _table(header: Record, body: list[Record], delimiter: str) -> Sheet:
    if header.fault:
        return _refused(header.line, header.text, header.fault)
    if header.cells > MOST_COLUMNS:
        found = f"{header.cells} columns"
        return _refused(header.line, found, f"a file may have {MOST_COLUMNS} columns at most")
    problems = []
    if not body:
        problems.append(Problem(header.line, "", "", "", "the file has a header but no rows"))
    if len(body) > MOST_ROWS:
        rule = f"a batch may have {MOST_ROWS} rows at most; the file goes on from here"
        problems.append(Problem(body[MOST_ROWS].line, "", "", "", rule))
        del body[MOST_ROWS:]
    sound = [r for r in body if not r.fault and r.cells == header.cells]
    columns, *cells = _read_with_pandas([header, *sound], header.cells, delimiter)
    readable = iter(cells)
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


def _read_with_pandas(sound: list[Record], width: int, delimiter: str) -> list[list[str]]:
    """Return the cells of records that are known to have ``width`` of them."""
    import pandas as pd  # noqa: PLC0415 - takes half a second; only who reads a file waits for it

    # pandas drops a byte order mark before the first cell, even one that is part of a text, and
    # may then see a quote where there was none: so its first line is none of ours.
    first = delimiter * (width - 1) + "\n"
    frame = pd.read_csv(
        io.StringIO(first + "\n".join(record.text for record in sound) + "\n"),
        sep=delimiter,
        header=None,
        names=range(width),
        index_col=False,
        dtype=str,
        # "NA", "null" and the empty text are texts like any other.
        keep_default_na=False,
        na_filter=False,
        skip_blank_lines=False,
        engine="c",
    )
    if frame.shape != (1 + len(sound), width):
        raise AssertionError(f"pandas read {frame.shape} cells, not {(1 + len(sound), width)}")
    table: list[list[str]] = frame.to_numpy(dtype=object).tolist()
    return table[1:]
