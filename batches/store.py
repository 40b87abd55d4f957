"""Keeping batches: each function works within its caller's transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Select, bindparam, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from batches.spec import BatchSpec, Problem, Reference, Row
from batches.tables import batch_faults, batch_rows, batches
from studio import clock
from studio.errors import InvalidRequest, NotFound
from studio.operations import parse_operation

_LARGEST_PAGE = 500
_ROWS_AT_ONCE = 1_000
"""Rows in one statement, so that the memory of a large batch is not had twice."""
_END_KEYS = {"state", "code", "message"}


@dataclass(frozen=True, slots=True)
class BatchRecord:
    """How a batch stands; the columns of the table ``batches``."""

    id: str
    owner: str
    name: str
    source: str
    rows: int
    round: int
    worker: str
    hold: str
    state: str
    quote: Any
    created_at: datetime
    finished_at: datetime | None
    run: str = ""
    started_at: datetime | None = None
    closes_at: datetime | None = None
    priority: Literal["low", "normal", "high"] = "normal"


def save_batch(connection: Connection, spec: BatchSpec) -> bool:
    """Keep a batch; return whether it is new.

    One that is there already is left as it is, whoever saves it at the same time.
    """
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    header = {
        "id": spec.id,
        "owner": spec.owner,
        "name": spec.name,
        "source": spec.source,
        "rows": len(spec.rows),
        "created_at": clock.now(),
    }
    new = dialect.insert(batches).values(header).on_conflict_do_nothing()
    # Not the row count: psycopg does not tell it for this statement.
    if connection.execute(new.returning(batches.c.id)).first() is None:
        return False
    for start in range(0, len(spec.rows), _ROWS_AT_ONCE):
        some = spec.rows[start : start + _ROWS_AT_ONCE]
        connection.execute(insert(batch_rows), [_as_values(spec.id, row) for row in some])
    return True


def _as_values(batch: str, row: Row) -> dict[str, Any]:
    return {
        "batch": batch,
        "line": row.line,
        "part": row.part,
        "name": row.name,
        "key": row.key,
        "operation": row.operation.model_dump(mode="json"),
        "references": [asdict(reference) for reference in row.references],
        "same_as": row.same_as,
    }


def load_batch(connection: Connection, owner: str, batch: str) -> BatchSpec:
    """Return a batch, equal to the one that was saved first under its id.

    Raises:
        NotFound: there is none with that id, or it belongs to somebody else.
    """
    record = find_batch(connection, owner, batch)
    query = select(batch_rows).where(batch_rows.c.batch == batch)
    query = query.order_by(batch_rows.c.line, batch_rows.c.part)
    rows = tuple(
        Row(
            line=row["line"],
            name=row["name"],
            key=row["key"],
            operation=parse_operation(row["operation"]),
            references=tuple(Reference(**reference) for reference in row["references"]),
            same_as=row["same_as"],
            part=row["part"],
        )
        for row in connection.execute(query).mappings()
    )
    left_out = _faults(connection, batch)
    return BatchSpec(record.id, record.owner, record.name, record.source, rows, left_out)


def keep_faults(connection: Connection, spec: BatchSpec) -> None:
    """Keep what was wrong with rows that were left out, instead of what an earlier run left out."""
    connection.execute(delete(batch_faults).where(batch_faults.c.batch == spec.id))
    for start in range(0, len(spec.left_out), _ROWS_AT_ONCE):
        some = spec.left_out[start : start + _ROWS_AT_ONCE]
        connection.execute(
            insert(batch_faults),
            [
                {"batch": spec.id, "position": position, **problem.as_dict()}
                for position, problem in enumerate(some, start)
            ],
        )


def _faults(connection: Connection, batch: str) -> tuple[Problem, ...]:
    query = select(
        *(batch_faults.c[name] for name in ("line", "row", "field", "value", "rule"))
    ).where(batch_faults.c.batch == batch)
    found = connection.execute(query.order_by(batch_faults.c.position)).mappings()
    return tuple(Problem(**each) for each in found)


def find_batch(connection: Connection, owner: str, batch: str) -> BatchRecord:
    """Return how a batch stands.

    Raises:
        NotFound: there is none with that id, or it belongs to somebody else.
    """
    query = select(batches).where(batches.c.id == batch, batches.c.owner == owner)
    found = _records(connection, query)
    if not found:
        raise NotFound("There is no such batch.", field="batch", given=batch)
    return found[0]


def list_batches(connection: Connection, owner: str, limit: int = 50) -> list[BatchRecord]:
    """Return the newest batches of ``owner``, the newest first.

    Raises:
        InvalidRequest: ``limit`` is not within 1 to 500.
    """
    if not 1 <= limit <= _LARGEST_PAGE:
        raise InvalidRequest(
            "That is no size of a page.", field="limit", given=limit, allowed="1 to 500"
        )
    query = select(batches).where(batches.c.owner == owner)
    newest_first = query.order_by(batches.c.created_at.desc(), batches.c.id).limit(limit)
    return _records(connection, newest_first)


def end_rows(connection: Connection, batch: str, ends: Mapping[str, Mapping[str, str]]) -> None:
    """Note for rows that they ended without a job.

    Args:
        ends: by row name: ``state`` (skipped_budget, cancelled, failed), ``code``, ``message``.

    Raises:
        ValueError: an end has other keys than these three.
        NotFound: the batch has no row of that name; nothing was noted.
    """
    for name, end in ends.items():
        if end.keys() != _END_KEYS:
            raise ValueError(f"the end of row {name!r} has the keys {sorted(end)}")
    if not ends:
        return
    known = select(batch_rows.c.name).where(batch_rows.c.batch == batch)
    if missing := ends.keys() - set(connection.execute(known).scalars()):
        raise NotFound("The batch has no such row.", field="row", given=min(missing))
    of_row = (batch_rows.c.batch == batch, batch_rows.c.name == bindparam("row_name"))
    connection.execute(
        update(batch_rows).where(*of_row).values(ended_as=bindparam("end")),
        [{"row_name": name, "end": dict(end)} for name, end in ends.items()],
    )


def row_ends(connection: Connection, batch: str) -> dict[str, dict[str, str]]:
    """Return the ends that ``end_rows`` noted, by row name, in the order of the file."""
    query = (
        select(batch_rows.c.name, batch_rows.c.ended_as)
        .where(batch_rows.c.batch == batch, batch_rows.c.ended_as.is_not(None))
        .order_by(batch_rows.c.line, batch_rows.c.part)
    )
    return {row.name: row.ended_as for row in connection.execute(query)}


def clear_ends(connection: Connection, batch: str, names: Collection[str] | None = None) -> None:
    """Forget the ends that ``end_rows`` noted, so that another round may try those rows.

    Args:
        names: of the rows to forget them of; ``None`` for all.
    """
    noted = (batch_rows.c.batch == batch, batch_rows.c.ended_as.is_not(None))
    if names is None:
        connection.execute(update(batch_rows).where(*noted).values(ended_as=None))
        return
    if names:
        of_row = batch_rows.c.name == bindparam("row_name")
        connection.execute(
            update(batch_rows).where(*noted, of_row).values(ended_as=None),
            [{"row_name": name} for name in names],
        )


def _records(connection: Connection, query: Select[Any]) -> list[BatchRecord]:
    return [BatchRecord(**row) for row in connection.execute(query).mappings()]
