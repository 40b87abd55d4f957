"""``studio usage``: what was done and spent, and what it cost the operator."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from rich.text import Text

from interfaces.cli.exits import Exit
from interfaces.cli.files import write_file
from interfaces.cli.opening import opened_database
from interfaces.cli.output import amount, plain, table
from interfaces.cli.session import Here
from studio import credits as money
from studio.clock import now
from studio.errors import InvalidRequest

if TYPE_CHECKING:
    from rich.console import Console

    from billing.reports.chart import Chart
    from engine.usage import UsageRow

_QUIET = Parameter(show_default=False)


def usage(
    *,
    by: str = "operation",
    period: str = "this-month",
    all_wallets: Annotated[bool, Parameter(negative=())] = False,
    csv: Annotated[str, _QUIET] = "",
    chart: Annotated[str, _QUIET] = "",
    force: Annotated[bool, Parameter(negative=())] = False,
    session: Here,
) -> int:
    """See what was done and spent, and on what.

    Args:
        by: What to tell it by, with commas: operation, provider, offer, template, day, wallet,
            user, project.
        period: A year, a month (2026-11), a day, two days (2026-11-01..2026-11-15), this-month or
            last-month, in UTC.
        all_wallets: Of all wallets instead of one.
        csv: File to write the same to, as CSV.
        chart: File to draw what was spent on each day in, .svg or .png, by the first of --by.
        force: Replace files that are there.
    """
    from billing.reports.period import parse_period  # noqa: PLC0415 - SQLAlchemy is heavy
    from engine.reports import spend_chart, usage_csv  # noqa: PLC0415 - engine and providers
    from engine.usage import usage as find  # noqa: PLC0415 - as above

    when = parse_period(period, now())
    names = [name.strip() for name in by.split(",") if name.strip()]
    owner = "" if all_wallets else session.owner
    with opened_database(session.config) as database, database.read() as connection:
        if owner:  # of all wallets, only the operator asks
            session.require(connection, "look")
        rows = find(connection, when, names, owner=owner)
        drawn = None
        if chart:
            stacked = next((name for name in names if name != "day"), "operation")
            drawn = spend_chart(connection, when, stacked, now(), owner=owner)
    if csv:
        write_file(Path(csv), usage_csv(names, rows), force=force)
    if drawn is not None:
        write_file(Path(chart), _draw(drawn, chart), force=force)
    document = {
        "period": when.name,
        "from": when.start.isoformat(),
        "until": when.end.isoformat(),
        "owner": owner or None,
        "by": names,
        "usage": [_document(names, row) for row in rows],
        **_sums(rows),
    }
    session.out.result(document, lambda to: _show(to, names, rows))
    return Exit.DONE


def _draw(drawn: Chart, file: str) -> bytes:
    from billing.reports.chart import png, svg  # noqa: PLC0415 - Pillow and resvg

    if file.lower().endswith(".png"):
        return png(drawn)
    if file.lower().endswith(".svg"):
        return svg(drawn).encode()
    raise InvalidRequest(
        "A chart is not drawn in such a file.", field="chart", given=file, allowed=".svg or .png"
    )


def _document(names: list[str], row: UsageRow) -> dict[str, Any]:
    return {
        **dict(zip(names, row.keys, strict=True)),
        "jobs": row.jobs,
        **amount("spent", row.spent),
        **amount("refunded", row.refunded),
        **amount("cost", row.expense),
        **amount("margin", row.margin),
    }


def _sums(rows: list[UsageRow]) -> dict[str, Any]:
    return {
        "jobs": sum(row.jobs for row in rows),
        **amount("spent", sum(row.spent for row in rows)),
        **amount("refunded", sum(row.refunded for row in rows)),
        **amount("cost", sum(row.expense for row in rows)),
        **amount("margin", sum(row.margin for row in rows)),
    }


def _show(to: Console, names: list[str], rows: list[UsageRow]) -> None:
    if not rows:
        to.print(Text("Nothing was done.", style="dim"))
        return
    figures = ("jobs", "spent", "refunded", "cost", "margin")
    shown = table(*names, *figures, right=figures)
    for row in rows:
        amounts = map(money.show, (row.spent, row.refunded, row.expense, row.margin))
        shown.add_row(*map(plain, row.keys), str(row.jobs), *amounts)
    sums = _sums(rows)
    totals = (str(sums["jobs"]), *(sums[f"{name}_credits"] for name in figures[1:]))
    blanks = [""] * (len(names) - 1)
    shown.add_row(*(["all"] if names else []), *blanks, *totals, style="bold")
    to.print(shown)
