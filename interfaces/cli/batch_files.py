"""Files that ``studio batch`` writes where people ask for them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from batches import ManifestRow, check_pattern, manifest_csv, manifest_jsonl, named
from batches.parquet import manifest_parquet
from batches.templates import TemplateFormat, template
from engine.batch_files import errors_file, manifest_rows
from engine.batch_view import WAITING, BatchView, view_batch
from engine.batch_zip import write_zip
from engine.studio import Studio
from interfaces.cli.exits import Exit
from interfaces.cli.files import check_ending, count_downloads, tell_written, write_file
from interfaces.cli.opening import opened_studio
from interfaces.cli.output import counted
from interfaces.cli.session import Session
from studio.errors import AlreadyRunning, InvalidRequest

_TEMPLATES = (".csv", ".jsonl", ".xlsx")
_MANIFESTS = (".csv", ".json", ".jsonl", ".parquet")


def ended_batch(studio: Studio, session: Session, batch: str) -> BatchView:
    """Return a batch all of whose rows have come to an end.

    Raises:
        AccountRefused: the user may not look.
        NotFound: the owner has no such batch.
        AlreadyRunning: rows of it have yet to come to an end.
    """
    with studio.database.read() as connection:
        session.require(connection, "look")
        view = view_batch(connection, session.owner, batch)
    if waiting := view.counts()[WAITING]:
        raise AlreadyRunning(
            f"{counted(waiting, 'row')} of this batch yet to come to an end. "
            f"`studio batch status {batch}` tells how it stands.",
            batch=batch,
        )
    return view


def write_template(
    session: Session, operation: str, to: Path | None, format_: TemplateFormat
) -> int:
    """Write a template into a file, or print it."""
    if to is None:
        if format_ == "xlsx":
            raise InvalidRequest(
                "A workbook cannot be printed.", field="to", allowed="--to and a name"
            )
        text = template(operation, format_).decode("utf-8-sig")
        session.out.result({"template": text}, lambda _: session.out.raw(text))
        return Exit.DONE
    ending = cast("TemplateFormat", check_ending(to, _TEMPLATES).lstrip("."))
    return tell_written(session, write_file(to, template(operation, ending)))


def write_manifest(
    session: Session, rows: Sequence[ManifestRow], document: Path, to: Path, *, force: bool
) -> int:
    """Write the manifest into a file; the ending of its name says in what format.

    Args:
        session: of the command.
        rows: the manifest.
        document: where it is as JSON.
        to: the file.
        force: whether another file of that name is replaced.
    """
    ending = check_ending(to, _MANIFESTS)
    if ending == ".json":
        data = document.read_bytes()
    else:
        writers = {
            ".csv": manifest_csv,
            ".jsonl": manifest_jsonl,
            ".parquet": manifest_parquet,
        }
        data = writers[ending](rows)
    return tell_written(session, write_file(to, data, force=force))


def write_errors(session: Session, batch: str, to: Path | None, *, force: bool) -> int:
    """Write the rows that are not done into a file, or print them."""
    if to is not None:
        check_ending(to, (".csv",))
    with opened_studio() as studio:
        view = ended_batch(studio, session, batch)
        data = errors_file(view)
    if not data:
        unknown = view.counts()["unknown"]
        told = {"rows": 0, "unknown": unknown}
        session.out.result(told, lambda to_: to_.print(_nothing_to_mend(unknown)))
        return Exit.DONE
    if to is not None:
        return tell_written(session, write_file(to, data, force=force))
    text = data.decode("utf-8-sig")
    session.out.result({"errors": text}, lambda _: session.out.raw(text))
    return Exit.DONE


def _nothing_to_mend(unknown: int) -> str:
    if not unknown:
        return "Every row is done."
    return (
        f"{counted(unknown, 'row')} may have been bought, nobody knows: no file does them again. "
        "`studio jobs list --state unknown` tells of them."
    )


def write_archive(session: Session, batch: str, to: Path | None, names: str, *, force: bool) -> int:
    """Pack a batch into a ZIP, one file at a time."""
    check_pattern(names)
    path = (to or Path(f"{batch}.zip")).expanduser().absolute()
    check_ending(path, (".zip",))
    if path.exists() and not force:
        raise InvalidRequest(
            "There is another file of that name.",
            field="to",
            given=path,
            allowed="a new name, or --force to replace it",
        )
    with opened_studio() as studio:
        rows = named(manifest_rows(ended_batch(studio, session, batch)), names)
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".part-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                count = write_zip(studio, rows, file)
            Path(temporary).chmod(0o644)
            Path(temporary).replace(path)
        finally:
            Path(temporary).unlink(missing_ok=True)
        taken = [row.asset for row in rows if row.file]
        count_downloads(studio.database, session.owner, taken)
    size = path.stat().st_size
    session.out.result(
        {"file": str(path), "files": count, "bytes": size},
        lambda to_: to_.print(f"{path} ({count} files, {size} bytes)"),
    )
    return Exit.DONE
