"""Periods of an account: the months of its plan, which begin when the plan did."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection

from billing.accounts.account import account_of
from billing.reports.period import Period, parse_period

THIS, LAST = "this-period", "last-period"


def period_of(connection: Connection, owner: str, text: str, now: datetime) -> Period:
    """Return the period that ``text`` says, for one wallet.

    Args:
        connection: to read from.
        owner: whose; an account without a plan has the calendar's months, in UTC.
        text: ``this-period`` or ``last-period`` of its plan, or what ``parse_period`` takes.
        now: the present moment.

    Raises:
        InvalidRequest: it says none.
    """
    if text.strip() not in {THIS, LAST}:
        return parse_period(text, now)
    account = account_of(connection, owner)
    found = account.period(now)
    if text.strip() == LAST:
        found = account.period(found.start - timedelta(microseconds=1))
    return Period(f"{found.start:%Y-%m-%d}..{found.end:%Y-%m-%d}", found.start, found.end)
