"""The manifest: what became of every row of a batch, as CSV and as JSON.

The same rows give the same bytes. CSV cells are made safe for spreadsheets.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from batches.spec import Problem
from studio.credits import show
from studio.database import as_row
from studio.spreadsheets import neutral

STATUSES = ("done", "failed", "skipped_budget", "cancelled", "unknown", "invalid")
"""How a row may end.

``unknown``: it may have been bought, and a person must decide; ``invalid``: it was
faulty, and left out because that was asked for."""


@dataclass(frozen=True, slots=True)
class ManifestRow:
    """One output of a row, or a row without any.

    Attributes:
        line: line of the batch file on which the row starts.
        row: its name.
        operation: what it asked for.
        output: which of its outputs this is, from 1; 1 as well for a row that has none.
        status: one of ``STATUSES``; the same for all outputs of a row.
        attempts: how often a provider was asked; the same for all outputs of a row.
        provider: who made it; empty if nobody did.
        model: with what.
        seed: the seed that was used, where there is one.
        credits: what was captured, in micro-credits; the first output carries the whole.
        asset: the library's id of the output.
        file: where its file was put.
        sha256: of its bytes.
        media_type: such as ``image/png``.
        width: pixels; ``None`` where there is no picture.
        height: pixels; ``None`` where there is no picture.
        error_code: fixed and machine-readable; empty if all went well.
        error: the same in words.
    """

    line: int
    row: str
    operation: str
    status: str
    output: int = 1
    attempts: int = 0
    provider: str = ""
    model: str = ""
    seed: int | None = None
    credits: int = 0
    asset: str = ""
    file: str = ""
    sha256: str = ""
    media_type: str = ""
    width: int | None = None
    height: int | None = None
    error_code: str = ""
    error: str = ""

    def __post_init__(self) -> None:
        """Refuse a status that nobody knows: it would be missing from the totals."""
        if self.status not in STATUSES:
            raise ValueError(f"{self.status!r} is no status; allowed: {', '.join(STATUSES)}")


def manifest_csv(rows: Iterable[ManifestRow]) -> bytes:
    """Return the manifest as CSV in UTF-8, in the order of the batch file."""
    return _csv([field.name for field in fields(ManifestRow)], map(_as_dict, ordered(rows)))


def manifest_json(rows: Iterable[ManifestRow], summary: Mapping[str, Any]) -> bytes:
    """Return the manifest as JSON: ``summary`` as given, ``totals``, and ``rows``."""
    listed = ordered(rows)
    document = {
        "summary": dict(summary),
        "totals": totals(listed),
        "rows": [_as_dict(row) for row in listed],
    }
    return (json.dumps(document, ensure_ascii=False, indent=2) + "\n").encode()


def manifest_jsonl(rows: Iterable[ManifestRow]) -> bytes:
    """Return the manifest as JSONL, an object on each line; its texts are as they are."""
    lines = (json.dumps(_as_dict(row), ensure_ascii=False) for row in ordered(rows))
    return "".join(f"{line}\n" for line in lines).encode()


def problems_csv(problems: Iterable[Problem]) -> bytes:
    """Return problems as CSV in UTF-8, in their order."""
    names = [field.name for field in fields(Problem)]
    return _csv(names, (problem.as_dict() for problem in problems))


def totals(rows: Iterable[ManifestRow]) -> dict[str, Any]:
    """Return the counts of rows (all, and by status), attempts, files, and the credits spent."""
    rows = list(rows)
    by_name = {(row.line, row.row): row for row in rows}
    counts = Counter(row.status for row in by_name.values())
    return {
        "rows": len(by_name),
        **{status: counts[status] for status in STATUSES},
        "attempts": sum(row.attempts for row in by_name.values()),
        "files": sum(1 for row in rows if row.sha256),
        "credits": show(sum(row.credits for row in rows)),
    }


def ordered(rows: Iterable[ManifestRow]) -> list[ManifestRow]:
    """Return the rows of a manifest in the order of the batch file."""
    return sorted(rows, key=lambda row: (row.line, row.output))


def _as_dict(row: ManifestRow) -> dict[str, Any]:
    return {**as_row(row), "credits": show(row.credits)}


def _csv(names: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> bytes:
    file = io.StringIO(newline="")
    # Texts are quoted, so that a spreadsheet that splits at another delimiter keeps them whole.
    writer = csv.writer(file, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    writer.writerow(names)
    for row in rows:
        writer.writerow([neutral(row[name]) for name in names])
    return file.getvalue().encode()
