"""32 calls of $0.50 at the same moment under a cap of $1.00: LiteLLM's session budget, and ours.

    BENCH_LITELLM=/path/to/python python -m benchmarks.budget_race [--json] [--rounds 3]

LiteLLM is no dependency: ``BENCH_LITELLM`` names a Python with ``pip install "litellm[proxy]"``.
Its proxy runs on the loopback address without a database: its agent and the agent's
``max_budget_per_session`` come from its configuration, its keys from a ``custom_auth`` that lets
everybody in as that agent. The model behind it, which both sides call, is a server of this
script that takes 0.2 s and costs $0.50 a call.

Ours: the same 32 calls by threads, each through pre-flight (a wallet with $1,000, a budget of $1.00
for the project), a claim, the same server, the capture. No line of either is left out: the call
that comes after all of them shows that the cap itself works.
"""

from __future__ import annotations

import argparse
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx

from benchmarks.common import show
from billing.accounts.admission import Admission, admit
from billing.accounts.budgets import set_budget
from billing.ledger import HoldRequest, Ledger
from studio import clock
from studio import credits as money
from studio.database import Database, metadata
from studio.errors import BudgetReached, StudioError

CALLS = 32
HALF_A_DOLLAR = 50 * money.MICRO
TAKES_SECONDS = 0.2
START_SECONDS = 120

_ANSWER = (
    b'{"id": "x", "object": "chat.completion", "created": 1, "model": "mock", "choices": [{"index":'
    b' 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "done"}}], "usage":'
    b' {"prompt_tokens": 1, "completion_tokens": 0, "total_tokens": 1}}'
)

_CONFIG = """
model_list:
  - model_name: mock
    litellm_params:
      model: openai/mock
      api_base: {model}
      api_key: none
      input_cost_per_token: 0.5
      output_cost_per_token: 0.0
general_settings:
  custom_auth: race_auth.let_in
agents:
  - agent_name: race
    agent_card_params: {{name: race, url: "{model}", version: "1", description: a race}}
    litellm_params: {{max_budget_per_session: 1.0}}
"""

_AUTH = """
from litellm.proxy._types import UserAPIKeyAuth
from litellm.proxy.agent_endpoints.agent_registry import global_agent_registry


async def let_in(request, api_key):
    agent = global_agent_registry.get_agent_by_name(agent_name="race")
    return UserAPIKeyAuth(api_key="sk-race", agent_id=agent.agent_id)
"""


class _Model(BaseHTTPRequestHandler):
    """The model that both sides buy from."""

    calls = 0
    lock = threading.Lock()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        with self.lock:
            type(self).calls += 1
        time.sleep(TAKES_SECONDS)
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(_ANSWER)))
        self.end_headers()
        self.wfile.write(_ANSWER)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    request_queue_size = 128


@contextmanager
def model() -> Iterator[str]:
    """Serve the model; yield its URL."""
    server = _Server(("127.0.0.1", 0), _Model)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def race(call: Callable[[int], str]) -> tuple[Counter[str], int]:
    """Make all calls at once; return what became of them, and how many reached the model."""
    before = _Model.calls
    barrier = threading.Barrier(CALLS)

    def one(number: int) -> str:
        barrier.wait()
        return call(number)

    with ThreadPoolExecutor(CALLS) as threads:
        counted = Counter(threads.map(one, range(CALLS)))
    return counted, _Model.calls - before


