"""Reading and writing the three tables, for many accounts at a time.

Statements are built once: SQLAlchemy takes longer to make one anew than to carry it out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    BindParameter,
    Connection,
    Executable,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from providers.pacing.shares import Party
from providers.pacing.standing import Standing
from providers.pacing.tables import pacing_accounts, pacing_slots, pacing_windows
from studio.database import UtcDateTime

_account = pacing_accounts.c.account
_slot = pacing_slots.c

_ACCOUNTS: BindParameter[Any] = bindparam("accounts", expanding=True)
_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
_NOW = bindparam("now", type_=UtcDateTime)

_READ = select(pacing_accounts).where(_account.in_(_ACCOUNTS)).order_by(_account)
_LOCK = _READ.with_for_update()
_SAVE = (
    update(pacing_accounts)
    .where(_account == bindparam("name"))
    .values({each: bindparam(each) for each in Standing.__dataclass_fields__})
)
_STARTS = select(pacing_windows).where(pacing_windows.c.account.in_(_ACCOUNTS))
_COUNT = (
    select(
        _slot.account,
        _slot.owner,
        _slot.priority,
        _slot.state,
        func.count().label("number"),
        func.min(_slot.ticket).label("first"),
        func.max(_slot.ticket).label("last"),
        func.min(_slot.turn).label("next_turn"),
        func.max(_slot.turn).label("last_turn"),
        func.min(_slot.worker).label("one_worker"),
        func.max(_slot.worker).label("other_worker"),
    )
    .where(_slot.account.in_(_ACCOUNTS))
    .group_by(_slot.account, _slot.owner, _slot.priority, _slot.state)
)
_TRIALS = select(func.count()).where(
    _slot.account == bindparam("account"),
    _slot.state == "held",
    _slot.taken_at >= bindparam("since", type_=UtcDateTime),
)
_NEXT = (
    select(_slot.id)
    .where(
        _slot.account == bindparam("account"),
        _slot.state == "waiting",
        _slot.owner == bindparam("owner"),
        _slot.priority == bindparam("priority"),
    )
    .order_by(_slot.turn, _slot.ticket)
    .limit(bindparam("number"))
)
_GRANT = (
    update(pacing_slots)
    .where(_slot.id.in_(_IDS), _slot.state == "waiting")
    .values(state="held", taken_at=_NOW)
)
_RENEW = (
    update(pacing_slots)
    .where(_slot.id.in_(_IDS))
    .values(expires_at=bindparam("until", type_=UtcDateTime))
)
_FIND = select(_slot.id).where(_slot.id.in_(_IDS))
_REMOVE = delete(pacing_slots).where(_slot.id.in_(_IDS))
_REMOVE_EXPIRED = delete(pacing_slots).where(_slot.account.in_(_ACCOUNTS), _slot.expires_at <= _NOW)
_REMOVE_DEAD = delete(pacing_slots).where(
    _slot.account == bindparam("account"), _slot.worker.in_(bindparam("dead", expanding=True))
)


class Waiter(NamedTuple):
    """Who waits for slots of an account, and in which process."""

    owner: str
    priority: str
    worker: str


@dataclass(slots=True)
class Queue:
    """How many hold a slot of an account, how many wait, and the last ticket given out.

    Attributes:
        parties: those who hold and wait, by owner and priority.
        clock: the latest turn of those who hold a slot.
        waiters: who waits. Of each party at most two processes are named, which is enough to know
            whether one waits alone; who got a slot in this transaction may still be among them.
    """

    held: int = 0
    waiting: int = 0
    ticket: int = 0
    parties: dict[tuple[str, str], Party] = field(default_factory=dict)
    clock: int = 0
    waiters: set[Waiter] = field(default_factory=set)


def lock_accounts(connection: Connection, accounts: Sequence[str]) -> dict[str, Standing]:
    """Lock the accounts' rows until the transaction ends, making those that are missing.

    Always in the order of their names, so that two groups cannot wait for each other. On SQLite
    the one writer has the lock already.
    """
    found = _standings(connection, _LOCK, accounts)
    missing = [each for each in accounts if each not in found]
    if missing:
        make = _dialect(connection).insert(pacing_accounts).on_conflict_do_nothing()
        connection.execute(
            make, [{"account": each, "reason": "", "failures": 0} for each in missing]
        )
        found = _standings(connection, _LOCK, accounts)
    return found


def read_standings(connection: Connection, accounts: Sequence[str]) -> dict[str, Standing]:
    """Return how the accounts stand that have a row."""
    return _standings(connection, _READ, accounts)


def save_standings(connection: Connection, standings: Mapping[str, Standing]) -> None:
    """Write how accounts stand."""
    if standings:
        rows = [{"name": name, **asdict(each)} for name, each in sorted(standings.items())]
        connection.execute(_SAVE, rows)


def read_starts(
    connection: Connection, accounts: Iterable[str]
) -> dict[tuple[str, str], list[list[int]]]:
    """Return the starts of the accounts, by account and window."""
    rows = connection.execute(_STARTS, {"accounts": sorted(accounts)})
    return {(row.account, row.window): row.starts for row in rows}


def save_starts(
    connection: Connection, starts: Mapping[tuple[str, str], Sequence[Sequence[int]]]
) -> None:
    """Write starts."""
    if starts:
        rows = [
            {"account": account, "window": window, "starts": each}
            for (account, window), each in sorted(starts.items())
        ]
        connection.execute(_upsert_starts(connection.dialect.name), rows)


def read_queues(connection: Connection, accounts: Sequence[str]) -> dict[str, Queue]:
    """Return the queues of the accounts, also of those where nobody is."""
    queues = {each: Queue() for each in accounts}
    for row in connection.execute(_COUNT, {"accounts": accounts}):
        queue, key = queues[row.account], (row.owner, row.priority)
        party = queue.parties.setdefault(key, Party(*key))
        if row.state == "held":
            queue.held += row.number
            party.held = row.number
            queue.clock = max(queue.clock, row.last_turn)
        else:
            queue.waiting += row.number
            party.waiting, party.first, party.came = row.number, row.next_turn, row.first
            queue.waiters.update(
                Waiter(*key, worker) for worker in (row.one_worker, row.other_worker)
            )
        party.last = max(party.last, row.last_turn)
        queue.ticket = max(queue.ticket, row.last)
    return queues


def count_trials(connection: Connection, account: str, since: datetime) -> int:
    """Return how many hold a slot that was taken since the breaker is half-open."""
    parameters = {"account": account, "since": since}
    return int(connection.execute(_TRIALS, parameters).scalar_one())


def grant_next(
    connection: Connection, account: str, shares: Sequence[tuple[Party, int]], now: datetime
) -> list[str]:
    """Give each party so many slots, by their turns, and return the ids."""
    found: list[str] = []
    for party, number in shares:
        names = {"account": account, "owner": party.owner, "priority": party.priority}
        found += connection.execute(_NEXT, {**names, "number": number}).scalars()
    grant(connection, found, now)
    return found


def grant(connection: Connection, ids: Sequence[str], now: datetime) -> None:
    """Give a slot to each of these that still waits."""
    if ids:
        connection.execute(_GRANT, {"ids": ids, "now": now})


def add_slots(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write new slots and places in the queue."""
    if rows:
        connection.execute(insert(pacing_slots), list(rows))


