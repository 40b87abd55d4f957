"""Batches as the command line does them: read and checked, run as the real flow, told of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from batches import NOTHING, NOTHING_GIVEN, BatchSpec, Given, Row, fill_name, find_batch, given_of
from billing.ledger import Hold, balance, hold_of
from engine.batch_again import Part, plan_again
from engine.batch_files import file_name, folder_of
from engine.batch_losses import Loss, batch_losses
from engine.batch_plan import BatchQuote, PlannedBatch, read_file
from engine.batch_quoting import plan_at_quote, quote_left
from engine.batch_source import BatchSource, is_remote, open_source
from engine.batch_view import BatchView, sum_counts, view_batch
from engine.jobs import Job
from engine.studio import Studio
from interfaces.cli.errors import FlowFailed
from interfaces.cli.exits import Exit
from interfaces.cli.files import read_token
from interfaces.cli.opening import check_funds
from interfaces.cli.output import (
    Fact,
    amount,
    in_credits,
    leave_room_for_last,
    plain,
    status,
    table,
)
from interfaces.cli.prefect_runs import (
    FlowOutcome,
    again_flow,
    batch_flow,
    prefect_server,
    run_flow,
)
from interfaces.cli.progress import Watch, rounds_of, watching
from interfaces.cli.session import Session
from studio import credits as money
from studio.clock import now
from studio.errors import NotFound
from studio.windows import read_window

_PURSE = ("project", "max_credits", "priority", "quote", "window", "as_far_as_it_goes")
"""Options of a run that are about the money, the slots and the hours, not about the file."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A file without faults, what doing the rest of it would cost, and what of it is not used."""

    planned: PlannedBatch
    quoted: BatchQuote
    losses: Sequence[Loss]

    @property
    def spec(self) -> BatchSpec:
        """The batch."""
        return self.planned.spec


def check_source(
    studio: Studio,
    source: BatchSource,
    owner: str,
    name: str,
    given: Given = NOTHING_GIVEN,
    *,
    user: str = "",
    token: str = "",
) -> Checked:
    """Read and plan a batch file. Nothing is held and nothing bought.

    Args:
        token: a signed quote of it, whose prices are kept.

    Raises:
        BatchInvalid: it has faults, all of which are in ``details['problems']``.
        InvalidRequest: the signed quote does not stand, or is not of this file.
    """
    spec = read_file(
        studio,
        source.data,
        source=source.name,
        owner=owner,
        name=name,
        folder=source.folder,
        given=given,
        user=user,
    )
    return quoted_of(studio, plan_at_quote(studio, spec, token, skip_invalid=given.skip_invalid))


def quoted_of(studio: Studio, planned: PlannedBatch) -> Checked:
    """Return what doing the rest of a batch would cost, and what of it is not used."""
    quoted = quote_left(studio, planned)
    return Checked(planned, quoted, batch_losses(studio, planned, quoted.free))


