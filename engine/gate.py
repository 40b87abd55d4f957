"""The gate: nobody buys without credits that were set aside.

``open`` claims the price out of a hold and begins the job, in one transaction; only then is there
a permit, and no provider moves without one.
"""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass

from engine.jobs import Job
from engine.opening import Adoption, Opening, adopt, open_jobs
from engine.workers import Worker
from studio import permit
from studio.database import GroupCommit
from studio.errors import AlreadyRunning


@dataclass(frozen=True, slots=True)
class Pass:
    """A job that may go on, and the permit to call its provider where it has yet to be called."""

    job: Job
    permit: permit.Permit | None
    taken_over: bool


class Gate:
    """Lets jobs through that are paid for, one at a time for each key."""

    def __init__(self, commits: GroupCommit, worker: Worker) -> None:
        self._commits = commits
        self._worker = worker
        self._inside: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    @property
    def worker(self) -> str:
        """The id of this process."""
        return self._worker.id

    async def open(self, opening: Opening) -> Pass:
        """Begin the job, or go on with the one that stands under its key.

        Raises:
            GateRefused: the hold is not open, not the owner's, or does not cover the price.
            AlreadyRunning: a live process, perhaps this one, is at work on it.
        """
        place = (opening.owner, opening.key)
        with self._lock:
            if place in self._inside:
                raise _busy(opening.label)
            self._inside.add(place)
        try:
            return await self._open(opening)
        except BaseException:
            self._inside.discard(place)
            raise

    async def _open(self, opening: Opening) -> Pass:
        opened = await self._commits.awaited(self._commits.submit(open_jobs, opening))
        job = opened.job
        if opened.fresh:
            return Pass(job, permit.issue(job=job.id, offer=job.offer), taken_over=False)
        if job.ended:
            return Pass(job, None, taken_over=False)
        await self._take_over(job)
        may_call = permit.issue(job=job.id, offer=job.offer) if job.state == "prepared" else None
        return Pass(job, may_call, taken_over=True)

    async def reopen(self, job: Job) -> Pass:
        """Go on with a job that a process left behind; there is no permit to call its provider.

        Raises:
            AlreadyRunning: a live process, perhaps this one, is at work on it.
        """
        place = (job.owner, job.key)
        with self._lock:
            if place in self._inside:
                raise _busy(job.label)
            self._inside.add(place)
        try:
            await self._take_over(job)
        except BaseException:
            self._inside.discard(place)
            raise
        return Pass(job, None, taken_over=True)

    async def _take_over(self, job: Job) -> None:
        """Make this process the one that works on ``job``; its claim stands from before."""
        if job.worker != self._worker.id and await asyncio.to_thread(
            self._worker.alive, job.worker
        ):
            raise _busy(job.label)
        unit = Adoption(job, self._worker.id)
        if not await self._commits.awaited(self._commits.submit(adopt, unit)):
            raise _busy(job.label)

    def leave(self, job: Job) -> None:
        """Say that this process has stopped working on ``job``."""
        self._inside.discard((job.owner, job.key))


def _busy(label: str) -> AlreadyRunning:
    return AlreadyRunning(f"{label}: a live process is at work on this already.")
