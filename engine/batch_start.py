"""Starting a batch: this process takes it, and sees what earlier ones left of it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, RowMapping, select, update

from batches import BatchSpec, keep_faults, row_ends, save_batch
from batches.tables import batches
from billing.accounts.members import require_member
from engine.batch import BatchRun
from engine.batch_approval import lapse
from engine.batch_control import forget_wish
from engine.batch_plan import PlannedBatch
from engine.batch_shards import await_others, forget_ranges
from engine.batch_view import BatchView, find_jobs
from engine.preflight import ANYBODY, Caller
from engine.single import release_hold
from engine.studio import Studio
from providers.pacing import Priority
from studio.clock import now
from studio.errors import AlreadyRunning


def start_batch(
    studio: Studio,
    planned: PlannedBatch,
    run: str,
    caller: Caller = ANYBODY,
    only: frozenset[str] | None = None,
    *,
    closes: datetime | None = None,
    priority: Priority | None = None,
) -> BatchRun:
    """Make this process the one that runs the batch, and see what is done already.

    Args:
        studio: who does it.
        planned: the batch.
        run: the flow run that asks for it.
        caller: who asks.
        only: names of the rows that the run is about; ``None`` for all that are not done.
        closes: from when on none of its rows may begin.
        priority: ``low``, ``normal`` or ``high``; ``None`` leaves it as it was when the batch was
            started last, and is ``normal`` for a new one.

    Raises:
        AccountRefused: the caller may not spend for the owner; all is left as it was.
        AlreadyRunning: a live process runs it.
    """
    spec = planned.spec

    def lease(connection: Connection) -> RowMapping | None:
        # Before anything is taken: whoever may only look must not end the hold of another's run.
        require_member(connection, caller.user or spec.owner, spec.owner, "spend")
        save_batch(connection, spec)
        query = select(batches).where(batches.c.id == spec.id).with_for_update()
        row = connection.execute(query).mappings().one()
        if row["worker"] and row["worker"] != gone:
            return None
        keep_faults(connection, spec)
        forget_wish(connection, spec.id)
        lapse(connection, spec.id)
        connection.execute(
            update(batches)
            .where(batches.c.id == spec.id)
            .values(
                worker=studio.worker.id,
                state="running",
                round=row["round"] + 1,
                run=run,
                started_at=now(),
                finished_at=None,
                closes_at=closes,
                priority=priority or row["priority"],
            )
        )
        return row

    gone = _dead_worker(studio, spec)
    found = studio.database.write(lease)
    if found is None:
        raise AlreadyRunning(f"Batch {spec.id} is being run by another process at this moment.")
    if found["hold"]:
        # Of a run that was cut off. What its unfinished jobs claimed of it stays with them.
        release_hold(studio, spec.owner, found["hold"])
    # Those that helped that run can begin no row without its hold; what they began, they end.
    await_others(studio, spec.id)
    studio.database.write(lambda connection: forget_ranges(connection, spec.id))
    with studio.database.read() as connection:
        view = BatchView(spec, find_jobs(connection, spec))
        if only is not None:
            ends = row_ends(connection, spec.id).items()
            view.endings = {name: end for name, end in ends if name not in only}
    kept = ("state", "round", "hold", "run", "started_at", "finished_at", "priority")
    before = {name: found[name] for name in kept}
    return BatchRun(
        studio,
        planned,
        view,
        run,
        before["round"] + 1,
        before=before,
        priority=priority or before["priority"],
        only=only,
    )


def _dead_worker(studio: Studio, spec: BatchSpec) -> str:
    """Return the process that ran the batch last and is gone; empty when there is none."""
    with studio.database.read() as connection:
        query = select(batches.c.worker).where(batches.c.id == spec.id)
        worker = connection.execute(query).scalar() or ""
    return "" if worker and studio.worker.alive(worker) else worker
