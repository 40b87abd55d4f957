"""Many processes with many threads each, let loose on one database at the same moment."""

from __future__ import annotations

import multiprocessing
import queue
import random
import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Self

from billing import ledger
from billing.ledger import HoldRequest, Ledger, WalletRequest
from studio import clock
from studio.database import Database
from studio.errors import StudioError

PROCESSES = 4
THREADS = 8

Runner = Callable[[Database, Ledger, int], Counter[str]]
"""What one thread does; its number is unique among all. It returns what it counted."""

_START_SECONDS = 120


class Racers:
    """Processes that wait for races; starting them anew for each would take longer than the race.

    Use it in a ``with`` block: at its end the processes end.
    """

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        # Kept: a semaphore that the parent forgets is gone before a child has opened it.
        self._barrier = context.Barrier(PROCESSES * THREADS)
        self._results: Any = context.Queue()
        self._tasks: list[Any] = [context.Queue() for _ in range(PROCESSES)]
        self._processes = [
            context.Process(
                target=_process, args=(number, self._barrier, tasks, self._results), daemon=True
            )
            for number, tasks in enumerate(self._tasks)
        ]

    def __enter__(self) -> Self:
        for process in self._processes:
            process.start()
        return self

    def __exit__(self, *_: object) -> None:
        for tasks in self._tasks:
            tasks.put(None)
        for process in self._processes:
            process.join(_START_SECONDS)
            if process.exitcode is None:
                process.kill()

    def race(self, database: Database, work: Runner) -> Counter[str]:
        """Run ``work`` in every thread of every process, all started by one barrier.

        Returns:
            The sum of what the threads counted.
        """
        for tasks in self._tasks:
            tasks.put((database.url.render_as_string(hide_password=False), work))
        counted: Counter[str] = Counter()
        for _ in self._processes:
            counts, failures = self._result()
            assert failures == [], failures
            counted += counts
        return counted

    def _result(self) -> tuple[Counter[str], list[str]]:
        while True:
            try:
                result: tuple[Counter[str], list[str]] = self._results.get(timeout=1)
            except queue.Empty:
                assert all(process.is_alive() for process in self._processes), "a racer died"
            else:
                return result


def _process(number: int, barrier: Any, tasks: Any, results: Any) -> None:
    while (task := tasks.get()) is not None:
        url, work = task
        database = Database(url, pool_size=THREADS)
        books = Ledger(database)
        results.put(_run_threads(database, books, work, number, barrier))
        books.close()
        database.close()


