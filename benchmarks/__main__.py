"""Run every benchmark: ``python -m benchmarks``."""

from __future__ import annotations

import subprocess
import sys

NAMES = (
    *("ledger", "reports", "preflight", "pacing", "derivatives", "intake"),
    *("library", "library_import", "batch", "latency"),
)

for name in NAMES:
    # A process each: Prefect and the peers leave threads behind that would disturb the next one.
    print(f"\n== {name}\n", flush=True)
    subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *sys.argv[1:]], check=True)
