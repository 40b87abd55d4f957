"""SIGKILL at every SQL statement and commit that moves credits, on both databases.

After each kill the database is opened anew. Then either the same request is told again, as a run
that is resumed does, perhaps by a process that is killed as well; or nobody comes back, and the
reaper ends what is over. In both cases it must come to what it would have come to without the
kill, nothing is charged twice, and what was held is free again at the expiry.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from billing import ledger
from billing.ledger import GiveBackRequest
from studio.database import Database, metadata
from tests.crash.ledger_program import Command
from tests.support.accounts import PLANS, Accounts
from tests.support.books import START, StandingClock
from tests.support.faults import SCENES, Scene, act, prepare, seen

_ALL_OVER = timedelta(days=90)
"""When the holds and grants of every scene have expired."""

_EVERY = 4
"""Of so many points one is followed by a second kill, while the request is told again. Beyond
the main scenes on SQLite, one of so many is also left to the reaper."""

_MAIN = ("hold", "claim", "capture", "capture, closing", "release", "expire", "lapse")

_CASES = [
    *(("sqlite", scene) for scene in SCENES),
    *(("postgres", scene) for scene in SCENES if scene.name in _MAIN),
]


class Program:
    """The program that is killed, ready to fork."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "tests.crash.ledger_program"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )

    def killed(self, accounts: Accounts, scene: Scene, owner: str, number: int) -> str | None:
        """Carry out the scene and kill it at a point; return its name, ``None`` past the last.

        The database is closed meanwhile: who opens it next finds what the dead process left.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        accounts.database.close()
        url = accounts.database.url.render_as_string(hide_password=False)
        command = Command(url, scene.name, owner, number)
        self._process.stdin.write(json.dumps(asdict(command)) + "\n")
        self._process.stdin.flush()
        status, name = json.loads(self._process.stdout.readline())
        if name:
            assert os.WIFSIGNALED(status)
            assert os.WTERMSIG(status) == signal.SIGKILL
            return str(name)
        assert status == 0, f"{command} failed by itself"
        return None

    def close(self) -> None:
        """Let it end."""
        self._process.communicate()


@pytest.fixture(scope="module")
def program() -> Iterator[Program]:
    program = Program()
    yield program
    program.close()


@pytest.fixture(scope="module")
def tally() -> Iterator[Counter[str]]:
    """How many kills there were on each database; printed in the end."""
    kills: Counter[str] = Counter()
    yield kills
    print(f"\n{kills.total()} kills: {dict(kills)}")


@pytest.fixture
def accounts(
    request: pytest.FixtureRequest, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Accounts]:
    """Accounts on the database that the test is parametrized with; nothing waits for disks."""
    clock = StandingClock()
    monkeypatch.setattr("studio.clock.now", clock)
    monkeypatch.setattr("billing.accounts.plans._books", lambda _folder: (PLANS,))
    if request.param == "postgres":
        database = request.getfixturevalue("postgres_database")
    else:
        database = Database(sqlite_url, durable=False)
        metadata.create_all(database.engine)
    yield Accounts(database, clock)
    database.close()


@dataclass(frozen=True)
class Unbroken:
    """What a scene comes to that nobody kills; it is the same for every owner.

    ``over_before`` and ``over_after`` are what is left when all is over: had the request never
    been made, and had it been made.
    """

    before: tuple[Any, ...]
    answer: object
    after: tuple[Any, ...]
    over_before: tuple[Any, ...]
    over_after: tuple[Any, ...]


def unbroken(accounts: Accounts, scene: Scene) -> Unbroken:
    prepare(accounts, scene, "before")
    before = seen(accounts, "before")
    over_before = over(accounts, "before")
    prepare(accounts, scene, "after")
    answer = act(accounts, scene, "after")
    after = seen(accounts, "after")
    assert after != before
    return Unbroken(before, answer, after, over_before, over(accounts, "after"))


_ACTIVE = text(
    "SELECT c.id FROM claims c JOIN wallets w ON w.id = c.wallet_id"
    " WHERE w.owner = :owner AND c.state = 'active' ORDER BY c.key"
)


def over(accounts: Accounts, owner: str) -> tuple[Any, ...]:
    """Let time pass until everything is over, and return what the database says then.

    Claims under way are given back: whether something was bought with them is for jobs to know,
    and until they do, their amounts stay held.
    """
    accounts.clock.moment = START + _ALL_OVER
    try:
        accounts.expire()
        with accounts.database.read() as connection:
            active = list(connection.execute(_ACTIVE, {"owner": owner}).scalars())
            claimed = [ledger.claim_of(connection, owner, identity) for identity in active]
        kept = sum(claim.amount for claim in claimed if claim is not None)
        assert accounts.balance(owner).held == kept
        accounts.run(ledger.give_back, *(GiveBackRequest(owner, each) for each in active))
        accounts.lapse()
        assert accounts.balance(owner).held == 0
        return seen(accounts, owner)
    finally:
        accounts.clock.moment = START


@pytest.mark.timeout(1_200)  # a loaded machine needs many times the seconds that it takes
@pytest.mark.parametrize(
    ("accounts", "scene"),
    _CASES,
    indirect=["accounts"],
    ids=[f"{kind}-{scene.name.replace(' ', '_')}" for kind, scene in _CASES],
)
def test_killed_at_every_statement_and_commit(
    accounts: Accounts, scene: Scene, program: Program, tally: Counter[str]
) -> None:
    program.killed(accounts, scene, "nobody", 0)
    whole = unbroken(accounts, scene)
    kind = accounts.database.engine.dialect.name
    dice = random.Random(scene.name)
    wrong: list[str] = []
    number = 0
    while name := killed(accounts, scene, f"{scene.name} {number + 1}", program, number + 1):
        number += 1
        turn = number % _EVERY
        faults = told_again(accounts, scene, f"{scene.name} {number}", whole, name)
        tally[kind] += 1
        if turn == 0:
            numbers = number, dice.randint(1, number)
            faults += killed_twice(accounts, scene, whole, program, numbers)
            tally[kind] += 2
        if turn == 1 or (kind == "sqlite" and scene.name in _MAIN):
            faults += nobody_comes_back(accounts, scene, whole, program, number)
            tally[kind] += 1
        wrong += [f"{name} ({number}): {fault}" for fault in faults]
    assert wrong == []
    # All that is written adds to what is there, so that nothing mends a difference: once is enough.
    assert accounts.audit() == []
    # The fewest are a transaction that does its work in a handful of statements.
    assert number >= 10


def killed(
    accounts: Accounts, scene: Scene, owner: str, program: Program, number: int
) -> str | None:
    """Prepare the scene for an owner and have it killed at a point; return the point's name."""
    prepare(accounts, scene, owner)
    return program.killed(accounts, scene, owner, number)


