"""What a batch leaves in a folder: its pictures under their rows' names, and the manifest."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from batches import ManifestRow, manifest_csv, manifest_json, totals
from engine.batch import BatchRun, PlannedRow
from engine.jobs import Job


def folder_of(batch: BatchRun) -> Path:
    """Return where the files of a batch are put."""
    return batch.studio.settings.folder / "batches" / batch.spec.id


def manifest_rows(batch: BatchRun) -> list[ManifestRow]:
    """Return the manifest: one entry for each output, and one for each row without any."""
    statuses = batch.statuses()
    rows: list[ManifestRow] = []
    for each in batch.planned:
        job = batch.jobs.get(each.key)
        ending = batch.endings.get(each.row.name, {})
        rows += _entries(each, statuses[each.row.name], job, ending)
    return rows


def _entries(
    each: PlannedRow, status: str, job: Job | None, ending: dict[str, Any]
) -> list[ManifestRow]:
    row = each.row
    common: dict[str, Any] = {
        "line": row.line,
        "row": row.name,
        "operation": row.operation.operation,
        "status": status,
        "error_code": ending.get("code", ""),
        "error": ending.get("message", ""),
    }
    if job is None:
        return [ManifestRow(**common)]
    error = job.error or {}
    common |= {
        "attempts": job.attempt,
        "provider": job.provider,
        "model": job.model,
        "seed": job.seed,
        "error_code": common["error_code"] or str(error.get("code", "")),
        "error": common["error"] or str(error.get("message", "")),
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
            file=file_name(each, job, position),
            sha256=made.sha256,
            media_type=made.media_type,
            width=made.width,
            height=made.height,
        )
        for position, made in enumerate(job.outputs())
    ]


def file_name(each: PlannedRow, job: Job, position: int) -> str:
    """Return the name of an output in the batch's folder; the line keeps names apart."""
    made = job.outputs()[position]
    extension = job.file_name(made).rpartition(".")[2]
    middle = f"-{made.name}" if made.name else ""
    return f"{each.row.line:04d}-{each.row.name}{middle}.{extension}"


def deliver(batch: BatchRun) -> Path:
    """Write pictures, ``manifest.csv`` and ``manifest.json``; return the folder.

    It may be repeated at any time: every file is replaced as a whole.
    """
    folder = folder_of(batch)
    folder.mkdir(parents=True, exist_ok=True)
    for each in batch.planned:
        job = batch.jobs.get(each.key)
        if job is None or job.state != "settled":
            continue
        for position, made in enumerate(job.outputs()):
            path = folder / file_name(each, job, position)
            if not path.exists() or path.stat().st_size != made.size:
                _write(path, batch.studio.store.get(made.sha256))
    rows = manifest_rows(batch)
    summary = {"batch": batch.spec.id, "name": batch.spec.name, "source": batch.spec.source}
    _write(folder / "manifest.csv", manifest_csv(rows))
    _write(folder / "manifest.json", manifest_json(rows, {**summary, **totals(rows)}))
    return folder


def _write(path: Path, data: bytes) -> None:
    """Replace a file as a whole, so that nobody reads half of it."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".part-")
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    Path(temporary).chmod(0o644)
    Path(temporary).replace(path)
