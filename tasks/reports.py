"""The task of reports: what a period came to, as files and on pages of the run."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path

from prefect import get_run_logger, task

from billing.reports.chart import png, svg
from billing.reports.period import Period
from engine.reports import (
    MOST_STATEMENTS,
    Report,
    WalletStatement,
    report,
    statement_csv,
    statement_rows,
    usage_csv,
)
from engine.studio import Studio, open_studio
from engine.usage import UsageRow
from studio import credits as money
from studio.clock import now
from tasks.artifacts import MOST_LINES, count, show_table, table

_ALL = "all"
"""The folder of a report of all wallets."""

_FIGURES = ("jobs", "spent", "refunded", "cost", "margin")


@task(name="report", persist_result=False)
async def make_report(owner: str, period: Period) -> Report:
    """Tell a period: usage, statements and a chart, as files and as artifacts. It buys nothing."""
    studio = await asyncio.to_thread(open_studio)
    made = await asyncio.to_thread(_read, studio, owner, period)
    folder = studio.settings.folder / "reports" / period.name.replace("..", "_")
    folder /= _plain(owner) if owner else _ALL
    drawn = await asyncio.to_thread(_write, made, folder)
    page = await show_table(f"Usage {period.name}", _usage_page(made, drawn))
    get_run_logger().info("usage: %s", page)
    for each in made.statements:
        title = f"Statement {period.name}, {each.statement.owner}"
        page = await show_table(title, _statement_page(title, each))
        get_run_logger().info("statement of %s: %s", each.statement.owner, page)
    if made.wallets > MOST_STATEMENTS:
        left = made.wallets - MOST_STATEMENTS
        get_run_logger().warning(
            "%s more: `studio account statement --owner`", count("wallet", left)
        )
    get_run_logger().info("files are in %s", folder)
    return made


def _read(studio: Studio, owner: str, period: Period) -> Report:
    with studio.database.read() as connection:
        return report(connection, owner, period, now())


def _write(made: Report, folder: Path) -> bytes:
    """Write the report's files, in place of those of an earlier run; return the chart as PNG."""
    drawn = png(made.chart)
    files = {
        "spend-per-day.svg": svg(made.chart).encode(),
        "spend-per-day.png": drawn,
        "usage-by-operation.csv": usage_csv(["operation"], made.operations),
        "usage-by-provider.csv": usage_csv(["provider"], made.providers),
    }
    for each in made.statements:
        files[f"statement-{_plain(each.statement.owner)}.csv"] = statement_csv(each)
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return drawn


def _plain(owner: str) -> str:
    """Return a file name: an owner's may be any text, and no two share a file."""
    name = "".join(it if it.isascii() and (it.isalnum() or it in "-_") else "_" for it in owner)
    if name == owner == owner.lower() != _ALL:
        return name
    return f"{name}-{hashlib.sha256(owner.encode()).hexdigest()[:8]}"


def _usage_page(made: Report, drawn: bytes) -> str:
    whose = f"wallet {made.owner}" if made.owner else f"all of {count('wallet', made.wallets)}"
    picture = base64.b64encode(drawn).decode()
    return "\n\n".join(
        [
            f"## Usage {made.period.name}",
            f"**{money.show(made.spent)} credits** (US$ {money.dollars(made.spent)}), {whose}.",
            f"![credits spent per day](data:image/png;base64,{picture})",
            "### By operation (cost is what the providers charge)",
            _usage_table("operation", made.operations),
            "### By provider",
            _usage_table("provider", made.providers),
        ]
    )


def _usage_table(name: str, rows: Sequence[UsageRow]) -> str:
    if not rows:
        return "Nothing was done."
    cells = [
        (row.keys[0], str(row.jobs), *map(money.show, _amounts(row))) for row in rows[:MOST_LINES]
    ]
    return table((name, *_FIGURES), cells, right=len(_FIGURES))


def _amounts(row: UsageRow) -> tuple[int, ...]:
    return row.spent, row.refunded, row.expense, row.margin


def _statement_page(title: str, each: WalletStatement) -> str:
    made = each.statement
    rows = [
        (what.strip(), count, *map(money.show, amounts))
        for what, count, *amounts in statement_rows(each)
    ]
    proof = "Opening balance and movements lead to the closing balance, reckoned by itself."
    if not made.agrees:
        proof = (
            "**The books do not agree:** "
            f"{money.show(made.difference.total)} credits are not explained."
        )
    head = ("", "number", "available", "held", "balance")
    return "\n\n".join([f"## {title}", table(head, rows, right=4), proof])
