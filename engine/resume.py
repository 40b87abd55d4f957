"""Jobs that were left behind: going on with them, and a person's word on those nobody knows."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, select

from engine import unknown
from engine.jobs import Job
from engine.studio import Studio
from engine.tables import jobs
from studio.errors import Conflict, NotFound, StudioError

_log = logging.getLogger(__name__)

MOST_JOBS = 500
"""Jobs in one list, and jobs that one upkeep goes on with."""

Verdict = Literal["bought", "not_bought"]
"""What a person found out about a job whose outcome nobody knew."""


def find_jobs(
    connection: Connection, owner: str, states: Sequence[str], limit: int = MOST_JOBS
) -> list[Job]:
    """Return the newest jobs of a wallet (of all, if empty) in any of the states."""
    query = select(jobs).where(jobs.c.state.in_(states))
    if owner:
        query = query.where(jobs.c.owner == owner)
    query = query.order_by(jobs.c.updated_at.desc(), jobs.c.id).limit(min(limit, MOST_JOBS))
    return [Job(**row) for row in connection.execute(query).mappings()]


def find_job(connection: Connection, owner: str, identifier: str) -> Job:
    """Return a job of a wallet.

    Raises:
        NotFound: there is no such job, or it is somebody else's.
    """
    query = select(jobs).where(jobs.c.id == identifier, jobs.c.owner == owner)
    row = connection.execute(query).mappings().first()
    if row is None:
        raise NotFound("There is no such job.", field="job", given=identifier)
    return Job(**row)


@dataclass(frozen=True, slots=True)
class Resumed:
    """What going on with jobs that were left behind came to."""

    settled: int = 0
    failed: int = 0
    unknown: int = 0
    waiting: int = 0


async def resume_orphans(studio: Studio, seconds: float = 300) -> Resumed:
    """Go on with every job whose process is gone. Nothing is bought.

    What its provider still has not done after so many seconds stays submitted, for the next time.
    """
    orphans = await asyncio.to_thread(_orphans, studio)
    ended = await asyncio.gather(*(_resume(studio, job, seconds) for job in orphans))
    states = [job.state for job in ended if job is not None]
    return Resumed(
        settled=states.count("settled"),
        failed=states.count("failed"),
        unknown=states.count("unknown"),
        waiting=len(orphans) - sum(states.count(s) for s in ("settled", "failed", "unknown")),
    )


def _orphans(studio: Studio) -> list[Job]:
    """Return the jobs whose process is gone, those first that nobody looked at for longest.

    Who is taken up and left waiting comes last the next time: many of them do not keep the others
    from their turn.
    """
    left = jobs.c.state.in_(("prepared", "submitted", "generated"))
    with studio.database.read() as connection:
        workers = connection.execute(select(jobs.c.worker).where(left).distinct()).scalars().all()
    gone = [worker for worker in workers if not studio.worker.alive(worker)]
    query = select(jobs).where(left, jobs.c.worker.in_(gone[:MOST_JOBS]))
    query = query.order_by(jobs.c.updated_at, jobs.c.id).limit(MOST_JOBS)
    with studio.database.read() as connection:
        return [Job(**row) for row in connection.execute(query).mappings()]


async def _resume(studio: Studio, job: Job, seconds: float) -> Job | None:
    try:
        async with asyncio.timeout(seconds):
            return await studio.executor.resume(job)
    except TimeoutError:
        return None
    except StudioError as error:
        _log.warning("job %s was left behind and cannot go on now: %s", job.id, error)
        return None
    except Exception:  # noqa: BLE001 - told of in the log
        # Whatever is wrong with one of them: the others are gone on with, and so is upkeep.
        _log.exception("job %s was left behind and cannot go on", job.id)
        return None


def resolve(studio: Studio, owner: str, identifier: str, verdict: Verdict) -> Job:
    """End an unknown job by what a person found out at the provider.

    ``not_bought`` gives its credits back, and the same work may be bought anew. ``bought``
    captures them: the money is gone, and the work is not bought again by itself.

    Raises:
        NotFound: there is no such job.
        Conflict: its outcome is known.
    """
    with studio.database.read() as connection:
        job = find_job(connection, owner, identifier)
    if job.state != "unknown":
        raise Conflict(
            f"The outcome of this job is known: {job.state}.", field="job", given=identifier
        )
    unit = unknown.Resolution(job, charge=job.price if verdict == "bought" else 0)
    studio.commits.submit(unknown.resolve, unit).result()
    with studio.database.read() as connection:
        return find_job(connection, owner, identifier)


def attach(studio: Studio, owner: str, identifier: str, remote_id: str) -> Job:
    """Give an unknown job the name under which its provider has it, and collect it.

    Raises:
        NotFound: there is no such job.
        Conflict: its outcome is known.
    """
    with studio.database.read() as connection:
        job = find_job(connection, owner, identifier)
    unit = unknown.Attachment(job, studio.worker.id, remote_id)
    if not studio.commits.submit(unknown.attach, unit).result():
        raise Conflict(
            f"The outcome of this job is known: {job.state}.", field="job", given=identifier
        )
    with studio.database.read() as connection:
        attached = find_job(connection, owner, identifier)
    return studio.loop.run(studio.executor.resume(attached))
