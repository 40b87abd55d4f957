"""A batch once more, without its file: the rows that failed, that nobody knows of, or all the rest.

What is done is done. A job whose outcome nobody knows is bought again only where somebody says so,
and its old credits go back only once the new ones are held.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import Literal

from sqlalchemy import Connection

from batches import changed_inputs
from billing.accounts.events import note
from engine import unknown
from engine.batch import BatchRun
from engine.batch_plan import BatchQuote, PlannedBatch, plan_batch, quote_batch
from engine.batch_start import start_batch
from engine.batch_view import BatchView, view_batch
from engine.jobs import Job
from engine.preflight import Caller, check_identity
from engine.studio import Studio
from providers.pacing import Priority
from studio.errors import BatchInvalid, Conflict, StudioError
from studio.operations import InputKind

Part = Literal["failed", "unknown", "failed_and_unknown", "rest"]
"""Which rows of a batch are done again."""

PARTS: Mapping[Part, frozenset[str]] = MappingProxyType(
    {
        "failed": frozenset({"failed"}),
        "unknown": frozenset({"unknown"}),
        "failed_and_unknown": frozenset({"failed", "unknown"}),
        "rest": frozenset({"failed", "skipped_budget", "cancelled", "waiting"}),
    }
)
"""Statuses of the rows of each part."""


_MOST_NOTED = 100
"""Jobs that an event names."""


@dataclass(frozen=True, slots=True)
class Again:
    """Rows of a batch that are to be done again.

    Attributes:
        planned: the batch, in which these rows are planned.
        only: their names.
        view: how it stands, as if what is to be bought again had failed.
        anew: jobs whose outcome nobody knows, and whose work is to be bought again.
    """

    planned: PlannedBatch
    only: frozenset[str]
    view: BatchView
    anew: tuple[Job, ...]

    def quote(self) -> BatchQuote:
        """Quote these rows."""
        return quote_batch(self.planned, self.view, self.only)


def plan_again(studio: Studio, owner: str, batch: str, part: Part, user: str = "") -> Again:
    """Plan the rows of a batch that are to be done again. Nothing is held and nothing bought.

    Args:
        user: who asks; empty stands for the user of the owner's own name.

    Raises:
        AccountRefused: the user may not look.
        NotFound: the owner has no such batch.
        Conflict: it has no such rows.
        BatchInvalid: rows cannot be done any more, or their input files have changed.
    """
    check_identity(studio.database, owner, user, "look")
    with studio.database.read() as connection:
        view = view_batch(connection, owner, batch)
    spec = view.spec
    wanted = {name for name, status in view.statuses().items() if status in PARTS[part]}
    if not wanted:
        raise Conflict(
            f"No row of batch {batch} is {_words(part)}: there is nothing to do.",
            field="batch",
            given=batch,
        )
    only = frozenset(wanted)
    if problems := changed_inputs(spec, only, _identify(studio, owner)):
        raise BatchInvalid(
            f"{spec.source}: the files of {len(problems)} rows have changed; nothing was held.",
            problems=[problem.as_dict() for problem in problems],
        )
    planned = plan_batch(studio, spec, only=only)
    return Again(planned, only, *_given_up(view, only))


def start_again(
    studio: Studio, again: Again, run: str, caller: Caller, priority: Priority | None = None
) -> BatchRun:
    """Make this process the one that does the rows again.

    Args:
        run: the flow run that asks for it.
        caller: who asks.
        priority: another than it had, if given.

    Raises:
        AccountRefused: the caller may not spend for the owner.
        AlreadyRunning: a live process runs the batch.
    """
    running = start_batch(studio, again.planned, run, caller, again.only, priority=priority)
    # What became known in between stays as it is known.
    running.view, running.anew = _given_up(running.view, again.only)
    return running


def buy_anew(running: BatchRun, by: str) -> None:
    """Give up on jobs whose outcome nobody knows; only now may their work be bought again.

    Their credits go back to the wallet. Called once the new ones are held.

    Args:
        by: who said so; kept among the account's events.
    """
    if not running.anew or running.cancelled is not None:
        return
    owner = running.spec.owner

    def keep(connection: Connection) -> None:
        jobs = [job.id for job in running.anew][:_MOST_NOTED]
        kind = "batch_buy_unknown_again"
        note(connection, owner, kind, author=by, batch=running.spec.id, jobs=jobs)

    running.studio.database.write(keep)
    units = [unknown.Resolution(job, charge=0) for job in running.anew]
    submit = partial(running.studio.commits.submit, unknown.resolve)
    for answered in [submit(unit) for unit in units]:
        # Somebody knows the outcome by now: the gate looks at what it is.
        with contextlib.suppress(Conflict):
            answered.result()


def _given_up(view: BatchView, only: frozenset[str]) -> tuple[BatchView, tuple[Job, ...]]:
    """Return the view in which unknown jobs of these rows have failed, and these jobs."""
    jobs = dict(view.jobs)
    anew: dict[str, Job] = {}
    for row in view.spec.rows:
        job = view.job_of(row)
        if row.name in only and job is not None and job.state == "unknown":
            anew[job.key] = job
            jobs[job.key] = replace(job, state="failed")
    return BatchView(view.spec, jobs, view.endings), tuple(anew.values())


def _identify(studio: Studio, owner: str) -> Callable[[str, InputKind], str]:
    def identify(reference: str, kind: InputKind) -> str:
        try:
            return studio.inputs.find(kind, reference, owner, kind).sha256
        except StudioError:
            # A file that is gone: the planning, which is next, says so better.
            return reference

    return identify


def _words(part: Part) -> str:
    return "left to do" if part == "rest" else part.replace("_and_", " or ")
