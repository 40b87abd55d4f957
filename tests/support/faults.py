"""Scenes of the ledger and of accounts, and faults that strike at a counted point of them.

A *point* is the moment before and the moment after each SQL statement of a transaction that may
write, and before and after its commit. A *scene* is one such transaction: what comes before it,
the moment at which it happens, and the request, which can be told again by its key alone.
"""

from __future__ import annotations

import asyncio
import dataclasses
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Engine, Row, event, select, text
from sqlalchemy.exc import OperationalError

from billing import ledger
from billing.ledger import (
    AdjustRequest,
    CaptureRequest,
    Claim,
    GiveBackRequest,
    Hold,
    HoldRequest,
    RefundRequest,
    ReleaseRequest,
    TopUpRequest,
)
from studio.errors import StudioUnavailable
from tests.support.accounts import Accounts
from tests.support.books import HOUR, START
from tests.support.oracle import tell

Strike = Callable[[Any, str], None]
"""What happens at the point: it gets the connection, and the point's name."""


def fail(connection: Any, name: str) -> None:
    """What a driver raises when the disk or the server fails it."""
    if name == "after COMMIT":
        # Of the driver in use: SQLAlchemy makes its own only of that one's errors.
        raise connection.dialect.loaded_dbapi.OperationalError("disk I/O error")
    raise OperationalError(name, {}, sqlite3.OperationalError("disk I/O error"))


def cancel(_connection: Any, _name: str) -> None:
    """What a task that is cancelled, or Ctrl-C, raises: not an ``Exception``."""
    raise asyncio.CancelledError


def drop(connection: Any, name: str) -> None:
    """Close the connection from our side, as the end of a process does: there is no answer."""
    connection.connection.dbapi_connection.close()
    if name == "after COMMIT":
        raise StudioUnavailable("the answer to COMMIT was lost")


_WRITES = "studio_writes"
_WHOLE = "whole"


@dataclass(frozen=True)
class Scene:
    """One transaction that is disturbed; ``later`` is when, after all else."""

    name: str
    prepare: Callable[[Accounts, str], object]
    act: Callable[[Accounts, str], object]
    later: timedelta = timedelta(0)


