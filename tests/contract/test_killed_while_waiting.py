"""Kill -9 while twenty jobs are at their providers: each was handed in once, and all come."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from billing.pricebook import current
from engine.resume import find_jobs, resume_orphans
from engine.tables import jobs
from studio.clock import now
from studio.database import Database
from tests.contract.emulators.base import picture
from tests.contract.waiting import JOBS
from tests.contract.world import adapters, start_emulators
from tests.support.studios import OWNER, balance_of, make_studio

NEVER = 1_000_000_000


def _submitted(database: Database) -> int:
    with database.read() as connection:
        query = select(func.count()).select_from(jobs).where(jobs.c.state == "submitted")
        return int(connection.execute(query).scalar_one())


def _wait_for_all(process: subprocess.Popen[bytes], folder: Path) -> None:
    end = time.monotonic() + 240
    while not (folder / "studio.db").exists():
        time.sleep(0.05)
    database = Database(f"sqlite:///{folder / 'studio.db'}")
    try:
        while _submitted(database) < JOBS:
            assert process.poll() is None, "it ended before it was killed"
            assert time.monotonic() < end, f"only {_submitted(database)} were handed in"
            time.sleep(0.05)
    finally:
        database.close()


@pytest.mark.timeout(180)
def test_every_job_is_handed_in_once_and_every_result_arrives(tmp_path: Path) -> None:
    with ExitStack() as stack:
        emulators: dict[str, Any] = {**start_emulators(stack)}
        emulators["stability"].polls_needed = NEVER
        emulators["wavespeed"].work_seconds = NEVER
        urls = {name: each.url for name, each in emulators.items()}
        keys = {name: each.key for name, each in emulators.items()}
        (tmp_path / "photo.png").write_bytes(picture("a photo", 256, 256))
        command = [sys.executable, "-m", "tests.contract.waiting", str(tmp_path)]
        process = subprocess.Popen([*command, json.dumps(urls), json.dumps(keys)])
        try:
            _wait_for_all(process, tmp_path)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
        assert sum(len(each.bills) for each in emulators.values()) == JOBS
        emulators["stability"].polls_needed = 0
        emulators["wavespeed"].work_seconds = 0.0

        prices = current(now().date())
        studio = make_studio(tmp_path, providers=adapters(urls, keys), prices=prices)
        try:
            resumed = studio.loop.run(resume_orphans(studio))
            assert resumed.settled == JOBS, resumed
            with studio.database.read() as connection:
                ended = find_jobs(connection, OWNER, ("settled",))
            assert Counter(job.provider for job in ended) == {
                "wavespeed": JOBS // 2,
                "stability": JOBS // 2,
            }
            assert len({job.outputs()[0].sha256 for job in ended}) == JOBS, "results were mixed up"
            assert balance_of(studio).captured == sum(job.price for job in ended)
        finally:
            studio.close()
        assert sum(len(each.bills) for each in emulators.values()) == JOBS, "bought again"
        assert not any(each.twice for each in emulators.values())
