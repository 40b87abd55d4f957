"""The job journal: every step of a job, written before or right after it is taken.

``engine.opening`` has its first one, ``engine.unknown`` those that a person takes. Each function
writes many units within the caller's transaction and answers each (see
``studio.database.GroupCommit``), so that the rows of a batch share their commits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from billing.ledger import CaptureRequest, GiveBackRequest, capture, give_back
from engine.job_rows import lock_jobs, move
from engine.jobs import Job, assets_of
from engine.outcomes import tell_ready, tell_unknown
from engine.telling import tell
from library import add_assets
from studio.clock import now
from studio.errors import Conflict, StudioError


@dataclass(frozen=True, slots=True)
class Submitted:
    """The provider took the work and named it."""

    job: str
    remote_id: str


def note_submitted(connection: Connection, units: Sequence[Submitted]) -> Sequence[None]:
    """Keep the provider's names for jobs, so that a restart can ask for them again."""
    move(
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
    move(
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
    found = {job.id: job for job in lock_jobs(connection, units)}
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
    moved = move(
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
    move(
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
