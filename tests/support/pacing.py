"""Pacers for tests, crews of processes that use them, and the oracle that judges what they did."""

from __future__ import annotations

import asyncio
import multiprocessing
import subprocess
import sys
import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select

from providers.pacing import AccountLimits, Pacer
from providers.pacing.tables import pacing_slots
from studio.database import Database, GroupCommit

ACCOUNT = "painter:0123456789ab"
PATIENCE = 120.0
_RESULT_SECONDS = 200


@contextmanager
def pacer(
    database: Database,
    worker: str = "wrk_here",
    *,
    dead: Callable[[str], bool] | None = None,
    lease: float = 60.0,
) -> Iterator[Pacer]:
    """A pacer with a group commit of its own, as another process would have."""
    commits = GroupCommit(database)
    made = Pacer(database, commits, worker, dead=dead, lease=lease)
    try:
        yield made
    finally:
        made.close()
        commits.close()


def count_slots(database: Database, state: str) -> int:
    """Return how many hold a slot or wait for one, by what the table says."""
    with database.read() as connection:
        statement = select(func.count()).where(pacing_slots.c.state == state)
        return int(connection.execute(statement).scalar_one())


async def until_there_are(database: Database, number: int, state: str) -> None:
    """Wait until so many hold a slot, or wait for one."""
    async with asyncio.timeout(120):
        while count_slots(database, state) != number:  # noqa: ASYNC110 - others may be processes
            await asyncio.sleep(0.005)


@dataclass
class Log:
    """What a crew did, in seconds of the clock that all processes of a machine share."""

    begun: list[float] = field(default_factory=list)
    ended: list[float] = field(default_factory=list)
    requests: list[float] = field(default_factory=list)

    def add(self, other: Log) -> None:
        self.begun += other.begun
        self.ended += other.ended
        self.requests += other.requests

    @property
    def most_at_once(self) -> int:
        """How many were at work at the same time, at most."""
        changes = [(each, 1) for each in self.begun] + [(each, -1) for each in self.ended]
        most = now = 0
        for _, change in sorted(changes):
            now += change
            most = max(most, now)
        return most


def most_within(moments: Sequence[float], seconds: float) -> int:
    """Return how many moments the fullest interval of that length has, its end not included."""
    ordered = sorted(moments)
    return max(bisect_left(ordered, each + seconds) - number for number, each in enumerate(ordered))


@dataclass(frozen=True)
class Work:
    """What each thread of a crew does."""

    limits: AccountLimits
    callers: int
    rounds: int
    polls: int
    seconds: float


def run_crew(url: str, work: Work, *, processes: int, threads: int) -> Log:
    """Let processes of threads of callers work on one account, and return what they did."""
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(processes), context.Queue()
    crew = [
        context.Process(
            target=_process, args=(url, work, number, threads, barrier, results), daemon=True
        )
        for number in range(processes)
    ]
    for each in crew:
        each.start()
    log = Log()
    for _ in crew:
        answer = results.get(timeout=_RESULT_SECONDS)
        assert isinstance(answer, Log), answer
        log.add(answer)
    for each in crew:
        each.join(_RESULT_SECONDS)
    return log


def _process(  # noqa: PLR0917 - that is how processes are started
    url: str, work: Work, number: int, threads: int, barrier: Any, results: Any
) -> None:
    database = Database(url)
    log, failures = Log(), []

    def thread(shared: Pacer) -> None:
        try:
            asyncio.run(_work(shared, work, log))
        except BaseException as error:  # noqa: BLE001 - the test must hear of it
            failures.append(repr(error))

    with pacer(database, f"wrk_{number}") as shared:
        barrier.wait(_RESULT_SECONDS)
        running = [threading.Thread(target=thread, args=(shared,)) for _ in range(threads)]
        for each in running:
            each.start()
        for each in running:
            each.join()
    database.close()
    results.put(failures or log)


async def _work(shared: Pacer, work: Work, log: Log) -> None:
    async def caller() -> None:
        for _ in range(work.rounds):
            async with shared.admission(ACCOUNT, work.limits, kind="images", patience=PATIENCE):
                log.begun.append(time.monotonic())
                for _ in range(work.polls):
                    await shared.request(ACCOUNT, work.limits, patience=PATIENCE)
                    log.requests.append(time.monotonic())
                await asyncio.sleep(work.seconds)
                log.ended.append(time.monotonic())

    await asyncio.gather(*(caller() for _ in range(work.callers)))


@contextmanager
def member(url: str, worker: str, *, lease: float = 60.0) -> Iterator[subprocess.Popen[str]]:
    """A process that does at the word what it is told; see ``pacing_member``."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.pacing_member", url, worker, str(lease)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert read_line(process) == "ready"
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        process.stdout.close()


def tell(process: subprocess.Popen[str], words: str) -> str:
    """Tell a member what to do, and return what it answers."""
    assert process.stdin is not None
    process.stdin.write(f"{words}\n")
    process.stdin.flush()
    return read_line(process)


def read_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()
