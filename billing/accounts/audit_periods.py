"""The auditor of periods: ``accounts.granted_period`` beside what the account's events say.

A period is granted in the transaction that writes ``period_begun`` among the events, to which
nothing but additions can be made: also one whose plan has no credits, or that is granted again
under a new agreement, leaves its trace there. So the period is told exactly, with none of the
cases in which grants alone would mislead: plans of 0 credits, an account that is suspended when
its period begins (which has no event, and moves nothing), a plan changed in mid-period (which
grants, and begins no period), an agreement that was ended and begun anew with the same anchor.

Not judged are agreements that began before there were such events: their ``plan_begun`` names no
period, so nothing says which of their periods were granted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from billing.accounts.account import Account, with_plans
from billing.accounts.events import Event
from billing.accounts.tables import account_events
from billing.ledger.audit import Discrepancy, told

_BEGUN = "plan_begun"
_STEP = timedelta(minutes=5)
"""How far a machine's clock may have been put back in mid-transaction without a false alarm."""

_AT_ONCE = 500
"""Accounts whose events are looked up together."""


def audit_periods(connection: Connection) -> list[Discrepancy]:
    """Look for accounts whose last granted period is not the last one that was begun."""
    found: list[Discrepancy] = []
    known = with_plans(connection)
    for start in range(0, len(known), _AT_ONCE):
        some = {account.owner: account for account in known[start : start + _AT_ONCE]}
        events: dict[str, list[Event]] = {owner: [] for owner in some}
        for event in _events(connection, some):
            events[event.owner].append(event)
        found += [
            difference
            for owner, account in some.items()
            for difference in _differing(account, events[owner])
        ]
    return found


def _events(connection: Connection, owners: Iterable[str]) -> Iterator[Event]:
    query = select(account_events).where(
        account_events.c.owner.in_(sorted(owners)),
        account_events.c.kind.in_((_BEGUN, "period_begun")),
    )
    for row in connection.execute(query).mappings():
        yield Event(**row)


def _differing(account: Account, events: Iterable[Event]) -> Iterator[Discrepancy]:
    mine = [each for each in events if _is_of(account, each)]
    begun = max((each for each in mine if each.kind == _BEGUN), key=lambda it: it.at, default=None)
    if begun is None or "period" not in begun.details:
        return
    periods = [each for each in mine if each.kind != _BEGUN]
    exact = _last(begun, periods, since=begun.at)
    if account.granted_period in {exact, _last(begun, periods, since=begun.at - _STEP)}:
        return
    yield Discrepancy(
        "accounts", account.owner, "granted_period", told(account.granted_period), told(exact)
    )


def _is_of(account: Account, event: Event) -> bool:
    """Whether an event is of an agreement whose periods are counted like the present one's."""
    anchor = account.anchor.isoformat() if account.anchor else None
    return (event.details.get("anchor"), event.details.get("zone")) == (anchor, account.zone)


def _last(begun: Event, periods: Iterable[Event], *, since: datetime) -> int:
    """Return the last period that was granted; the one before the first, where none was."""
    first: int = begun.details["period"]
    return max((each.details["period"] for each in periods if each.at >= since), default=first - 1)
