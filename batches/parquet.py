"""Parquet: the manifest with its types, and a table of texts out of such a file.

pyarrow is an extra (170 MB); without it this is refused with the command that brings it.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import fields
from decimal import Decimal
from importlib import import_module
from typing import Any

from batches.manifest import ManifestRow, ordered
from batches.sheet import LARGEST_FILE, MOST_COLUMNS, MOST_ROWS, Line, Sheet, refused
from studio.errors import SetupIncomplete

_MICRO = Decimal(1_000_000)
_LARGEST_UNPACKED = 4 * LARGEST_FILE


def _pyarrow() -> tuple[Any, Any]:
    try:
        return import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError:
        raise SetupIncomplete(
            "Parquet needs pyarrow: `pip install image-studio[parquet]`.",
            field="format",
            given="parquet",
            allowed="csv, json or jsonl",
        ) from None


def manifest_parquet(rows: Iterable[ManifestRow]) -> bytes:
    """Return the manifest as Parquet; credits are exact decimals.

    Raises:
        SetupIncomplete: pyarrow is not there.
    """
    arrow, parquet = _pyarrow()
    types = {int: arrow.int64(), str: arrow.string()}
    listed = ordered(rows)
    columns: dict[str, Any] = {}
    for field in fields(ManifestRow):
        values = [getattr(row, field.name) for row in listed]
        if field.name == "credits":
            exact = [Decimal(value) / _MICRO for value in values]
            columns[field.name] = arrow.array(exact, arrow.decimal128(24, 6))
        else:
            kind = types[str if "str" in str(field.type) else int]
            columns[field.name] = arrow.array(values, kind)
    file = io.BytesIO()
    parquet.write_table(arrow.table(columns), file, compression="zstd")
    return file.getvalue()


def read_parquet(data: bytes) -> Sheet:
    """Read a Parquet file as texts; rows are numbered from 2, as if below a header."""
    try:
        arrow, parquet = _pyarrow()
    except SetupIncomplete as error:
        return refused(1, "a Parquet file", error.message)
    try:
        file = parquet.ParquetFile(io.BytesIO(data))
        about = file.metadata
        sizes = [about.row_group(place).total_byte_size for place in range(about.num_row_groups)]
        if about.num_rows > MOST_ROWS or sum(sizes) > _LARGEST_UNPACKED:
            rule = f"a batch may have {MOST_ROWS} rows and {_LARGEST_UNPACKED} bytes at most"
            return refused(1, f"{about.num_rows} rows, {sum(sizes)} bytes", rule)
        if len(file.schema_arrow) > MOST_COLUMNS:
            rule = f"a file may have {MOST_COLUMNS} columns at most"
            return refused(1, f"{len(file.schema_arrow)} columns", rule)
        table = file.read()
    except (arrow.ArrowException, OSError, ValueError) as error:
        return refused(1, f"broken: {type(error).__name__}", "must be a Parquet file")
    columns = [[_text(value) for value in column.to_pylist()] for column in table.columns]
    lines = tuple(
        Line(number, cells) for number, cells in enumerate(zip(*columns, strict=True), start=2)
    )
    return Sheet(1, tuple(name.strip() for name in table.column_names), lines)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "+".join(map(_text, value))
    return str(value)