@contextmanager
def proxy(python: str, url: str, folder: Path) -> Iterator[str]:
    """Run LiteLLM's proxy; yield its URL."""
    (folder / "config.yaml").write_text(_CONFIG.format(model=url))
    (folder / "race_auth.py").write_text(_AUTH)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [python, "-m", "litellm.proxy.proxy_cli", "--config", "config.yaml"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--telemetry", "False"]
    away = {"DATABASE_URL", "PYTHONPATH"}
    environment = {name: value for name, value in os.environ.items() if name not in away}
    environment["LITELLM_MASTER_KEY"] = f"sk-{secrets.token_hex(32)}"  # it does not start without
    environment["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
    try:
        where = f"http://127.0.0.1:{port}"
        _wait_for(where, process, folder)
        yield where
    finally:
        process.terminate()
        process.wait(30)


def _wait_for(url: str, process: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{url}/health/liveliness", timeout=5).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.5)
    raise RuntimeError(f"LiteLLM's proxy did not start: {(folder / 'log').read_text()[-2000:]}")


def litellm_rows(python: str, url: str, rounds: int) -> list[dict[str, object]]:
    """Race through LiteLLM's proxy, each round in a session of its own."""
    version = subprocess.run(
        [python, "-c", "import importlib.metadata as m; print(m.version('litellm'))"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    rows = []
    with (
        tempfile.TemporaryDirectory() as folder,
        proxy(python, url, Path(folder)) as where,
        httpx.Client(timeout=60, limits=httpx.Limits(max_connections=CALLS)) as client,
    ):

        def call(session: str) -> str:
            body = {
                "model": "mock",
                "messages": [{"role": "user", "content": "a fox"}],
                "metadata": {"session_id": session},
            }
            headers = {"authorization": "Bearer sk-race"}
            answer = client.post(f"{where}/v1/chat/completions", json=body, headers=headers)
            return {200: "admitted", 429: "refused"}.get(answer.status_code, answer.text)

        call("to warm up")
        for number in range(rounds):
            counted, bought = race(lambda _, session=f"session-{number}": call(session))  # type: ignore[misc]
            time.sleep(2)  # it counts a call some time after its answer
            rows.append(
                _row(f"litellm[proxy] {version}", counted, bought, call(f"session-{number}"))
            )
    return rows


def our_rows(url: str, rounds: int) -> list[dict[str, object]]:
    """Race through our pre-flight, each round with a budget of its own."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/race.db")
        metadata.create_all(database.engine)
        desk = Ledger(database)
        desk.open_wallet("ada")
        desk.top_up("ada", 2_000 * HALF_A_DOLLAR, key="grant", author="bench", reason="a race")
        with httpx.Client(timeout=60, limits=httpx.Limits(max_connections=CALLS)) as client:

            def call(project: str, number: int) -> str:
                until = clock.now() + timedelta(hours=1)
                key = f"{project}-{number}"
                request = HoldRequest("ada", key, HALF_A_DOLLAR, until, "a call")
                wanted = [Admission(request, "ada", project)]
                (hold,), _ = database.write(lambda connection: admit(connection, wanted))
                if isinstance(hold, BudgetReached):
                    return "refused"
                if isinstance(hold, StudioError):
                    raise hold
                claim = desk.claim("ada", hold.id, HALF_A_DOLLAR, key=key)
                client.post(f"{url}/v1/chat/completions", json={}).raise_for_status()
                desk.capture("ada", claim.id, HALF_A_DOLLAR)
                desk.release("ada", hold.id)
                return "admitted"

            rows = []
            for number in range(rounds):
                project = f"project-{number}"
                _cap(database, project)
                counted, bought = race(lambda each, name=project: call(name, each))  # type: ignore[misc]
                rows.append(_row("image studio", counted, bought, call(project, CALLS)))
        if desk.audit():
            raise RuntimeError("the audit found discrepancies")
        desk.close()
        database.close()
    return rows


def _cap(database: Database, project: str) -> None:
    cap = 2 * HALF_A_DOLLAR
    database.write(lambda c: set_budget(c, "ada", "project", project, cap, author="bench"))


def _row(who: str, counted: Counter[str], bought: int, next_one: str) -> dict[str, object]:
    return {
        "who": who,
        "admitted": counted["admitted"],
        "refused": counted["refused"],
        "other": counted.total() - counted["admitted"] - counted["refused"],
        "bought": bought,
        "spent under a cap of $1.00": f"${bought * 0.5:.2f}",
        "the next call": next_one,
    }


def main() -> None:
    """Race both, in turns."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    rounds = parser.parse_args().rounds
    rows: list[dict[str, object]] = []
    python = os.environ.get("BENCH_LITELLM")
    with model() as url:
        if python:
            rows += litellm_rows(python, url, rounds)
        else:
            print(
                'BENCH_LITELLM names no Python with "litellm[proxy]": ours alone', file=sys.stderr
            )
        rows += our_rows(url, rounds)
    show(f"{CALLS} calls of $0.50 at once under a cap of $1.00", rows)


if __name__ == "__main__":
    main()
