"""What a batch file is, told by its bytes and not by its name."""

from __future__ import annotations

from collections.abc import Callable

from batches.encoding import Undecodable, decode
from batches.jsonl import read_jsonl
from batches.parquet import read_parquet
from batches.reading import read_csv
from batches.sheet import LARGEST_FILE, Sheet, refused
from batches.workbook import read_workbook

FORMATS = ("CSV", "JSONL", "XLSX", "Parquet")
"""What a batch may be written in."""

_PACKED: tuple[tuple[bytes, Callable[[bytes], Sheet]], ...] = (
    (b"PK\x03\x04", read_workbook),
    (b"PAR1", read_parquet),
)
_FOREIGN = (
    (b"\xd0\xcf\x11\xe0", "an Excel file of before 2007"),
    (b"\x1f\x8b", "a gzip file"),
    (b"%PDF", "a PDF file"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"<", "an HTML or XML file"),
)


def read_sheet(data: bytes, encoding: str = "") -> Sheet:
    """Read a batch file.

    Args:
        data: CSV, JSONL (an object on each line), XLSX or Parquet, at most ``LARGEST_FILE`` bytes.
        encoding: of a CSV or JSONL file that is neither UTF-8 nor UTF-16.
    """
    if len(data) > LARGEST_FILE:
        return refused(1, f"{len(data)} bytes", f"a file may have {LARGEST_FILE} bytes at most")
    packed = next((read for start, read in _PACKED if data.startswith(start)), None)
    if packed is not None:
        return packed(data)
    kind = next((name for start, name in _FOREIGN if data.startswith(start)), "")
    if kind:
        return refused(1, kind, f"a batch is {', '.join(FORMATS[:-1])} or {FORMATS[-1]}")
    try:
        text = decode(data, encoding)
    except Undecodable as error:
        return refused(error.line, error.found, error.rule)
    start = text.lstrip()[:1]
    if start == "[":
        return refused(1, "a JSON array", "must have one JSON object on each line (JSONL)")
    return read_jsonl(text) if start == "{" else read_csv(text)
