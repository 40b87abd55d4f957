"""The API's kill trial in full: 200 mixed runs over HTTP, and SIGKILLs of API, worker and server.

Usage: python -m benchmarks.api_kill_trial [--runs 200] [--kills 18] [--seed 1]
"""

from __future__ import annotations

import argparse
import os
import socket
import tempfile
from dataclasses import asdict
from pathlib import Path


def main() -> None:
    """Carry the trial out, and say what it came to; exits with an error if it failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--kills", type=int, default=18)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    os.environ["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] = "ERROR"
    from tests.crash.api_trial import ApiTrial
    from tests.support.paid_server import PaidServer

    with (
        tempfile.TemporaryDirectory(prefix="studio-trial-", ignore_cleanup_errors=True) as folder,
        PaidServer(polls=10) as paid,
    ):
        home = Path(folder) / "home"
        ports = (_free_port(), _free_port())
        with ApiTrial(home, ports, chosen.runs, paid, chosen.seed, _say) as trial:
            result = trial.carry_out(chosen.kills)
    _say(f"everything is there, and everything was bought and charged once: {asdict(result)}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _say(words: str) -> None:
    print(words, flush=True)


if __name__ == "__main__":
    main()
