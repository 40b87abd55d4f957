"""``python -m deployments.prefect_server``: Prefect's own server, which does not wait for itself.

On SQLite, what failed with "database is locked" leaves cursors behind in cycles of references.
Where Python's garbage collector finds them is chance, and mostly it is the thread of the event
loop: it resets the statement of such a cursor, and for that waits until its connection is at rest.
A connection that waits for the lock of another one is at rest only when the event loop goes on, so
the whole server stood still until Prefect's ``busy_timeout`` of 60 s was over. (Seen on 3.8.8:
eight runs asked for at once stopped it nearly each time.) Here a thread of its own collects the
garbage: it may wait as long as it must, and nobody waits for it.
"""

from __future__ import annotations

import gc
import importlib
import runpy
import sys
import threading
import time

_SECONDS = 2.0
"""Between two collections: of what a busy server leaves in that time, a few megabytes."""
_TIMES = 20
"""What a collection took, so many times, is left to the server before the next: while one goes
through its objects, nothing else runs."""
_LONGEST = 30.0
"""Seconds between two collections at most: some of what one took, it may have waited for a lock."""
_MODULES = ("prefect.cli.server", "prefect.server.api.server")


def collect_garbage_aside(seconds: float = _SECONDS) -> None:
    """Let only a thread of its own collect garbage in this process, every so many seconds."""
    gc.disable()
    threading.Thread(target=_collect, args=(seconds,), name="garbage", daemon=True).start()


def _collect(seconds: float) -> None:
    took = 0.0
    while True:
        time.sleep(pause_after(took, seconds))
        began = time.monotonic()
        gc.collect()
        took = time.monotonic() - began


def pause_after(took: float, seconds: float = _SECONDS) -> float:
    """Return for how many seconds there is no collection after one that took so many."""
    return min(max(seconds, _TIMES * took), _LONGEST)


def main() -> None:
    """Start the server, until SIGINT or SIGTERM."""
    for name in _MODULES:
        importlib.import_module(name)
    gc.collect()
    # What was imported, a quarter of a million objects, is never garbage. To go through it takes
    # 0.4 s of a core, in which nothing else runs: every two seconds, that is a fifth of the server.
    gc.freeze()
    collect_garbage_aside()
    sys.argv = ["prefect", "server", "start"]
    runpy.run_module("prefect", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
