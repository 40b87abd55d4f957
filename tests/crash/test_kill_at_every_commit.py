"""The path is killed with SIGKILL at every point where something becomes lasting, and run again.

Whatever the moment, the second run must end as if there had been one: nothing bought twice,
nothing lost, nothing held for ever; or, where nobody can know whether the dead process bought
something, with that one job marked as unknown and its credits kept aside.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
from sqlalchemy import Connection, select

from billing.ledger import audit, balance
from engine.jobs import Job
from engine.tables import deliveries, jobs, outbox
from library.tables import assets
from studio.database import Database
from studio.storage import BlobStore
from tests.crash.program import CSV, PHOTO, SENT, Command
from tests.support.paid_server import PaidServer, tiny_png
from tests.support.studios import FUNDS, OWNER, opened_studio

_LANES = 2
_DOUBLE_KILLS = 12
"""So many runs are killed twice: once, and again while they recover."""

_ROWS = f"""row,operation,prompt,image,formats,seed,provider
fox,generate,a fox,,,7,paid
fox-again,generate,a fox,,,7,paid
large,upscale,,@fox,,,paid
cut,remove_background,,{PHOTO},,,paid
owl,generate,an owl,,,,instant
posts,social_export,,@owl,instagram_story+linkedin_feed_post,,paid
"""


class Program:
    """The program that is killed, ready to fork."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "tests.crash.program"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )

    def run(self, command: Command) -> int:
        """Run the path; return by which signal it was ended, 0 for none."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asdict(command)) + "\n")
        self._process.stdin.flush()
        status = int(self._process.stdout.readline())
        assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, command
        return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0

    def close(self) -> None:
        """Let it end."""
        self._process.communicate()


@dataclass(frozen=True)
class Unbroken:
    """What a run comes to that nobody kills.

    Attributes:
        points: the kinds of the points that it comes by, in their order.
        manifest: the batch's manifest without the asset ids, by row and output.
    """

    points: Sequence[str]
    manifest: dict[tuple[str, str], dict[str, str]]


@dataclass(frozen=True)
class Case:
    """A crash: at which point of the first run, and perhaps of the second one."""

    scenario: str
    kills: tuple[int, ...]
    together: bool = False

    def __str__(self) -> str:
        return "-".join(map(str, [self.scenario, *self.kills]))


@dataclass
class Lanes:
    """Runs crash cases, a few at a time, each in a home folder and with a server of its own."""

    folder: Path
    programs: SimpleQueue[Program]

    @contextmanager
    def home(self, name: str) -> Iterator[Path]:
        """Yield a copy of the prepared home folder; it is removed if all goes well."""
        home = self.folder / name
        shutil.copytree(self.folder / "prepared", home)
        yield home
        shutil.rmtree(home)

    @contextmanager
    def program(self) -> Iterator[Program]:
        """Borrow a program."""
        program = self.programs.get()
        try:
            yield program
        finally:
            self.programs.put(program)


@pytest.fixture(scope="module")
def lanes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lanes]:
    """The programs, and a prepared home: a database with a filled wallet, a picture, a batch."""
    folder = tmp_path_factory.mktemp("crash")
    prepared = folder / "prepared"
    with opened_studio(prepared):
        pass
    (prepared / PHOTO).write_bytes(tiny_png("a photograph", side=16))
    (prepared / CSV).write_text(_ROWS)
    programs: SimpleQueue[Program] = SimpleQueue()
    started = [Program() for _ in range(_LANES)]
    for program in started:
        programs.put(program)
    yield Lanes(folder, programs)
    for program in started:
        program.close()


def _unbroken(lanes: Lanes, scenario: str) -> Unbroken:
    with lanes.home(f"{scenario}-unbroken") as home, PaidServer() as server:
        with lanes.program() as program:
            assert program.run(Command(str(home), server.url, scenario, 1)) == 0
        with _opened(home) as connection:
            _check_money(connection, home, server, unknown=set())
        assert Counter(_sent(home)).most_common(1)[0][1] == 1
        return Unbroken(_points(home, 1), _manifest(home) if scenario == "batch" else {})


def _crash(lanes: Lanes, case: Case, whole: Unbroken) -> None:
    """Kill the first run at its point, the next one at its, run to the end, and check."""
    with lanes.home(str(case)) as home, PaidServer() as server:
        unknown: set[str] = set()
        bare_sends = 0
        with lanes.program() as program:
            for attempt, kill in enumerate([*case.kills, 0], start=1):
                command = Command(
                    str(home), server.url, case.scenario, attempt, kill, case.together
                )
                ended_by = program.run(command)
                points = _points(home, attempt)
                if attempt == 1:
                    assert ended_by == signal.SIGKILL
                    assert case.together or points == list(whole.points[:kill])
                bare_sends += "after send" in points[-2:]
                if kill:
                    unknown |= _may_be_bought(home)
            assert ended_by == 0, "the last run did not come to its end"
        with _opened(home) as connection:
            _check_money(connection, home, server, unknown)
            _check_messages(connection, home, case.scenario, bare_sends)
        if case.scenario == "batch":
            _check_manifest(home, whole, unknown)


@contextmanager
def _opened(home: Path) -> Iterator[Connection]:
    database = Database(f"sqlite:///{home / 'studio.db'}")
    with database.read() as connection:
        yield connection
    database.close()


def _points(home: Path, attempt: int) -> list[str]:
    return (home / f"points-{attempt}.log").read_text().splitlines()


def _sent(home: Path) -> list[str]:
    file = home / SENT
    return file.read_text().splitlines() if file.exists() else []


def _jobs(connection: Connection) -> list[Job]:
    return [Job(**row._mapping) for row in connection.execute(select(jobs))]


def _may_be_bought(home: Path) -> set[str]:
    """Return the keys of which the journal of a killed process cannot tell whether it bought."""
    with _opened(home) as connection:
        return {
            job.key
            for job in _jobs(connection)
            if job.state == "prepared" and job.provider == "paid"
        }


def _check_money(connection: Connection, home: Path, server: PaidServer, unknown: set[str]) -> None:
    """Check jobs, purchases, wallet and library against each other."""
    found = _jobs(connection)
    keys = Counter(job.key for job in found)
    assert set(keys.values()) == {1}, "a key has a second attempt"
    assert {job.key for job in found if job.state != "settled"} == unknown
    assert {job.state for job in found if job.key in unknown} <= {"unknown"}
    settled = [job for job in found if job.state == "settled"]
    assert server.twice == []
    bought = len(server.purchases)
    paid = sum(job.provider == "paid" for job in settled)
    assert paid <= bought <= paid + len(unknown)

    wallet = balance(connection, OWNER)
    assert wallet.granted == FUNDS
    assert wallet.captured == sum(job.price for job in settled)
    assert wallet.held == sum(job.price for job in found if job.key in unknown)
    assert audit(connection) == []
    _check_library(connection, home, settled)


def _check_library(connection: Connection, home: Path, settled: Sequence[Job]) -> None:
    store = BlobStore((home / "blobs").as_uri())
    rows = connection.execute(select(assets)).all()
    filed = {(row.job, row.position): row for row in rows}
    assert len(filed) == len(rows)
    made = {(job.id, place): made for job in settled for place, made in enumerate(job.outputs())}
    assert {place for place in filed if place[0].startswith("job_")} == made.keys()
    assert sum(row.operation == "import" for row in rows) <= 1
    for place, output in made.items():
        data = store.get(output.sha256)
        assert hashlib.sha256(data).hexdigest() == filed[place].sha256 == output.sha256
        assert store.has(filed[place].thumbnail)


def _check_messages(connection: Connection, home: Path, scenario: str, bare_sends: int) -> None:
    """Check that each message is there once, and was sent once unless a sender was killed."""
    rows = connection.execute(select(outbox)).all()
    assert {row.state for row in rows} == {"routed"}
    ways = connection.execute(select(deliveries.c.message, deliveries.c.state)).tuples().all()
    assert sorted(ways) == sorted((row.id, "sent") for row in rows)
    subjects = [(row.event, row.subject) for row in rows]
    assert len(set(subjects)) == len(subjects)
    if scenario == "orders":
        events = {"settled": "picture.ready", "unknown": "picture.unknown"}
        assert set(subjects) == {(events[job.state], job.id) for job in _jobs(connection)}
    else:
        assert {event for event, _ in subjects} <= {"batch.finished", "batch.partly_failed"}
    sent = Counter(_sent(home))
    assert set(sent) == {f"{row.id} {row.event} {row.subject}" for row in rows}
    assert sent.total() <= len(rows) + bare_sends


def _manifest(home: Path) -> dict[tuple[str, str], dict[str, str]]:
    with (home / "delivered" / "manifest.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        del row["asset"]
        if row["file"]:
            data = (home / "delivered" / row["file"]).read_bytes()
            assert hashlib.sha256(data).hexdigest() == row["sha256"]
    told = json.loads((home / "delivered" / "manifest.json").read_text())
    assert len(told["rows"]) == len(rows)
    return {(row["row"], row["output"]): row for row in rows}


def _check_manifest(home: Path, whole: Unbroken, unknown: set[str]) -> None:
    """Check that the manifest is that of an unbroken run but for rows that nobody can know of."""
    after = _manifest(home)
    if not unknown:
        assert after == whole.manifest
        return
    statuses: dict[str, Any] = {row: entry["status"] for (row, _), entry in after.items()}
    doubtful = {row for row, status in statuses.items() if status == "unknown"}
    assert doubtful
    # Of a row that is not there nothing can be made; the manifest says so.
    orphans = {row for row, status in statuses.items() if status == "failed"}
    assert orphans <= ({"large"} if "fox" in doubtful else set())
    touched = doubtful | orphans
    for place, entry in whole.manifest.items():
        if place[0] not in touched:
            assert after[place] == entry


@pytest.mark.timeout(1_200)  # a loaded machine needs several times the two minutes
def test_killed_at_every_point_and_run_again(lanes: Lanes) -> None:
    """Kill at every point of both paths; then kill some recoveries of a crowded batch as well."""
    whole = {scenario: _unbroken(lanes, scenario) for scenario in ("orders", "batch")}
    cases = [
        Case(scenario, (kill,))
        for scenario, unbroken in whole.items()
        for kill in range(1, len(unbroken.points) + 1)
    ]
    total = len(cases)
    chance = random.Random(20_261_122)
    for _ in range(_DOUBLE_KILLS):
        # Rows that are done together share commits, so there are fewer points to choose from.
        first, second = chance.randint(1, len(whole["batch"].points) // 2), chance.randint(1, 40)
        cases.append(Case("batch", (first, second), together=True))
    failed = _all(lanes, cases, whole)
    kinds = Counter(kind for unbroken in whole.values() for kind in unbroken.points)
    print(f"\n{total} kill points: {', '.join(f'{n} {kind}' for kind, n in kinds.items())}")
    print(f"{_DOUBLE_KILLS} runs killed twice, with rows done together")
    assert not failed, "\n".join(failed)
    assert total >= 25


def _all(lanes: Lanes, cases: Sequence[Case], whole: dict[str, Unbroken]) -> list[str]:
    """Carry out the cases; return what went wrong, in words."""
    failed = []
    with ThreadPoolExecutor(_LANES) as threads:
        under_way = [
            (case, threads.submit(_crash, lanes, case, whole[case.scenario])) for case in cases
        ]
        for case, future in under_way:
            error = future.exception()
            if error is not None:
                kind = whole[case.scenario].points[case.kills[0] - 1]
                failed.append(f"{case} ({kind}): {type(error).__name__}: {error}")
    return failed
