"""The job journal: every step of a job, written before or right after it is taken.

Each function writes many units within the caller's transaction and answers each (see
``studio.database.GroupCommit``), so that the rows of a batch share their commits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from typing import Any

from sqlalchemy import Connection, Executable, bindparam, func, or_, select, update

from billing.ledger import (
    CaptureRequest,
    ClaimRequest,
    GiveBackRequest,
    capture,
    claim,
    give_back,
    lock_wallets,
)
from engine.jobs import Job, Picture, assets_of
from engine.outcomes import tell_ready, tell_unknown
from engine.tables import jobs
from engine.telling import tell
from library import add_assets
from studio import credits as money
from studio.clock import now
from studio.database import as_row
from studio.database.bulk import insert_records
from studio.errors import Conflict, HoldRefused, StudioError
from studio.ids import new_id
from studio.operations import Operation

_IN_CLAUSE = 500

# Built once: SQLAlchemy takes longer to make a statement anew than to carry it out.
_LATEST = (
    select(jobs)
    .where(jobs.c.owner == bindparam("of"), jobs.c.key.in_(bindparam("keys", expanding=True)))
    .order_by(jobs.c.attempt)
)


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


def latest_jobs(
    connection: Connection, owner: str, keys: Sequence[str], *, lock: bool = False
) -> dict[str, Job]:
    """Return the last attempt at each of the keys that was ever worked on."""
    found: dict[str, Job] = {}
    for start in range(0, len(keys), _IN_CLAUSE):
        some = keys[start : start + _IN_CLAUSE]
        query = _LATEST.with_for_update() if lock else _LATEST
        for row in connection.execute(query, {"of": owner, "keys": some}).mappings():
            found[row["key"]] = Job(**row)
    return found


def standing(connection: Connection, units: Sequence[tuple[str, str]]) -> Sequence[Job | None]:
    """Return the last attempt at each piece of work, named by its owner and key."""
    return [latest_jobs(connection, owner, [key]).get(key) for owner, key in units]


def jobs_of_run(connection: Connection, owner: str, run: str) -> list[Job]:
    """Return the last attempt at each piece of work of a run, in the order of their keys."""
    query = select(jobs).where(jobs.c.owner == owner, jobs.c.run == run)
    query = query.order_by(func.length(jobs.c.key), jobs.c.key, jobs.c.attempt)
    found: dict[str, Job] = {}
    for row in connection.execute(query.limit(_IN_CLAUSE)).mappings():
        found[row["key"]] = Job(**row)
    return list(found.values())


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


@dataclass(frozen=True, slots=True)
class Submitted:
    """The provider took the work and named it."""

    job: str
    remote_id: str


def note_submitted(connection: Connection, units: Sequence[Submitted]) -> Sequence[None]:
    """Keep the provider's names for jobs, so that a restart can ask for them again."""
    _update(
        connection,
        ("prepared",),
        [{"job": u.job, "state": "submitted", "remote_id": u.remote_id} for u in units],
    )
    return [None] * len(units)


@dataclass(frozen=True, slots=True)
class Generated:
    """The outputs of a job are stored. From here on nothing calls its provider again."""

    job: str
    delivery: Mapping[str, Any]


def note_generated(connection: Connection, units: Sequence[Generated]) -> Sequence[None]:
    """Keep what came back."""
    _update(
        connection,
        ("prepared", "submitted"),
        [{"job": u.job, "state": "generated", "delivery": u.delivery} for u in units],
    )
    return [None] * len(units)


def settle(connection: Connection, units: Sequence[str]) -> Sequence[Job]:
    """Pay for generated jobs and file what they made: assets, captures, states, messages at once.

    Units are job ids. A job that is settled already stays as it is.

    Raises:
        Conflict: a job has nothing to settle.
        StudioError: the ledger refused a capture, which no state of the ledger explains.
    """
    found = {job.id: job for job in _by_id(connection, units)}
    generated = [job for job in found.values() if job.state == "generated"]
    for job in found.values():
        if job.state not in {"generated", "settled"}:
            raise Conflict(f"Job {job.id} is {job.state}; it has nothing to settle.")
    _settle(connection, generated, ("generated",))
    return [found[identifier] for identifier in units]


@dataclass(frozen=True, slots=True)
class Bought:
    """The outputs of a job are stored, and it is to be paid at once."""

    job: Job
    delivery: Mapping[str, Any]


def note_bought(connection: Connection, units: Sequence[Bought]) -> Sequence[Job]:
    """Keep what came back and settle it, in one step: both are there, or neither is.

    Raises:
        Conflict: a job was moved on by somebody else.
        StudioError: the ledger refused a capture. ``note_generated`` keeps what came back without.
    """
    generated = [
        replace(unit.job, state="generated", delivery=dict(unit.delivery)) for unit in units
    ]
    _settle(connection, generated, ("prepared", "submitted"))
    return generated


def _settle(connection: Connection, generated: Sequence[Job], before: tuple[str, ...]) -> None:
    """Pay for jobs, file what they made, move them on from ``before`` and tell of them."""
    moment = now()
    captures = [
        CaptureRequest(owner=job.owner, claim_id=job.claim, amount=job.due) for job in generated
    ]
    for answer in capture(connection, captures):
        if isinstance(answer, StudioError):
            raise answer
    moved = _update(
        connection,
        before,
        [
            {
                "job": job.id,
                "state": "settled",
                "charged": job.due,
                "expense": job.due_expense,
                # As it is already where it was written before.
                **({} if before == ("generated",) else {"delivery": job.delivery}),
            }
            for job in generated
        ],
    )
    if moved != len(generated):
        raise Conflict("A job was moved on by somebody else while it was settled.")
    add_assets(connection, [asset for job in generated for asset in assets_of(job, moment)])
    tell(connection, generated)
    tell_ready(connection, generated)


