"""The program that is killed while it imports: forked anew for every point, see ``program.py``."""

from __future__ import annotations

import os
from pathlib import Path

from engine import importing
from engine.importing import bring_in
from engine.studio import Studio
from studio import storage
from tests.crash.forking import Points, fork_for_each
from tests.support.studios import OWNER, make_studio

GROUP = 2


def watch(studio: Studio, points: Points) -> None:
    """Put a point around every rename, every wait for the disk, and every commit."""
    Path.replace = points.around(Path.replace)  # type: ignore[method-assign]
    storage.sync_all = points.around(storage.sync_all)  # type: ignore[attr-defined]
    dialect = studio.database.engine.dialect
    dialect.do_commit = points.around(dialect.do_commit)  # type: ignore[method-assign]


def run(home: str, folder: str, kill: int) -> None:
    """Import a folder into a studio, and be killed on the way."""
    importing._GROUP = GROUP
    studio = make_studio(Path(home), local_width=1)
    watch(studio, Points(kill))
    bring_in(studio, OWNER, [folder])
    os._exit(0)


if __name__ == "__main__":
    fork_for_each(run)
