"""Reports of a period: usage, statements and a chart, for one wallet or for all of them."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from billing.reports.chart import Chart
from billing.reports.period import Period
from billing.reports.statement import Statement, statement
from billing.tables import wallets
from engine.usage import UsageRow, daily, usage
from studio import credits as money
from studio.spreadsheets import neutral

MOST_STATEMENTS = 50
"""Wallets with a statement of their own in a report of all."""

STATEMENT_COLUMNS = ("line", "count", "available", "held", "total")


@dataclass(frozen=True, slots=True)
class WalletStatement:
    """A wallet's statement, with what was bought in its period."""

    statement: Statement
    captures: tuple[UsageRow, ...]
    """Usage by operation; its sum is what the statement says was spent."""


@dataclass(frozen=True, slots=True)
class Report:
    """A period, told.

    Attributes:
        owner: whose wallet; empty for all.
        operations: usage by operation.
        providers: usage by provider.
        statements: of the wallet, or of the first fifty.
        wallets: how many there are.
        chart: what was spent on each day, by operation.
    """

    owner: str
    period: Period
    operations: tuple[UsageRow, ...]
    providers: tuple[UsageRow, ...]
    statements: tuple[WalletStatement, ...]
    wallets: int
    chart: Chart

    @property
    def spent(self) -> int:
        """What was captured in the period, in micro-credits."""
        return sum(row.spent for row in self.operations)

    @property
    def faults(self) -> list[str]:
        """The wallets whose books do not lead from their opening to their closing balance."""
        return [each.statement.owner for each in self.statements if not each.statement.agrees]


def wallet_statement(connection: Connection, owner: str, period: Period) -> WalletStatement:
    """Return a wallet's statement with its captures by operation.

    Raises:
        AccountRefused: there is no wallet.
    """
    captures = tuple(usage(connection, period, ["operation"], owner=owner))
    return WalletStatement(statement(connection, owner, period), captures)


def report(connection: Connection, owner: str, period: Period, now: datetime) -> Report:
    """Return the report of a period.

    Args:
        connection: to read from.
        owner: whose wallet; empty for all.
        period: when.
        now: the present moment: days that have not come yet are not drawn.

    Raises:
        AccountRefused: there is no wallet of ``owner``.
        InvalidRequest: the period has more days and operations than a report takes.
    """
    query = select(wallets.c.owner).order_by(wallets.c.owner)
    owners = [owner] if owner else list(connection.execute(query).scalars())
    return Report(
        owner=owner,
        period=period,
        operations=tuple(usage(connection, period, ["operation"], owner=owner)),
        providers=tuple(usage(connection, period, ["provider"], owner=owner)),
        statements=tuple(
            wallet_statement(connection, each, period) for each in owners[:MOST_STATEMENTS]
        ),
        wallets=len(owners),
        chart=spend_chart(connection, period, "operation", now, owner=owner),
    )


def spend_chart(
    connection: Connection, period: Period, by: str, now: datetime, *, owner: str = ""
) -> Chart:
    """Return a chart of what was spent on each day, stacked by a dimension of usage.

    Raises:
        InvalidRequest: usage cannot be told by that.
    """
    days, series = daily(usage(connection, period, ["day", by], owner=owner), period, now)
    spent = sum(sum(values) for values in series.values())
    whose = f"wallet {owner}" if owner else "all wallets"
    return Chart(
        title=f"Credits spent per day, by {by}",
        subtitle=f"{period.name}, {whose}: {money.show(spent)} credits",
        days=days,
        series=series,
    )


def statement_rows(each: WalletStatement) -> list[tuple[str, str, int, int, int]]:
    """Return a statement line by line: what, how often, and the changes in micro-credits."""
    made = each.statement
    rows = [_row("opening balance", "", made.opening.available, made.opening.held)]
    for line in made.told:
        words = line.kind.replace("_", " ")
        rows.append(_row(words, str(line.count), line.available, line.held))
        if line.kind == "capture":
            rows += [("  " + use.keys[0], str(use.jobs), 0, 0, -use.spent) for use in each.captures]
    rows.append(_row("closing balance", "", made.closing.available, made.closing.held))
    return rows


def _row(what: str, count: str, available: int, held: int) -> tuple[str, str, int, int, int]:
    return what, count, available, held, available + held


def statement_csv(each: WalletStatement) -> bytes:
    """Return a statement as CSV in UTF-8, its amounts in credits."""
    rows = [
        (what.strip(), number, *map(money.show, amounts))
        for what, number, *amounts in statement_rows(each)
    ]
    return _csv(STATEMENT_COLUMNS, rows)


def usage_csv(by: Sequence[str], rows: Sequence[UsageRow]) -> bytes:
    """Return usage as CSV in UTF-8, its amounts in credits."""
    figures = (
        (*row.keys, row.jobs, *map(money.show, (row.spent, row.refunded, row.expense, row.margin)))
        for row in rows
    )
    return _csv((*by, "jobs", "spent", "refunded", "cost", "margin"), list(figures))


def spending_csv(by: Sequence[str], rows: Sequence[UsageRow]) -> bytes:
    """Return usage as CSV as its spender may see it: without what it cost the operator."""
    figures = ((*row.keys, row.jobs, *map(money.show, (row.spent, row.refunded))) for row in rows)
    return _csv((*by, "jobs", "spent", "refunded"), list(figures))


def _csv(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> bytes:
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([neutral(cell) for cell in row] for row in rows)
    return file.getvalue().encode()
