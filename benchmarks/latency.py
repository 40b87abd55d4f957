"""How long a run waits for its first task, from being asked for: ``python -m benchmarks.latency``.

All who carry out runs wait side by side at one server and are asked in turns, so that a busy moment
hits all alike: a bare Prefect flow of one task, served and by a process worker, with Prefect's own
settings; a flow of the studio's served by Prefect's runner; and ``studio up``, whose runs are warm,
asked as Prefect's pages ask and by the HTTP API. A run's first task counts as begun when Prefect
says so. One that has not begun after 90 seconds, as when Prefect's server is stalled, counts as
longer than that.

It takes seven minutes or so; ``--seconds`` bounds the part that measures.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import random
import subprocess
import sys
import tempfile
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx
from PIL import Image

from benchmarks.common import show
from benchmarks.latency_words import BARE_POOL, SERVED
from deployments.server import server_environment, stop_process
from studio.settings import Settings
from tests.conftest import free_port

_ROOT = Path(__file__).parents[1]
_START_SECONDS = 300
_LONGEST_SECONDS = 90.0
"""A run that has not begun by then counts as longer than that."""
_END_SECONDS = 120
_TRIES = 5
_START = "import sys; from interfaces.cli.app import launch; sys.exit(launch(sys.argv[1:]))"
_FORMATS = ["instagram_story"]
_SOCIAL = "export-for-social-media/Export for social media"
_STUDIO_SERVED = f"export-for-social-media/{SERVED}"

Ask = Callable[[], str]


class Bench:
    """A studio that runs in a folder of its own, and those beside it.

    Args:
        folder: an empty one.
        stack: ends what is started.
    """

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        ports = {name: free_port() for name in ("prefect_port", "files_port", "api_port")}
        config = Settings(_env_file=None, home=folder / "home", owner="ada", **ports)  # type: ignore[arg-type]
        profile = server_environment(config)
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "STUDIO_"))}
        self._own = {
            **clean,
            "PYTHONPATH": str(_ROOT),
            "STUDIO_HOME": str(config.home),
            "STUDIO_OWNER": "ada",
            **{f"STUDIO_{name.upper()}": str(port) for name, port in ports.items()},
        }
        # Prefect's own settings, but for where its server is.
        self._bare = {**clean, "PYTHONPATH": str(_ROOT)}
        self._bare |= {name: profile[name] for name in ("PREFECT_API_URL", "PREFECT_HOME")}
        self._profile = {**self._own, **profile}
        self._api = httpx.Client(base_url=profile["PREFECT_API_URL"] + "/", timeout=20)
        self._http = httpx.Client(base_url=config.api_address + "/", timeout=20)
        self._deployments: dict[str, str] = {}

    def start(self) -> Mapping[str, Ask]:
        """Start everybody; return how each is asked for a run."""
        self._tell("account", "top-up", "1000")
        key = self._tell("account", "key", "add", "bench")["token"]
        self._http.headers["Authorization"] = f"Bearer {key}"
        self._run(self._own, "-c", _START, "up")
        self._until(lambda: self._deployment(_SOCIAL), "the studio does not start", _START_SECONDS)
        self._run(self._profile, "-m", "benchmarks.latency_flows", "studio")
        self._run(self._bare, "-m", "benchmarks.latency_flows", "serve")
        words = [sys.executable, "-m", "benchmarks.latency_flows", "pool"]
        subprocess.run(words, env=self._bare, cwd=_ROOT, check=True)
        worker = ("worker", "start", "--pool", BARE_POOL, "--type", "process")
        self._run(self._bare, "-m", "prefect", *worker)
        picture = self._folder / "picture.png"
        Image.effect_noise((96, 64), 40).convert("RGB").save(picture)
        form = {"image": str(picture), "formats": _FORMATS, "owner": "ada"}
        asset = self._upload(picture)
        for each in ("bare/serve", "bare/worker", _STUDIO_SERVED):
            found = partial(self._deployment, each)
            self._until(found, f"{each} is not there", _START_SECONDS)
        return {
            "bare Prefect, serve": lambda: self._ask("bare/serve", {}),
            "bare Prefect, process worker": lambda: self._ask("bare/worker", {}),
            "studio, serve (looks every 2 s)": lambda: self._ask(_STUDIO_SERVED, form),
            "studio up, quick run": lambda: self._ask(_SOCIAL, form),
            "studio up, POST social/optimize": lambda: self._post(asset),
        }

    def first_task(self, run: str, asked: float) -> float:
        """Return how long after ``asked`` the first task of a run began, in seconds.

        Args:
            asked: seconds since 1970.
        """
        body = {"flow_runs": {"id": {"any_": [run]}}}

        def look() -> list[float]:
            tasks = self._api.post("task_runs/filter", json=body).raise_for_status().json()
            return [_seconds(each["start_time"]) for each in tasks if each["start_time"]]

        try:
            began: list[float] = self._until(look, f"run {run} has no task", _LONGEST_SECONDS)
        except TimeoutError:
            return math.inf
        return min(began) - asked

    def ended(self, run: str) -> None:
        """Wait until a run is over, so that it does not disturb the next."""
        final = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}

        def look() -> str:
            found = self._api.get(f"flow_runs/{run}").raise_for_status().json()["state_type"]
            return found if found in final else ""

        try:
            if self._until(look, f"run {run} goes on", _END_SECONDS) != "COMPLETED":
                raise RuntimeError(f"run {run} failed: {self._log()}")
        except TimeoutError:
            # It is left behind: what it takes from the others is theirs to bear, and is told.
            _say(f"run {run} goes on after {_END_SECONDS} s")

    def _ask(self, deployment: str, parameters: Mapping[str, Any]) -> str:
        body = {
            "parameters": parameters,
            "state": {"type": "SCHEDULED"},
            "idempotency_key": str(uuid.uuid4()),
        }
        path = f"deployments/{self._deployment(deployment)}/create_flow_run"
        return str(_told(lambda: self._api.post(path, json=body))["id"])

    def _post(self, asset: str) -> str:
        body = {"image": asset, "formats": _FORMATS}
        key = {"Idempotency-Key": str(uuid.uuid4())}
        told = _told(lambda: self._http.post("social/optimize", json=body, headers=key))
        return str(told["run"]["id"])

    def _deployment(self, name: str) -> str:
        """Return the id of a deployment; empty as long as there is none."""
        if name not in self._deployments:
            told = self._api.get(f"deployments/name/{name}")
            if told.is_success:
                self._deployments[name] = str(told.json()["id"])
        return self._deployments.get(name, "")

    def _upload(self, picture: Path) -> str:
        def look() -> str:
            files = {"file": (picture.name, picture.read_bytes(), "image/png")}
            told = self._http.post("uploads", files=files)
            return str(told.json()["id"]) if told.is_success else ""

        return str(self._until(look, "the API takes no picture", _START_SECONDS))

    def _tell(self, *words: str) -> dict[str, str]:
        done = subprocess.run(
            [sys.executable, "-c", _START, "--json", *words],
            env=self._own,
            cwd=self._folder,
            capture_output=True,
            check=True,
        )
        document: dict[str, str] = json.loads(done.stdout)
        return document

    def _run(self, environment: Mapping[str, str], *words: str) -> None:
        with (self._folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, *words],
                env=environment,
                cwd=self._folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._stack.callback(stop_process, process)

    def _until(self, look: Callable[[], Any], otherwise: str, patience: float) -> Any:
        """Look until there is something; a server that does not answer is looked at again."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx.HTTPError):
                if found := look():
                    return found
            time.sleep(0.2)
        raise TimeoutError(f"{otherwise}: {self._log()}")

    def _log(self) -> str:
        return (self._folder / "log").read_text(errors="replace")[-2000:]


