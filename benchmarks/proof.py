"""The books under fire: random histories by threads of several processes, checked throughout.

    python -m benchmarks.proof [--seeds 1000] [--crowd] [--json]

A *run* has a seed and a wallet. Eight threads in two processes hold (through pre-flight, with a
plan and a budget), claim, capture, give back, release, extend, top up, adjust, refund, change the
plan, expire and lapse, while the clock that they share jumps ahead. After every step, in whatever
state the others have brought the wallet by then, one statement adds up anew:

    captured + active holds <= granted - expired - withdrawn, and the entries sum to zero.

After each run the auditor recomputes everything, and whatever is held returns once all is over.
Odd seeds write by themselves, even ones through the group commit. ``--crowd`` adds one run with 64
threads in each of 4 processes. Both databases; Postgres comes from the wheel of the tests.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, text

from benchmarks.common import show
from billing import ledger
from billing.accounts.admission import Admission, admit
from billing.accounts.budgets import set_budget
from billing.accounts.subscriptions import change_plan
from billing.audit import audit
from billing.ledger import (
    AdjustRequest,
    CaptureRequest,
    Claim,
    ClaimRequest,
    ExtendRequest,
    GiveBackRequest,
    Hold,
    HoldRequest,
    RefundRequest,
    ReleaseRequest,
    TopUpRequest,
)
from studio import clock
from studio.database import Database, GroupCommit, metadata
from studio.errors import StudioError

PROCESSES, THREADS = 2, 4
STEPS = 6
A_DATABASE = 50
"""So many runs share a database: the auditor reads all of it after each."""

_OFTEN = {
    "hold": 6,
    "claim": 6,
    "capture": 5,
    "give_back": 2,
    "release": 3,
    "extend": 1,
    "top_up": 2,
    "adjust": 2,
    "refund": 1,
    "plan": 1,
    "wait": 2,
    "expire": 2,
    "lapse": 2,
}
"""The steps, and how often each is taken."""

_PATIENCE = 300
_real_now = clock.now
_Answer = TypeVar("_Answer")

_STATE = text("""
SELECT
    (SELECT coalesce(sum(amount - released), 0) FROM holds WHERE wallet_id = w.id) AS kept,
    (SELECT coalesce(sum(amount - expired - withdrawn), 0) FROM grants WHERE wallet_id = w.id)
        AS granted,
    (SELECT coalesce(sum(e.amount), 0) FROM ledger_transactions t
        JOIN ledger_entries e ON e.transaction_id = t.id WHERE t.wallet_id = w.id) AS entries,
    w.held + w.captured AS told
FROM wallets w WHERE w.owner = :owner
""")


@dataclass(frozen=True)
class Fire:
    """Which database, which seeds, and how many at once."""

    url: str
    seeds: Sequence[int]
    processes: int = PROCESSES
    threads: int = THREADS


class _Runner:
    """One process's part: its database, its group commit, and the clock that all share."""

    def __init__(self, fire: Fire, ahead: Any) -> None:
        self.database = Database(fire.url, durable=False)
        self.group = GroupCommit(self.database)
        self.ahead = ahead
        clock.now = lambda: _real_now() + timedelta(minutes=ahead.value)

    def write(self, seed: int, work: Callable[[Connection], _Answer]) -> _Answer:
        """Run ``work`` in a transaction of its own, or in one with others."""
        if seed % 2:
            return self.database.write(work)
        answer: _Answer = self.group.submit(_all, work).result()
        return answer

    def close(self) -> None:
        """Leave nothing open."""
        self.group.close()
        self.database.close()


def _all(connection: Connection, works: Sequence[Callable[[Connection], Any]]) -> list[Any]:
    return [work(connection) for work in works]


def _first(handler: Callable[..., Sequence[Any]], request: Any) -> Callable[[Connection], Any]:
    return lambda connection: handler(connection, [request])[0]


