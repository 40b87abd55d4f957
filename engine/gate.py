"""The gate: nobody buys without credits that were set aside.

``open`` claims the price out of a hold and begins the job, in one transaction; only then is there
a permit, and no provider moves without one.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from engine import journal
from engine.jobs import Job
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
        self._inside: set[str] = set()

    @property
    def worker(self) -> str:
        """The id of this process."""
        return self._worker.id

    async def open(self, opening: journal.Opening) -> Pass:
        """Begin the job, or go on with the one that stands under its key.

        Raises:
            GateRefused: the hold is not open, not the owner's, or does not cover the price.
            AlreadyRunning: a live process, perhaps this one, is at work on it.
        """
        opened = await self._commit_opening(opening)
        job = opened.job
        if opened.fresh:
            self._inside.add(job.id)
            return Pass(job, permit.issue(job=job.id, offer=job.offer), taken_over=False)
        if job.ended:
            return Pass(job, None, taken_over=False)
        await self._take_over(job)
        may_call = permit.issue(job=job.id, offer=job.offer) if job.state == "prepared" else None
        return Pass(job, may_call, taken_over=True)

    async def _commit_opening(self, opening: journal.Opening) -> journal.Opened:
        return await asyncio.wrap_future(self._commits.submit(journal.open_jobs, opening))

    async def _take_over(self, job: Job) -> None:
        """Make this process the one that works on ``job``; its claim stands from before."""
        busy = job.id in self._inside
        if not busy and job.worker != self._worker.id:
            busy = await asyncio.to_thread(self._worker.alive, job.worker)
        if not busy:
            self._inside.add(job.id)
            unit = journal.Adoption(job, self._worker.id)
            busy = not await asyncio.wrap_future(self._commits.submit(journal.adopt, unit))
        if busy:
            raise AlreadyRunning(
                f"{job.label}: a live process is at work on this already (job {job.id})."
            )

    def leave(self, job: Job) -> None:
        """Say that this process has stopped working on ``job``."""
        self._inside.discard(job.id)
