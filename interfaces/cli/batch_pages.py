"""What ``studio batch`` shows: a file checked, run, and told of."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text

from batches import (
    BatchSpec,
    Problem,
    errors_csv,
    given_of,
    manifest_csv,
)
from billing.ledger import balance
from engine.batch_again import Part
from engine.batch_files import deliver, folder_of, manifest_rows
from engine.batch_plan import prompt_line
from engine.batch_source import BatchSource, open_source
from engine.preflight import check_identity
from engine.studio import Studio
from interfaces.cli.batch_control import ask, is_running
from interfaces.cli.batch_files import ended_batch, write_manifest
from interfaces.cli.batch_runs import (
    BatchReport,
    Checked,
    check_source,
    report_facts,
    run_again,
    run_batch,
    show_rows,
)
from interfaces.cli.exits import Exit
from interfaces.cli.files import write_file
from interfaces.cli.opening import opened_studio
from interfaces.cli.output import (
    MOST_IN_TABLE,
    Fact,
    amount,
    counted,
    in_credits,
    plain,
    show_facts,
    show_problems,
    table,
)
from interfaces.cli.session import Session
from studio import credits as money
from studio.errors import AccountRefused, BatchInvalid

if TYPE_CHECKING:
    from rich.console import Console

_MOST_LOSSES = 10
"""Losses that people are told of one by one."""


def check(
    session: Session, file: str, name: str, options: Mapping[str, Any], errors: Path | None
) -> int:
    """Tell all that is wrong with a file, or what it costs; keep faulty rows in ``errors``."""
    given = given_of(**options)
    with opened_studio() as studio:
        source = open_source(studio, file, session.owner, session.user)
        keep = partial(_keep_errors, session, source, given.encoding)
        read = partial(check_source, studio, source, session.owner, name, user=session.user)
        try:
            checked = read(given)
        except BatchInvalid as error:
            faults = error
            if errors is not None:
                keep(_to_mend(partial(read, replace(given, skip_invalid=True)), faults), errors)
            session.out.result({"error": faults.as_dict()}, lambda to: show_faults(to, faults))
            return Exit.INVALID
        if errors is not None:
            keep(checked.spec.left_out, errors)
        available = available_in(studio, session.owner)
    session.out.result(
        checked_document(checked, available), lambda to: show_checked(to, checked, available)
    )
    return Exit.DONE


def _to_mend(without_faults: Callable[[], Checked], faults: BatchInvalid) -> list[Problem]:
    """Return what is wrong with faulty rows, and with the lines that build on them.

    Without the latter, the mended file would do half of what was asked for.
    """
    own = [Problem(**each) for each in faults.details["problems"]]
    try:
        left_out = without_faults().spec.left_out
    except BatchInvalid:  # no row is left
        return own
    lines = {each.line for each in own}
    return own + [each for each in left_out if each.line not in lines]


def _keep_errors(
    session: Session, source: BatchSource, encoding: str, problems: Sequence[Problem], errors: Path
) -> None:
    """Write the faulty rows of a file into another one, if there are any."""
    if problems:
        beside = errors.expanduser().absolute().parent == source.folder
        folder = None if beside else source.folder
        write_file(errors, errors_csv(source.data, problems, encoding, folder))
        session.out.note(f"The faulty rows, to be mended and run: {errors}")


def run(session: Session, file: str, name: str, options: Mapping[str, Any]) -> int:
    """Run a file and tell what it came to."""
    with opened_studio() as studio:
        report = run_batch(session, studio, file, name, options)
    session.out.result(report.as_dict(), lambda to: _show_report(to, report))
    return report.exit


def again(session: Session, batch: str, part: Part, purse: Mapping[str, Any]) -> int:
    """Do rows of a batch again and tell what the batch has come to."""
    with opened_studio() as studio:
        report = run_again(session, studio, batch, part, purse)
    session.out.result(report.as_dict(), lambda to: _show_report(to, report))
    return report.exit


def resume(session: Session, batch: str, purse: Mapping[str, Any]) -> int:
    """Go on with a batch: one that runs and is paused, or what is left of one that does not."""
    with opened_studio() as studio:
        check_identity(studio.database, session.owner, session.user, "spend")
        running = is_running(studio, session.owner, batch)
    if running:
        return ask(session, batch, "resume")
    return again(session, batch, "rest", purse)


def manifest(session: Session, batch: str, to: Path | None, *, force: bool) -> int:
    """Print what became of every row, and write the batch's folder anew."""
    with opened_studio() as studio:
        view = ended_batch(studio, session, batch)
        folder = folder_of(studio, view.spec)
        deliver(studio, view, folder)
        rows = manifest_rows(view)
    if to is not None:
        return write_manifest(session, rows, folder / "manifest.json", to, force=force)
    if session.out.as_json:
        session.out.result(json.loads((folder / "manifest.json").read_bytes()), lambda _: None)
    else:
        session.out.raw(manifest_csv(rows).decode())
        session.out.note(f"The same, and the pictures: {folder}")
    return Exit.DONE