def _run_threads(
    database: Database, books: Ledger, work: Runner, number: int, barrier: Any
) -> tuple[Counter[str], list[str]]:
    counted: Counter[str] = Counter()
    failures: list[str] = []
    lock = threading.Lock()

    def thread(position: int) -> None:
        try:
            barrier.wait(_START_SECONDS)
            found = work(database, books, number * THREADS + position)
            with lock:
                counted.update(found)
        except BaseException as error:  # noqa: BLE001 - the test must hear of it
            with lock:
                failures.append(repr(error))

    threads = [threading.Thread(target=thread, args=(each,)) for each in range(THREADS)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return counted, failures


def spend_at_random(database: Database, books: Ledger, number: int) -> Counter[str]:
    """Hold, claim, capture, give back and release odd amounts until nothing more is to be had."""
    dice = random.Random(number)
    counted: Counter[str] = Counter()
    for turn in range(12):
        try:
            hold = books.hold(
                "ada",
                dice.randrange(1, 40),
                key=f"{number}-{turn}",
                expires_at=clock.now() + timedelta(hours=1),
                purpose="a race",
            )
            counted["held"] += 1
            claims = [
                books.claim("ada", hold.id, hold.amount // 2, key=f"{number}-{turn}-{half}")
                for half in range(2)
            ]
            spent = dice.randrange(claims[0].amount + 1)
            books.capture("ada", claims[0].id, spent)
            counted["captured"] += spent
            if dice.random() < 0.5:
                books.give_back("ada", claims[1].id)
                books.release("ada", hold.id)
            else:
                books.release("ada", hold.id)
                books.capture("ada", claims[1].id, claims[1].amount)
                counted["captured"] += claims[1].amount
        except StudioError as refusal:
            counted[type(refusal).__name__] += 1
    return counted


def hold_half_a_dollar(database: Database, books: Ledger, number: int) -> Counter[str]:
    """One call of US$0.50, recorded at once as spent."""
    try:
        hold = books.hold(
            "ada",
            50_000_000,
            key=str(number),
            expires_at=clock.now() + timedelta(hours=1),
            purpose="a call",
        )
        claim = books.claim("ada", hold.id, hold.amount, key=str(number))
        books.capture("ada", claim.id, claim.amount)
    except StudioError as refusal:
        return Counter([type(refusal).__name__])
    return Counter(["admitted"])


def hold_by_itself(database: Database, books: Ledger, number: int) -> Counter[str]:
    """Hold in a transaction of the thread's own, without grouping: the database sees all 32."""
    request = HoldRequest("ada", str(number), 7, clock.now() + timedelta(hours=1), "a race")
    (answer,) = database.write(lambda connection: ledger.hold(connection, [request]))
    return Counter([type(answer).__name__])


def claim_from_the_envelope(database: Database, books: Ledger, number: int) -> Counter[str]:
    """Take claims out of the one hold that is there, and capture them in another order."""
    with database.read() as connection:
        (envelope,) = ledger.holds_of(connection, "ada")
    counted: Counter[str] = Counter()
    taken = []
    for turn in range(5):
        try:
            taken.append(books.claim("ada", envelope.id, 3, key=f"{number}-{turn}"))
        except StudioError as refusal:
            counted[type(refusal).__name__] += 1
    for claim in reversed(taken):
        books.capture("ada", claim.id, 2)
        counted["captured"] += 2
    return counted


def hold_under_the_same_key(database: Database, books: Ledger, number: int) -> Counter[str]:
    """The same run, asked for by everybody at once; and a different one under the same key."""
    amount = 7 if number % 4 else 8
    try:
        hold = books.hold(
            "ada",
            amount,
            key="the run",
            expires_at=clock.now() + timedelta(hours=1),
            purpose="a race",
        )
    except StudioError as refusal:
        return Counter([type(refusal).__name__])
    return Counter(["replayed" if hold.replayed else "made"])


def capture_the_only_claim(database: Database, books: Ledger, number: int) -> Counter[str]:
    """Everybody ends the same claim: some capture it, some give it back."""
    with database.read() as connection:
        (hold,) = ledger.holds_of(connection, "ada")
    claim = books.claim("ada", hold.id, 5, key="the job")
    try:
        ended = (
            books.capture("ada", claim.id, 5) if number % 2 else books.give_back("ada", claim.id)
        )
    except StudioError as refusal:
        return Counter([type(refusal).__name__])
    return Counter([ended.state, "replayed" if ended.replayed else "first"])


def first_touch(database: Database, books: Ledger, number: int) -> Counter[str]:
    """An owner nobody has heard of."""
    try:
        books.hold(
            "stranger",
            number % 2,
            key=str(number),
            expires_at=clock.now() + timedelta(hours=1),
            purpose="a race",
        )
    except StudioError as refusal:
        return Counter([type(refusal).__name__])
    return Counter(["admitted"])


def open_and_hold(database: Database, books: Ledger, number: int) -> Counter[str]:
    """Everybody opens the same wallet, tops it up by the same invoice, and holds at once."""
    books.open_wallet("newcomer")
    books.top_up("newcomer", 20, key="invoice", author="op", reason="a race")
    try:
        books.hold(
            "newcomer",
            7,
            key=str(number),
            expires_at=clock.now() + timedelta(hours=1),
            purpose="a race",
        )
    except StudioError as refusal:
        return Counter([type(refusal).__name__])
    return Counter(["admitted"])


def spend_across_wallets(database: Database, books: Ledger, number: int) -> Counter[str]:
    """Groups over several wallets in ever other orders: the lock order must prevent deadlocks."""
    dice = random.Random(number)
    counted: Counter[str] = Counter()
    for turn in range(4):
        owners = [f"owner-{each}" for each in range(6)]
        dice.shuffle(owners)
        until = clock.now() + timedelta(hours=1)
        requests: list[ledger.Request[Any]] = [
            HoldRequest(owner, f"{number}-{turn}", 1, until, "x") for owner in owners
        ]
        # Opening what is open already must not take a lock before the others are taken.
        requests.append(WalletRequest(owners[0]))
        answers = database.write(lambda connection: ledger.apply(connection, requests))  # noqa: B023 - called at once
        counted.update(type(answer).__name__ for answer in answers)
    return counted


def reap(database: Database, books: Ledger, number: int) -> Counter[str]:
    """Reapers and late runs at the same holds."""
    with database.read() as connection:
        holds = ledger.holds_of(connection, "ada", limit=1000)
    if number % 2:
        later = clock.now() + timedelta(days=2)
        ended = database.write(lambda connection: ledger.expire(connection, later, 7))
        return Counter({"expired": len(ended)})
    for hold in holds[number::2]:
        books.release("ada", hold.id)
    return Counter()
