"""A batch: held for once, run row by row, reported whole.

What it is and costs is found by ``batch_plan``, and ``batch_start`` begins it; what became of the
rows is told by ``batch_view``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property, partial
from typing import Any

from sqlalchemy import Connection, select, update

from batches import (
    BatchSpec,
    Row,
    clear_ends,
    end_rows,
    waves,
)
from batches.tables import batches
from engine.announcements import batch_ended
from engine.batch_approval import Approval, lapse
from engine.batch_control import Wish, forget_wish, wish_of
from engine.batch_orders import order_of_row
from engine.batch_plan import BatchQuote, PlannedBatch, prompt_line, quote_batch
from engine.batch_request import hold_for_rows, take_hold, word_about
from engine.batch_shards import forget_ranges
from engine.batch_view import WAITING, BatchView, end_unfinished, ending_of, find_jobs, prompt_key
from engine.execute import Order
from engine.jobs import Job
from engine.outbox import post
from engine.preflight import ANYBODY, Caller
from engine.single import release_hold
from engine.studio import Studio
from providers.pacing import Priority
from studio.clock import now
from studio.errors import BatchCancelled, StudioError, WindowClosed


@dataclass
class BatchRun:
    """A batch that this process is running.

    Attributes:
        planned: its rows with their offers.
        view: what became of them so far.
        run: the flow run that asked for it.
        round: how often it was started, this time included.
        hold: out of which its rows are paid; empty until ``hold_for`` was called.
        parts: what each line of its quote may take of it; no row spends another's part.
        refused: why prompts were not even begun to be written, by their keys.
        cancelled: why no further row begins, once somebody wished so.
        closed: why no further row begins until the batch's window opens again.
        approval: that somebody's word is needed before its rows may be bought.
        began: whether rows may be bought.
        before: how the batch stood before; a start that is refused leaves it so.
        priority: of its rows among the owner's own work; kept with the batch.
        only: names of the rows that this run is about; ``None`` for all that are not done.
        unpaid: why rows are not bought in this run although they are left to do, by name.
        anew: jobs whose outcome nobody knows, and whose work is to be bought once more.
    """

    studio: Studio
    planned: PlannedBatch
    view: BatchView
    run: str
    round: int
    hold: str = ""
    parts: dict[str, int] = field(default_factory=dict)
    refused: dict[str, StudioError] = field(default_factory=dict)
    cancelled: StudioError | None = None
    closed: StudioError | None = None
    approval: Approval | None = None
    began: bool = False
    before: Mapping[str, Any] = field(default_factory=dict)
    priority: Priority = "normal"
    only: frozenset[str] | None = None
    unpaid: dict[str, StudioError] = field(default_factory=dict)
    anew: tuple[Job, ...] = ()
    _noted: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def spec(self) -> BatchSpec:
        """The batch."""
        return self.planned.spec

    @cached_property
    def named(self) -> Mapping[str, Row]:
        """Its rows by their names."""
        return {row.name: row for row in self.spec.rows}

    def quote(self) -> BatchQuote:
        """Quote what is left to be bought."""
        return quote_batch(self.planned, self.view, self.only)

    def hold_for(
        self, quoted: BatchQuote, key: str, caller: Caller = ANYBODY, *, partly: bool = False
    ) -> None:
        """Set aside what the rest of the batch comes to, in one hold.

        All of its rows that are left to buy count against limits at once.

        Args:
            partly: whether to hold for the first rows alone, where credits, budgets or the
                caller's ceiling do not carry all; the others end as ``skipped_budget``.

        Raises:
            GateRefused: the account, its plan, a budget or its credits do not carry it.
        """
        paid = hold_for_rows(self.studio, self.planned, quoted, key, caller, partly=partly)
        held = paid.hold
        self.hold, self.parts, self.unpaid = held.id, paid.parts, paid.unpaid
        asks = partial(
            take_hold,
            spec=self.spec,
            held=held,
            run=self.run,
            user=caller.user or self.spec.owner,
            lasts=self.approval_lasts,
            only=self.only,
        )
        self.approval = self.studio.database.write(asks)
        self.began = self.approval is None

    def word(self) -> Approval:
        """Return what was decided about it, or that nobody has yet.

        Raises:
            NotFound: nobody's word was asked for.
        """
        return word_about(self.studio.database, self.spec.id, self.hold)

    @property
    def hold_lasts(self) -> timedelta:
        """How long a hold lasts that nobody ends."""
        return timedelta(minutes=self.studio.settings.hold_minutes)

    @property
    def approval_lasts(self) -> timedelta:
        """How long it waits for somebody's word."""
        return timedelta(minutes=self.studio.settings.approval_minutes)

    def heed(self, word: Approval) -> None:
        """Begin if the batch is approved.

        Raises:
            ApprovalRefused: it is not; ``abandon`` gives its credits back.
        """
        if word.decision != "approved":
            raise word.refusal()
        self.studio.database.write(partial(clear_ends, batch=self.spec.id, names=self.only))
        self.began = True

    def call_off(self, error: BatchCancelled) -> None:
        """Let no row begin, also if somebody's word is still waited for: nothing was bought."""

        def note(connection: Connection) -> None:
            lapse(connection, self.spec.id)
            clear_ends(connection, self.spec.id, self.only)

        self.studio.database.write(note)
        self.cancelled, self.began = error, True

    def waves(self) -> tuple[tuple[Row, ...], ...]:
        """Return the rows that are left to do, in layers that build on each other."""
        left = {}
        for row in self.spec.rows:
            job = self.view.job_of(row)
            if row.same_as or not self._is_asked_for(row):
                continue
            if job is None or job.state not in {"settled", "unknown"}:
                left[row.name] = row
        return waves(left.values())

    def _is_asked_for(self, row: Row) -> bool:
        return self.only is None or row.name in self.only

    def prompts(self, rows: Iterable[Row]) -> list[Order]:
        """Return the orders for the prompts of rows, to be carried out before the rows' own."""
        orders: dict[str, Order] = {}
        for row in rows if self.cancelled is None and self.closed is None else ():
            plan, key = self.planned.rows[row.name].prompt, prompt_key(self.spec, row)
            job = self.view.prompt_of(row)
            if plan is None or key in orders or row.name in self.unpaid:
                continue
            if job is not None and job.state == "settled":
                continue
            orders[key] = Order(
                key=key,
                owner=self.spec.owner,
                hold=self.hold,
                run=self.run,
                label=prompt_line(row),
                plan=plan,
                announce=False,
                batch=self.spec.id,
                priority=self.priority,
                limit=self.parts.get(prompt_line(row), 0),
            )
        return list(orders.values())

    def orders(self, rows: Iterable[Row]) -> list[Order]:
        """Return the orders of rows whose inputs are there; the others end here, with a reason."""
        orders: list[Order] = []
        for row in rows if self.closed is None else ():
            if self.cancelled is not None:
                self._take_error(row, self.cancelled)
                continue
            refused = self.unpaid.get(row.name) or self.refused.get(prompt_key(self.spec, row))
            if refused is not None:
                self._take_error(row, refused)
                continue
            try:
                orders.append(order_of_row(self, self.planned.rows[row.name]))
            except StudioError as error:
                self.end(row, "failed", error)
        return orders

    def end(self, row: Row, state: str, error: StudioError) -> None:
        """Note that a row ends without a job."""
        self.view.endings[row.name] = ending_of(error, state)

    def note_endings(self) -> None:
        """Write endings down that are new, so that whoever looks on sees them before the end."""
        new = {
            name: ending
            for name, ending in self.view.endings.items()
            if self._noted.get(name) != ending
        }
        if new:
            self.studio.database.write(lambda connection: end_rows(connection, self.spec.id, new))
            self._noted |= new

    def take(self, order: Order, result: Job | StudioError) -> None:
        """Note what came of an order."""
        if isinstance(result, BatchCancelled):
            self.cancelled = result
        if isinstance(result, WindowClosed):
            # The row has no end: it waits for the window, as those after it do.
            self.closed = result
            return
        if isinstance(result, Job):
            self.view.jobs[order.key] = result
        elif order.label in self.planned.rows:
            self._take_error(self.planned.rows[order.label].row, result)
        else:
            self.refused[order.key] = result

    def _take_error(self, row: Row, error: StudioError) -> None:
        self.view.endings[row.name] = ending_of(error)

    def finish(self) -> Counter[str]:
        """End the hold, write down how the rows ended, announce it; return counts by status."""
        release_hold(self.studio, self.spec.owner, self.hold)
        self._end_unfinished()
        counts = self.view.counts()
        self.studio.database.write(self._finish)
        return counts

    def _end_unfinished(self) -> None:
        """Give rows that nobody brought to an end one of this round: none may stay waiting."""
        with self.studio.database.read() as connection:
            self.view.jobs |= find_jobs(connection, self.spec)
        end_unfinished(self.view, self.only)

    def rest(self) -> bool:
        """Let go of the batch until its window opens again; what is done is done.

        Returns:
            Whether it goes on then. It does not if somebody cancelled it while its last rows were
            under way: no row looked at that any more. It is still this run's then, to ``finish``.
        """
        wish = self._leave({"state": "incomplete"}, unless_cancelled=True)
        if wish is None:
            return True
        self.closed, self.cancelled = None, wish.cancellation()
        statuses = self.view.statuses()
        for row in self.spec.rows:
            begun = self.view.job_of(row) is not None or statuses[row.name] != WAITING
            if not begun and not row.same_as and self._is_asked_for(row):
                self._take_error(row, self.cancelled)
        return False

    def abandon(self) -> None:
        """Let go of the batch without an ending: it was refused, or the process is stopping."""
        self._leave({})

    def _leave(self, values: Mapping[str, Any], *, unless_cancelled: bool = False) -> Wish | None:
        """Let go of it; return the wish that kept this run from doing so, if one did."""
        values = {"worker": "", **values}
        if self.hold:
            release_hold(self.studio, self.spec.owner, self.hold)
        if not self.began:
            values = {**values, **self.before}

        def leave(connection: Connection) -> Wish | None:
            here = batches.c.id == self.spec.id
            # Whoever wishes something of it locks it as well: it is heeded, or they are refused.
            connection.execute(select(batches.c.id).where(here).with_for_update())
            wish = wish_of(connection, self.spec.id)
            if unless_cancelled and wish is not None and wish.wish == "cancel":
                return wish
            lapse(connection, self.spec.id)
            forget_ranges(connection, self.spec.id)
            connection.execute(update(batches).where(here).values(values))
            return None

        return self.studio.database.write(leave)

    def _finish(self, connection: Connection) -> None:
        end_rows(connection, self.spec.id, self.view.endings)
        forget_wish(connection, self.spec.id)
        forget_ranges(connection, self.spec.id)
        connection.execute(
            update(batches)
            .where(batches.c.id == self.spec.id)
            .values(
                state="done" if self.view.complete else "incomplete", worker="", finished_at=now()
            )
        )
        key = f"{self.spec.id}/{self.round}"
        message = batch_ended(connection, self.view, self.hold, key, self.run)
        post(connection, [message])
