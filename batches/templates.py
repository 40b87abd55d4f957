"""Templates: a file with all columns of an operation, and one row that passes its own check."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import Any, Literal

from batches.mending import as_cell, write_rows
from studio.errors import InvalidRequest
from studio.operations import OPERATIONS, input_fields

TemplateFormat = Literal["csv", "jsonl", "xlsx"]


def template(operation: str, format_: TemplateFormat = "csv", picture: str = "") -> bytes:
    """Return a file to begin with.

    Args:
        operation: its name.
        format_: what the file is.
        picture: stands in the cells of the example that name an input file.

    Raises:
        InvalidRequest: there is no such operation.
    """
    cls = OPERATIONS.get(operation)
    if cls is None:
        raise InvalidRequest(
            "There is no such operation.",
            field="operation",
            given=operation,
            allowed=", ".join(OPERATIONS),
        )
    fields = [name for name in cls.model_fields if name != "operation"]
    inputs = input_fields(cls)
    shown = {
        name: picture if picture and name in inputs else value
        for name, value in cls.example.items()
    }
    row: dict[str, Any] = {"row": "example", "operation": operation, **shown}
    columns = ["row", "operation", *fields]
    if format_ == "jsonl":
        return (json.dumps(row, ensure_ascii=False) + "\n").encode()
    cells = [row.get(column, "") for column in columns]
    if format_ == "xlsx":
        return _workbook(columns, cells)
    return write_rows(columns, [[as_cell(cell) for cell in cells]])


def _workbook(columns: Sequence[str], cells: Sequence[Any]) -> bytes:
    import openpyxl  # noqa: PLC0415 - takes 0.2 s

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("batch")
    sheet.append(list(columns))
    sheet.append([cell if isinstance(cell, int | float) else as_cell(cell) for cell in cells])
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()
