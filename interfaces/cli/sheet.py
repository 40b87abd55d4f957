"""A batch's pictures on one page, as a file."""

from __future__ import annotations

from pathlib import Path

from engine.batch_sheet import contact_sheet
from engine.batch_view import BatchView
from engine.studio import Studio
from interfaces.cli.files import write_file
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
