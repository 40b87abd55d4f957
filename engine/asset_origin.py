"""Which job made an asset, and for which row of which batch.

Nothing of that is kept twice: the asset names its job, the job's key names the batch's name and the
row's work (``engine.batch_view.row_key``), and the batch names its rows.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from batches.tables import batch_rows, batches
from engine.tables import jobs
from library import Asset

_BATCH = "batch/"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an asset comes from; empty where that is not known, or there is nothing of the kind.

    Attributes:
        job: the job that made it; empty for what was brought in.
        batch: the batch for which it was made.
        row: the name of its row there: the first one, if several are the same work.
    """

    job: str = ""
    batch: str = ""
    row: str = ""


def origin_of(connection: Connection, asset: Asset) -> Origin:
    """Return where an asset comes from.

    A row that an edited file has as well is bought once: it is told of the batch whose run bought
    it, and if that batch was run again since, of the newest that was there by then.
    """
    columns = (jobs.c.id, jobs.c.key, jobs.c.run, jobs.c.created_at)
    query = select(*columns).where(jobs.c.id == asset.job, jobs.c.owner == asset.owner)
    job = connection.execute(query).first()
    if job is None:
        return Origin()
    name, slash, key = job.key.removeprefix(_BATCH).rpartition("/")
    if not (job.key.startswith(_BATCH) and slash):
        return Origin(job.id)
    found = (
        select(batch_rows.c.batch, batch_rows.c.name)
        .join(batches, batches.c.id == batch_rows.c.batch)
        .where(
            batch_rows.c.key == key,
            batch_rows.c.same_as == "",
            batches.c.owner == asset.owner,
            batches.c.name == name,
            batches.c.created_at <= job.created_at,
        )
        .order_by((batches.c.run == job.run).desc(), batches.c.created_at.desc())
        .limit(1)
    )
    mine = connection.execute(found).first()
    return Origin(job.id, mine.batch, mine.name) if mine else Origin(job.id)
