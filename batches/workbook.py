"""From an Excel workbook (XLSX) to a table of texts.

A workbook is a ZIP of XML files. Before openpyxl sees it, how large they are unpacked is looked at,
and what defines entities is refused; then cells are read one row at a time.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any
from xml.parsers import expat

from batches.sheet import MOST_COLUMNS, MOST_ROWS, Line, Sheet, refused, without_empty_columns
from batches.spec import Problem

LARGEST_UNPACKED = 400_000_000
"""Bytes of all files in a workbook; 100,000 rows of ten cells come to some 60 million."""

LARGEST_PART = 100_000_000
"""Bytes of a file that is read as a whole: the shared texts, the styles."""

_MOST_PARTS = 1_000
_BLOCK = 4_096
_MOST_LINES = 1_048_576
"""Rows of a sheet, blank ones too: as many as Excel has."""

SHEET = "batch"
"""The sheet that is read if the workbook has it; otherwise the first visible one."""

_FORMULA = "is a formula; copy the column and paste it as values, or save the sheet as CSV UTF-8"
_ERROR = "is an error of the spreadsheet"
_XLSX = "a workbook must be an .xlsx file that Excel can open"


def read_workbook(data: bytes) -> Sheet:
    """Read the sheet ``batch`` of a workbook, or its first one; lines are the sheet's rows."""
    if fault := _unsafe(data):
        return refused(1, fault, _XLSX)
    import openpyxl  # noqa: PLC0415 - takes 0.2 s; only who reads a workbook waits for it

    try:
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, keep_links=False)
        try:
            return _read(book)
        finally:
            book.close()
    except Exception as error:  # noqa: BLE001 - openpyxl raises whatever a broken file leads to
        return refused(1, f"broken: {type(error).__name__}", _XLSX)


def _unsafe(data: bytes) -> str:
    """Say why a ZIP is not opened as a workbook; empty if it may be."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            return _unsafe_parts(packed.infolist()) or _unsafe_xml(packed)
    except (zipfile.BadZipFile, zlib.error, OSError, ValueError, RuntimeError, EOFError):
        return "a broken ZIP file"


def _unsafe_parts(parts: list[zipfile.ZipInfo]) -> str:
    names = {part.filename for part in parts}
    whole = [part for part in parts if not part.filename.startswith("xl/worksheets/")]
    faults = {
        "a ZIP file that is no workbook": "xl/workbook.xml" not in names,
        f"{len(parts)} files in it": len(parts) > _MOST_PARTS or len(names) < len(parts),
        "it is protected by a password": any(part.flag_bits & 1 for part in parts),
        f"more than {LARGEST_UNPACKED} bytes unpacked": (
            sum(part.file_size for part in parts) > LARGEST_UNPACKED
        ),
        f"a part of more than {LARGEST_PART} bytes unpacked": any(
            part.file_size > LARGEST_PART for part in whole
        ),
    }
    return next((fault for fault, there in faults.items() if there), "")


class _Begun(Exception):
    """The first element of an XML file: what is behind it can define nothing any more."""


def _unsafe_xml(packed: zipfile.ZipFile) -> str:
    """Say which file has a document type definition: entities can grow without end, or fetch."""
    for name in packed.namelist():
        if not name.endswith((".xml", ".rels")):
            continue
        found: list[str] = []
        parser = expat.ParserCreate()
        parser.StartElementHandler = _begin
        parser.StartDoctypeDeclHandler = lambda *_, name=name, found=found: found.append(name)
        with packed.open(name) as part, contextlib.suppress(_Begun, expat.ExpatError):
            while not found and (block := part.read(_BLOCK)):
                parser.Parse(block)
        if found:
            return f"a document type definition in {name}"
    return ""


def _begin(*_: Any) -> None:
    raise _Begun


def _read(book: Any) -> Sheet:
    named = [it for it in book.worksheets if it.title.strip().lower() == SHEET]
    visible = [it for it in book.worksheets if it.sheet_state == "visible"]
    if not named and not visible:
        return refused(1, "", "the workbook has no sheet")
    sheet = (named or visible)[0]
    sheet.reset_dimensions()  # they are what the file says of itself
    rows = _rows(sheet)
    header = next(rows, None)
    if header is None:
        return refused(1, "", "the sheet is empty; it must have a header and rows")
    columns = tuple(text.strip() for text in header.cells)
    if len(columns) > MOST_COLUMNS:
        rule = f"a file may have {MOST_COLUMNS} columns at most"
        return refused(header.number, "more columns", rule)
    problems: list[Problem] = [
        Problem(header.number, "", column, value, rule) for column, value, rule in header.notes
    ]
    lines: list[Line] = []
    for row in rows:
        if len(lines) == MOST_ROWS:
            rule = f"a batch may have {MOST_ROWS} rows at most; the sheet goes on from here"
            problems.append(Problem(row.number, "", "", "", rule))
            break
        lines.append(_fitted(row, columns))
    if not lines:
        problems.append(Problem(header.number, "", "", "", "the sheet has a header but no rows"))
    return without_empty_columns(Sheet(header.number, columns, tuple(lines), problems))


def _rows(sheet: Any) -> Iterator[Line]:
    """Yield the rows that hold anything; a note names its column by its letter."""
    blank: Any = None
    for number, row in enumerate(sheet.iter_rows(max_col=MOST_COLUMNS + 1), start=1):
        if number > _MOST_LINES:
            return
        if row is blank:  # openpyxl gives one object for all rows that the file leaves out
            continue
        cells: list[str] = []
        notes = []
        for place, cell in enumerate(row):
            if cell.value is None:
                continue
            text, rule = _text(cell)
            if rule:
                notes.append((cell.column_letter, text, rule))
            if text:
                cells += [""] * (place - len(cells)) + [text]
        if any(text.strip() for text in cells) or notes:
            yield Line(number, cells, notes=tuple(notes))
        else:
            blank = row


def _fitted(row: Line, columns: tuple[str, ...]) -> Line:
    """Return a row with a cell for each column, and its notes under the columns' names."""
    from openpyxl.utils import column_index_from_string  # noqa: PLC0415 - as above

    width = len(columns)
    notes = []
    for letter, value, rule in row.notes:
        place = column_index_from_string(letter) - 1
        notes.append((columns[place] if place < width else letter, value, rule))
    if any(text.strip() for text in row.cells[width:]):
        rule = f"must have {width} cells, as many as the header"
        return Line(row.number, row.cells, rule, f"{len(row.cells)} cells", tuple(notes))
    padded = [*row.cells[:width], *[""] * (width - len(row.cells))]
    return Line(row.number, padded, notes=tuple(notes))


def _text(cell: Any) -> tuple[str, str]:
    """Return a cell as text, and what is wrong with it."""
    value = cell.value
    if cell.data_type == "f":
        return str(value), _FORMULA
    if cell.data_type == "e":
        return str(value), _ERROR
    if isinstance(value, bool):
        return ("true" if value else "false"), ""
    if isinstance(value, dt.datetime):
        whole_day = value.time() == dt.time()
        return (value.date() if whole_day else value).isoformat(), ""
    if isinstance(value, dt.date | dt.time):
        return value.isoformat(), ""
    return str(value), ""
