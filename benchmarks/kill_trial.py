"""The kill trial in full: 50 SIGKILLs of a batch of 5,000 rows, then compared with an unbroken run.

Usage: python -m benchmarks.kill_trial [--rows 5000] [--kills 50] [--seed 1]
"""

from __future__ import annotations

import argparse
import os
import socket
import tempfile
from pathlib import Path


def main() -> None:
    """Carry the trial out, and say what it came to; exits with an error if it failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    os.environ["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] = "ERROR"
    from tests.crash.trial import Trial
    from tests.support.paid_server import PaidServer

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with (
        tempfile.TemporaryDirectory(prefix="studio-trial-", ignore_cleanup_errors=True) as folder,
        PaidServer() as paid,
    ):
        home = Path(folder) / "home"
        with Trial(home, port, chosen.rows, paid, chosen.seed, _say) as trial:
            result = trial.carry_out(chosen.kills)
    _say(f"every row once, the manifest as that of an unbroken run: {vars(result)}")


def _say(words: str) -> None:
    print(words, flush=True)


if __name__ == "__main__":
    main()