def told_again(
    accounts: Accounts, scene: Scene, owner: str, whole: Unbroken, name: str
) -> list[str]:
    """Look at what the dead process left, tell its request again, and let all be over."""
    wrong = []
    if seen(accounts, owner) != (whole.after if name == "after COMMIT" else whole.before):
        wrong.append("it was done by half")
    if act(accounts, scene, owner) != whole.answer:
        wrong.append("told again it has another answer")
    if seen(accounts, owner) != whole.after:
        wrong.append("told again it comes to something else")
    if over(accounts, owner) != whole.over_after:
        wrong.append("when all is over, something else is left")
    return wrong


def killed_twice(
    accounts: Accounts, scene: Scene, whole: Unbroken, program: Program, numbers: tuple[int, int]
) -> list[str]:
    """Kill the request, and kill the process that tells it again; then tell it once more."""
    owner = f"{scene.name} {numbers[0]}, twice"
    prepare(accounts, scene, owner)
    names = [program.killed(accounts, scene, owner, number) for number in numbers]
    # What is told again after its commit may come by fewer points, and so to its end.
    done = "after COMMIT" in names or None in names
    name = "after COMMIT" if done else "before COMMIT"
    return [f"killed twice: {each}" for each in told_again(accounts, scene, owner, whole, name)]


def nobody_comes_back(
    accounts: Accounts, scene: Scene, whole: Unbroken, program: Program, number: int
) -> list[str]:
    """Kill the request, and let the reaper alone clear up after it."""
    owner = f"{scene.name} {number}, left"
    name = killed(accounts, scene, owner, program, number)
    expected = whole.over_after if name == "after COMMIT" else whole.over_before
    return [] if over(accounts, owner) == expected else ["left alone, it comes to something else"]
