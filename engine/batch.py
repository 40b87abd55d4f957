"""A batch: planned and quoted row by row, held for once, run row by row, reported whole.

What became of the rows is told by ``batch_view``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, RowMapping, select, update

from batches import (
    NOTHING_GIVEN,
    BatchSpec,
    Given,
    Problem,
    Row,
    clear_ends,
    end_rows,
    leave_out,
    read_batch,
    save_batch,
    waves,
)
from batches.tables import batches
from billing.quotes import Quote
from engine.alike import Alike
from engine.announcements import batch_ended
from engine.batch_view import WAITING, BatchView, find_jobs, prompt_key, row_key
from engine.deciding import decided
from engine.execute import Order
from engine.jobs import Job, Picture
from engine.outbox import post
from engine.preflight import ANYBODY, Caller, check_identity
from engine.prompts import enhancement
from engine.settled import find, settled
from engine.single import hold_credits, release_hold, to_buy
from engine.studio import Studio
from providers import Plan
from studio.clock import now
from studio.errors import AlreadyRunning, BatchInvalid, HoldRefused, NotFound, StudioError
from studio.operations import (
    InputKind,
    Operation,
    Persona,
    Settled,
    input_fields,
    inputs_given,
)


@dataclass(frozen=True, slots=True)
class PlannedRow:
    """A row with what can be known before the rows that it builds on have run.

    Attributes:
        row: the row.
        plan: who will do it; its price does not depend on the inputs' sizes.
        pictures: the inputs that come from outside the batch.
        prompt: who writes its prompt first; ``None`` where the prompt is used as it is.
        notes: what the studio changed in the request, and what it decided about it.
    """

    row: Row
    plan: Plan
    pictures: tuple[Picture, ...]
    prompt: Plan | None = None
    notes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PlannedBatch:
    """A batch of which every row can be done and has a price."""

    spec: BatchSpec
    rows: Mapping[str, PlannedRow]


def read_file(
    studio: Studio,
    data: bytes,
    *,
    source: str,
    owner: str,
    name: str = "",
    folder: Path | None,
    given: Given = NOTHING_GIVEN,
    user: str = "",
) -> BatchSpec:
    """Return the batch in a file; its pictures are looked at, and known by their bytes.

    Args:
        folder: what relative paths start from; ``None`` where the file may name none of this
            machine's files, as it comes from elsewhere.
        user: who asks; empty stands for the user of the owner's own name.

    Raises:
        AccountRefused: the user is no member of the workspace.
        BatchInvalid: the file has faults, all of which are in ``details['problems']``.
    """
    check_identity(studio.database, owner, user, "look")
    return read_batch(
        data,
        source=source,
        owner=owner,
        name=name,
        folder=folder,
        exists=partial(_problem, studio, owner, local=folder is not None),
        identify=lambda reference, kind: studio.inputs.find(kind, reference, owner, kind).sha256,
        settle=_settle_once(studio, owner),
        given=given,
    )


def _problem(studio: Studio, owner: str, reference: str, kind: InputKind, *, local: bool) -> str:
    """Say why an input of a row cannot be used; empty if it can."""
    if not local and not reference.startswith("ast_"):
        return "must be an asset (ast_…) or a row (@row): the file is from elsewhere"
    return studio.inputs.problem(reference, owner, kind=kind)


def _settle_once(studio: Studio, owner: str) -> Callable[[Operation], Settled]:
    """Look a persona up once for the whole file, so that all of its rows have the same one."""

    @cache
    def persona(name: str) -> Persona:
        return find(studio.database, owner, name)

    return lambda operation: settled(operation, persona)


def plan_batch(studio: Studio, spec: BatchSpec, *, skip_invalid: bool = False) -> PlannedBatch:
    """Find every row's inputs and offers. Nothing is held and nothing bought.

    Args:
        studio: who does it.
        spec: the batch.
        skip_invalid: whether rows that cannot be done are left out instead.

    Raises:
        BatchInvalid: rows that cannot be done, all of them.
    """
    planned: dict[str, PlannedRow] = {}
    problems: list[Problem] = []
    alike = Alike(studio.planner, studio.providers)
    for row in spec.rows:
        try:
            planned[row.name] = _plan_row(studio, alike, spec, row)
        except StudioError as error:
            problems.append(
                Problem(
                    row.line,
                    row.name,
                    error.field or "",
                    error.given or "",
                    error.allowed or error.message,
                )
            )
    left = leave_out(spec, problems) if problems else spec
    if problems and not (skip_invalid and left.rows):
        raise BatchInvalid(
            f"{spec.source}: {len(problems)} of {len(spec.rows)} rows cannot be done; "
            "nothing was held.",
            problems=[problem.as_dict() for problem in problems],
        )
    return PlannedBatch(left, planned)


def _plan_row(studio: Studio, alike: Alike, spec: BatchSpec, row: Row) -> PlannedRow:
    referred = {reference.field for reference in row.references}
    kinds = input_fields(type(row.operation))
    pictures = tuple(
        studio.inputs.find(name, reference, spec.owner, kinds[name])
        for name, reference in inputs_given(row.operation).items()
        if name not in referred
    )
    if not referred & {"image", "mask"}:
        studio.masks.check(row.operation, pictures)
    before = enhancement(row.operation)
    prompt = alike.plan(before) if before else None
    found = decided(lambda wanted: alike.plan(wanted, pictures), row.operation, pictures, row.key)
    notes = {**row.notes, **found.notes}
    return PlannedRow(row, found.plan, pictures, prompt, notes)


@dataclass(frozen=True, slots=True)
class BatchQuote:
    """What a batch will cost, and what of it is free because it was paid for before."""

    quote: Quote | None
    free: Mapping[str, str]
    """Why a row costs nothing, by its name."""
    uses: Mapping[str, int]
    """How often each operation is to be bought."""

    @property
    def total(self) -> int:
        """Micro-credits to hold."""
        return self.quote.total if self.quote else 0


def quote_batch(studio: Studio, planned: PlannedBatch, view: BatchView) -> BatchQuote:
    """Quote the rows that have yet to be bought."""
    wanted: dict[str, Plan] = {}
    free: dict[str, str] = {}
    prompts: set[str] = set()
    for row in planned.spec.rows:
        job = view.job_of(row)
        if row.same_as:
            free[row.name] = f"the same work as row {row.same_as}"
        elif job is not None and not to_buy(job):
            free[row.name] = _why_free(job)
        else:
            prompt = prompt_key(planned.spec, row)
            before = planned.rows[row.name].prompt
            if before and prompt not in prompts and to_buy(view.prompt_of(row)):
                wanted[prompt_line(row)] = before
            prompts.add(prompt)
            wanted[row.name] = planned.rows[row.name].plan
    uses = Counter(plan.operation.operation for plan in wanted.values())
    return BatchQuote(studio.planner.quote(wanted) if wanted else None, free, uses)


def prompt_line(row: Row) -> str:
    """Return the name of the line of a quote that is for a row's prompt; no row is called so."""
    return f"{row.name}.prompt"