@dataclass(frozen=True, slots=True)
class Failure:
    """A job that came to nothing.

    Attributes:
        error: as JSON values.
        state: ``failed`` gives the claim back; ``unknown`` keeps it, since money may be gone.
        charge: what is captured although it failed, in micro-credits: what was billed is paid.
        expense: what the provider charges for it, in micro-credits.
    """

    job: Job
    error: Mapping[str, Any]
    state: str
    charge: int = 0
    expense: int = 0


def note_failure(connection: Connection, units: Sequence[Failure]) -> Sequence[None]:
    """End jobs that failed: their claims go back or are captured; or mark them as unknown."""
    failed = [unit for unit in units if unit.state == "failed"]
    paid = [
        CaptureRequest(owner=u.job.owner, claim_id=u.job.claim, amount=u.charge)
        for u in failed
        if u.charge
    ]
    returns = [
        GiveBackRequest(owner=u.job.owner, claim_id=u.job.claim) for u in failed if not u.charge
    ]
    for answer in (*capture(connection, paid), *give_back(connection, returns)):
        if isinstance(answer, StudioError):
            raise answer
    _update(
        connection,
        ("prepared", "submitted"),
        [
            {
                "job": u.job.id,
                "state": u.state,
                "error": u.error,
                "charged": u.charge,
                "expense": u.expense,
            }
            for u in units
        ],
    )
    tell_unknown(connection, [(u.job, u.error) for u in units if u.state == "unknown"])
    return [None] * len(units)


@dataclass(frozen=True, slots=True)
class Resolution:
    """A person's word on a job whose outcome nobody knew.

    Attributes:
        charge: micro-credits: the price where it was bought, 0 where it was not.
    """

    job: Job
    charge: int


def resolve(connection: Connection, units: Sequence[Resolution]) -> Sequence[StudioError | None]:
    """End unknown jobs: what was bought is paid, what was not goes back."""
    unknown = {
        job.id: job
        for job in _by_id(connection, [unit.job.id for unit in units])
        if job.state == "unknown"
    }
    right = [unit for unit in units if unit.job.id in unknown]
    failures = []
    for unit in right:
        error = dict(unknown[unit.job.id].error or {}) | {
            "billed": bool(unit.charge),
            "resolved": "bought" if unit.charge else "not bought",
        }
        job = unknown[unit.job.id]
        expense = job.cost if unit.charge else 0
        failures.append(Failure(job, error, "failed", unit.charge, expense))
    _update(
        connection, ("unknown",), [{"job": each.job.id, "state": "prepared"} for each in failures]
    )
    note_failure(connection, failures)
    gone = Conflict("The outcome of this job is known by now.", field="job")
    return [None if unit.job.id in unknown else gone for unit in units]


@dataclass(frozen=True, slots=True)
class Attachment:
    """An unknown job that was found at its provider, under the name that it has there."""

    job: Job
    worker: str
    remote_id: str


def attach(connection: Connection, units: Sequence[Attachment]) -> Sequence[bool]:
    """Make unknown jobs submitted again; ``False`` for one whose outcome is known."""
    found = {job.id: job for job in _by_id(connection, [unit.job.id for unit in units])}
    right = [unit for unit in units if found[unit.job.id].state == "unknown"]
    _update(
        connection,
        ("unknown",),
        [
            {
                "job": unit.job.id,
                "state": "submitted",
                "remote_id": unit.remote_id,
                "worker": unit.worker,
                # That nobody knew of it is over: what is done has no error in any manifest.
                "error": None,
            }
            for unit in right
        ],
    )
    return [unit in right for unit in units]


def _update(
    connection: Connection, before: tuple[str, ...], rows: Sequence[Mapping[str, Any]]
) -> int:
    """Move jobs on, only from the states that a step may start from; return how many moved."""
    if not rows:
        return 0
    columns = tuple(name for name in rows[0] if name != "job")
    moment = now()
    # Many at once: the drivers count the rows of all of them.
    moved = connection.execute(
        _move(before, columns),
        [
            {"job": row["job"], "moment": moment, **{f"new_{name}": row[name] for name in columns}}
            for row in rows
        ],
    )
    return moved.rowcount


@cache
def _move(before: tuple[str, ...], columns: tuple[str, ...]) -> Executable:
    # Not IN: SQLAlchemy cannot expand a list in a statement that runs for many rows.
    return (
        update(jobs)
        .where(jobs.c.id == bindparam("job"), or_(*(jobs.c.state == state for state in before)))
        .values(
            {name: bindparam(f"new_{name}") for name in columns}
            | {"updated_at": bindparam("moment")}
        )
    )


def _by_id(connection: Connection, identifiers: Iterable[str]) -> list[Job]:
    wanted = list(identifiers)
    found: list[Job] = []
    for start in range(0, len(wanted), _IN_CLAUSE):
        some = wanted[start : start + _IN_CLAUSE]
        # Postgres: nobody else settles them meanwhile. SQLite holds its one write lock already.
        query = select(jobs).where(jobs.c.id.in_(some)).order_by(jobs.c.id).with_for_update()
        found += [Job(**row) for row in connection.execute(query).mappings()]
    return found