@dataclass(frozen=True, slots=True)
class BatchReport:
    """What a batch has come to.

    Attributes:
        view: its rows and their jobs.
        folder: where manifest and pictures are.
        outcome: how the flow run ended.
        hold: the hold out of which this run was paid.
        had: what was available before, in micro-credits.
        available: what is left in the wallet, in micro-credits.
    """

    view: BatchView
    folder: Path
    outcome: FlowOutcome
    hold: Hold | None
    had: int
    available: int

    @property
    def counts(self) -> Counter[str]:
        """Rows by status."""
        return self.view.counts()

    @property
    def exit(self) -> Exit:
        """Done only if every row is, the flow says so as well, and every file is there."""
        whole = self.outcome.completed and self.view.complete and self.files_there
        return Exit.DONE if whole else Exit.FAILED

    @property
    def bought(self) -> bool:
        """Whether this run had anything to buy."""
        return self.hold is not None and self.hold.amount > 0

    @property
    def files_there(self) -> bool:
        """Whether every picture that the rows made is in the folder."""
        return all((self.folder / name).is_file() for name in self.files())

    def files(self) -> list[str]:
        """Return the names of all pictures."""
        return [name for row in self.view.spec.rows for name in row_files(self.view, row)]

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON values."""
        held = self.hold.amount if self.hold else 0
        spent = self.hold.captured if self.hold else 0
        return {
            **batch_document(self.view, self.folder),
            "completed": self.outcome.completed,
            "run": self.outcome.run,
            "link": self.outcome.link,
            "message": self.outcome.message,
            **amount("had", self.had),
            **amount("held", held),
            **amount("spent", spent),
            **amount("available", self.available),
        }


def run_batch(
    session: Session,
    studio: Studio,
    file: str,
    name: str = "",
    options: Mapping[str, Any] = NOTHING,
) -> BatchReport:
    """Run a batch file's flow in this process, showing its progress, and report on it.

    A file with faults, or one that the wallet does not carry, is refused before Prefect starts.

    Raises:
        StudioError: it was refused.
    """
    owner = session.owner
    purse: dict[str, Any] = {"owner": owner, "user": session.user}
    purse |= {name: options[name] for name in _PURSE if name in options}
    options = {name: value for name, value in options.items() if name not in _PURSE}
    read_window(purse.get("window", ""))
    given = given_of(**options)
    token = purse["quote"] = read_token(purse.get("quote", ""))
    moment = now()
    name = fill_name(name, moment.date().isoformat(), f"{moment:%H:%M}")
    source = open_source(studio, file, owner, session.user)
    checked = check_source(studio, source, owner, name, given, user=session.user, token=token)
    had = _had(studio, owner, checked.quoted.total, purse)
    spec = checked.spec
    where = file if is_remote(file) else str(Path(file).absolute())
    parameters = {"csv": where, "name": _as_it_is(name), **purse, **options}
    outcome = run_watched(session, studio, spec, batch_flow, parameters)
    return _report(studio, spec, outcome, had)


def run_again(
    session: Session, studio: Studio, batch: str, part: Part, purse: Mapping[str, Any]
) -> BatchReport:
    """Do rows of a batch again as their flow, showing the progress, and report on the batch.

    Raises:
        StudioError: it was refused; where that is certain at once, before Prefect starts.
    """
    owner = session.owner
    again = plan_again(studio, owner, batch, part, session.user)
    had = _had(studio, owner, again.quote().total, purse)
    spec = again.planned.spec
    parameters = {"batch": batch, "rows": part, "owner": owner, "user": session.user, **purse}
    outcome = run_watched(session, studio, spec, again_flow, parameters)
    return _report(studio, spec, outcome, had)


def _had(studio: Studio, owner: str, total: int, purse: Mapping[str, Any]) -> int:
    """Return what is available, if that is enough for what is asked."""
    if purse.get("as_far_as_it_goes"):
        return check_funds(studio, owner, 0)
    return check_funds(studio, owner, total, str(purse.get("max_credits", "")))


def run_watched(
    session: Session,
    studio: Studio,
    spec: BatchSpec,
    flow: Callable[[], Any],
    parameters: Mapping[str, Any],
) -> FlowOutcome:
    """Run a flow that runs a batch, showing its progress.

    Args:
        flow: returns the flow; it imports Prefect.
    """
    before = rounds_of(studio.database, spec.owner, spec.id)
    watch = Watch(studio.database, spec.owner, spec.id, spec.source, before)
    with prefect_server(session.config, session.out), watching(watch, session.out.errors):
        return run_flow(flow(), parameters, session.out)


def _as_it_is(name: str) -> str:
    """Return a batch's name as its flow takes it, which puts variables into it."""
    return name.replace("{", "{{").replace("}", "}}")


