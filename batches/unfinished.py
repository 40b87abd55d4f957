"""The rows of a batch that are not done, written as a file that does them again.

It stands by itself: what a row takes from one that is done is named by the asset, and every seed is
written out, so that a row which is not edited is the same work as before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from batches.columns import COLUMNS
from batches.mending import FAULTS, as_cell, write_rows
from batches.spec import Row


def unfinished_csv(
    rows: Iterable[Row], faults: Mapping[str, str], made: Mapping[str, Sequence[str]]
) -> bytes:
    """Return the rows that have faults, with these behind them.

    Args:
        rows: all rows of the batch, in its order.
        faults: why a row is not done, by its name.
        made: ids of the assets that a row made, in order, by its name.
    """
    names: dict[str, str] = {}
    cells = []
    for row in rows:
        if row.name in faults:
            names[row.name] = _name(row.name, set(names.values()))
            cells.append(_cells(row, names, made, faults[row.name]))
    used = {column for row in cells for column in row}
    columns = [column for column in (*COLUMNS, *FAULTS) if column in used]
    return write_rows(columns, [[row.get(column, "") for column in columns] for row in cells])


def _name(name: str, taken: set[str]) -> str:
    """Return a name that a row of a file may have: steps of a chain are named with a dot."""
    plain = name.replace(".", "-")
    found, number = plain, 1
    while found in taken:
        number += 1
        found = f"{plain}-{number}"
    return found


def _cells(
    row: Row, names: Mapping[str, str], made: Mapping[str, Sequence[str]], fault: str
) -> dict[str, str]:
    operation = row.operation
    found = {"row": names[row.name], "operation": operation.operation}
    for column, field in type(operation).model_fields.items():
        value = getattr(operation, column)
        if column != "operation" and value != field.default:
            found[column] = as_cell(value)
    for each in row.references:
        assets = made.get(each.row, ())
        if each.row in names:
            found[each.field] = f"@{names[each.row]}:{each.position + 1}"
        elif each.position < len(assets):
            found[each.field] = assets[each.position]
    found[FAULTS[0]], found[FAULTS[1]] = str(row.line), fault
    return found
