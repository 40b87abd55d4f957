"""Whoever types `studio --help` shall not wait for what the command does not need."""

from __future__ import annotations

import resource
import subprocess
import sys

_HEAVY = ("prefect", "pandas", "sqlalchemy", "numpy", "pydantic", "PIL", "httpx", "alembic")
_HELP = "import sys; sys.argv = ['studio', '--help']; from interfaces.cli import main; main()"


def _seconds(code: str) -> float:
    """Return what it takes of the processor: the time on the clock is that of all who work here."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_help_loads_nothing_heavy() -> None:
    code = f"{_HELP}; print(*[n for n in {_HEAVY} if n in sys.modules], file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "demo" in done.stdout
    assert done.stderr.split() == []


def test_help_takes_less_than_half_of_importing_prefect() -> None:
    # Turn by turn, and the best of several: other work on the machine hits both alike.
    pairs = [(_seconds(_HELP), _seconds("import prefect")) for _ in range(4)]
    ours, theirs = (min(times) for times in zip(*pairs, strict=True))
    assert ours < 0.5 * theirs, f"{ours:.2f} s against {theirs:.2f} s"
