"""Which processes are alive.

A job under way names the process that works on it. When that process is gone, whoever comes next
must know it for certain: taking over work that is still going on would buy it twice.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from datetime import timedelta
from pathlib import Path

import portalocker
from sqlalchemy import Connection, delete, insert, select, update

from engine.tables import workers
from studio.clock import now
from studio.database import Database
from studio.ids import new_id

BEAT_SECONDS = 10
SILENCE = timedelta(seconds=60)
"""A process on another machine that was not heard of for so long counts as gone."""


class Worker:
    """This process, as others see it.

    It holds a lock on a file as long as it lives. The operating system lets go of the lock when
    the process ends, in whatever way, so neighbours on the same machine see at once that it is
    gone. Processes on other machines go by the heartbeat.

    Args:
        database: where the heartbeat is written.
        folder: where the lock files are; shared by the processes of a machine.
    """

    def __init__(self, database: Database, folder: Path) -> None:
        self.id = new_id("wrk")
        self._database = database
        self._folder = folder
        self._folder.mkdir(parents=True, exist_ok=True)
        self._lock = portalocker.Lock(self._path(self.id), mode="w", timeout=0)
        self._lock.acquire()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="studio-heartbeat", daemon=True)
        database.write(self._register)
        self._thread.start()

    def alive(self, identifier: str) -> bool:
        """Whether the worker with that id still lives (in case of doubt: yes)."""
        if identifier == self.id:
            return True
        with self._database.read() as connection:
            row = connection.execute(select(workers).where(workers.c.id == identifier)).first()
        if row is None:
            return False
        if row.host == socket.gethostname() and self._path(identifier).exists():
            return self._is_locked(identifier)
        return bool(row.beat_at > now() - SILENCE)

    def close(self) -> None:
        """Stop the heartbeat and let go of the lock."""
        self._stop.set()
        self._thread.join(BEAT_SECONDS)
        self._database.write(self._unregister)
        self._lock.release()
        self._path(self.id).unlink(missing_ok=True)

    def _path(self, identifier: str) -> Path:
        return self._folder / f"{identifier}.lock"

    def _is_locked(self, identifier: str) -> bool:
        # Shared: several that look at the same moment must not take each other for the owner.
        shared = portalocker.LockFlags.SHARED | portalocker.LockFlags.NON_BLOCKING
        try:
            with portalocker.Lock(self._path(identifier), mode="r", timeout=0, flags=shared):
                return False
        except FileNotFoundError:  # it took its leave this very moment
            return False
        except portalocker.exceptions.LockException:
            return True

    def _register(self, connection: Connection) -> None:
        moment = now()
        connection.execute(
            insert(workers).values(
                id=self.id,
                host=socket.gethostname(),
                process=os.getpid(),
                started_at=moment,
                beat_at=moment,
            )
        )

    def _unregister(self, connection: Connection) -> None:
        connection.execute(delete(workers).where(workers.c.id == self.id))

    def _beat(self) -> None:
        while not self._stop.wait(BEAT_SECONDS):
            # Whatever the database says, the heart goes on: the next beat tries again, and machines
            # elsewhere allow for some silence.
            with contextlib.suppress(Exception):
                self._database.write(
                    lambda connection: connection.execute(
                        update(workers).where(workers.c.id == self.id).values(beat_at=now())
                    )
                )
