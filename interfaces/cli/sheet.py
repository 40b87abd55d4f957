"""A batch's pictures on one page."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from engine.batch_view import BatchView
from engine.studio import Studio
from interfaces.cli.files import write_file
from library import measure
from studio import imaging, media

NAME = "contact-sheet.png"
_COLUMNS = 4
_MOST = 100


def write_sheet(studio: Studio, view: BatchView, folder: Path, *, anew: bool) -> Path | None:
    """Write a contact sheet of a batch's first hundred pictures into its folder.

    Args:
        anew: whether a sheet that is there already is out of date.

    Returns:
        Where it is; ``None`` when there is no picture.
    """
    if not anew and (folder / NAME).is_file():
        return folder / NAME
    items: list[tuple[Image.Image, str]] = []
    for row in view.spec.rows:
        job = view.job_of(row)
        if job is None or job.state != "settled":
            continue
        for made in job.outputs()[: _MOST - len(items)]:
            if made.media_type == "application/zip":  # what is in it is shown already
                continue
            name = f"{row.name} {made.name}".strip()
            caption = f"{name}\n{measure(made.width, made.height, made.size)}  {job.offer}"
            data = studio.store.get(made.sha256)
            items.append((media.face(data, media.look(data)), caption))
    if not items:
        return None
    sheet = imaging.contact_sheet(
        items, _COLUMNS, title=view.spec.name or Path(view.spec.source).stem
    )
    return write_file(folder / NAME, imaging.encode(sheet, "png"), force=True)
