"""What a batch leaves in a folder: its pictures under their rows' names, and the manifest."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from batches import (
    BatchSpec,
    ManifestRow,
    Row,
    errors_csv,
    manifest_csv,
    manifest_json,
    manifest_jsonl,
    totals,
    unfinished_csv,
)
from engine.batch_approval import approval_of
from engine.batch_view import DONE, INVALID, BatchView
from engine.jobs import Job
from engine.studio import Studio
from studio.errors import BatchInvalid

LEFT_OUT = "left-out.csv"
"""The errors file of rows that were faulty when the batch was read."""

_TO_DO_AGAIN = frozenset({"failed", "skipped_budget", "cancelled"})


def folder_of(studio: Studio, spec: BatchSpec) -> Path:
    """Return where the files of a batch are put."""
    return studio.settings.folder / "batches" / spec.id


def manifest_rows(view: BatchView) -> list[ManifestRow]:
    """Return the manifest: an entry for each output, and for each row without any or left out."""
    statuses = view.statuses()
    made = [entry for row in view.spec.rows for entry in _entries(view, row, statuses[row.name])]
    return made + _left_out(view.spec)


def _left_out(spec: BatchSpec) -> list[ManifestRow]:
    """Return an entry for each row that was left out, with all that was wrong with it."""
    faults: dict[tuple[int, str], list[str]] = {}
    for problem in spec.left_out:
        faults.setdefault((problem.line, problem.row), []).append(str(problem))
    return [
        # What it asked for is not known for certain: its operation may be what is wrong.
        ManifestRow(line, row, "", INVALID, error_code=BatchInvalid.code, error="; ".join(words))
        for (line, row), words in faults.items()
    ]


def _entries(view: BatchView, row: Row, status: str) -> list[ManifestRow]:
    job = view.job_of(row)
    error = view.endings.get(row.name) or (job.error if job else None) or {}
    common: dict[str, Any] = {
        "line": row.line,
        "row": row.name,
        "operation": row.operation.operation,
        "status": status,
        "error_code": str(error.get("code", "")),
        "error": str(error.get("message", "")),
    }
    if job is None:
        return [ManifestRow(**common)]
    common |= {
        "attempts": job.attempt,
        "provider": job.provider,
        "model": job.model,
        "seed": job.seed,
    }
    if job.state != "settled":
        return [ManifestRow(**common)]
    return [
        ManifestRow(
            **common,
            output=position + 1,
            # The row's price stands once, at its first output; a row that is the same work as an
            # earlier one was not paid for again.
            credits=job.credits if position == 0 and not row.same_as else 0,
            asset=job.asset_ids()[position],
            file=file_name(row, job, position),
            sha256=made.sha256,
            media_type=made.media_type,
            width=made.width,
            height=made.height,
        )
        for position, made in enumerate(job.outputs())
    ]


class Placed(Protocol):
    """What has a line of a file and a name: a row, or what became of one."""

    @property
    def line(self) -> int:
        """The line on which it starts."""

    @property
    def name(self) -> str:
        """Its name."""


def file_name(row: Placed, job: Job, position: int) -> str:
    """Return the name of an output in the batch's folder; the line keeps names apart."""
    made = job.outputs()[position]
    extension = job.file_name(made).rpartition(".")[2]
    middle = f"-{made.name}" if made.name else ""
    return f"{row.line:04d}-{row.name}{middle}.{extension}"


def errors_file(view: BatchView) -> bytes:
    """Return the rows that are not done as a CSV that does them again; empty if there are none.

    One whose outcome is unknown is not among them: it may have been bought.
    """
    statuses = view.statuses()
    faults: dict[str, str] = {}
    made: dict[str, tuple[str, ...]] = {}
    for row in view.spec.rows:
        job = view.job_of(row)
        if statuses[row.name] == DONE and job is not None:
            made[row.name] = tuple(job.asset_ids())
        if statuses[row.name] not in _TO_DO_AGAIN:
            continue
        error = view.endings.get(row.name) or (job.error if job else None) or {}
        words = ": ".join(filter(None, map(str, (error.get("code"), error.get("message")))))
        faults[row.name] = words or statuses[row.name]
    return unfinished_csv(view.spec.rows, faults, made) if faults else b""


def keep_left_out(
    studio: Studio, spec: BatchSpec, data: bytes, encoding: str, folder: Path | None
) -> Path | None:
    """Write rows that were left out into ``left-out.csv``, to be mended and run; return where.

    What they name by relative paths, which start at ``folder``, is named by full ones.

    The file is the only place where they are: the batch is made of the other rows alone. Where
    none was left out, one of an earlier run goes.
    """
    path = folder_of(studio, spec) / LEFT_OUT
    if not spec.left_out:
        path.unlink(missing_ok=True)
        return None
    path.parent.mkdir(parents=True, exist_ok=True)
    _write(path, errors_csv(data, spec.left_out, encoding, folder))
    return path


def deliver(studio: Studio, view: BatchView, folder: Path) -> None:
    """Write pictures, the manifest as CSV, JSON and JSONL, and ``errors.csv`` into ``folder``.

    There is no ``errors.csv`` where no row is to be done again. It may be repeated at any time:
    every file is replaced as a whole.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for row in view.spec.rows:
        job = view.job_of(row)
        if job is None or job.state != "settled":
            continue
        for position, made in enumerate(job.outputs()):
            path = folder / file_name(row, job, position)
            if not path.exists() or path.stat().st_size != made.size:
                _write(path, studio.store.get(made.sha256))
    rows = manifest_rows(view)
    _write(folder / "manifest.csv", manifest_csv(rows))
    _write(folder / "manifest.json", manifest_json(rows, summary_of(studio, view, rows)))
    _write(folder / "manifest.jsonl", manifest_jsonl(rows))
    if errors := errors_file(view):
        _write(folder / "errors.csv", errors)
    else:
        (folder / "errors.csv").unlink(missing_ok=True)


def summary_of(studio: Studio, view: BatchView, rows: Sequence[ManifestRow]) -> dict[str, Any]:
    """Return what the manifest says of the batch as a whole: its names, its approval, totals."""
    summary: dict[str, Any] = {
        "batch": view.spec.id,
        "name": view.spec.name,
        "source": view.spec.source,
    }
    with studio.database.read() as connection:
        word = approval_of(connection, view.spec.id)
    if word is not None:
        summary["approval"] = word.as_dict()
    return {**summary, **totals(rows)}


def _write(path: Path, data: bytes) -> None:
    """Replace a file as a whole, so that nobody reads half of it."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".part-")
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    Path(temporary).chmod(0o644)
    Path(temporary).replace(path)