class _History:
    """What one thread does to the wallet of one run."""

    def __init__(self, runner: _Runner, seed: int, number: int) -> None:
        self._runner = runner
        self._seed = seed
        self._dice = random.Random(f"{seed}/{number}")
        self._name = f"{number}"
        self._step = 0
        self.owner = f"run-{seed}"
        self.holds: list[Hold] = []
        self.claims: list[Claim] = []
        self.counted: Counter[str] = Counter()

    def play(self) -> None:
        """Do some steps, and look at the state after each."""
        for self._step in range(STEPS):
            (name,) = self._dice.choices(tuple(_OFTEN), tuple(_OFTEN.values()))
            try:
                answer = getattr(self, f"_{name}")()
            except StudioError as refusal:
                answer = refusal
            refused = isinstance(answer, StudioError)
            self.counted[f"{name} refused" if refused else name] += 1
            self.look()

    def look(self) -> None:
        """Add the wallet up anew."""
        with self._runner.database.read() as connection:
            state = connection.execute(_STATE, {"owner": self.owner}).one()
        if not (0 <= state.kept <= state.granted and state.entries == 0):
            raise AssertionError(f"{self.owner} is overdrawn: {state}")
        if state.told != state.kept:
            raise AssertionError(f"{self.owner} tells something else: {state}")
        self.counted["states"] += 1

    def _send(self, handler: Callable[..., Sequence[Any]], request: Any) -> Any:
        return self._runner.write(self._seed, _first(handler, request))

    def _key(self) -> str:
        # Some keys are everybody's: who comes second is answered with what the first one made.
        shared = self._dice.random() < 0.2
        return f"shared-{self._step}" if shared else f"{self._name}-{self._step}"

    def _hold(self) -> Any:
        until = clock.now() + timedelta(minutes=self._dice.choice((5, 30, 90)))
        request = HoldRequest(self.owner, self._key(), self._dice.randrange(40), until, "a run")
        project = self._dice.choice(("", "site"))
        uses = {"generate": 1} if self._dice.random() < 0.3 else {}
        wanted = [Admission(request, self.owner, project, uses)]
        hold = self._runner.write(self._seed, lambda connection: admit(connection, wanted)[0][0])
        if isinstance(hold, Hold):
            self.holds.append(hold)
        return hold

    def _claim(self) -> Any:
        if not self.holds:
            return self._hold()
        hold = self._dice.choice(self.holds)
        amount = self._dice.randrange(hold.amount + 1)
        claim = self._send(ledger.claim, ClaimRequest(self.owner, hold.id, self._key(), amount))
        if isinstance(claim, Claim):
            self.claims.append(claim)
        return claim

    def _capture(self) -> Any:
        if not self.claims:
            return self._claim()
        claim = self._dice.choice(self.claims)
        amount = self._dice.randrange(claim.amount + 2)
        return self._send(ledger.capture, CaptureRequest(self.owner, claim.id, amount))

    def _give_back(self) -> Any:
        if not self.claims:
            return self._claim()
        claim = self._dice.choice(self.claims)
        return self._send(ledger.give_back, GiveBackRequest(self.owner, claim.id))

    def _release(self) -> Any:
        if not self.holds:
            return self._hold()
        hold = self._dice.choice(self.holds)
        return self._send(ledger.release, ReleaseRequest(self.owner, hold.id))

    def _extend(self) -> Any:
        if not self.holds:
            return self._hold()
        until = clock.now() + timedelta(hours=3)
        request = ExtendRequest(self.owner, self._dice.choice(self.holds).id, until)
        return self._send(ledger.extend, request)

    def _top_up(self) -> Any:
        lasts = self._dice.choice((None, 20, 60))
        ends = None if lasts is None else clock.now() + timedelta(minutes=lasts)
        request = TopUpRequest(self.owner, self._key(), 15, "op", "a proof", ends)
        return self._send(ledger.top_up, request)

    def _adjust(self) -> Any:
        amount = self._dice.choice((-25, -5, 5))
        return self._send(ledger.adjust, AdjustRequest(self.owner, self._key(), amount, "op", "x"))

    def _refund(self) -> Any:
        if not self.claims:
            return self._claim()
        claim = self._dice.choice(self.claims)
        request = RefundRequest(self.owner, claim.id, self._key(), 1, "op", "a proof")
        return self._send(ledger.refund, request)

    def _plan(self) -> Any:
        name = self._dice.choice(("free", "basic", "pro", "prepaid"))
        return self._runner.write(
            self._seed, lambda c: change_plan(c, self.owner, name, author="op", reason="a proof")
        )

    def _wait(self) -> None:
        minutes = self._dice.choice((10, 45, 60 * 24 * 31))
        with self._runner.ahead.get_lock():
            self._runner.ahead.value += minutes

    def _expire(self) -> Any:
        return self._runner.write(self._seed, lambda c: ledger.expire(c, clock.now()))

    def _lapse(self) -> Any:
        return self._runner.write(self._seed, lambda c: ledger.lapse(c, clock.now()))


def _prepare(runner: _Runner, seed: int) -> None:
    owner = f"run-{seed}"
    runner.database.write(lambda c: ledger.open_wallets(c, [ledger.WalletRequest(owner)]))
    for key, minutes in (("soon", 30), ("for good", None)):
        ends = None if minutes is None else clock.now() + timedelta(minutes=minutes)
        request = TopUpRequest(owner, key, 60, "op", "a proof", ends)
        runner.database.write(_first(ledger.top_up, request))
    runner.database.write(lambda c: set_budget(c, owner, "project", "site", 70, author="op"))


