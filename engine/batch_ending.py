"""A batch whose run was cancelled in the midst of it: it is brought to its end by somebody else.

Prefect's own Cancel ends the process of a run, which can write nothing any more. Whoever comes next
says what became of each row, as the run would have: cancelled is what was not begun.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select, update

from batches import load_batch, row_ends
from batches.tables import batches
from engine.batch import BatchRun
from engine.batch_approval import lapse
from engine.batch_files import deliver, folder_of
from engine.batch_plan import PlannedBatch
from engine.batch_shards import await_others
from engine.batch_view import WAITING, BatchView, find_jobs
from engine.resume import resume_orphans
from engine.single import release_hold
from engine.studio import Studio
from studio.errors import BatchCancelled

_SECONDS = 30.0
"""For what providers still have; what takes longer is unknown, until upkeep has collected it."""


@dataclass(frozen=True, slots=True)
class LeftBatch:
    """A batch that says that it runs, and whose process is gone.

    Attributes:
        run: the flow run that ran it.
    """

    id: str
    owner: str
    run: str
    worker: str
    hold: str
    round: int


def left_batches(studio: Studio, run: str = "") -> list[LeftBatch]:
    """Return batches that were left by their processes; only that of one flow run, if named."""
    columns = [batches.c[name] for name in LeftBatch.__dataclass_fields__]
    query = select(*columns).where(batches.c.state == "running", batches.c.run != "")
    if run:
        query = query.where(batches.c.run == run)
    with studio.database.read() as connection:
        found = [LeftBatch(**row) for row in connection.execute(query).mappings()]
    return [each for each in found if not (each.worker and studio.worker.alive(each.worker))]


def end_cancelled(studio: Studio, left: LeftBatch) -> bool:
    """Write down that a batch was cancelled: its rows, its hold, its manifest, its announcement.

    What dead processes left at providers is collected first, and what was bought is filed.

    Returns:
        Whether it was; ``False`` if somebody else runs it, or has ended it, by now.
    """
    studio.loop.run(resume_orphans(studio, _SECONDS))
    if not studio.database.write(lambda connection: _take(studio, connection, left)):
        return False
    if left.hold:
        # Those that helped the run begin no row from now on; what they began, they end.
        release_hold(studio, left.owner, left.hold)
        await_others(studio, left.id, _SECONDS)
    with studio.database.read() as connection:
        spec = load_batch(connection, left.owner, left.id)
        view = BatchView(spec, find_jobs(connection, spec), row_ends(connection, spec.id))
    planned = PlannedBatch(spec, {}, studio.planner)
    running = BatchRun(studio, planned, view, left.run, left.round, hold=left.hold, began=True)
    statuses = view.statuses()
    error = BatchCancelled(
        "The run was cancelled in Prefect before this row began; nothing was bought. Go on with "
        f"`studio batch resume {left.id}`.",
        batch=left.id,
    )
    for row in spec.rows:
        if not row.same_as and statuses[row.name] == WAITING and view.job_of(row) is None:
            running.end(row, "cancelled", error)
    running.finish()
    deliver(studio, view, folder_of(studio, spec))
    return True


def _take(studio: Studio, connection: Connection, left: LeftBatch) -> bool:
    """Make this process the one that works on it; of two that try, one does."""
    lapse(connection, left.id)
    as_seen = (
        batches.c.id == left.id,
        batches.c.state == "running",
        batches.c.run == left.run,
        batches.c.worker == left.worker,
    )
    taken = connection.execute(update(batches).where(*as_seen).values(worker=studio.worker.id))
    return taken.rowcount == 1
