"""Where the records of a CSV text begin and end, and which of them cannot be read.

pandas reads a file as a whole: it does not tell on which line a record starts, fills up short
records in silence and stops at the first long one. This module looks at the quoting alone, by
RFC 4180, so that only sound records are given to pandas and every other one is reported.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

_LINE_END = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True, slots=True)
class Record:
    """A line of a CSV text, or several when a quoted cell goes on over the line's end.

    Attributes:
        line: the line on which it starts, from 1.
        text: as in the file, without the line end behind it.
        cells: how many it has.
        fault: why it cannot be read; empty if it can.
    """

    line: int
    text: str
    cells: int
    fault: str


def records(text: str, delimiter: str) -> Iterator[Record]:
    """Yield the records of ``text`` that hold more than blanks and delimiters."""
    cell = _cell_pattern(delimiter)
    blank_lines = re.compile(rf"(?:[ \t{re.escape(delimiter)}]*+(?:\r\n|\n|\r))++")
    start, line = 0, 1
    while start < len(text):
        if blank := blank_lines.match(text, start):
            line += _line_ends(text, *blank.span())
            start = blank.end()
        match = _LINE_END.search(text, start)
        end, after = match.span() if match else (len(text), len(text))
        if text.find('"', start, end) < 0:
            whole = text[start:end]
            record = Record(line, whole, whole.count(delimiter) + 1, _nul(whole))
        else:
            record, after = _quoted_record(text, start, line, cell)
        # The last line may be blank without a line end.
        if record.text.strip(f" \t{delimiter}"):
            yield record
        line += _line_ends(text, start, after)
        start = after


def split(record: Record, delimiter: str) -> list[str]:
    """Return the cells of a record of any width, as well as they can be told apart."""
    try:
        return next(csv.reader([record.text], delimiter=delimiter), [])
    except csv.Error:  # a cell beyond the csv module's own limit
        return []


@cache
def _cell_pattern(delimiter: str) -> re.Pattern[str]:
    """One cell and what ends it. Possessive, so that no text makes it slow."""
    free = rf"[^{re.escape(delimiter)}\r\n]*+"
    return re.compile(
        rf'(?:"(?:[^"]++|"")*+"(?P<rest>{free})|(?!"){free})'
        rf"(?P<end>{re.escape(delimiter)}|\r\n|\n|\r|\Z)"
    )


def _quoted_record(
    text: str, start: int, line: int, pattern: re.Pattern[str]
) -> tuple[Record, int]:
    """Return the record at ``start``, and where the next one starts."""
    position, cells, fault = start, 0, ""
    while True:
        cells += 1
        match = pattern.match(text, position)
        if match is None:
            opened = line + _line_ends(text, start, position)
            fault = f"must close the quote that cell {cells} opens on line {opened}"
            return Record(line, text[start:], cells, fault), len(text)
        if (match["rest"] or "").strip():
            fault = fault or f"must have a delimiter behind the closing quote of cell {cells}"
        position = match.end()
        # A delimiter at the very end of the text has one more, empty cell behind it.
        if match["end"] in {"\r\n", "\n", "\r", ""}:
            whole = text[start : match.start("end")]
            return Record(line, whole, cells, fault or _nul(whole)), position


def _line_ends(text: str, start: int, end: int) -> int:
    return (
        text.count("\n", start, end) + text.count("\r", start, end) - text.count("\r\n", start, end)
    )


def _nul(text: str) -> str:
    return "must not contain NUL characters" if "\0" in text else ""
