"""A manifest that comes back: its pictures are the input of the next batch.

What tells of the work that was done (its provider, seed, size, errors, ...) says nothing of the
work that is wanted, so these columns are ignored; ``asset`` becomes the input. Columns that
somebody added count as in any other file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import fields

from batches.chains import main_input, read_chain
from batches.manifest import ManifestRow
from batches.mending import unmarked
from batches.sheet import Line, Sheet
from batches.spec import Problem
from studio.operations import OPERATIONS

RESULTS = frozenset(field.name for field in fields(ManifestRow))
"""All columns of a manifest; of these, only ``row`` and ``asset`` are read."""

_TELLING = frozenset({"line", "row", "operation", "output", "status", "asset", "sha256"})
"""Columns that nothing but a manifest has together."""


def is_manifest(sheet: Sheet) -> bool:
    """Whether a sheet is a manifest."""
    return _TELLING.issubset(sheet.columns)


def from_manifest(sheet: Sheet, operation: str) -> Sheet:
    """Return the rows of a manifest that have an output, as rows that take it as their input.

    Args:
        sheet: the manifest.
        operation: what is to be done with them; an operation or a chain.
    """
    step = read_chain(operation)[0].operation if operation else ""
    taken = main_input(step) if step in OPERATIONS else ""
    if not taken:
        rule = "this is a manifest; say what to do with its pictures, such as --operation upscale"
        if step:
            rule = f"this is a manifest, and {step} takes no picture"
        return _faulty(sheet, step, rule)
    added = [column for column in sheet.columns if column not in RESULTS and column != taken]
    columns = ("row", taken, *added)
    made = [(line, cells) for line in sheet.lines if (cells := _cells(sheet, line))["asset"]]
    if not made:
        return _faulty(sheet, "", "no row of this manifest has a picture")
    names = _names([cells for _, cells in made])
    lines = []
    for (line, cells), name in zip(made, names, strict=True):
        row = {**cells, "row": name, taken: cells.get(taken) or cells["asset"]}
        lines.append(Line(line.number, [row[column] for column in columns], line.fault, line.found))
    return Sheet(sheet.line, columns, tuple(lines), sheet.problems)


def _cells(sheet: Sheet, line: Line) -> dict[str, str]:
    padded = [*line.cells, *[""] * (len(sheet.columns) - len(line.cells))]
    pairs = zip(sheet.columns, padded, strict=False)
    return {column: unmarked(text.strip()) for column, text in pairs}


def _names(rows: Sequence[Mapping[str, str]]) -> list[str]:
    """Return a name for each row; outputs of one row are told apart by their numbers.

    The steps of a chain are named with a dot, which only a chain's own rows may have.
    """
    plain = [row["row"].replace(".", "-") for row in rows]
    several = Counter(plain)
    names = []
    taken: set[str] = set(plain)
    for row, name in zip(rows, plain, strict=True):
        found, number = name, int(row["output"]) if row["output"].isdecimal() else 1
        if several[name] > 1:
            found = f"{name}-{number}"
            while found in taken:
                number += 1
                found = f"{name}-{number}"
            taken.add(found)
        names.append(found)
    return names


def _faulty(sheet: Sheet, value: str, rule: str) -> Sheet:
    problem = Problem(sheet.line, "", "operation", value, rule)
    return Sheet(sheet.line, problems=[*sheet.problems, problem])
