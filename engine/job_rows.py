"""Jobs as the rows of their table: finding them, and moving them on.

Every function works within its caller's transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Executable, bindparam, func, or_, select, update

from engine.jobs import Job
from engine.tables import jobs
from studio.clock import now

_IN_CLAUSE = 500

# Built once: SQLAlchemy takes longer to make a statement anew than to carry it out.
_LATEST = (
    select(jobs)
    .where(jobs.c.owner == bindparam("of"), jobs.c.key.in_(bindparam("keys", expanding=True)))
    .order_by(jobs.c.attempt)
)


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


def lock_jobs(connection: Connection, identifiers: Iterable[str]) -> list[Job]:
    """Return jobs by their ids, those that are there; nobody else moves them on meanwhile."""
    wanted = list(identifiers)
    found: list[Job] = []
    for start in range(0, len(wanted), _IN_CLAUSE):
        some = wanted[start : start + _IN_CLAUSE]
        # Postgres: nobody else settles them meanwhile. SQLite holds its one write lock already.
        query = select(jobs).where(jobs.c.id.in_(some)).order_by(jobs.c.id).with_for_update()
        found += [Job(**row) for row in connection.execute(query).mappings()]
    return found


def move(connection: Connection, before: tuple[str, ...], rows: Sequence[Mapping[str, Any]]) -> int:
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