def available_in(studio: Studio, owner: str) -> int | None:
    """Return what may be held now; ``None`` without a wallet."""
    try:
        with studio.database.read() as connection:
            return balance(connection, owner).available
    except AccountRefused:
        return None


def checked_document(checked: Checked, available: int | None) -> dict[str, Any]:
    """Return what a file costs, row by row, as JSON values."""
    quoted, spec = checked.quoted, checked.spec
    prices = {line.key: line for line in quoted.quote.lines} if quoted.quote else {}
    rows = []
    for row in spec.rows:
        line = prices.get(row.name)
        prompt = prices.get(prompt_line(row))
        rows.append(
            {
                "line": row.line,
                "row": row.name,
                "operation": row.operation.operation,
                **(amount("prompt", prompt.amount) if prompt else {}),
                "offer": checked.planned.rows[row.name].plan.first.offer.id,
                **amount("price", line.amount if line else 0),
                "free": quoted.free.get(row.name),
            }
        )
    document = {
        "batch": spec.id,
        "name": spec.name,
        "source": spec.source,
        "rows": rows,
        **amount("total", quoted.total),
        "quote": quoted.quote.as_dict() if quoted.quote else None,
        "losses": [asdict(loss) for loss in checked.losses],
        "left_out": [problem.as_dict() for problem in spec.left_out],
        "enough": available is not None and available >= quoted.total,
    }
    if available is not None:
        document |= amount("available", available) | amount("after", available - quoted.total)
    return document


def show_faults(to: Console, error: BatchInvalid) -> None:
    """Print the faults: here they are what was asked for."""
    problems = error.details["problems"]
    show_problems(to, problems)
    to.print(
        Text(f"{counted(len(problems), 'fault')}; nothing was held, nothing bought.", style="bold")
    )


def show_checked(to: Console, checked: Checked, available: int | None) -> None:
    """Print what a file costs, row by row, and whether the wallet carries it."""
    quoted, spec = checked.quoted, checked.spec
    prices = {line.key: line.amount for line in quoted.quote.lines} if quoted.quote else {}
    rows = table("line", "row", "operation", "offer", "credits", right=("line", "credits"))
    for row in spec.rows[:MOST_IN_TABLE]:
        price = money.show(prices[row.name]) if row.name in prices else "free"
        offer = checked.planned.rows[row.name].plan.first.offer.id
        if (before := prompt_line(row)) in prices:
            prompt = checked.planned.rows[row.name].prompt
            who = prompt.first.offer.id if prompt else ""
            cost = money.show(prices[before])
            rows.add_row(str(row.line), plain(row.name), "enhance_prompt", who, cost)
        rows.add_row(str(row.line), plain(row.name), row.operation.operation, offer, price)
    to.print(rows)
    if len(spec.rows) > MOST_IN_TABLE:
        left = len(spec.rows) - MOST_IN_TABLE
        to.print(Text(f"... and {left} more rows; --json tells of all", style="dim"))
    if spec.left_out:
        to.print()
        show_problems(to, [problem.as_dict() for problem in spec.left_out])
        number = len({problem.row for problem in spec.left_out})
        to.print(Text(f"Left out: {counted(number, 'row')}.", style="yellow"))
    for loss in checked.losses[:_MOST_LOSSES]:
        to.print(Text(str(loss), style="yellow"))
    if (more := len(checked.losses) - _MOST_LOSSES) > 0:
        to.print(Text(f"... and {more} more of this kind; --json tells of all", style="yellow"))
    for reason, count in Counter(quoted.free.values()).items():
        to.print(Text(f"{count} free: {reason}", style="dim"))
    pairs: list[Fact] = [
        ("file", f"{spec.source}: {counted(len(spec.rows), 'row')}, {_in_order(spec)}"),
        ("batch", spec.id),
        ("comes to", Text(in_credits(quoted.total), style="bold")),
    ]
    if available is None:
        pairs.append(("wallet", "there is none yet: `studio account top-up` opens it"))
    else:
        pairs.append(("available", in_credits(available)))
        after = available - quoted.total
        pairs.append(
            ("after", in_credits(after) if after >= 0 else f"{in_credits(-after)} are missing")
        )
    show_facts(to, pairs)


def _in_order(spec: BatchSpec) -> str:
    return "without the faulty ones" if spec.left_out else "all in order"


def _show_report(to: Console, report: BatchReport) -> None:
    show_rows(to, report.view)
    to.print()
    show_facts(to, report_facts(report))
