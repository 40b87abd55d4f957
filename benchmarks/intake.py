"""A file of 100,000 rows, checked and priced: seconds of CPU and the most memory.

Beside it, in the same run and each in a process of its own: pandas reading the same file as texts,
and pydantic judging the same rows. Both are part of the studio's way, so they are its limit.

Usage: python -m benchmarks.intake [--rows 100000] [--json]
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks.common import instant_studio, show

_SIZES = (512, 768, 1024)


def write_file(path: Path, rows: int, quality: str) -> None:
    """Write a file whose rows all differ."""
    chooser = random.Random(1)
    with path.open("w", encoding="utf-8") as file:
        file.write("row,operation,prompt,image,width,height,quality,formats\n")
        for number in range(rows):
            size = f"{chooser.choice(_SIZES)},{chooser.choice(_SIZES)}"
            file.write(f'r{number},generate,"a red fox, no. {number}",,{size},{quality},\n')


def studio_checks(path: Path) -> int:
    """Check and price the file as ``studio batch check`` does; return rows or faults."""
    from engine.batch_source import open_source
    from interfaces.cli.batch_runs import check_source
    from studio.errors import BatchInvalid

    with instant_studio(durable=False) as studio:
        try:
            source = open_source(studio, str(path), "ada")
            return len(check_source(studio, source, "ada", "").spec.rows)
        except BatchInvalid as error:
            return len(error.details["problems"])


def pandas_reads(path: Path) -> int:
    """Read the file as texts, no more."""
    import pandas as pd

    return len(pd.read_csv(path, dtype=str, keep_default_na=False))


def pydantic_judges(path: Path) -> int:
    """Make a model of each row that the csv module reads, no more."""
    import csv

    from studio.operations import Generate

    with path.open(encoding="utf-8", newline="") as file:
        return sum(
            Generate(
                prompt=row["prompt"],
                width=int(row["width"]),
                height=int(row["height"]),
                quality="draft",
            )
            is not None
            for row in csv.DictReader(file)
        )


WORKS: Mapping[str, Callable[[Path], int]] = {
    "studio": studio_checks,
    "pandas": pandas_reads,
    "pydantic": pydantic_judges,
}


def _measured(name: str, path: Path) -> dict[str, float]:
    """Do one of the works in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.intake", "--work", name, str(path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _work(name: str, path: Path) -> None:
    began, cpu = time.perf_counter(), time.process_time()
    found = WORKS[name](path)
    taken = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - began}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"found": found, "memory": peak, **taken}))


def _row(what: str, found: Mapping[str, float]) -> dict[str, str]:
    return {
        "what": what,
        "CPU s": f"{found['cpu']:.1f}",
        "wall s": f"{found['wall']:.1f}",
        "MB at most": f"{found['memory']:.0f}",
        "rows or faults": f"{found['found']:.0f}",
    }


def main() -> None:
    """Measure a sound file, a faulty one, and the two limits."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--work", nargs=2, metavar=("NAME", "FILE"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        _work(given.work[0], Path(given.work[1]))
        return
    with tempfile.TemporaryDirectory(prefix="studio-bench-") as folder:
        sound, faulty = Path(folder) / "sound.csv", Path(folder) / "faulty.csv"
        write_file(sound, given.rows, "draft")
        write_file(faulty, given.rows, "luxury")
        rows = [
            _row("studio: sound rows, checked and priced", _measured("studio", sound)),
            _row("studio: every row faulty, all named", _measured("studio", faulty)),
            _row("limit: pandas reads the file", _measured("pandas", sound)),
            _row("limit: csv and pydantic alone", _measured("pydantic", sound)),
        ]
    show(f"{given.rows:,} rows (aim: 10 s and 500 MB for 100,000)", rows)


if __name__ == "__main__":
    main()