def _report(studio: Studio, spec: BatchSpec, outcome: FlowOutcome, had: int) -> BatchReport:
    with studio.database.read() as connection:
        hold = _hold_of_run(connection, spec, outcome.run)
        if hold is None and not outcome.completed:
            # Refused by its pre-flight: what stands about the batch is not of this run.
            raise FlowFailed(outcome)
        view = view_batch(connection, spec.owner, spec.id)
        left = balance(connection, spec.owner).available
    return BatchReport(view, folder_of(studio, spec), outcome, hold, had, left)


def _hold_of_run(connection: Any, spec: BatchSpec, run: str) -> Hold | None:
    """Return the hold that paid for this run, if it came so far."""
    try:
        held = find_batch(connection, spec.owner, spec.id).hold
    except NotFound:
        return None
    hold = hold_of(connection, spec.owner, held) if held else None
    return hold if hold is not None and hold.key.startswith(f"{run}/") else None


def batch_document(view: BatchView, folder: Path) -> dict[str, Any]:
    """Return a batch and its rows as JSON values."""
    statuses = view.statuses()
    return {
        "batch": view.spec.id,
        "name": view.spec.name,
        "source": view.spec.source,
        "complete": view.complete,
        "counts": dict(view.counts()),
        **amount("total_spent", view.spent),
        "folder": str(folder),
        "rows": [_row_document(view, row, statuses[row.name], folder) for row in view.spec.rows],
    }


def _row_document(view: BatchView, row: Row, state: str, folder: Path) -> dict[str, Any]:
    job = view.job_of(row)
    code, message = _error(view, row, job)
    return {
        "line": row.line,
        "row": row.name,
        "operation": row.operation.operation,
        "status": state,
        **amount("spent", _paid(row, job)),
        "assets": list(job.asset_ids()) if job else [],
        "files": [str(folder / name) for name in row_files(view, row)],
        "error": {"code": code, "message": message} if code or message else None,
    }


def row_files(view: BatchView, row: Row) -> list[str]:
    """Return the names of a row's files in the batch's folder."""
    job = view.job_of(row)
    if job is None or job.state != "settled":
        return []
    return [file_name(row, job, position) for position in range(len(job.outputs()))]


def _paid(row: Row, job: Job | None) -> int:
    return job.credits if job is not None and not row.same_as else 0


def _error(view: BatchView, row: Row, job: Job | None) -> tuple[str, str]:
    ending: Mapping[str, Any] = view.endings.get(row.name) or (job.error if job else None) or {}
    return str(ending.get("code", "")), str(ending.get("message", ""))


def show_rows(to: Console, view: BatchView) -> None:
    """Print the table of rows, and why some of them are not done."""
    rows = table("row", "operation", "status", "credits", "", "file", right=("credits",))
    statuses = view.statuses()
    for row in view.spec.rows:
        files = row_files(view, row)
        rows.add_row(
            plain(row.name),
            row.operation.operation,
            status(statuses[row.name]),
            money.show(_paid(row, view.job_of(row))),
            f"+{len(files) - 1}" if len(files) > 1 else "",
            files[0] if files else "",
        )
    leave_room_for_last(rows, to)
    to.print(rows)
    for row in view.spec.rows:
        code, message = _error(view, row, view.job_of(row))
        if code or message:
            to.print(Text.assemble((f"{row.name}: ", "red"), plain(f"{message} ({code})")))


def report_facts(report: BatchReport) -> list[Fact]:
    """Return what a run came to, in credits and places."""
    hold = report.hold
    pairs: list[Fact] = []
    if not report.outcome.completed:
        pairs.append(("failed", Text(plain(report.outcome.message), style="red")))
    pairs += [
        ("rows", Text(sum_counts(report.counts), style="bold")),
        ("had", in_credits(report.had)),
        ("held", in_credits(hold.amount if hold else 0)),
        ("spent", in_credits(hold.captured if hold else 0)),
        ("left", Text(in_credits(report.available), style="bold")),
        ("folder", str(report.folder)),
    ]
    if report.outcome.link:
        pairs.append(("run", report.outcome.link))
    return pairs
