"""A large batch shared out: ranges of its rows, which several processes take one after another.

The run that started the batch holds for all of it, writes the ranges down, and takes its part like
the others. Whoever takes a range buys under that run's hold and name. A range whose process is gone
is taken by another one; that no row of it is bought twice is the journal's doing, as everywhere.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection, delete, func, insert, select, update

from batches import end_rows, row_ends
from batches.tables import batch_shards, batches
from billing.ledger import hold_of
from engine.batch_view import BatchView, ending_of
from engine.execute import Order
from engine.job_rows import latest_jobs
from engine.jobs import Job
from engine.order_text import pack, unpack
from engine.studio import Studio
from studio.clock import now
from studio.errors import (
    AlreadyRunning,
    Conflict,
    HoldRefused,
    NotFound,
    StudioError,
    StudioUnavailable,
    WindowClosed,
)

MOST_TRIES: Final = 4
"""A range is taken so often: once, and three times more if its process is gone."""

_MOST_RANGES: Final = 100
_OTHERS_SECONDS: Final = 300.0
"""For the rows that helpers of a run that is gone still have at providers."""
_LOOK_SECONDS: Final = 0.5
_ENDED_HOLDS: Final = frozenset({"missing", "closed", "closing", "expired"})
"""Why a ledger refuses every claim on a hold, whatever its amount."""


@dataclass(frozen=True, slots=True)
class Range:
    """Rows that this process has taken.

    Attributes:
        number: of the range, from 1.
        orders: what is left of it to buy.
    """

    number: int
    orders: tuple[Order, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """How far the ranges are.

    Attributes:
        total: all of them; none once the run is over.
        open: those that are not done.
        at_work: those that a live process has, this one included.
        elsewhere: those that another live process has.
    """

    total: int
    open: int
    at_work: int
    elsewhere: int


@dataclass(frozen=True, slots=True)
class Sorted:
    """What results of a range come to.

    Attributes:
        again: orders to be tried again: another process is at work on them, or nobody could say.
        stop: whether no further row may begin here.
    """

    again: tuple[Order, ...] = ()
    stop: bool = False


@dataclass(frozen=True, slots=True)
class Shards:
    """The ranges of a batch that is being run, as one of the processes at work on it sees them.

    Attributes:
        studio: this process's.
        batch: the batch's id.
        owner: whose it is.
        run: the flow run that started it.
        hold: out of which its rows are paid.
        rows: of the whole batch.
    """

    studio: Studio
    batch: str
    owner: str
    run: str
    hold: str
    rows: int

    def write(self, orders: Sequence[Order], size: int) -> int:
        """Write ranges of at most ``size`` orders, in place of those before; return how many."""
        size = max(size, -(-len(orders) // _MOST_RANGES))
        pieces = [orders[start : start + size] for start in range(0, len(orders), size)]
        packed = [(len(piece), pack(piece)) for piece in pieces]

        def keep(connection: Connection) -> None:
            # At once: who looks must not take the batch for over between two waves.
            forget_ranges(connection, self.batch)
            rows = [
                {"batch": self.batch, "number": number, "rows": count, "orders": data}
                for number, (count, data) in enumerate(packed, start=1)
            ]
            connection.execute(insert(batch_shards), rows)

        self.studio.database.write(keep)
        return len(pieces)

    def take(self) -> Range | None:
        """Take the next range that nobody has, or whose process is gone.

        Raises:
            SetupIncomplete: this process cannot do what was quoted; it has let go of the range.
        """
        for row in self._candidates():
            taken = self.studio.database.write(partial(self._take, seen=row))
            if taken is None:
                continue
            try:
                orders = unpack(taken, self.studio.providers)
                left = orders if row["tries"] == 0 else self._left(orders)
            except BaseException:
                self.let_go(row["number"], tried=False)
                raise
            return Range(row["number"], tuple(left))
        return None

    def _candidates(self) -> list[Any]:
        columns = (batch_shards.c.number, batch_shards.c.worker, batch_shards.c.tries)
        query = (
            select(*columns)
            .where(
                batch_shards.c.batch == self.batch,
                batch_shards.c.done_at.is_(None),
                batch_shards.c.tries < MOST_TRIES,
            )
            .order_by(batch_shards.c.number)
        )
        with self.studio.database.read() as connection:
            rows = connection.execute(query).mappings().all()
        gone = self._gone({row["worker"] for row in rows})
        return [row for row in rows if row["worker"] in gone]

    def _gone(self, workers: set[str]) -> set[str]:
        """Return who of these is no live process; nobody (an empty name) is none."""
        return {each for each in workers if not (each and self.studio.worker.alive(each))}

    def _take(self, connection: Connection, seen: Any) -> bytes | None:
        as_seen = (
            batch_shards.c.batch == self.batch,
            batch_shards.c.number == seen["number"],
            batch_shards.c.worker == seen["worker"],
            batch_shards.c.tries == seen["tries"],
            batch_shards.c.done_at.is_(None),
        )
        mine = {"worker": self.studio.worker.id, "tries": batch_shards.c.tries + 1}
        if connection.execute(update(batch_shards).where(*as_seen).values(mine)).rowcount != 1:
            return None
        query = select(batch_shards.c.orders).where(
            batch_shards.c.batch == self.batch, batch_shards.c.number == seen["number"]
        )
        return bytes(connection.execute(query).scalar_one())

    def _left(self, orders: Sequence[Order]) -> list[Order]:
        """Return the orders that this run did not bring to an end before."""
        with self.studio.database.read() as connection:
            found = latest_jobs(connection, self.owner, [order.key for order in orders])
            ends = row_ends(connection, self.batch)
        return [
            order
            for order in orders
            if order.label not in ends and not _over(found.get(order.key), self.run)
        ]

    def sort_out(self, results: Sequence[tuple[Order, object]]) -> Sorted:
        """Write down how rows ended that have no job, and say what is to be tried again.

        Nothing is written once the batch has another run, or another hold: its rows are that
        one's.
        """
        again: list[Order] = []
        ends: dict[str, dict[str, str]] = {}
        stop = False
        for order, result in results:
            if isinstance(result, Job):
                continue
            if _stops(result):
                stop = True
            elif not isinstance(result, StudioError) or _may_go_on(result):
                again.append(order)
            else:
                ends[order.label] = ending_of(result)
        if ends:
            self.studio.database.write(lambda connection: self._end(connection, ends))
        return Sorted(tuple(again), stop)

    def _end(self, connection: Connection, ends: dict[str, dict[str, str]]) -> None:
        query = select(batches.c.run, batches.c.hold).where(batches.c.id == self.batch)
        row = connection.execute(query.with_for_update()).first()
        if row is not None and (row.run, row.hold) == (self.run, self.hold):
            end_rows(connection, self.batch, ends)

    def read_back(self, view: BatchView, orders: Sequence[Order]) -> bool:
        """Take what other processes did of these rows into a view; return whether all are over."""
        names = {order.label for order in orders}
        with self.studio.database.read() as connection:
            found = latest_jobs(connection, self.owner, [order.key for order in orders])
            ends = row_ends(connection, self.batch)
        view.jobs.update(found)
        view.endings.update({name: end for name, end in ends.items() if name in names})
        return all(
            order.label in view.endings or _over(found.get(order.key), self.run) for order in orders
        )

    def done(self, number: int) -> None:
        """Say that all rows of a range that this process has came to an end."""
        self._mine(number, {"worker": "", "done_at": now()})

    def let_go(self, number: int, *, tried: bool) -> None:
        """Leave a range that this process has to whoever comes next.

        Args:
            tried: whether it counts as one of the range's tries.
        """
        tries = batch_shards.c.tries - (0 if tried else 1)
        self._mine(number, {"worker": "", "tries": tries})

    def _mine(self, number: int, values: dict[str, Any]) -> None:
        mine = (
            batch_shards.c.batch == self.batch,
            batch_shards.c.number == number,
            batch_shards.c.worker == self.studio.worker.id,
        )
        self.studio.database.write(
            lambda connection: connection.execute(update(batch_shards).where(*mine).values(values))
        )

    def standing(self) -> Standing:
        """Return how far the ranges are; none is left once the run is over."""
        query = (
            select(
                batch_shards.c.worker,
                batch_shards.c.done_at.is_(None).label("open"),
                func.count().label("number"),
            )
            .where(batch_shards.c.batch == self.batch)
            .group_by(batch_shards.c.worker, batch_shards.c.done_at.is_(None))
        )
        here = select(batches.c.run, batches.c.hold, batches.c.state, batches.c.worker).where(
            batches.c.id == self.batch
        )
        with self.studio.database.read() as connection:
            groups = connection.execute(query).all()
            row = connection.execute(here).one()
        run_is_over = (row.run, row.hold, row.state) != (self.run, self.hold, "running")
        if run_is_over or self._gone({row.worker}):
            return Standing(0, 0, 0, 0)
        busy = [each for each in groups if each.open and each.worker]
        gone = self._gone({each.worker for each in busy})
        alive = [each for each in busy if each.worker not in gone]
        return Standing(
            total=sum(each.number for each in groups),
            open=sum(each.number for each in groups if each.open),
            at_work=sum(each.number for each in alive),
            elsewhere=sum(each.number for each in alive if each.worker != self.studio.worker.id),
        )


def join_batch(studio: Studio, owner: str, batch: str, run: str) -> Shards | None:
    """Return the ranges of a batch that another process runs; ``None`` if its run is over.

    Nothing is held: the run that started it has held for all of its rows.

    Raises:
        NotFound: the owner has no such batch.
        Conflict: another run has it, or the process of that run is gone.
        HoldRefused: it holds nothing, so that nothing of it may be bought.
    """
    query = select(batches).where(batches.c.id == batch, batches.c.owner == owner)
    with studio.database.read() as connection:
        row = connection.execute(query).mappings().first()
        if row is None:
            raise NotFound("There is no such batch.", field="batch", given=batch)
        if row["run"] != run:
            raise Conflict(
                f"Batch {batch} is not being run by this flow run. A batch starts its helpers by "
                "itself; run it with `studio batch run`.",
                field="run",
                given=run,
                allowed=f"the flow run that runs it: {row['run'] or 'none does'}",
            )
        if row["state"] != "running":
            return None
        held = hold_of(connection, owner, row["hold"]) if row["hold"] else None
    if not (row["worker"] and studio.worker.alive(row["worker"])):
        raise Conflict(
            f"The process that ran batch {batch} is gone. `studio batch resume {batch}` goes on "
            "with what is left of it.",
            field="batch",
            given=batch,
        )
    if held is None or held.state != "open" or held.expires_at <= now():
        raise HoldRefused(
            f"Batch {batch} has no credits set aside at this moment, so nothing of it may be "
            "bought.",
            field="batch",
            given=batch,
            reason=held.state if held is not None and held.state != "open" else "missing",
        )
    return Shards(studio, batch, owner, run, held.id, row["rows"])


def forget_ranges(connection: Connection, batch: str) -> None:
    """Forget the ranges of a batch: its run is over, or begins."""
    connection.execute(delete(batch_shards).where(batch_shards.c.batch == batch))


def await_others(studio: Studio, batch: str, seconds: float = _OTHERS_SECONDS) -> bool:
    """Wait until no other live process is at work on ranges of a batch; return whether none is.

    Call it when they cannot begin another row any more: the hold that pays them is closed.

    Args:
        seconds: at most. What is under way after that is nobody else's: a row is bought by one
            process at a time, whatever becomes of the batch.
    """
    query = select(batch_shards.c.worker).where(
        batch_shards.c.batch == batch,
        batch_shards.c.done_at.is_(None),
        batch_shards.c.worker.not_in(["", studio.worker.id]),
    )
    until = time.monotonic() + seconds
    while True:
        with studio.database.read() as connection:
            workers = set(connection.execute(query.distinct()).scalars())
        if not any(studio.worker.alive(each) for each in workers):
            return True
        if time.monotonic() >= until:
            return False
        time.sleep(_LOOK_SECONDS)


def _over(job: Job | None, run: str) -> bool:
    """Whether a job came to an end that this run is not to look behind."""
    if job is None:
        return False
    return job.state in {"settled", "unknown"} or (
        job.state == "failed" and (job.billed or job.run == run)
    )


def _stops(result: object) -> bool:
    """Whether no further row may begin here: the window closed, or nothing is held any more."""
    ended = isinstance(result, HoldRefused) and result.details.get("reason") in _ENDED_HOLDS
    return ended or isinstance(result, WindowClosed)


def _may_go_on(error: StudioError) -> bool:
    """Whether an error says nothing of the row: another process has it, or the database is away."""
    return isinstance(error, AlreadyRunning | StudioUnavailable)