def _told(ask: Callable[[], httpx.Response]) -> Any:
    """Return what a server answers; one that is busy is asked again, and the clock runs.

    It knows by its key a request that it took although the answer did not come.
    """
    for _ in range(_TRIES):
        with contextlib.suppress(httpx.TransportError):
            answer = ask()
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                return answer.raise_for_status().json()
        time.sleep(0.2)
    raise TimeoutError("a server does not answer")


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


@contextlib.contextmanager
def _bench() -> Iterator[Bench]:
    with tempfile.TemporaryDirectory(prefix="studio-latency-") as folder, ExitStack() as stack:
        yield Bench(Path(folder), stack)


def measure(bench: Bench, asks: Mapping[str, Ask], rounds: int, most: float) -> dict[str, Any]:
    """Ask everybody in turns; return the seconds that each let its first tasks wait.

    Args:
        rounds: at most; those that are quick are asked three times in each.
        most: seconds; no round begins after them.
    """
    waited: dict[str, list[float]] = defaultdict(list)
    for name, ask in asks.items():
        # The first one of each finds nothing in any cache.
        bench.ended(ask())
        _say(f"{name}: ready")
    began = time.monotonic()
    for number in range(rounds):
        if time.monotonic() - began > most:
            break
        for name, ask in asks.items():
            for _ in range(3 if name.startswith("studio up") else 1):
                # Somebody asks at any moment between two looks.
                time.sleep(random.random())
                asked = time.time()
                run = ask()
                waited[name].append(bench.first_task(run, asked))
                bench.ended(run)
        _say(f"round {number + 1}: {', '.join(f'{each[-1]:.1f}' for each in waited.values())}")
    return dict(waited)


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def _shown(seconds: float) -> str:
    return f"{seconds:.2f}" if math.isfinite(seconds) else f"> {_LONGEST_SECONDS:.0f}"


def percentile(values: Sequence[float], part: float) -> float:
    """Return the least of the values that at least ``part`` of them do not exceed.

    Args:
        part: above 0, up to 1; with fewer than 20 values, 0.95 is the greatest.
    """
    return sorted(values)[max(0, math.ceil(part * len(values)) - 1)]


def main() -> None:
    """Measure, and show the figures with the machine's load."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    with _bench() as bench:
        waited = measure(bench, bench.start(), options.rounds, options.seconds)
    rows = [
        {
            "who": name,
            "runs": len(values),
            "p50 s": _shown(percentile(values, 0.5)),
            "p95 s": _shown(percentile(values, 0.95)),
        }
        for name, values in waited.items()
    ]
    after = os.getloadavg()[0]
    show(f"asked for to first task, load {load:.1f} before and {after:.1f} after", rows)


if __name__ == "__main__":
    main()
