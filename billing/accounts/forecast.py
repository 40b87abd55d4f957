"""When a wallet runs dry at the present rate, from what was captured of late; no more than that."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, Connection, cast, func, select, type_coerce

from billing.ledger.wallets import balance
from billing.tables import ledger_entries, ledger_transactions, wallets
from studio import credits as money
from studio.errors import InvalidRequest

LEAST_CAPTURES = 5
LEAST_DAYS = 3
"""With fewer captures, or on fewer days, a rate would be a guess; none is told."""

LONGEST = 366
FARTHEST = timedelta(days=3_660)
"""A wallet that lasts for more than ten years is not told a date."""

_DAY = timedelta(days=1)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Forecast:
    """How long a wallet lasts.

    Attributes:
        available: micro-credits that may still be held.
        spent: micro-credits captured in the days that were looked at.
        captures: how many captures those were.
        days: days that were looked at: as many as were asked for, or since the first of them.
        a_day: micro-credits a day, rounded up; ``None`` where there is too little to tell.
        dry_at: when nothing is left; ``None`` where that cannot be told or is too far away.
        why: why there is no date; empty where there is one.
    """

    available: int
    spent: int
    captures: int
    days: int
    a_day: int | None
    dry_at: datetime | None
    why: str


def forecast(connection: Connection, owner: str, now: datetime, days: int = 30) -> Forecast:
    """Say when the wallet runs dry if it goes on as in the last ``days`` days.

    Credits that expire before they are used and runs under way are not looked ahead at.

    Args:
        days: 1 to 366.

    Raises:
        AccountRefused: there is no wallet.
        InvalidRequest: ``days`` is out of range.
    """
    if not 1 <= days <= LONGEST:
        raise InvalidRequest(
            "So many days cannot be looked at.", field="days", given=days, allowed=f"1 to {LONGEST}"
        )
    available = balance(connection, owner).available
    since = now - days * _DAY
    spent, captures, first, active = _captured(connection, owner, since)
    # The first day counts as a whole one: who began an hour ago does not spend so every hour.
    looked_at = days if first is None else min(days, -((first - now) // _DAY))
    looked_at = max(looked_at, 1)
    short = captures < LEAST_CAPTURES or active < LEAST_DAYS
    if short or not spent:
        why = (
            f"{captures} purchases on {active} days in the last {days} are too few to tell; it "
            f"takes {LEAST_CAPTURES} on {LEAST_DAYS}."
            if short
            else "nothing of what was done in these days cost anything."
        )
        return Forecast(available, spent, captures, looked_at, None, None, why)
    a_day = -(-spent // looked_at)
    if available * looked_at > spent * FARTHEST.days:
        why = f"it lasts for more than ten years at {money.show(a_day)} credits a day."
        return Forecast(available, spent, captures, looked_at, a_day, None, why)
    lasts = timedelta(microseconds=available * looked_at * (_DAY // _MICROSECOND) // spent)
    return Forecast(available, spent, captures, looked_at, a_day, now + lasts, "")


def _captured(
    connection: Connection, owner: str, since: datetime
) -> tuple[int, int, datetime | None, int]:
    """Return what was captured since a moment, by how many, when first, and on how many days."""
    made, entry = ledger_transactions.c, ledger_entries.c
    day = type_coerce(made.at, BigInteger) // (_DAY // _MICROSECOND)
    query = (
        select(
            cast(func.coalesce(func.sum(entry.amount), 0), BigInteger),
            func.count(),
            func.min(made.at),
            func.count(day.distinct()),
        )
        .select_from(ledger_transactions)
        .join(wallets, wallets.c.id == made.wallet_id)
        .join(ledger_entries, (entry.transaction_id == made.id) & (entry.account == "spent"))
        .where(wallets.c.owner == owner, made.kind == "capture", made.at >= since)
    )
    row = connection.execute(query).one()
    return row[0], row[1], row[2], row[3]
