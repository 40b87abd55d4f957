"""A fault at every SQL statement and commit of the ledger and of pre-flight.

After each one the books are in order, nothing was done by half, and the same request again comes
to what it would have come to without the fault: once, however often it is told.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import event

from studio.database import Database, metadata
from studio.errors import StudioUnavailable
from tests.support.accounts import PLANS, Accounts
from tests.support.books import StandingClock
from tests.support.databases import PostgresServer
from tests.support.faults import (
    SCENES,
    Scene,
    Strike,
    act,
    cancel,
    fail,
    prepare,
    seen,
    struck,
)


@pytest.fixture
def disturbed(
    request: pytest.FixtureRequest,
    sqlite_url: str,
    clock: StandingClock,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Accounts]:
    """Accounts on the database that the test is parametrized with, without waiting for disks."""
    monkeypatch.setattr("billing.accounts.plans._books", lambda _folder: (PLANS,))
    if request.param == "postgres":
        database = request.getfixturevalue("postgres_database")
    else:
        database = Database(sqlite_url, durable=False)
        metadata.create_all(database.engine)
    yield Accounts(database, clock)
    database.close()


class Cut:
    """Ends the session from the server's side: what follows finds no connection."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server

    def __call__(self, connection: Any, name: str) -> None:
        raw = connection.connection.dbapi_connection
        self._server.run(f"SELECT pg_terminate_backend({raw.info.backend_pid}, 5000)")
        if name == "after COMMIT":
            raise StudioUnavailable("the answer to COMMIT was lost")


_MAIN = ("hold", "claim", "capture, closing", "expire")
"""What is struck in other ways as well."""

_CASES = [
    *(("sqlite", "fail", scene) for scene in SCENES),
    *(("sqlite", "cancel", scene) for scene in SCENES if scene.name in _MAIN),
    *(("postgres", "cut", scene) for scene in SCENES if scene.name in _MAIN),
]


@pytest.fixture(scope="module")
def tally() -> Iterator[Counter[str]]:
    """How many points were struck, by kind of fault; printed in the end."""
    points: Counter[str] = Counter()
    yield points
    print(f"\n{points.total()} points: {dict(points)}")


@pytest.mark.parametrize(
    ("disturbed", "kind", "scene"),
    _CASES,
    indirect=["disturbed"],
    ids=[f"{kind}-{scene.name.replace(' ', '_')}" for _, kind, scene in _CASES],
)
def test_a_fault_at_every_statement_and_commit(
    disturbed: Accounts,
    kind: str,
    scene: Scene,
    tally: Counter[str],
    request: pytest.FixtureRequest,
) -> None:
    strike: Strike = {"fail": fail, "cancel": cancel}.get(kind) or Cut(
        request.getfixturevalue("postgres_server")
    )
    whole = unbroken(disturbed, scene)
    wrong: list[str] = []
    number = 0
    while (found := one_fault(disturbed, scene, number + 1, strike, whole)) is not None:
        number += 1
        name, faults = found
        wrong += [f"{name} ({number}): {fault}" for fault in faults]
    tally[kind] += number
    assert wrong == []
    # The fewest are a transaction that does its work in a handful of statements.
    assert number >= 10


@dataclass(frozen=True)
class Unbroken:
    """What a scene comes to that nothing disturbs; it is the same for every owner."""

    before: tuple[Any, ...]
    answer: object
    after: tuple[Any, ...]


def unbroken(accounts: Accounts, scene: Scene) -> Unbroken:
    """Return the answer and the state after the scene, told twice, that nothing disturbed."""
    owner = f"{scene.name} 0"
    prepare(accounts, scene, owner)
    before = seen(accounts, owner)
    answer = act(accounts, scene, owner)
    after = seen(accounts, owner)
    assert after != before
    assert act(accounts, scene, owner) == answer
    assert seen(accounts, owner) == after
    return Unbroken(before, answer, after)


def one_fault(
    accounts: Accounts, scene: Scene, number: int, strike: Strike, whole: Unbroken
) -> tuple[str, list[str]] | None:
    """Strike at one point; return its name and what was wrong, or ``None`` past the last one."""
    owner = f"{scene.name} {number}"
    prepare(accounts, scene, owner)
    with struck(accounts.database.engine, number, strike) as passed:
        try:
            act(accounts, scene, owner)
        except (StudioUnavailable, asyncio.CancelledError):
            pass
        else:
            if len(passed) < number:
                return None
            return passed[number - 1], ["the fault was swallowed"]
    name = passed[number - 1]
    wrong = [] if len(passed) == number or name != "after COMMIT" else ["it went on"]
    if seen(accounts, owner) != (whole.after if name == "after COMMIT" else whole.before):
        wrong.append("it was done by half")
    if act(accounts, scene, owner) != whole.answer:
        wrong.append("told again it has another answer")
    if seen(accounts, owner) != whole.after:
        wrong.append("told again it comes to something else")
    # Once is enough: all that is written adds to what is there, so nothing mends a difference.
    wrong += map(str, accounts.audit())
    return name, wrong


@pytest.mark.parametrize("disturbed", ["sqlite"], indirect=True)
def test_a_full_disk_at_many_statements(disturbed: Accounts) -> None:
    """SQLITE_FULL, as SQLite itself raises it: the file may not grow by a page."""
    engine = disturbed.database.engine
    room = {"pages": 2**30}

    @event.listens_for(engine, "begin")
    def limit(connection: Any) -> None:
        # Per connection; less than there is means: no page more.
        connection.exec_driver_sql(f"PRAGMA max_page_count = {room['pages']}")

    places: Counter[str] = Counter()
    for scene in SCENES:
        whole = unbroken(disturbed, scene)
        for turn in range(1, 9):
            owner = f"{scene.name} {turn}"
            prepare(disturbed, scene, owner)
            room["pages"] = 1
            with struck(engine, 0, fail) as passed, suppress(StudioUnavailable):
                act(disturbed, scene, owner)
            room["pages"] = 2**30
            if passed[-1] != "after COMMIT":
                # The statement that SQLite itself refused: "database or disk is full".
                places[passed[-1].removeprefix("before ")] += 1
                assert seen(disturbed, owner) == whole.before
            assert act(disturbed, scene, owner) == whole.answer
            assert seen(disturbed, owner) == whole.after
    assert disturbed.audit() == []
    print(f"\n{places.total()} full disks: {dict(places)}")
    assert places.total() >= 20
    assert len(places) >= 4
