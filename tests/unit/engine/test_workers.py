"""Which processes are alive: by a lock on this machine, by the heartbeat on others."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, select, update

import engine.workers
from engine.tables import workers
from engine.workers import SILENCE, Worker
from studio.clock import now
from studio.database import Database
from studio.errors import StudioUnavailable

_NEIGHBOUR = """
import sys
from pathlib import Path
from engine.workers import Worker
from studio.database import Database
worker = Worker(Database(sys.argv[1]), Path(sys.argv[2]))
print(worker.id, flush=True)
sys.stdin.readline()
worker.close()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "workers"


@pytest.fixture
def worker(sqlite_database: Database, folder: Path) -> Iterator[Worker]:
    worker = Worker(sqlite_database, folder)
    yield worker
    worker.close()


def _neighbour(url: str, folder: Path) -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen(
        [sys.executable, "-c", _NEIGHBOUR, url, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    )
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def _foreign(database: Database, silent: timedelta) -> str:
    """Note a process on another machine that was last heard of so long ago."""
    row = {
        "id": "wrk_elsewhere", "host": "elsewhere", "process": 1,
        "started_at": now() - timedelta(days=1), "beat_at": now() - silent,
    }  # fmt: skip
    database.write(lambda connection: connection.execute(insert(workers).values(row)))
    return "wrk_elsewhere"


def test_a_neighbour_that_is_killed_is_dead_at_once(
    worker: Worker, sqlite_url: str, folder: Path
) -> None:
    process, neighbour = _neighbour(sqlite_url, folder)
    assert worker.alive(neighbour)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    # Its last beat is younger than any silence; the lock alone tells.
    assert not worker.alive(neighbour)
    assert not worker.alive(neighbour)


def test_many_that_look_at_once_do_not_take_each_other_for_the_dead(
    worker: Worker, sqlite_url: str, folder: Path
) -> None:
    process, neighbour = _neighbour(sqlite_url, folder)
    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(worker.alive, [neighbour] * 400))
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        assert not any(pool.map(worker.alive, [neighbour] * 400))


def test_a_neighbour_that_takes_its_leave_is_gone(
    worker: Worker, sqlite_url: str, folder: Path
) -> None:
    process, neighbour = _neighbour(sqlite_url, folder)
    process.communicate("\n")
    assert process.returncode == 0
    assert not worker.alive(neighbour)
    assert [file.stem for file in folder.iterdir()] == [worker.id]


def test_machines_elsewhere_go_by_the_heartbeat(worker: Worker, sqlite_database: Database) -> None:
    foreign = _foreign(sqlite_database, timedelta(seconds=1))
    assert worker.alive(foreign)
    beat = now() - SILENCE - timedelta(seconds=1)
    sqlite_database.write(
        lambda connection: connection.execute(
            update(workers).where(workers.c.id == foreign).values(beat_at=beat)
        )
    )
    assert not worker.alive(foreign)


def test_a_neighbour_with_another_home_folder_goes_by_the_heartbeat(
    worker: Worker, sqlite_database: Database
) -> None:
    foreign = _foreign(sqlite_database, timedelta(seconds=1))
    here = update(workers).where(workers.c.id == foreign).values(host=socket.gethostname())
    sqlite_database.write(lambda connection: connection.execute(here))
    assert worker.alive(foreign)


def test_a_process_that_nobody_knows_is_dead_and_this_one_lives(
    worker: Worker, sqlite_database: Database
) -> None:
    assert not worker.alive("wrk_never_heard_of")
    sqlite_database.write(lambda connection: connection.execute(delete(workers)))
    assert worker.alive(worker.id)


def test_the_heart_beats_on_when_the_database_stumbles(
    sqlite_database: Database, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine.workers, "BEAT_SECONDS", 0.01)
    worker = Worker(sqlite_database, folder)
    write = sqlite_database.write
    errors = [StudioUnavailable("busy"), RuntimeError("the driver lost its mind")]

    def stumbling(work: object) -> object:
        if errors:
            raise errors.pop()
        return write(work)  # type: ignore[arg-type]

    monkeypatch.setattr(sqlite_database, "write", stumbling)
    first = _beat(sqlite_database)
    for _ in range(500):
        if not errors and _beat(sqlite_database) > first:
            break
        worker._stop.wait(0.01)
    assert _beat(sqlite_database) > first
    worker.close()


def _beat(database: Database) -> datetime:
    with database.read() as connection:
        beat: datetime = connection.execute(select(workers.c.beat_at)).scalar_one()
        return beat
