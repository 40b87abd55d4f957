"""A batch's pictures on one page."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from engine.batch_view import BatchView
from engine.studio import Studio
from library import measure
from studio import imaging, media

_COLUMNS = 4
_CELL = 320
_MOST = 100


def contact_sheet(studio: Studio, view: BatchView) -> Image.Image | None:
    """Return a batch's first hundred pictures on one page; ``None`` where there is none.

    Raises:
        NotFound: the file of one is not kept any more.
        StudioUnavailable: the storage refused.
    """
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
            # Small at once: a hundred pictures of their full size are gigabytes.
            shown = imaging.fitted(media.face(data, media.look(data)), _CELL, _CELL)
            items.append((shown, caption))
    if not items:
        return None
    title = view.spec.name or Path(view.spec.source).stem
    return imaging.contact_sheet(items, _COLUMNS, cell=_CELL, title=title)
