"""Beginning a job, which is the gate, and taking one over from a process that is gone.

Each function writes many units within the caller's transaction and answers each (see
``studio.database.GroupCommit``), so that the rows of a batch share their commits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from sqlalchemy import Connection, bindparam, update

from billing.ledger import ClaimRequest, claim, lock_wallets
from engine.job_rows import latest_jobs
from engine.jobs import Job, Picture
from engine.tables import jobs
from studio import credits as money
from studio.clock import now
from studio.database import as_row
from studio.database.bulk import insert_records
from studio.errors import Conflict, HoldRefused, StudioError
from studio.ids import new_id
from studio.operations import Operation


@dataclass(frozen=True, slots=True)
class Opening:
    """What is needed to begin a job, should its key not have been worked on yet."""

    owner: str
    key: str
    hold: str
    run: str
    worker: str
    label: str
    announce: bool
    operation: Operation
    pictures: tuple[Picture, ...]
    offer: str
    reason: str
    price: int
    cost: int = 0
    limit: int | None = None
    notes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Opened:
    """The job for a key: just begun (``fresh``), or what stands there from before."""

    job: Job
    fresh: bool


def open_jobs(connection: Connection, units: Sequence[Opening]) -> Sequence[Opened | StudioError]:
    """Begin a job for each unit whose key has none, or whose last attempt failed.

    The part of the hold that the job may spend is claimed in the same transaction: this is the
    gate. Answers ``Opened`` or the ledger's refusal.
    """
    # The lock before the look: two processes that begin the same work do so one after the other.
    lock_wallets(connection, [unit.owner for unit in units])
    standing: dict[tuple[str, str], Job] = {}
    for owner in {unit.owner for unit in units}:
        keys = [unit.key for unit in units if unit.owner == owner]
        for key, job in latest_jobs(connection, owner, keys).items():
            standing[owner, key] = job
    answers: dict[int, Opened | StudioError] = {}
    begun: dict[int, Job] = {}
    taken: set[tuple[str, str]] = set()
    for position, unit in enumerate(units):
        before = standing.get((unit.owner, unit.key))
        if (unit.owner, unit.key) in taken:
            answers[position] = Conflict("The same work was asked for twice at the same moment.")
        elif before is not None and (before.state != "failed" or before.billed):
            # What was billed once is not bought again: it would be refused and billed again.
            answers[position] = Opened(before, fresh=False)
        elif unit.limit is not None and unit.price > unit.limit:
            answers[position] = _above_limit(unit, unit.limit)
        else:
            taken.add((unit.owner, unit.key))
            begun[position] = _begin(unit, 1 if before is None else before.attempt + 1)
    answers |= _claim_and_insert(connection, units, begun)
    return [answers[position] for position in range(len(units))]


def _above_limit(unit: Opening, limit: int) -> HoldRefused:
    return HoldRefused(
        f"{unit.label} costs {money.show(unit.price)} credits at {unit.offer}, and "
        f"{money.show(limit)} of the hold are meant for it. Run it again to have it quoted anew.",
        reason="above_its_part",
        needed=unit.price,
        limit=limit,
    )


def _begin(unit: Opening, attempt: int) -> Job:
    moment = now()
    return Job(
        id=new_id("job"),
        owner=unit.owner,
        key=unit.key,
        attempt=attempt,
        state="prepared",
        run=unit.run,
        worker=unit.worker,
        label=unit.label,
        announce=int(unit.announce),
        operation=unit.operation.model_dump(mode="json"),
        pictures=[asdict(picture) for picture in unit.pictures],
        offer=unit.offer,
        reason=unit.reason,
        price=unit.price,
        cost=unit.cost,
        charged=0,
        claim="",
        remote_id="",
        delivery=None,
        error=None,
        created_at=moment,
        updated_at=moment,
        notes=dict(unit.notes),
        template=unit.operation.asked_template,
    )


def _claim_and_insert(
    connection: Connection, units: Sequence[Opening], begun: Mapping[int, Job]
) -> dict[int, Opened | StudioError]:
    claims = [
        ClaimRequest(
            owner=job.owner,
            hold_id=units[position].hold,
            key=job.id,
            amount=job.price,
            operation=units[position].operation.operation,
        )
        for position, job in begun.items()
    ]
    answers: dict[int, Opened | StudioError] = {}
    rows = []
    for (position, job), answer in zip(begun.items(), claim(connection, claims), strict=True):
        if isinstance(answer, StudioError):
            answers[position] = answer
        else:
            paid_from = replace(job, claim=answer.id)
            answers[position] = Opened(paid_from, fresh=True)
            rows.append(as_row(paid_from))
    insert_records(connection, jobs, rows)
    return answers


@dataclass(frozen=True, slots=True)
class Adoption:
    """Taking a job over from a process that is gone."""

    job: Job
    worker: str


def adopt(connection: Connection, units: Sequence[Adoption]) -> Sequence[bool]:
    """Take jobs over; ``False`` for one that somebody else took or moved on meanwhile."""
    statement = (
        update(jobs)
        .where(
            jobs.c.id == bindparam("job"),
            jobs.c.worker == bindparam("gone"),
            jobs.c.state == bindparam("as_seen"),
        )
        .values(worker=bindparam("taker"), updated_at=now())
    )
    return [
        connection.execute(
            statement,
            {
                "job": unit.job.id,
                "gone": unit.job.worker,
                "as_seen": unit.job.state,
                "taker": unit.worker,
            },
        ).rowcount
        == 1
        for unit in units
    ]