def remove_slots(connection: Connection, ids: Sequence[str]) -> None:
    """Delete slots and places in the queue."""
    if ids:
        connection.execute(_REMOVE, {"ids": ids})


def remove_expired(connection: Connection, accounts: Sequence[str], now: datetime) -> None:
    """Delete what was not renewed in time."""
    if accounts:
        connection.execute(_REMOVE_EXPIRED, {"accounts": accounts, "now": now})


def remove_dead(connection: Connection, account: str, dead: Sequence[str]) -> None:
    """Delete what dead workers hold or wait for."""
    if dead:
        connection.execute(_REMOVE_DEAD, {"account": account, "dead": dead})


def renew_slots(connection: Connection, ids: Sequence[str], until: datetime) -> tuple[str, ...]:
    """Let the leases run until then, and return the ids that are no longer there."""
    if connection.execute(_RENEW, {"ids": ids, "until": until}).rowcount == len(ids):
        return ()
    there = set(connection.execute(_FIND, {"ids": ids}).scalars())
    return tuple(each for each in ids if each not in there)


def _standings(
    connection: Connection, statement: Executable, accounts: Sequence[str]
) -> dict[str, Standing]:
    return {
        row.account: Standing(row.blocked_until, row.reason, row.failures, row.open_until)
        for row in connection.execute(statement, {"accounts": accounts})
    }


def _dialect(connection: Connection) -> Any:
    return sqlite if connection.dialect.name == "sqlite" else postgresql


@cache
def _upsert_starts(dialect: str) -> Executable:
    make: Any = (sqlite if dialect == "sqlite" else postgresql).insert(pacing_windows)
    upsert: Executable = make.on_conflict_do_update(
        index_elements=["account", "window"], set_={"starts": make.excluded.starts}
    )
    return upsert
