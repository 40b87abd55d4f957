"""A batch's pictures on one page, as a file."""

from __future__ import annotations

from pathlib import Path

from engine.batch_sheet import contact_sheet
from engine.batch_view import BatchView, view_batch
from engine.studio import Studio
from interfaces.cli.exits import Exit
from interfaces.cli.files import check_ending, tell_written, write_file
from interfaces.cli.opening import opened_studio
from interfaces.cli.session import Session
from studio import imaging

NAME = "contact-sheet.png"


def write_sheet(studio: Studio, view: BatchView, folder: Path, *, anew: bool) -> Path | None:
    """Write a contact sheet of a batch's first hundred pictures into its folder.

    Args:
        anew: whether a sheet that is there already is out of date.

    Returns:
        Where it is; ``None`` when there is no picture.
    """
    if not anew and (folder / NAME).is_file():
        return folder / NAME
    sheet = contact_sheet(studio, view)
    if sheet is None:
        return None
    return write_file(folder / NAME, imaging.encode(sheet, "png"), force=True)


def write(session: Session, batch: str, to: Path | None, *, force: bool) -> int:
    """Write a contact sheet of a batch into a file; without a picture yet, none is written."""
    path = to or Path(f"{batch}.png")
    check_ending(path, (".png",))
    with opened_studio() as studio:
        with studio.database.read() as connection:
            session.require(connection, "look")
            view = view_batch(connection, session.owner, batch)
        sheet = contact_sheet(studio, view)
    if sheet is None:
        session.out.result({"file": None}, lambda to_: to_.print("There is no picture yet."))
        return Exit.DONE
    return tell_written(session, write_file(path, imaging.encode(sheet, "png"), force=force))
