"""Usage: what was done and spent, by operation, provider, template, day and so on.

What was spent is what the ledger captured, so that the sums are the ledger's to the micro-credit;
what it was spent on is told by the jobs. Days are those of UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    Text,
    and_,
    case,
    cast,
    func,
    select,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import JSON

from billing.accounts.tables import admissions
from billing.reports.period import Period
from billing.tables import claims, ledger_entries, ledger_transactions, wallets
from engine.tables import jobs
from studio.errors import InvalidRequest

MOST_ROWS = 10_000
"""Rows of one report; what goes beyond is asked for by fewer dimensions."""

OTHER = "(other)"
"""What was spent on something that was no job of the studio's, or asked for by nobody known."""

NONE = "(none)"
"""Where a job has no such thing: a picture made without a template."""

_EPOCH = date(1970, 1, 1)
_DAY = 86_400_000_000
"""Microseconds, which moments are stored as."""


@dataclass(frozen=True, slots=True)
class UsageRow:
    """What was done under one combination of the dimensions that were asked for.

    Attributes:
        keys: the dimensions' values, in their order.
        jobs: how many jobs were paid for; free ones count, too.
        spent: what was captured for them, in micro-credits.
        refunded: what was given back of such captures in the same time, whenever they were made.
        expense: what the providers charged the operator for them, in micro-credits.
    """

    keys: tuple[str, ...]
    jobs: int
    spent: int
    refunded: int
    expense: int

    @property
    def margin(self) -> int:
        """What is left to the operator, in micro-credits."""
        return self.spent - self.refunded - self.expense


def dimensions() -> Sequence[str]:
    """Return what usage can be told by."""
    return tuple(_DIMENSIONS)


def usage(
    connection: Connection, period: Period, by: Sequence[str], *, owner: str = ""
) -> list[UsageRow]:
    """Return what was done and spent in a period, the most first; by day: in the days' order.

    Args:
        connection: to read from.
        period: when it was captured.
        by: the dimensions; none gives one row with the sums, if there was anything.
        owner: only with this wallet; empty for all of them.

    Raises:
        InvalidRequest: a dimension is not known, or there are more than 10,000 rows.
    """
    _check(by)
    found = connection.execute(_query(connection, period, by, owner).limit(MOST_ROWS + 1)).all()
    if len(found) > MOST_ROWS:
        raise InvalidRequest(
            "The report would have too many rows.",
            field="by",
            given=",".join(by),
            allowed=f"at most {MOST_ROWS} rows: fewer dimensions, or a shorter period",
        )
    rows = [
        UsageRow(
            tuple(_told(name, value) for name, value in zip(by, row, strict=False)),
            row.jobs,
            row.spent,
            row.refunded,
            row.expense,
        )
        for row in found
    ]
    days = by.index("day") if "day" in by else None
    rows.sort(key=lambda row: (row.keys[days] if days is not None else "", -row.spent, row.keys))
    return rows


def _check(by: Sequence[str]) -> None:
    known = dimensions()
    for name in by:
        if name not in known or by.count(name) > 1:
            raise InvalidRequest(
                "Usage cannot be told by that.",
                field="by",
                given=name,
                allowed=f"{', '.join(known)}, each once",
            )


def _query(connection: Connection, period: Period, by: Sequence[str], owner: str) -> Select[Any]:
    """Look the captures up by period, and each one's job by its key; then group."""
    made, entry = ledger_transactions.c, ledger_entries.c
    dialect = connection.dialect.name
    columns = [_DIMENSIONS[name](dialect).label(f"by_{number}") for number, name in enumerate(by)]
    is_capture = made.kind == "capture"
    moved = case((is_capture, "spent"), else_="available")
    source = (
        ledger_transactions.join(wallets, wallets.c.id == made.wallet_id)
        # What was free has no entry.
        .outerjoin(ledger_entries, and_(entry.transaction_id == made.id, entry.account == moved))
        .join(claims, claims.c.id == made.claim_id)
        .outerjoin(jobs, jobs.c.id == claims.c.key)
        .outerjoin(admissions, admissions.c.hold_id == claims.c.hold_id)
    )
    each = (
        select(
            *columns,
            case((is_capture, 1), else_=0).label("jobs"),
            case((is_capture, entry.amount)).label("spent"),
            case((~is_capture, entry.amount)).label("refunded"),
            case((is_capture, jobs.c.expense)).label("expense"),
        )
        .select_from(source)
        .where(made.kind.in_(("capture", "refund")), made.at >= period.start, made.at < period.end)
    )
    if owner:
        each = each.where(wallets.c.owner == owner)
    inner = each.subquery("each")
    keys = [inner.c[f"by_{number}"] for number in range(len(by))]
    return (
        select(
            *keys,
            *(_sum(inner.c[name]) for name in ("jobs", "spent", "refunded", "expense")),
        )
        .group_by(*keys)
        .having(func.count() > 0)
        .order_by(func.coalesce(func.sum(inner.c.spent), 0).desc(), *keys)
    )


def _sum(column: ColumnElement[Any]) -> ColumnElement[int]:
    return cast(func.coalesce(func.sum(column), 0), BigInteger).label(column.name)


def _operation(dialect: str) -> ColumnElement[Any]:
    text = type_coerce(jobs.c.operation, Text)
    if dialect == "sqlite":
        return func.json_extract(text, "$.operation")
    told: ColumnElement[Any] = cast(text, JSON)["operation"].astext
    return told


def _provider(dialect: str) -> ColumnElement[Any]:
    offer = jobs.c.offer
    if dialect == "sqlite":
        return func.substr(offer, 1, func.instr(offer, "/") - 1)
    return func.split_part(offer, "/", 1)


def _day(_dialect: str) -> ColumnElement[Any]:
    return type_coerce(ledger_transactions.c.at, BigInteger) // _DAY


_DIMENSIONS: Mapping[str, Callable[[str], ColumnElement[Any]]] = {
    "wallet": lambda _: wallets.c.owner,
    "user": lambda _: admissions.c.user,
    "project": lambda _: admissions.c.project,
    "operation": _operation,
    "provider": _provider,
    "offer": lambda _: jobs.c.offer,
    "template": lambda _: jobs.c.template,
    "day": _day,
}


def _told(name: str, value: Any) -> str:
    if name == "day":
        return (_EPOCH + timedelta(days=int(value))).isoformat()
    return OTHER if value is None else str(value) or NONE


def daily(
    rows: Sequence[UsageRow], period: Period, until: datetime
) -> tuple[list[date], Mapping[str, list[int]]]:
    """Return the period's days, and what was spent on each, by the second dimension of ``rows``.

    Args:
        rows: usage by day and one thing more.
        period: whose days; those that have not come yet are left out, but for the first.
        until: the present moment.
    """
    today = until.astimezone(UTC).date()
    days = [day for day in period.days if day <= today] or period.days[:1]
    place = {day.isoformat(): number for number, day in enumerate(days)}
    series: dict[str, list[int]] = {}
    for row in rows:
        day, name = row.keys
        if day in place:
            series.setdefault(name, [0] * len(days))[place[day]] += row.spent
    return days, series