def _finish(runner: _Runner, seed: int) -> None:
    """Let everything run out; what is held then is what is claimed, and the books are in order."""
    runner.database.write(lambda c: ledger.expire(c, clock.now() + timedelta(days=40), 10_000))
    with runner.database.read() as connection:
        wrong = audit(connection)
        query = text(
            "SELECT w.held - coalesce(sum(h.claimed), 0) FROM wallets w"
            " LEFT JOIN holds h ON h.wallet_id = w.id WHERE w.owner = :owner GROUP BY w.held"
        )
        left = connection.execute(query, {"owner": f"run-{seed}"}).scalar_one()
    if wrong or left:
        raise AssertionError(f"seed {seed}: {left} held for nobody; {'; '.join(map(str, wrong))}")


def _process(number: int, fire: Fire, barrier: Any, ahead: Any, results: Any) -> None:
    runner = _Runner(fire, ahead)
    counted: Counter[str] = Counter()
    failures: list[str] = []
    lock = threading.Lock()

    def thread(position: int) -> None:
        try:
            for seed in fire.seeds:
                if position == 0:
                    _prepare(runner, seed)
                barrier.wait(_PATIENCE)
                history = _History(runner, seed, position)
                history.play()
                barrier.wait(_PATIENCE)
                if position == 0:
                    _finish(runner, seed)
                with lock:
                    counted.update(history.counted)
        except BaseException:  # noqa: BLE001 - whoever asked for the proof must hear of it
            with lock:
                failures.append(traceback.format_exc())
            barrier.abort()

    threads = [
        threading.Thread(target=thread, args=(number * fire.threads + each,))
        for each in range(fire.threads)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    runner.close()
    results.put((counted, failures))


def under_fire(fire: Fire) -> Counter[str]:
    """Run the seeds; return what was counted: states that were looked at, steps, refusals.

    Raises:
        AssertionError: a state was wrong, or the auditor found something; with the seed.
    """
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(fire.processes * fire.threads)
    ahead = context.Value("q", 0)
    results = context.Queue()
    processes = [
        context.Process(target=_process, args=(number, fire, barrier, ahead, results))
        for number in range(fire.processes)
    ]
    for each in processes:
        each.start()
    counted: Counter[str] = Counter(runs=len(fire.seeds))
    failures: list[str] = []
    for _ in processes:
        some, wrong = results.get(timeout=_PATIENCE * 4)
        counted.update(some)
        failures += wrong
    for each in processes:
        each.join()
    broken = [each for each in failures if "BrokenBarrierError" not in each]
    if failures:
        raise AssertionError("\n".join(broken or failures))
    return counted


@contextmanager
def _databases(folder: Path) -> Iterator[dict[str, Callable[[], str]]]:
    """Yield how to make an empty database of each kind."""
    from tests.support.databases import running_postgres

    with running_postgres(durable=False) as server:
        numbers = iter(range(1_000_000))
        yield {
            "SQLite": lambda: f"sqlite:///{folder / f'{next(numbers)}.db'}",
            "Postgres": server.create_database,
        }


def _fresh(url: str) -> str:
    database = Database(url, durable=False)
    metadata.create_all(database.engine)
    database.close()
    return url


def main() -> None:
    """Run all seeds on both databases, and print what was counted."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=1_000)
    parser.add_argument("--crowd", action="store_true", help="once with 64 threads x 4 processes")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as name, _databases(Path(name)) as databases:
        for kind, make in databases.items():
            began, counted = time.monotonic(), Counter[str]()
            for start in range(0, options.seeds, A_DATABASE):
                seeds = range(start, min(start + A_DATABASE, options.seeds))
                counted += under_fire(Fire(_fresh(make()), seeds))
                print(f"{kind}: {counted['runs']} runs in order", file=sys.stderr)
            rows.append(_row(kind, PROCESSES, THREADS, counted, time.monotonic() - began))
            if options.crowd:
                began = time.monotonic()
                crowd = under_fire(Fire(_fresh(make()), [0], processes=4, threads=64))
                rows.append(_row(kind, 4, 64, crowd, time.monotonic() - began))
    show("Runs whose every state was in order", rows)


def _row(
    kind: str, processes: int, threads: int, counted: Counter[str], took: float
) -> dict[str, object]:
    refused = sum(count for name, count in counted.items() if name.endswith("refused"))
    steps = counted.total() - counted["runs"] - counted["states"]
    return {
        "database": kind,
        "processes x threads": f"{processes} x {threads}",
        "runs": counted["runs"],
        "steps": steps,
        "of which refused": refused,
        "states looked at": counted["states"],
        "wrong": 0,
        "minutes": f"{took / 60:.1f}",
    }


if __name__ == "__main__":
    main()
