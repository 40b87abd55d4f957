"""Break the ledger and the gate on purpose, one place at a time, and see whether a test goes red.

    python -m scripts.mutate_billing [--sample 60] [--seed 1] [--minutes 30] [--keep] [FILE ...]

For the mutants see ``scripts.mutants``; the tests of ``billing/`` on SQLite alone try them. A first
run of these, under coverage, tells which test reaches which line and how long it takes. A mutant
has only the tests that reach its statement, those that found its neighbours first, up to the first
that fails. One that takes 20 times its time and 5 s, or 4 GiB, has failed as well; time is the
processor's, so that a busy machine finds nothing by itself.

Each mutant has a process of its own. Where a function's body is changed it is forked when all tests
are collected, and the function gets its new code; where a module changes what it does when it is
imported (statements are built there), it is forked before ``billing`` is imported. mutmut 3 does
not do here for that reason: it chooses the mutant when a function is called.

Verdicts are written to ``.mutation/`` as they are reached; a run that was stopped goes on from
there if nothing has changed. ``--keep`` also keeps what was found before a change, where neither
the mutant's module nor the test that found it is another now: for work on tests, not for figures.

Left out are tests that take long for what they find: races, faults, machines, random histories.
Mutants that mean the same as the original, and those no test reaches, count as not found.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.mutants import ROOT, Mutant, mutants_of
from scripts.mutation_tests import CANNOT_SWAP, Tests, collected, mapped, run_alone, warm_up

NEEDED = 0.9
FOLDER = ROOT / ".mutation"
DATA = {
    *("billing/tables.py", "billing/accounts/tables.py"),
    *(f"billing/{room}__init__.py" for room in ("", "accounts/", "ledger/")),
}
"""Not changed: what a table looks like (the migrations' matter), and lists of names. Nor is
``billing/reports``, which reads and draws, and decides nothing."""
CORE = tuple(
    file
    for pattern in ("billing/*.py", "billing/accounts/*.py", "billing/ledger/*.py")
    for file in sorted(str(path.relative_to(ROOT)) for path in ROOT.glob(pattern))
    if file not in DATA
)


def _digest(*paths: Path) -> str:
    total = hashlib.sha256()
    for path in sorted(paths):
        total.update(path.read_bytes())
    return total.hexdigest()[:16]


def _everything() -> str:
    rooms = (
        "billing",
        "tests/unit/billing",
        "tests/integration/billing",
        "tests/support",
        "studio",
    )
    return _digest(
        *(path for room in rooms for path in (ROOT / room).rglob("*.py")),
        *(ROOT / "scripts").glob("muta*.py"),
        ROOT / "tests/conftest.py",
    )


@dataclass
class Verdicts:
    """What became of each mutant, on the disk after each one."""

    keep: bool
    now: str = field(default_factory=_everything)
    by_mutant: dict[Mutant, str] = field(default_factory=dict)
    """The test that found it, or ``time``, or nothing."""

    def read(self) -> None:
        """Take over what is still true."""
        file = FOLDER / "verdicts.jsonl"
        for line in file.read_text().splitlines() if file.exists() else ():
            said = json.loads(line)
            mutant = Mutant(**said["mutant"])
            if said["now"] == self.now or (
                self.keep
                and said["killer"]
                and said["proof"] == self._proof(mutant, said["killer"])
            ):
                self.by_mutant[mutant] = said["killer"]

    def add(self, mutant: Mutant, killer: str) -> None:
        """Write one down."""
        self.by_mutant[mutant] = killer
        proof = self._proof(mutant, killer)
        said = {"mutant": vars(mutant), "killer": killer, "now": self.now, "proof": proof}
        with (FOLDER / "verdicts.jsonl").open("a") as file:
            file.write(json.dumps(said) + "\n")
        if not killer:
            print(f"not found: {mutant.file}:{mutant.line}: {mutant.what}", flush=True)

    @staticmethod
    def _proof(mutant: Mutant, killer: str) -> str:
        test = ROOT / killer.partition("::")[0]
        return _digest(ROOT / mutant.file, *([test] if test.is_file() else []))


@dataclass
class Pool:
    """Tries mutants in so many processes at once."""

    tests: Tests
    verdicts: Verdicts
    workers: int
    until: float
    """When to stop, of ``time.monotonic``."""
    killers: dict[str, Counter[str]] = field(default_factory=dict)
    """How often a test has found something, per file."""

    def run(
        self, mutants: Sequence[Mutant], body: Callable[[Mutant, dict[str, float], Path], int]
    ) -> list[Mutant]:
        """Try them all; return those that ``body`` could not try.

        Args:
            mutants: those to try.
            body: runs in the child, with the tests in their order and a folder; returns 0 where
                all passed.
        """
        waiting, running, refused = list(reversed(mutants)), dict[int, tuple[Mutant, Path]](), []
        while running or (waiting and time.monotonic() < self.until):
            while waiting and len(running) < self.workers and time.monotonic() < self.until:
                mutant = waiting.pop()
                tests = self.tests.of(mutant, self.killers.get(mutant.file, Counter()))
                if not tests:
                    self.verdicts.add(mutant, "")
                    continue
                folder = Path(tempfile.mkdtemp(prefix="mutant-", dir=shared_memory()))
                running[_forked(mutant, tests, folder, body)] = mutant, folder
            if not running:
                continue
            child, status, _ = os.wait3(0)
            mutant, folder = running.pop(child)
            if os.waitstatus_to_exitcode(status) == CANNOT_SWAP:
                refused.append(mutant)
            else:
                self._judge(mutant, folder, status)
            _end_group(child)
            shutil.rmtree(folder, ignore_errors=True)
        return refused

    def _judge(self, mutant: Mutant, folder: Path, status: int) -> None:
        named = folder / "killer"
        killer = named.read_text() if named.exists() else ""
        if not killer and status:
            killer = "time" if os.WIFSIGNALED(status) else "import"
        if killer:
            self.killers.setdefault(mutant.file, Counter())[killer] += 1
        self.verdicts.add(mutant, killer)
        if len(self.verdicts.by_mutant) % 25 == 0:
            print(f"{len(self.verdicts.by_mutant)} tried", flush=True)


def shared_memory() -> str | None:
    """The folder for databases: memory where there is some, for a commit then costs nothing."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - mkdtemp inside


def _forked(
    mutant: Mutant,
    tests: dict[str, float],
    folder: Path,
    body: Callable[[Mutant, dict[str, float], Path], int],
) -> int:
    child = os.fork()
    if child:
        return child
    code = 3
    try:
        os.setsid()
        code = body(mutant, tests, folder)
    finally:
        os._exit(code)


def _end_group(child: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # what a test has started and not ended


def _tests(now: str) -> Tests:
    file = FOLDER / "tests.json"
    known: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    if known.get("now") != now:
        print("which tests reach which lines", flush=True)
        found = mapped(Path(tempfile.mkdtemp(prefix="mutant-", dir=shared_memory())))
        if found is None:
            sys.exit("the tests fail without any change")
        known = {"now": now, **found}
        file.write_text(json.dumps(known))
    return Tests(known["lines"], known["seconds"], known["modules"])


def _passes_alone(tests: Tests) -> bool:
    same = Mutant("billing/ledger/settlement.py", -1, 0, "nothing", 0, 0, in_function=False)
    folder = Path(tempfile.mkdtemp(prefix="mutant-", dir=shared_memory()))
    _, status = os.waitpid(_forked(same, tests.of(same, Counter()), folder, run_alone), 0)
    shutil.rmtree(folder, ignore_errors=True)
    return status == 0


def _swapping(pool: Pool, mutants: list[Mutant], told: Path) -> None:
    """In a process of its own, which imports ``billing``: try changes of functions' bodies."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    try:
        refused = collected(lambda body: pool.run(mutants, body))
        told.write_text(json.dumps([vars(mutant) for mutant in refused]))
    finally:
        sys.stdout.flush()
        os._exit(0)


def main() -> int:
    """Try mutants, and print those that no test found."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("files", nargs="*", default=CORE)
    parser.add_argument("--sample", type=int, default=0, help="so many, drawn by lot; 0 for all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=600)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--keep", action="store_true", help="what was found before a change")
    options = parser.parse_args()
    os.chdir(ROOT)
    os.nice(19 - os.nice(0))
    FOLDER.mkdir(exist_ok=True)
    began = time.monotonic()
    wanted = [mutant for file in options.files for mutant in mutants_of(file)]
    print(f"{len(wanted)} mutants of {len(options.files)} files", flush=True)
    random.Random(options.seed).shuffle(wanted)
    wanted = wanted[: options.sample or None]
    verdicts = Verdicts(options.keep)
    verdicts.read()
    tests = _tests(verdicts.now)
    pool = Pool(tests, verdicts, options.workers, began + options.minutes * 60)
    fresh = [mutant for mutant in wanted if mutant not in verdicts.by_mutant]
    known = len(wanted) - len(fresh)
    swapped = [mutant for mutant in fresh if tests.can_swap(mutant)]
    told = FOLDER / "refused.json"
    told.unlink(missing_ok=True)
    _swapping(pool, swapped, told)
    refused = [Mutant(**said) for said in json.loads(told.read_text())] if told.exists() else []
    verdicts.read()
    warm_up(tests.modules)
    if not _passes_alone(tests):
        sys.exit("the tests fail without any change, where billing is imported anew")
    pool.run([mutant for mutant in fresh if not tests.can_swap(mutant)] + refused, run_alone)
    tried = [mutant for mutant in wanted if mutant in verdicts.by_mutant]
    return _summary(verdicts, wanted, tried, known, time.monotonic() - began)


def _summary(
    verdicts: Verdicts, wanted: list[Mutant], tried: list[Mutant], known: int, seconds: float
) -> int:
    found = [mutant for mutant in tried if verdicts.by_mutant[mutant]]
    for file in sorted({mutant.file for mutant in tried}):
        here = [mutant for mutant in tried if mutant.file == file]
        alive = [mutant for mutant in here if not verdicts.by_mutant[mutant]]
        lines = ", ".join(f"{m.line} ({m.what})" for m in sorted(alive, key=lambda m: m.line))
        print(f"{file}: {len(here) - len(alive)} of {len(here)}; not found: {lines or 'none'}")
    share = len(found) / max(len(tried), 1)
    print(
        f"{len(found)} of {len(tried)} mutants found, {100 * share:.1f} %, "
        f"{len(wanted) - len(tried)} not tried, {known} known before, in {seconds / 60:.1f} minutes"
    )
    return 0 if share >= NEEDED and len(tried) == len(wanted) else 1


if __name__ == "__main__":
    sys.exit(main())
