"""How far a batch is, asked of the database in one statement: no row is brought here for it.

Whoever looks sees the same: the run itself, Prefect's pages, the command line, another machine.
What is counted is what is written down, so that a killed process leaves the right figures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Text,
    and_,
    case,
    cast,
    exists,
    func,
    literal,
    null,
    select,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import JSON as PG_JSON

from batches import BatchRecord, find_batch
from batches.tables import batch_faults, batch_rows
from billing.ledger import hold_of
from engine.batch_approval import approval_of
from engine.batch_control import wish_of
from engine.batch_view import DONE, INVALID, WAITING
from engine.jobs import Job
from engine.tables import jobs
from studio import credits as money
from studio.clock import now
from studio.errors import shorten

WINDOW = timedelta(seconds=30)
"""What the speed is measured over: so much of what went before tells of what comes."""

_MOST_CAUSES = 5
_OVERLAP = timedelta(seconds=10)
"""What was written down before a look may become visible after it."""
_MOST_ENDED = 1_000
_ENDED = ("settled", "failed", "unknown")
_UNDER_WAY = ("prepared", "submitted", "generated")
_DIGITS = 16
"""Of a moment in microseconds, from the year 2001 to 2286."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why rows are not done.

    Attributes:
        code: of the error.
        rows: how many have it.
        message: the words of the last of them.
    """

    code: str
    rows: int
    message: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a batch is.

    Attributes:
        batch: its id.
        name: the batch's name, or its file's.
        state: ``new``, ``running``, ``done``, ``incomplete``, ``failed``.
        round: how often it was started.
        run: the flow run that runs it, or did last.
        counts: rows by status; ``invalid`` are those that were left out.
        under_way: rows that a provider is at work on; they count as ``waiting``.
        per_second: rows that came to an end in the last half minute; 0 if it does not run.
        held: micro-credits that this run set aside.
        spent: micro-credits of it that were paid.
        started_at: when the run began.
        expected_end: when it ends at this speed; ``None`` where nobody can tell.
        causes: why rows are not done, the most frequent first.
    """

    batch: str
    name: str
    state: str
    round: int
    run: str
    counts: Mapping[str, int]
    under_way: int
    per_second: float
    held: int
    spent: int
    started_at: datetime | None
    expected_end: datetime | None
    causes: tuple[Cause, ...]

    @property
    def total(self) -> int:
        """All rows that are to be done; those that were left out are not."""
        return sum(self.counts.values()) - self.counts.get(INVALID, 0)

    @property
    def ended(self) -> int:
        """Rows that came to an end, good or bad."""
        return self.total - self.counts.get(WAITING, 0)

    @property
    def not_done(self) -> int:
        """Rows that came to a bad end."""
        return self.ended - self.counts.get(DONE, 0)

    def as_dict(self) -> dict[str, Any]:
        """Return the progress as JSON values."""
        return {
            "batch": self.batch,
            "name": self.name,
            "state": self.state,
            "round": self.round,
            "run": self.run,
            "rows": self.total,
            "ended": self.ended,
            "counts": dict(self.counts),
            "under_way": self.under_way,
            "rows_per_second": round(self.per_second, 2),
            "held": money.show(self.held),
            "spent": money.show(self.spent),
            "started_at": self.started_at.isoformat() if self.started_at else None,
            "expected_end": self.expected_end.isoformat() if self.expected_end else None,
            "causes": [
                {"code": each.code, "rows": each.rows, "message": each.message}
                for each in self.causes
            ],
        }


def progress_of(connection: Connection, owner: str, batch: str) -> Progress:
    """Return how far a batch is.

    Raises:
        NotFound: ``owner`` has no such batch.
    """
    record = find_batch(connection, owner, batch)
    counts: Counter[str] = Counter()
    causes: Counter[str] = Counter()
    words: dict[str, str] = {}
    under_way = 0
    for group in connection.execute(_groups(connection.dialect.name, record)):
        counts[group.status] += group.rows
        under_way += group.under_way
        if group.code and group.status not in {DONE, WAITING}:
            causes[group.code] += group.rows
            words[group.code] = max(words.get(group.code, ""), group.last or "")
    if left_out := _left_out(connection, batch):
        counts[INVALID] = left_out
    held = hold_of(connection, owner, record.hold) if record.hold else None
    speed = _speed(connection, record) if record.state == "running" else 0.0
    return Progress(
        batch=batch,
        name=record.name or record.source,
        state=record.state,
        round=record.round,
        run=record.run,
        counts=counts,
        under_way=under_way,
        per_second=speed,
        held=held.amount if held else 0,
        spent=held.captured if held else 0,
        started_at=record.started_at,
        expected_end=_expected(connection, batch, counts[WAITING], speed),
        causes=tuple(
            Cause(code, rows, shorten(words[code][_DIGITS:]))
            for code, rows in causes.most_common(_MOST_CAUSES)
        ),
    )


@dataclass(frozen=True, slots=True)
class EndedRow:
    """A row whose last job came to an end."""

    line: int
    name: str
    job: Job


