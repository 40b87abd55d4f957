"""``studio doctor``: is everything there, and what to do about what is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from interfaces.cli.checks import Finding, examine
from interfaces.cli.exits import Exit
from interfaces.cli.output import plain, status, table
from interfaces.cli.session import Here

if TYPE_CHECKING:
    from rich.console import Console


def doctor(*, session: Here) -> int:
    """Check everything, and say what to do about what is amiss."""
    findings = examine(session.config, session.owner)
    healthy = not any(each.state == "fault" for each in findings)
    session.out.result(
        {"healthy": healthy, "checks": [each.as_dict() for each in findings]},
        lambda to: _show(to, findings, healthy=healthy),
    )
    return Exit.DONE if healthy else Exit.SETUP


def _show(to: Console, findings: list[Finding], *, healthy: bool) -> None:
    rows = table("check", "", "finding")
    rows.columns[0].no_wrap = True
    for each in findings:
        words = Text(plain(each.found))
        if each.remedy:
            words.append(f"\n{plain(each.remedy)}", style="bold")
        rows.add_row(each.name, status(each.state), words)
    to.print(rows)
    to.print(Text("All is well." if healthy else "Something is amiss.", style="bold"))
