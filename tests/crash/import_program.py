"""The program that is killed while it imports: forked anew for every point, see ``program.py``."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from engine import importing
from engine.importing import bring_in
from engine.studio import Studio
from studio import storage
from tests.support.studios import OWNER, make_studio

GROUP = 2


class _Points:
    """Counts the points that the process comes by, and kills it at one; 0 for none."""

    def __init__(self, kill: int) -> None:
        self._kill = kill
        self._passed = 0

    def pass_by(self) -> None:
        self._passed += 1
        if self._passed == self._kill:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, function: Any) -> Any:
        """Return ``function`` with a point before and one after it."""

        def watched(*arguments: Any) -> Any:
            self.pass_by()
            done = function(*arguments)
            self.pass_by()
            return done

        return watched


def watch(studio: Studio, points: _Points) -> None:
    """Put a point around every rename, every wait for the disk, and every commit."""
    Path.replace = points.around(Path.replace)  # type: ignore[method-assign]
    storage.sync_all = points.around(storage.sync_all)  # type: ignore[attr-defined]
    dialect = studio.database.engine.dialect
    dialect.do_commit = points.around(dialect.do_commit)  # type: ignore[method-assign]


def run(home: str, folder: str, kill: int) -> None:
    """Import a folder into a studio, and be killed on the way."""
    importing._GROUP = GROUP
    studio = make_studio(Path(home), local_width=1)
    watch(studio, _Points(kill))
    bring_in(studio, OWNER, [folder])
    os._exit(0)


def main() -> None:
    """Carry out what is asked on standard input, a JSON list of arguments a line."""
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            run(*json.loads(line))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