class _Watch:
    """Numbers the points that writing transactions of an engine come by, and strikes at one."""

    def __init__(self, at: int, strike: Strike, commit: Callable[[Any], None]) -> None:
        self.passed: list[str] = []
        self._at = at
        self._strike = strike
        self._commit = commit
        self._committing: Any = None

    def before(self, connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        self._pass_by(connection, f"before {_words(statement)}")

    def after(self, connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        self._pass_by(connection, f"after {_words(statement)}")

    def before_commit(self, connection: Any) -> None:
        self._committing = connection
        self._pass_by(connection, "before COMMIT")

    def commit(self, raw: Any) -> None:
        self._commit(raw)
        self._pass_by(self._committing, "after COMMIT")

    def _pass_by(self, connection: Any, name: str) -> None:
        if connection is None or not connection.get_execution_options().get(_WRITES):
            return
        self.passed.append(name)
        if len(self.passed) == self._at:
            self._strike(connection, name)


@contextmanager
def struck(engine: Engine, at: int, strike: Strike) -> Iterator[list[str]]:
    """Let ``strike`` happen at the point with this number, from 1; yield the points passed."""
    commit = engine.dialect.do_commit
    watch = _Watch(at, strike, commit)
    heard: dict[str, Callable[..., Any]] = {
        "before_cursor_execute": watch.before,
        "after_cursor_execute": watch.after,
        "commit": watch.before_commit,
    }
    for name, listener in heard.items():
        event.listen(engine, name, listener)
    engine.dialect.do_commit = watch.commit  # type: ignore[method-assign, assignment]
    try:
        yield watch.passed
    finally:
        engine.dialect.do_commit = commit  # type: ignore[method-assign]
        for name, listener in heard.items():
            event.remove(engine, name, listener)


def _words(statement: str) -> str:
    """Name a statement: its verb and its table."""
    words = statement.replace("\n", " ").split()
    verb = words[0]
    mark = {"SELECT": "FROM", "INSERT": "INTO", "DELETE": "FROM"}.get(verb, verb)
    return f"{verb} {words[words.index(mark) + 1]}" if mark in words[:-1] else verb


def act(accounts: Accounts, scene: Scene, owner: str) -> object:
    """Carry out the scene's request at its moment, and return its answer without ids."""
    accounts.clock.moment = START + scene.later
    try:
        answer = scene.act(accounts, owner)
    finally:
        accounts.clock.moment = START
    return _plain(answer, owner)


def prepare(accounts: Accounts, scene: Scene, owner: str) -> None:
    """Set up what the scene needs, for an owner of its own."""
    scene.prepare(accounts, owner)


def _plain(answer: object, owner: str) -> object:
    """Leave out of an answer what is another one for every owner."""
    if isinstance(answer, list | tuple):
        return tuple(_plain(each, owner) for each in answer)
    if isinstance(answer, Hold | Claim | ledger.Receipt | Exception):
        return _plain(tell(answer), owner)
    if isinstance(answer, ledger.Grant):
        return (answer.key, answer.amount, answer.allocated, answer.expired)
    return _WHOLE if answer == owner else answer


_SEEN = """
SELECT state, granted, held, captured, expired FROM wallets WHERE owner = :owner;
SELECT g.kind, g.key, g.amount, g.allocated, g.withdrawn, g.expired, g.expires_at
FROM grants g JOIN wallets w ON w.id = g.wallet_id WHERE owner = :owner ORDER BY g.key;
SELECT h.key, h.amount, h.claimed, h.captured, h.released, h.state, h.expires_at
FROM holds h JOIN wallets w ON w.id = h.wallet_id WHERE owner = :owner ORDER BY h.key;
SELECT c.key, c.amount, c.captured, c.state
FROM claims c JOIN wallets w ON w.id = c.wallet_id WHERE owner = :owner ORDER BY c.key;
SELECT t.kind, count(*) FROM ledger_transactions t
JOIN wallets w ON w.id = t.wallet_id WHERE owner = :owner GROUP BY t.kind ORDER BY t.kind;
SELECT e.account, count(*), CAST(sum(e.amount) AS BIGINT) FROM ledger_entries e
JOIN wallets w ON w.id = e.wallet_id WHERE owner = :owner GROUP BY e.account ORDER BY e.account;
SELECT h.key, a.position, g.key, a.amount FROM allocations a JOIN holds h ON h.id = a.hold_id
JOIN grants g ON g.id = a.grant_id JOIN wallets w ON w.id = h.wallet_id
WHERE owner = :owner ORDER BY h.key, a.position;
SELECT a.project, a.spent, a.created_at
FROM admissions a JOIN wallets w ON w.id = a.wallet_id WHERE owner = :owner ORDER BY 3;
SELECT u.operation, u.count, u.final
FROM uses u JOIN wallets w ON w.id = u.wallet_id WHERE owner = :owner ORDER BY 1, u.created_at;
SELECT plan, book, next_plan, granted_period, low_told FROM accounts WHERE owner = :owner;
SELECT kind, count(*) FROM account_events WHERE owner = :owner GROUP BY kind ORDER BY kind;
SELECT a.threshold, count(*) FROM budget_alerts a
JOIN budgets b ON b.id = a.budget_id WHERE owner = :owner GROUP BY a.threshold ORDER BY a.threshold
"""


def seen(accounts: Accounts, owner: str) -> tuple[Any, ...]:
    """Return everything the database says of an owner, but for ids."""
    with accounts.database.read() as connection:
        found: list[Sequence[Row[Any]]] = [
            connection.execute(text(query), {"owner": owner}).all() for query in _SEEN.split(";")
        ]
    return tuple(tuple(tuple(row) for row in rows) for rows in found)


def _fund(accounts: Accounts, owner: str) -> None:
    """Three grants: over after half an hour, over after an hour, and for good."""
    accounts.open(owner)
    accounts.top_up(7, owner=owner, key="over first", lasts=HOUR / 2)
    accounts.top_up(30, owner=owner, key="over soon", lasts=HOUR)
    accounts.top_up(100, owner=owner, key="for good")


def _held(accounts: Accounts, owner: str) -> None:
    """A hold that all three grants pay for, and a claim out of it."""
    _fund(accounts, owner)
    hold = accounts.hold(50, owner=owner, key="run")
    accounts.claim(hold, 20, owner=owner, key="job")


def _closing(accounts: Accounts, owner: str) -> None:
    """A claim under way whose hold has ended; what it leaves returns to a grant that is over."""
    _fund(accounts, owner)
    hold = accounts.hold(30, owner=owner, key="run")
    accounts.claim(hold, 20, owner=owner, key="job")
    accounts.release(hold, owner=owner)


def _planned(accounts: Accounts, owner: str) -> None:
    """An account on the small plan with a budget, a balance to be told of, and a hold that ended.

    The scene comes in the account's next period.
    """
    _fund(accounts, owner)
    accounts.plan("small", owner=owner)
    ended = accounts.ask(5, owner=owner, key="before", uses={"generate": 1})
    accounts.buy(ended, "generate", key="before")
    accounts.release(ended, owner=owner)
    from billing.accounts.budgets import set_budget

    accounts.database.write(
        lambda connection: set_budget(connection, owner, "workspace", "", 50, author="op")
    )


def _run(accounts: Accounts, owner: str) -> Hold:
    """Return the owner's hold, which may be closed by now."""
    with accounts.database.read() as connection:
        query = text(
            "SELECT h.id FROM holds h JOIN wallets w ON w.id = h.wallet_id"
            " WHERE w.owner = :owner AND h.key = 'run'"
        )
        identity = connection.execute(query, {"owner": owner}).scalar_one()
        return ledger.hold_of(connection, owner, identity)


def _job(accounts: Accounts, owner: str) -> Claim:
    from billing.tables import claims, wallets

    with accounts.database.read() as connection:
        query = (
            select(claims.c.id)
            .join(wallets, wallets.c.id == claims.c.wallet_id)
            .where(wallets.c.owner == owner, claims.c.key == "job")
        )
        found = ledger.claim_of(connection, owner, connection.execute(query).scalar_one())
    assert found is not None
    return found


def _group(accounts: Accounts, owner: str) -> object:
    """Several kinds of requests in one transaction, as a group commit makes them."""
    job, run = _job(accounts, owner), _run(accounts, owner)
    later = accounts.clock() + HOUR
    requests: list[ledger.Request[Any]] = [
        TopUpRequest(owner, "act", 11, "op", "a test"),
        CaptureRequest(owner, job.id, 15),
        ReleaseRequest(owner, run.id),
        HoldRequest(owner, "act", 60, later, "a run"),
    ]
    return accounts.database.write(lambda connection: ledger.apply(connection, requests))


def _ended(accounts: Accounts, owner: str, amount: int | None) -> object:
    job = _job(accounts, owner)
    request = (
        GiveBackRequest(owner, job.id) if amount is None else CaptureRequest(owner, job.id, amount)
    )
    handler = ledger.give_back if amount is None else ledger.capture
    return accounts.one(handler, request)


def _spent(accounts: Accounts, owner: str) -> None:
    """A claim that was captured."""
    _held(accounts, owner)
    _ended(accounts, owner, 15)


def _refund(accounts: Accounts, owner: str) -> object:
    job = _job(accounts, owner)
    return accounts.one(ledger.refund, RefundRequest(owner, job.id, "act", 6, "op", "it was bad"))


def _adjust(accounts: Accounts, owner: str, amount: int) -> object:
    return accounts.one(ledger.adjust, AdjustRequest(owner, "act", amount, "op", "a mistake"))


def _once(answers: Sequence[object]) -> object:
    """Reapers answer with what they ended: nothing the second time, which is right as well."""
    return None


SCENES = (
    Scene("top up", _fund, lambda a, o: a.top_up(9, owner=o, key="act", lasts=HOUR)),
    Scene("hold", _fund, lambda a, o: a.hold(50, owner=o, key="act"), HOUR * 0.75),
    Scene("extend", _held, lambda a, o: a.extend(_run(a, o), 2 * HOUR, owner=o)),
    Scene("claim", _held, lambda a, o: a.claim(_run(a, o), 20, owner=o, key="act")),
    Scene("capture", _held, lambda a, o: _ended(a, o, 15)),
    Scene("capture, closing", _closing, lambda a, o: _ended(a, o, 15), 2 * HOUR),
    Scene("give back", _held, lambda a, o: _ended(a, o, None)),
    Scene("give back, closing", _closing, lambda a, o: _ended(a, o, None), 2 * HOUR),
    Scene("release", _held, lambda a, o: a.release(_run(a, o), owner=o), 2 * HOUR),
    Scene("expire", _held, lambda a, o: _once(a.expire()), 2 * HOUR),
    Scene("lapse", _fund, lambda a, o: _once(a.lapse()), 2 * HOUR),
    Scene("adjust, up", _fund, lambda a, o: _adjust(a, o, 8)),
    Scene("adjust, down", _fund, lambda a, o: _adjust(a, o, -50), HOUR * 0.75),
    Scene("refund", _spent, _refund, 2 * HOUR),
    Scene("a group", _held, _group),
    Scene(
        "admit, in a new period",
        _planned,
        lambda a, o: a.ask(45, owner=o, key="act", uses={"generate": 2}),
        timedelta(days=32),
    ),
    Scene("change of plan", _planned, lambda a, o: dataclasses.astuple(a.plan("large", owner=o))),
)