def _why_free(job: Job) -> str:
    if job.state == "settled":
        return "done before"
    if job.state == "unknown":
        return "its outcome is unknown; it is not bought again by itself"
    if job.state == "failed":
        return "it failed and was billed all the same; it is not bought again by itself"
    return "was under way when the run before ended; its credits are still held"


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
        before: how the batch stood before; a start that is refused leaves it so.
    """

    studio: Studio
    planned: PlannedBatch
    view: BatchView
    run: str
    round: int
    hold: str = ""
    parts: dict[str, int] = field(default_factory=dict)
    refused: dict[str, StudioError] = field(default_factory=dict)
    before: Mapping[str, Any] = field(default_factory=dict)

    @property
    def spec(self) -> BatchSpec:
        """The batch."""
        return self.planned.spec

    def quote(self) -> BatchQuote:
        """Quote what is left to be bought."""
        return quote_batch(self.studio, self.planned, self.view)

    def hold_for(self, quoted: BatchQuote, key: str, caller: Caller = ANYBODY) -> None:
        """Set aside what the rest of the batch comes to, in one hold.

        All of its rows that are left to buy count against limits at once.

        Raises:
            GateRefused: the account, its plan, a budget or its credits do not carry it.
        """
        held = hold_credits(
            self.studio,
            self.spec.owner,
            key,
            quoted.total,
            f"batch {self.spec.id} of {len(self.spec.rows)} rows",
            caller=caller,
            uses=quoted.uses,
            rows=len(self.spec.rows) - len(quoted.free),
        )
        self.hold = held.id
        self.parts = {line.key: line.amount for line in quoted.quote.lines} if quoted.quote else {}
        self.studio.database.write(self._begin)

    def _begin(self, connection: Connection) -> None:
        # Not before: a start that is refused must not take away what the last one came to.
        clear_ends(connection, self.spec.id)
        connection.execute(
            update(batches).where(batches.c.id == self.spec.id).values(hold=self.hold)
        )

    def waves(self) -> tuple[tuple[Row, ...], ...]:
        """Return the rows that are left to do, in layers that build on each other."""
        left = {}
        for row in self.spec.rows:
            job = self.view.job_of(row)
            if not row.same_as and (job is None or job.state not in {"settled", "unknown"}):
                left[row.name] = row
        return waves(left.values())

    def prompts(self, rows: Iterable[Row]) -> list[Order]:
        """Return the orders for the prompts of rows, to be carried out before the rows' own."""
        orders: dict[str, Order] = {}
        for row in rows:
            plan, key = self.planned.rows[row.name].prompt, prompt_key(self.spec, row)
            job = self.view.prompt_of(row)
            if plan is None or key in orders or (job is not None and job.state == "settled"):
                continue
            orders[key] = Order(
                key=key,
                owner=self.spec.owner,
                hold=self.hold,
                run=self.run,
                label=prompt_line(row),
                plan=plan,
                announce=False,
                limit=self.parts.get(prompt_line(row), 0),
            )
        return list(orders.values())

    def orders(self, rows: Iterable[Row]) -> list[Order]:
        """Return the orders of rows whose inputs are there; the others end here, with a reason."""
        orders = []
        for row in rows:
            if (refused := self.refused.get(prompt_key(self.spec, row))) is not None:
                self._take_error(row, refused)
                continue
            try:
                orders.append(self._order(self.planned.rows[row.name]))
            except StudioError as error:
                self.end(row, "failed", error)
        return orders

    def _order(self, each: PlannedRow) -> Order:
        made = tuple(
            self._output(reference.field, reference.row, reference.position)
            for reference in each.row.references
        )
        pictures = each.pictures + made
        operation = each.plan.operation.model_copy(
            update={picture.field: picture.asset for picture in made}
        )
        if made:
            self.studio.masks.check(operation, pictures)
        plan = self.studio.planner.plan(operation, pictures) if made else each.plan
        return Order(
            key=row_key(self.spec, each.row),
            owner=self.spec.owner,
            hold=self.hold,
            run=self.run,
            label=each.row.name,
            plan=plan,
            pictures=pictures,
            announce=False,
            limit=self.parts.get(each.row.name, 0),
            notes=each.notes,
            prompt_from=prompt_key(self.spec, each.row),
        )

    def _output(self, name: str, parent: str, position: int) -> Picture:
        """Return the picture that an earlier row made."""
        job = self.view.job_of(self.planned.rows[parent].row)
        if job is None or job.state != "settled":
            raise NotFound(
                f"Row {parent}, whose picture this row needs, was not done.",
                field=name,
                given=f"@{parent}",
            )
        outputs = job.outputs()
        if position >= len(outputs):
            raise NotFound(
                f"Row {parent} made {len(outputs)} files.",
                field=name,
                given=f"@{parent}:{position + 1}",
                allowed=f"1 to {len(outputs)}",
            )
        made = outputs[position]
        return Picture(
            name,
            job.asset_ids()[position],
            job.file_name(made),
            made.sha256,
            made.width,
            made.height,
        )

    def end(self, row: Row, state: str, error: StudioError) -> None:
        """Note that a row ends without a job."""
        self.view.endings[row.name] = {"state": state, "code": error.code, "message": str(error)}

    def take(self, order: Order, result: Job | StudioError) -> None:
        """Note what came of an order."""
        if isinstance(result, Job):
            self.view.jobs[order.key] = result
        elif order.label in self.planned.rows:
            self._take_error(self.planned.rows[order.label].row, result)
        else:
            self.refused[order.key] = result

    def _take_error(self, row: Row, error: StudioError) -> None:
        state = "skipped_budget" if isinstance(error, HoldRefused) else "failed"
        self.end(row, state, error)

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
        statuses = self.view.statuses()
        for row in self.spec.rows:
            if row.same_as or statuses[row.name] != WAITING:
                continue
            job = self.view.job_of(row)
            error = (job.error if job else None) or {}
            self.view.endings[row.name] = {
                # A job under way may be bought; without one, surely nothing was.
                "state": "unknown" if job else "failed",
                "code": str(error.get("code", "unfinished")),
                "message": "It was not finished; run the batch again to go on with it. "
                + str(error.get("message", "")),
            }

    def abandon(self) -> None:
        """Let go of the batch without an ending: it was refused, or the process is stopping."""
        values: dict[str, Any] = {"worker": ""}
        if self.hold:
            release_hold(self.studio, self.spec.owner, self.hold)
        else:
            values |= self.before
        self.studio.database.write(
            lambda connection: connection.execute(
                update(batches).where(batches.c.id == self.spec.id).values(values)
            )
        )

    def _finish(self, connection: Connection) -> None:
        end_rows(connection, self.spec.id, self.view.endings)
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


