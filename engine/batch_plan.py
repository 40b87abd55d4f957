"""Planning a batch: its file read, every row's offers found, and the whole quoted.

Nothing is held and nothing bought here; ``batch`` does that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

from batches import NOTHING_GIVEN, BatchSpec, Given, Problem, Row, leave_out, read_batch
from billing.quotes import Quote
from engine.alike import Alike
from engine.batch_view import BatchView, prompt_key
from engine.deciding import decided
from engine.jobs import Job, Picture
from engine.planning import Planner
from engine.preflight import check_identity
from engine.prompts import enhancement
from engine.settled import find, settled
from engine.single import to_buy
from engine.studio import Studio
from providers import Plan
from studio.collector import rare_collections
from studio.errors import BatchInvalid, StudioError
from studio.operations import (
    InputKind,
    Operation,
    Persona,
    Settled,
    input_fields,
    inputs_given,
)

PROMPT_LINE = ".prompt"
"""What the name of a line ends with that is for a row's prompt."""

_NOT_ASKED = "not a row that this run is about"


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
    """A batch of which every row can be done and has a price.

    Attributes:
        spec: the batch.
        rows: what is planned for each row, by its name.
        planner: who planned it, and plans what only turns up while it runs.
        promise: id of the signed quote whose prices these are; empty where there is none.
    """

    spec: BatchSpec
    rows: Mapping[str, PlannedRow]
    planner: Planner
    promise: str = ""


@rare_collections()
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


@rare_collections()
def plan_batch(
    studio: Studio,
    spec: BatchSpec,
    *,
    skip_invalid: bool = False,
    planner: Planner | None = None,
    only: frozenset[str] | None = None,
) -> PlannedBatch:
    """Find every row's inputs and offers. Nothing is held and nothing bought.

    Args:
        studio: who does it.
        spec: the batch.
        skip_invalid: whether rows that cannot be done are left out instead.
        planner: instead of the studio's own.
        only: names of the rows to plan; ``None`` for all.

    Raises:
        BatchInvalid: rows that cannot be done, all of them.
    """
    planner = planner or studio.planner
    planned: dict[str, PlannedRow] = {}
    problems: list[Problem] = []
    alike = Alike(planner, studio.providers)
    for row in spec.rows:
        if only is not None and row.name not in only:
            continue
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
    return PlannedBatch(left, planned, planner)


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


def quote_batch(
    planned: PlannedBatch, view: BatchView, only: frozenset[str] | None = None
) -> BatchQuote:
    """Quote the rows that have yet to be bought.

    Args:
        only: names of the rows that it is about; ``None`` for all.
    """
    wanted: dict[str, Plan] = {}
    free: dict[str, str] = {}
    prompts: set[str] = set()
    for row in planned.spec.rows:
        job = view.job_of(row)
        if only is not None and row.name not in only:
            free[row.name] = _NOT_ASKED
        elif row.same_as:
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
    return BatchQuote(planned.planner.quote(wanted) if wanted else None, free, uses)


def prompt_line(row: Row) -> str:
    """Return the name of the line of a quote that is for a row's prompt; no row is called so."""
    return f"{row.name}{PROMPT_LINE}"


def _why_free(job: Job) -> str:
    if job.state == "settled":
        return "done before"
    if job.state == "unknown":
        return "its outcome is unknown; it is not bought again by itself"
    if job.state == "failed":
        return "it failed and was billed all the same; it is not bought again by itself"
    return "was under way when the run before ended; its credits are still held"
