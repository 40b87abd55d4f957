"""The kill trial: a batch on a Prefect server with a worker, all of which are killed many times.

The moments are drawn by how much has been bought by then, so that they lie all over the batch. In
turn they hit the process that runs the batch, the worker that started it, and the Prefect server.
What died is started again, as whoever operates a studio would have it started.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

import httpx

from billing.ledger import audit
from deployments.pools import worker_command
from deployments.server import is_healthy, server_environment, start_server, stop_process
from engine import batch_files, batch_plan, batch_start
from engine.execute import Order
from engine.jobs import Job
from engine.studio import Studio
from studio.settings import Settings
from tests.crash.trial_studio import trial_studio
from tests.crash.trial_words import NAME, POOL, URL, WIDTH
from tests.support.bills import decide_unknown
from tests.support.paid_server import PaidServer
from tests.support.studios import FUNDS, OWNER, fund

ROOT = Path(__file__).parents[2]
TARGETS = ("run", "worker", "server")
_POLL = 0.1
_APPEAR_SECONDS = 180
"""A run that no process has taken up for so long is asked for anew."""
_HTTP_SECONDS = 120
_BUT = ("asset", "attempts")
"""What two runs of a batch differ in: ids, and how often what was surely not bought was tried."""


class TrialFailed(AssertionError):
    """The trial did not come to what an unbroken run comes to."""


@dataclass
class Result:
    """What a trial came to.

    Attributes:
        kills: how often each target was killed.
        runs: flow runs that were asked for.
        unknown: jobs of which nobody knew, until somebody looked at the provider's bill.
        again: rows that took more than one attempt.
        seconds: how long it took.
    """

    rows: int
    kills: Counter[str] = field(default_factory=Counter)
    runs: int = 0
    unknown: int = 0
    again: int = 0
    seconds: float = 0


def rows_csv(rows: int) -> str:
    """Return a batch of so many different pictures."""
    lines = [f"r{n},generate,picture {n},{n}" for n in range(rows)]
    return "\n".join(["row,operation,prompt,seed", *lines, ""])


@dataclass
class Trial:
    """A studio, its server and its worker, and who kills them.

    Args:
        home: the studio's home folder.
        port: for the Prefect server.
        rows: of the batch.
        seed: draws the moments.
        tell: told of each kill.
    """

    home: Path
    port: int
    rows: int
    paid: PaidServer
    seed: int = 0
    tell: Callable[[str], None] = print
    name: str = ""
    result: Result = field(init=False)
    _server: subprocess.Popen[bytes] | None = None
    _worker: subprocess.Popen[bytes] | None = None
    _run: str = ""
    _asked: float = 0
    _seen: bool = False

    def __post_init__(self) -> None:
        """Prepare the home: a wallet and the batch's file."""
        self.result = Result(self.rows)
        self.config = Settings(_env_file=None, home=self.home, prefect_port=self.port)
        self.csv = self.home.parent / "batch.csv"
        self.csv.write_text(rows_csv(self.rows))
        with self._studio() as studio:
            fund(studio, FUNDS * max(1, self.rows // 200))
        profile = server_environment(self.config)
        self.api = profile["PREFECT_API_URL"]
        self.environment = {
            **os.environ,
            **profile,
            "STUDIO_HOME": str(self.home),
            "PYTHONPATH": str(ROOT),
            URL: self.paid.url,
        }

    def carry_out(self, kills: int) -> Result:
        """Run the batch through so many kills to its end, and compare it with an unbroken run.

        Raises:
            TrialFailed: something was bought twice, or the manifest is another one.
        """
        began = time.monotonic()
        moments = random.Random(self.seed)
        at = sorted(moments.randrange(self.rows) for _ in range(kills))
        while not self._ended():
            self._keep_going()
            if at and len(self.paid.purchases) >= at[0] and self._kill(len(at)):
                at.pop(0)
            time.sleep(_POLL)
        self.result.unknown = self._decide()
        while self.result.unknown and not self._ended(complete=True):
            self._keep_going(complete=True)
            time.sleep(_POLL)
        self._kill_the_rest(at)
        self._await_delivery()
        self._judge()
        self.result.seconds = time.monotonic() - began
        return self.result

    def _kill_the_rest(self, at: Sequence[int]) -> None:
        if at:
            raise TrialFailed(f"the batch ended before {len(at)} kills")

    def cancel(self, name: str) -> list[str]:
        """Run the rows once more, as a batch of another name, and press Prefect's Cancel in it.

        Returns:
            The statuses in the manifest.
        """
        self.name, self._run = name, ""
        before = len(self.paid.purchases)
        while len(self.paid.purchases) < before + WIDTH:
            self._keep_going()
            time.sleep(_POLL)
        body = {"state": {"type": "CANCELLING", "name": "Cancelling"}}
        self._http("POST", f"/flow_runs/{self._run}/set_state", body)
        until = time.monotonic() + _APPEAR_SECONDS
        while not self._ended():
            if time.monotonic() > until:
                raise TrialFailed("the batch of a cancelled run was not brought to its end")
            time.sleep(_POLL)
        manifest = self._manifest()
        while not manifest.exists() and time.monotonic() < until:
            time.sleep(_POLL)
        return [row["status"] for row in json.loads(manifest.read_bytes())["rows"]]

    def __enter__(self) -> Self:
        """Start the server and the worker, and tell the server of the flow."""
        try:
            self._server = start_server(self.config)
            command = [sys.executable, "-m", "tests.crash.killed"]
            subprocess.run(command, env=self.environment, cwd=ROOT, check=True)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End all of them."""
        if (pid := self._pid()) is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for process in (self._worker, self._server):
            if process is not None and process.poll() is None:
                stop_process(process)

    def _keep_going(self, *, complete: bool = False) -> None:
        """Start again what is dead, and ask for a run where none is at work."""
        if self._server is None or self._server.poll() is not None:
            self._server = start_server(self.config)
        if self._worker is None or self._worker.poll() is not None:
            log = (self.home / "worker.log").open("ab")
            with log:
                self._worker = subprocess.Popen(
                    worker_command(POOL, 4, "w"),
                    env=self.environment,
                    cwd=ROOT,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        at_work = self._pid() is not None
        self._seen = self._seen or at_work
        if at_work or self._ended(complete=complete):
            return
        lost = time.monotonic() - self._asked > _APPEAR_SECONDS
        if not self._run or self._seen or lost:
            self._ask()

    def _ask(self) -> None:
        found = self._http("GET", f"/deployments/name/batch/{NAME}")
        body = {"parameters": {"csv": str(self.csv), "owner": OWNER, "name": self.name}}
        made = self._http("POST", f"/deployments/{found['id']}/create_flow_run", body)
        self._run, self._asked, self._seen = made["id"], time.monotonic(), False
        self.result.runs += 1

    def _http(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Ask the server; one that is busy with its own database is asked again."""
        until = time.monotonic() + _HTTP_SECONDS
        while True:
            with contextlib.suppress(httpx.TransportError):
                answer = httpx.request(method, f"{self.api}{path}", json=body, timeout=30)
                if answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR:
                    return answer.raise_for_status().json()
            if time.monotonic() > until:
                raise TrialFailed(f"the server does not answer {method} {path}")
            time.sleep(0.5)

    def _kill(self, left: int) -> bool:
        """Kill whose turn it is; ``False`` if it is not there at this moment."""
        turn = TARGETS[left % len(TARGETS)]
        process = {"worker": self._worker, "server": self._server}.get(turn)
        pid = process.pid if process is not None else self._pid()
        if pid is None or (turn == "server" and not is_healthy(self.api)):
            return False
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        if process is not None:
            process.wait()
        self.result.kills[turn] += 1
        self.tell(f"{turn} killed after {len(self.paid.purchases)} of {self.rows} purchases")
        return True

    def _query(self, statement: str, *values: str) -> Any:
        """Ask the studio's database, which somebody else writes."""
        with contextlib.closing(sqlite3.connect(self.home / "studio.db", timeout=60)) as found:
            return found.execute(statement, values).fetchone()

    def _batch(self, column: Literal["id", "state"]) -> str | None:
        found = self._query(f"SELECT {column} FROM batches WHERE name = ?", self.name)  # noqa: S608 - a name of ours
        return None if found is None else str(found[0])

    def _pid(self) -> int | None:
        """Return the process that runs the batch, if it lives."""
        found = self._query(
            "SELECT process FROM workers JOIN batches ON workers.id = batches.worker "
            "WHERE batches.state = 'running' AND batches.name = ?",
            self.name,
        )
        if found is None:
            return None
        pid = int(found[0])
        try:
            # Numbers of processes are given anew: a stranger that has it now is not to be killed.
            ours = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except OSError:
            return None
        return pid if f"STUDIO_HOME={self.home}".encode() in ours else None

    def _ended(self, *, complete: bool = False) -> bool:
        return self._batch("state") in ({"done"} if complete else {"done", "incomplete"})

    def _manifest(self) -> Path:
        return self.home / "batches" / str(self._batch("id")) / "manifest.json"

    def _await_delivery(self) -> None:
        """Wait until the files are those of the last run: they are written once it has ended."""
        (microseconds,) = self._query("SELECT finished_at FROM batches WHERE name = ?", self.name)
        ended_at = microseconds / 1_000_000
        until = time.monotonic() + _APPEAR_SECONDS
        path = self._manifest()
        while not path.exists() or path.stat().st_mtime < ended_at:
            if time.monotonic() > until:
                raise TrialFailed("the batch ended, and its manifest was not written")
            time.sleep(_POLL)

    def _studio(self) -> AbstractContextManager[Studio]:
        return trial_studio(self.home, self.paid.url)

    def _decide(self) -> int:
        with self._studio() as studio:
            return decide_unknown(studio, self.paid)

    def _judge(self) -> None:
        bought = Counter(each.work for each in self.paid.purchases)
        if len(bought) != self.rows or set(bought.values()) != {1}:
            twice = sum(count > 1 for count in bought.values())
            raise TrialFailed(f"{len(bought)} of {self.rows} rows bought, {twice} more than once")
        with self._studio() as studio, studio.database.read() as connection:
            if faults := audit(connection):
                raise TrialFailed(f"the books do not agree: {faults}")
        kept = json.loads(self._manifest().read_bytes())
        self.result.again = sum(row["attempts"] > 1 for row in kept["rows"])
        wanted = unbroken(self.home.parent / "unbroken", self.csv)
        found, expected = ([_bare(row) for row in each] for each in (kept["rows"], wanted))
        if found != expected:
            first = next(pair for pair in zip(found, expected, strict=False) if pair[0] != pair[1])
            raise TrialFailed(f"the manifest is another one: {first}")


def _bare(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in _BUT}


def unbroken(home: Path, csv: Path) -> list[dict[str, Any]]:
    """Return the manifest's rows of a run of the same file that nobody kills."""
    with PaidServer() as paid, trial_studio(home, paid.url) as studio:
        fund(studio, FUNDS * 1_000)
        data = csv.read_bytes()
        spec = batch_plan.read_file(studio, data, source=csv.name, owner=OWNER, folder=csv.parent)
        running = batch_start.start_batch(studio, batch_plan.plan_batch(studio, spec), "unbroken")
        running.hold_for(running.quote(), "unbroken/1")
        for wave in running.waves():
            for order, job in _all(studio, running.orders(wave)):
                running.take(order, job)
        running.finish()
        folder = batch_files.folder_of(studio, spec)
        batch_files.deliver(studio, running.view, folder)
        rows: list[dict[str, Any]] = json.loads((folder / "manifest.json").read_bytes())["rows"]
        return rows


def _all(studio: Studio, orders: Sequence[Order]) -> Iterator[tuple[Order, Job]]:
    async def together() -> list[Job]:
        return await asyncio.gather(*map(studio.executor.execute, orders))

    yield from zip(orders, studio.loop.run(together()), strict=True)
