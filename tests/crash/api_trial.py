"""The API's kill trial: mixed runs asked for over HTTP while the API, the worker and Prefect die.

A client asks for pictures, for two variations at once, and for small batches, each under a key of
its own, and asks again under the same key where there was no answer. The moments of the kills are
drawn by how much was asked for. In turn they hit the API, the worker with all runs that it had, and
the Prefect server. What died is started again; runs that a dead worker had are retried, as
Prefect's button does it, and of what nobody knows the provider's bill is looked at.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Self

import httpx
from sqlalchemy import func, select

from billing.accounts.keys import SCOPES, add_key
from billing.ledger import audit, balance
from deployments.pools import worker_command
from deployments.server import is_healthy, server_environment, start_server
from engine.resume import resume_orphans
from engine.studio import Studio
from interfaces.client import Client, Refused
from library.tables import assets
from studio.settings import Settings
from tests.crash.trial import ROOT, TrialFailed
from tests.crash.trial_studio import trial_studio
from tests.crash.trial_words import POOL, URL
from tests.support.bills import decide_unknown
from tests.support.paid_server import PaidServer
from tests.support.studios import OWNER, fund

TARGETS = ("api", "worker", "server")
PREFIX = "/api/image-studio"

_FUNDS = 100_000_000_000
_PRICE = 4_000_000
_ROWS = 3
"""Rows of a batch."""
_POLL = 0.3
_STUCK_SECONDS = 400
"""A run whose process has not begun for so long is retried: it has none. Much longer than a loaded
machine takes to start one, for two processes of one run are not what is tried here."""
_PATIENCE = 1_800
"""Seconds without anything new after which the trial is given up."""


@dataclass
class Result:
    """What a trial came to.

    Attributes:
        runs: that were asked for.
        kills: how often each target was killed.
        asked_again: requests that had no answer, and were sent again under the same key.
        retried: runs that were retried, because their worker was killed.
        unknown: jobs of which nobody knew, until somebody looked at the provider's bill.
        bought: purchases at the provider.
        seconds: how long it took.
    """

    runs: int
    kills: Counter[str] = field(default_factory=Counter)
    asked_again: int = 0
    retried: int = 0
    unknown: int = 0
    bought: int = 0
    seconds: float = 0


@dataclass
class ApiTrial:
    """A studio with its API, its Prefect server and its worker, and who kills them.

    Args:
        home: the studio's home folder.
        ports: for the Prefect server and the API.
        runs: how many are asked for; every third is two variations, every fourth a batch.
        seed: draws the moments.
        tell: told of each kill.
    """

    home: Path
    ports: tuple[int, int]
    runs: int
    paid: PaidServer
    seed: int = 0
    tell: Callable[[str], None] = print
    result: Result = field(init=False)
    _there: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _asked: dict[int, str] = field(default_factory=dict)
    _trouble: list[BaseException] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Prepare the home: a wallet, and a key."""
        self.result = Result(self.runs)
        self.config = Settings(_env_file=None, home=self.home, prefect_port=self.ports[0])
        with self._studio() as studio:
            fund(studio, _FUNDS)
            _, self.key = studio.database.write(
                lambda connection: add_key(connection, OWNER, OWNER, "trial", SCOPES, author=OWNER)
            )
        profile = server_environment(self.config)
        self.prefect = profile["PREFECT_API_URL"]
        self.address = f"http://127.0.0.1:{self.ports[1]}{PREFIX}"
        self.environment = {
            **os.environ,
            **profile,
            "STUDIO_HOME": str(self.home),
            "PYTHONPATH": str(ROOT),
            URL: self.paid.url,
        }

    def __enter__(self) -> Self:
        """Start all of it, and tell the server of the flows."""
        try:
            self._there["server"] = start_server(self.config)
            command = [sys.executable, "-m", "tests.crash.api_served", "register"]
            subprocess.run(command, env=self.environment, cwd=ROOT, check=True)
            self._keep_going()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End all of it."""
        for process in self._there.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def carry_out(self, kills: int) -> Result:
        """Ask for all runs through so many kills, and judge what came of them.

        Raises:
            TrialFailed: something was lost, bought twice or charged twice.
        """
        began = time.monotonic()
        drawn = random.Random(self.seed)
        # One in each stretch of the requests, so that they lie all over them.
        stretch = self.runs / kills
        at = [1 + int(stretch * (number + drawn.random())) for number in range(kills)]
        asking = threading.Thread(target=self._ask_for_all, daemon=True)
        asking.start()
        seen, changed = "", time.monotonic()
        while not self._all_done():
            self._keep_going()
            if at and len(self._asked) >= min(at[0], self.runs):
                self._kill(TARGETS[len(at) % len(TARGETS)])
                at.pop(0)
            self._retry_what_is_dead()
            now = f"{len(self._asked)} {sorted(self._states().values())} {len(self.paid.purchases)}"
            if now != seen:
                seen, changed = now, time.monotonic()
            if self._trouble:
                raise TrialFailed("the client gave up") from self._trouble[0]
            if time.monotonic() - changed > _PATIENCE:
                raise TrialFailed(f"nothing goes on any more: {now}")
            time.sleep(_POLL)
        asking.join()
        self._judge()
        self.result.seconds = round(time.monotonic() - began, 1)
        return self.result

    def _ask_for_all(self) -> None:
        try:
            with Client(self.address, self.key, timeout=30) as client:
                # The file of a batch is uploaded once; its name makes each batch another one.
                rows = "\n".join(f"row-{n},generate,row {n}" for n in range(_ROWS))
                file = self._answered(
                    lambda: client.upload(f"row,operation,prompt\n{rows}\n".encode(), "rows.csv")
                )["id"]
                for number in range(self.runs):
                    ask = partial(self._ask, client, number, file)
                    self._asked[number] = self._answered(ask)["id"]
        except BaseException as error:  # noqa: BLE001 - the thread's; told by the trial
            self._trouble.append(error)

    @staticmethod
    def _ask(client: Client, number: int, file: str) -> Any:
        key = f"trial-{number}"
        if number % 4 == 3:
            defaults = {"seed": str(number)}
            return client.batch(file, key=key, name=f"batch {number}", defaults=defaults)
        variations = 2 if number % 3 == 2 else 1
        return client.run(
            "generate", key=key, prompt=f"picture {number}", seed=number, variations=variations
        )

    def _answered(self, ask: Callable[[], Any]) -> Any:
        """Ask until there is an answer, as a system does that must not give up."""
        until = time.monotonic() + _PATIENCE
        while True:
            try:
                return ask()
            except (httpx.TransportError, Refused) as error:
                if isinstance(error, Refused) and error.status < 500:
                    raise
                if time.monotonic() > until:
                    raise
            self.result.asked_again += 1
            time.sleep(1)

    def _keep_going(self) -> None:
        """Start again what is dead."""
        if not self._lives("server"):
            self._there["server"] = start_server(self.config)
        if not self._lives("worker"):
            self._there["worker"] = self._start(worker_command(POOL, 4, "w"), "worker")
        if not self._lives("api"):
            command = [sys.executable, "-m", "tests.crash.api_served", "api", str(self.ports[1])]
            self._there["api"] = self._start(command, "api")

    def _lives(self, name: str) -> bool:
        return name in self._there and self._there[name].poll() is None

    def _start(self, command: list[str], name: str) -> subprocess.Popen[bytes]:
        with (self.home / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                command,
                env=self.environment,
                cwd=ROOT,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _kill(self, target: str) -> None:
        """Kill a process with all that it started, as a machine that loses power would."""
        process = self._there[target]
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        self.result.kills[target] += 1
        self.tell(f"{target} killed after {len(self._asked)} of {self.runs} requests")
        if target == "worker":
            self._keep_going()
            for run, state in self._states().items():
                if state in {"RUNNING", "PENDING", "CANCELLING"}:
                    self._retry(run)

    def _states(self) -> dict[str, str]:
        """Return the states of all runs, by the run's id; nothing while the server is away."""
        found: dict[str, str] = {}
        for offset in range(0, self.runs + 200, 200):
            body = {"limit": 200, "offset": offset, "sort": "ID_DESC"}
            page = self._http("POST", "/flow_runs/filter", body)
            found |= {each["id"]: str(each["state_type"]) for each in page or ()}
            if not page or len(page) < 200:
                return found
        return found

    def _http(self, method: str, path: str, body: Any = None) -> Any:
        with contextlib.suppress(httpx.TransportError):
            answer = httpx.request(method, f"{self.prefect}{path}", json=body, timeout=60)
            if answer.is_success:
                return answer.json()
        return None

    def _retry_what_is_dead(self) -> None:
        """Retry what failed, crashed or was not taken up in time; decide what is open."""
        body = {"limit": 200, "flow_runs": {"state": {"type": {"not_any_": ["COMPLETED"]}}}}
        found = self._http("POST", "/flow_runs/filter", body) or ()
        dead = [each for each in found if each["state_type"] in {"FAILED", "CRASHED"}]
        if dead:
            self._decide()
        for each in dead:
            self._retry(each["id"])
        for each in found:
            since = each["state"]["timestamp"]
            age = time.time() - _seconds(since)
            if each["state_type"] == "PENDING" and age > _STUCK_SECONDS:
                self._retry(each["id"])

    def _retry(self, run: str) -> None:
        body = {"state": {"type": "SCHEDULED", "name": "AwaitingRetry"}, "force": True}
        until = time.monotonic() + _PATIENCE
        while self._http("POST", f"/flow_runs/{run}/set_state", body) is None:
            self._keep_going()
            if time.monotonic() > until:
                raise TrialFailed("the server takes no retry")
            time.sleep(1)
        self.result.retried += 1

    def _all_done(self) -> bool:
        if len(self._asked) < self.runs or not is_healthy(self.prefect):
            return False
        states = self._states()
        return all(states.get(run) == "COMPLETED" for run in self._asked.values())

    def _studio(self) -> AbstractContextManager[Studio]:
        return trial_studio(self.home, self.paid.url)

    def _decide(self) -> None:
        """Do as upkeep does, and with unknown jobs as a person does."""
        with self._studio() as studio:
            studio.loop.run(resume_orphans(studio))
            self.result.unknown += decide_unknown(studio, self.paid)

    def _pieces(self) -> int:
        """Return how many pictures were asked for."""
        batches = sum(number % 4 == 3 for number in range(self.runs))
        pairs = sum(number % 3 == 2 and number % 4 != 3 for number in range(self.runs))
        return self.runs - batches + pairs + batches * _ROWS

    def _judge(self) -> None:
        wanted = self._pieces()
        works = Counter(each.work for each in self.paid.purchases)
        self.result.bought = len(self.paid.purchases)
        if len(set(self._asked.values())) != self.runs:
            raise TrialFailed("two requests came to one run")
        if len(works) != wanted or set(works.values()) != {1}:
            twice = sum(count > 1 for count in works.values())
            raise TrialFailed(f"{len(works)} of {wanted} pictures bought, {twice} more than once")
        with self._studio() as studio, studio.database.read() as connection:
            if faults := audit(connection):
                raise TrialFailed(f"the books do not agree: {faults}")
            has = balance(connection, OWNER)
            made = select(func.count()).where(assets.c.operation == "generate")
            kept = connection.execute(made).scalar_one()
        if (has.captured, has.held) != (wanted * _PRICE, 0):
            raise TrialFailed(f"{has.captured} captured and {has.held} held for {wanted} pictures")
        if kept != wanted:
            raise TrialFailed(f"{kept} of {wanted} pictures are in the library")
        self._look_through_the_api(wanted)

    def _look_through_the_api(self, wanted: int) -> None:
        """See that whoever asked finds what they asked for, by the runs that they were told."""
        found: set[str] = set()
        with Client(self.address, self.key, timeout=60) as client:
            for run in self._asked.values():
                told = self._answered(partial(client.find, run))
                if told["status"] != "done":
                    raise TrialFailed(f"run {run} is {told['status']}")
                if told["batch"]:
                    path = f"/batches/{told['batch']}/rows"
                    page = self._answered(partial(client.get, path))
                    found |= {asset for row in page["rows"] for asset in row["assets"]}
                else:
                    found |= {asset["id"] for asset in told["assets"]}
        if len(found) != wanted:
            raise TrialFailed(f"the API tells of {len(found)} of {wanted} pictures")


def _seconds(stamp: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(stamp).timestamp()
