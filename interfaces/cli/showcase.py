"""What ``studio demo`` does: from an empty machine to pictures."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from interfaces.cli.batch_runs import BatchReport, report_facts, run_batch, show_rows
from interfaces.cli.exits import Exit
from interfaces.cli.opening import opened_ledger, opened_studio
from interfaces.cli.output import in_credits, plain, show_facts
from interfaces.cli.session import Session
from interfaces.cli.setup import SetUp, set_up
from interfaces.cli.sheet import write_sheet
from studio import credits as money

if TYPE_CHECKING:
    from rich.console import Console

_WELCOME = 25 * money.MICRO


def show_case(session: Session, file: Path) -> int:
    """Set up what is missing, run the batch, show what it came to."""
    config, owner = session.config, session.owner
    done = set_up(config, owner, session.out)
    brought = [each for each in done.files if each.fresh]
    if brought:
        total = sum(each.member.size for each in brought)
        session.out.note(f"Fetched {len(brought)} files, {total:,} bytes, into {done.folder}.")
    _lay_out_photographs(done, file)
    _welcome(session)
    with opened_studio() as studio:
        report = run_batch(session, studio, str(file))
        sheet = write_sheet(studio, report.view, report.folder, anew=report.bought)
    session.out.result(
        {**report.as_dict(), "contact_sheet": str(sheet) if sheet else None},
        lambda to: _show(to, report, sheet, config.prefect_pages),
    )
    return report.exit if sheet is not None else Exit.FAILED


def _lay_out_photographs(done: SetUp, file: Path) -> None:
    """Put the sample photographs that the file names beside it, where they are missing."""
    text = file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
    folder = file.parent / "photos"
    for each in done.files:
        target = folder / each.member.name
        if f"photos/{each.member.name}" in text and not target.exists():
            folder.mkdir(exist_ok=True)
            shutil.copyfile(each.path, target)


def _welcome(session: Session) -> None:
    """Put 25 credits into the wallet, once for ever."""
    with opened_ledger(session.config) as ledger:
        receipt = ledger.top_up(
            session.owner,
            _WELCOME,
            key="demo/welcome",
            author="studio demo",
            reason="credits to try the studio with",
        )
    if not receipt.replayed:
        session.out.note(f"{in_credits(_WELCOME)} added to the wallet of {plain(session.owner)}.")


def _show(to: Console, report: BatchReport, sheet: Path | None, pages: str) -> None:
    show_rows(to, report.view)
    to.print()
    if report.exit is Exit.DONE and not report.bought:
        to.print("All rows were done before: nothing was left to buy.")
    show_facts(to, report_facts(report))
    if sheet is not None:
        show_facts(to, [("sheet ", Text(str(sheet), style="bold"))])
    to.print()
    to.print(Text("Try next", style="bold"))
    for command, says in (
        ("studio up", f"see the runs at {pages} (also: make up)"),
        ("studio batch check examples/faulty.csv", "every fault, with its place"),
        ('studio run generate --prompt "a lighthouse at dawn"', "a picture of your own"),
    ):
        to.print(Text(f"  {command.replace('studio', _program(), 1)}"), soft_wrap=True)
        to.print(Text(f"      {says}", style="dim"), soft_wrap=True)


def _program() -> str:
    """Return how this program was called, so that what is shown can be typed as it stands."""
    return "studio" if shutil.which("studio") else sys.argv[0]