def start_batch(studio: Studio, planned: PlannedBatch, run: str) -> BatchRun:
    """Make this process the one that runs the batch, and see what is done already.

    Raises:
        AlreadyRunning: a live process runs it.
    """
    spec = planned.spec

    def lease(connection: Connection) -> RowMapping | None:
        save_batch(connection, spec)
        query = select(batches).where(batches.c.id == spec.id).with_for_update()
        row = connection.execute(query).mappings().one()
        if row["worker"] and row["worker"] != gone:
            return None
        connection.execute(
            update(batches)
            .where(batches.c.id == spec.id)
            .values(
                worker=studio.worker.id, state="running", round=row["round"] + 1, finished_at=None
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
    with studio.database.read() as connection:
        view = BatchView(spec, find_jobs(connection, spec))
    before = {name: found[name] for name in ("state", "round", "finished_at")}
    return BatchRun(studio, planned, view, run, before["round"] + 1, before=before)


def _dead_worker(studio: Studio, spec: BatchSpec) -> str:
    """Return the process that ran the batch last and is gone; empty when there is none."""
    with studio.database.read() as connection:
        query = select(batches.c.worker).where(batches.c.id == spec.id)
        worker = connection.execute(query).scalar() or ""
    return "" if worker and studio.worker.alive(worker) else worker


def chunks(orders: Sequence[Order], size: int) -> list[list[Order]]:
    """Cut orders into pieces of at most ``size``."""
    return [list(orders[start : start + size]) for start in range(0, len(orders), size)]