def ended_since(connection: Connection, record: BatchRecord, moment: datetime) -> list[EndedRow]:
    """Return the rows that came to an end after a moment, or shortly before it; the last 1,000.

    Rows that ended without a job are not among them, nor those that are the same work as another.
    """
    prefix = _prefix(record)
    query = (
        select(batch_rows.c.line, batch_rows.c.name, jobs)
        .join(batch_rows, batch_rows.c.key == func.substr(jobs.c.key, len(prefix) + 1))
        .where(*_recent(record, prefix, moment - _OVERLAP))
        .order_by(jobs.c.updated_at.desc(), batch_rows.c.line)
        .limit(_MOST_ENDED)
    )
    found = []
    for row in reversed(connection.execute(query).mappings().all()):
        values = {column.name: row[column] for column in jobs.c}
        found.append(EndedRow(row[batch_rows.c.line], row[batch_rows.c.name], Job(**values)))
    return found


def _prefix(record: BatchRecord) -> str:
    """Return what the keys of its rows' jobs begin with (see ``batch_view.row_key``)."""
    return f"batch/{record.name}/"


def _recent(record: BatchRecord, prefix: str, since: datetime) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions for jobs of a batch that ended lately; an index finds them."""
    return (
        jobs.c.state.in_(_ENDED),
        jobs.c.updated_at >= since,
        jobs.c.owner == record.owner,
        func.substr(jobs.c.key, 1, len(prefix)) == prefix,
        batch_rows.c.batch == record.id,
        batch_rows.c.same_as == "",
    )


def _speed(connection: Connection, record: BatchRecord) -> float:
    moment, prefix = now(), _prefix(record)
    since = max(moment - WINDOW, record.started_at or moment - WINDOW)
    query = (
        select(func.count())
        .select_from(jobs)
        .join(batch_rows, batch_rows.c.key == func.substr(jobs.c.key, len(prefix) + 1))
        .where(*_recent(record, prefix, since))
    )
    ended = connection.execute(query).scalar_one()
    return float(ended / max(1.0, (moment - since).total_seconds()))


def _expected(
    connection: Connection, batch: str, waiting: int, per_second: float
) -> datetime | None:
    """Return when a batch ends; ``None`` if it does not run, or waits for somebody."""
    if not waiting or not per_second:
        return None
    asked = approval_of(connection, batch)
    if wish_of(connection, batch) is not None or (asked is not None and asked.waiting):
        return None
    return now() + timedelta(seconds=waiting / per_second)


def _left_out(connection: Connection, batch: str) -> int:
    faulty = select(batch_faults.c.line, batch_faults.c.row).where(batch_faults.c.batch == batch)
    query = select(func.count()).select_from(faulty.distinct().subquery())
    return int(connection.execute(query).scalar_one())


def _groups(dialect: str, record: BatchRecord) -> Select[Any]:
    """Return the statement that counts rows by status and error.

    A row stands as ``BatchView`` says; what failed before this run counts as waiting, as it is
    tried again.
    """
    last, later, first = jobs.alias("last"), jobs.alias("later"), batch_rows.alias("first")
    newest = ~exists().where(
        later.c.owner == last.c.owner,
        later.c.key == last.c.key,
        later.c.attempt > last.c.attempt,
    )
    of_row = and_(
        last.c.owner == record.owner,
        last.c.key == literal(_prefix(record), Text).concat(batch_rows.c.key),
        newest,
    )
    twin = and_(first.c.batch == record.id, first.c.name == batch_rows.c.same_as)
    ended = func.coalesce(_text(batch_rows.c.ended_as), _text(first.c.ended_as))
    before: ColumnElement[bool] = and_(
        literal(record.state == "running"), last.c.run != record.run, last.c.charged == 0
    )
    status = case(
        (last.c.state == "settled", DONE),
        (last.c.state == "unknown", "unknown"),
        (ended.is_not(None), _member(dialect, ended, "state")),
        (and_(last.c.state == "failed", ~before), "failed"),
        else_=WAITING,
    )
    # An ending stands for more than the job before it.
    words = case((last.c.state == "unknown", null()), else_=ended)
    error = func.coalesce(words, _text(last.c.error))
    told = case((last.c.state == "settled", null()), else_=error)
    moment = func.coalesce(cast(_text(last.c.updated_at), Text), "0" * _DIGITS)
    rows = (
        select(
            status.label("status"),
            func.coalesce(_member(dialect, told, "code"), "").label("code"),
            case((last.c.state.in_(_UNDER_WAY), 1), else_=0).label("busy"),
            moment.concat(func.coalesce(_member(dialect, told, "message"), "")).label("words"),
        )
        .select_from(batch_rows.outerjoin(last, of_row).outerjoin(first, twin))
        .where(batch_rows.c.batch == record.id)
        .subquery()
    )
    return select(
        rows.c.status,
        rows.c.code,
        func.count().label("rows"),
        func.sum(rows.c.busy).label("under_way"),
        func.max(rows.c.words).label("last"),
    ).group_by(rows.c.status, rows.c.code)


def _text(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return type_coerce(column, Text)


def _member(dialect: str, text: ColumnElement[Any], name: str) -> ColumnElement[Any]:
    """Return a member of an object that is kept as JSON text."""
    if dialect == "sqlite":
        return func.json_extract(text, f"$.{name}")
    told: ColumnElement[Any] = cast(text, PG_JSON)[name].astext
    return told
