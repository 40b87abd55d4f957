"""Looking at the queues without changing anything: is there something to do?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, bindparam, func, select

from providers.pacing import rows
from providers.pacing.limits import AccountLimits
from providers.pacing.standing import Standing
from providers.pacing.tables import pacing_slots

_slot = pacing_slots.c

_MINE = (
    select(_slot.id)
    .where(
        _slot.account.in_(bindparam("accounts", expanding=True)),
        _slot.state == "held",
        _slot.worker == bindparam("worker"),
    )
    .order_by(_slot.ticket)
)
_GROUPS = (
    select(
        _slot.account,
        _slot.state,
        _slot.worker,
        func.count().label("number"),
        func.min(_slot.expires_at).label("first_end"),
        func.max(_slot.taken_at).label("last_taken"),
    )
    .where(_slot.account.in_(bindparam("accounts", expanding=True)))
    .group_by(_slot.account, _slot.state, _slot.worker)
)


@dataclass(slots=True)
class View:
    """What others have done to the accounts that somebody here waits for.

    Attributes:
        granted: the ids of ours that hold a slot.
        standings: how the accounts stand.
        workers: who holds or waits at each account.
        to_sweep: accounts where somebody could be let in, or a lease has run out.
    """

    granted: tuple[str, ...]
    standings: Mapping[str, Standing]
    workers: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    to_sweep: set[str] = field(default_factory=set)


def look(
    connection: Connection, worker: str, limits: Mapping[str, AccountLimits], now: datetime
) -> View:
    """Read what there is to know of the accounts in ``limits``."""
    accounts: Sequence[str] = sorted(limits)
    mine = connection.execute(_MINE, {"accounts": accounts, "worker": worker}).scalars()
    view = View(tuple(mine), rows.read_standings(connection, accounts))
    groups = connection.execute(_GROUPS, {"accounts": accounts}).all()
    held: dict[str, int] = defaultdict(int)
    trials: set[str] = set()
    for group in groups:
        view.workers[group.account].add(group.worker)
        if group.first_end <= now:
            view.to_sweep.add(group.account)
        if group.state == "held":
            held[group.account] += group.number
            since = _standing(view, group.account).trial_since(now)
            if since is not None and group.last_taken >= since:
                trials.add(group.account)
    for account in {group.account for group in groups if group.state == "waiting"} - trials:
        full = held[account] >= (limits[account].concurrent or held[account] + 1)
        if not full and _standing(view, account).shut(now) is None:
            view.to_sweep.add(account)
    return view


def _standing(view: View, account: str) -> Standing:
    return view.standings.get(account, Standing())
