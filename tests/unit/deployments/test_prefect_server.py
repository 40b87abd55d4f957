"""The server's event loop goes on while garbage waits for a connection that waits for a lock."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from deployments.prefect_server import pause_after

_ROOT = Path(__file__).parents[3]

# Two connections, as Prefect's server has them: one holds SQLite's lock, the other waits for it,
# and an unfinished cursor of the waiting one is garbage in a cycle. Who collects it waits as well.
_SCENE = """
import asyncio, gc, sqlite3, sys
import aiosqlite
from deployments.prefect_server import collect_garbage_aside

async def main(path, aside):
    async with (
        aiosqlite.connect(path, isolation_level=None) as holder,
        aiosqlite.connect(path, isolation_level=None, timeout=5) as waiter,
    ):
        await holder.execute("CREATE TABLE numbers (number INTEGER)")
        cycle = [await waiter.execute("SELECT 1 UNION ALL SELECT 2")]
        cycle.append(cycle)
        # The connection's thread keeps its last result; so that it is not that cursor.
        await waiter.commit()
        await holder.execute("BEGIN IMMEDIATE")
        waiting = asyncio.ensure_future(waiter.execute("INSERT INTO numbers VALUES (1)"))
        await asyncio.sleep(0.3)
        del cycle
        if aside:
            collect_garbage_aside(0.1)
            await asyncio.sleep(1)
        else:
            gc.collect()
        await holder.execute("COMMIT")
        try:
            await waiting
            print("went on")
        except sqlite3.OperationalError:
            # Its words tell nothing: both threads have that connection, and whose result the
            # message is of is chance ("database is locked", now and then "not an error").
            print("gave up")

asyncio.run(main(sys.argv[1], sys.argv[2] == "aside"))
"""


@pytest.mark.parametrize(("who", "outcome"), [("aside", "went on"), ("loop", "gave up")])
def test_only_a_thread_of_its_own_may_wait_for_garbage(
    tmp_path: Path, who: str, outcome: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _SCENE, str(tmp_path / "prefect.db"), who],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.strip() == outcome, done.stderr


def test_garbage_is_still_collected() -> None:
    scene = (
        "import threading, time, weakref\n"
        "from deployments.prefect_server import collect_garbage_aside\n"
        "class Node: pass\n"
        "collect_garbage_aside(0.05)\n"
        "node = Node(); node.itself = node\n"
        "by = []\n"
        "weakref.finalize(node, lambda: by.append(threading.current_thread().name))\n"
        "del node\n"
        "end = time.monotonic() + 60\n"
        "while not by and time.monotonic() < end: time.sleep(0.05)\n"
        "print(*by)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", scene],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.strip() == "garbage", done.stderr


def test_what_was_imported_is_not_gone_through() -> None:
    """A quarter of a million objects every two seconds kept a busy server from starting at all."""
    scene = (
        "import gc, runpy\n"
        "import deployments.prefect_server as server\n"
        "runpy.run_module = lambda *_, **__: print(gc.get_freeze_count(), len(gc.get_objects()))\n"
        "server.main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", scene],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    frozen, left = map(int, done.stdout.split())
    assert frozen > 100_000, done.stderr
    assert left < frozen / 100


@pytest.mark.parametrize(("took", "pause"), [(0.0, 2.0), (0.05, 2.0), (0.5, 10.0), (60.0, 30.0)])
def test_collections_leave_the_server_its_time(took: float, pause: float) -> None:
    assert pause_after(took) == pause
