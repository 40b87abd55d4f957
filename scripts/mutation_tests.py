"""The tests that try mutants: which of them reach a line, and how they run against one change."""

from __future__ import annotations

import gc
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import resource
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import coverage
import pytest
from hypothesis import Phase, settings

from scripts.mutants import ROOT, Mutant, codes

LEFT_OUT = ("races", "faults", "machine", "accounts_machine", "proof")
ROOMS = ("tests/unit/billing", "tests/integration/billing")
LONGEST_TEST_SECONDS = 2.5
"""A test that takes longer, of the processor's time, tries no mutants."""

QUICK_SECONDS = 0.1
"""A unit test of no more tries every change of what a module does when it is imported."""

SPARE_SECONDS = 5
LONGEST_WAIT_SECONDS = 600
"""A mutant that waits so long waits for ever: a busy machine has let it run by then."""
MOST_BYTES = 4 << 30
CANNOT_SWAP = 9
AT_IMPORT = "import"
OURS = {path.name for path in ROOT.iterdir()} - {"studio"}
"""What may import ``billing``; ``studio`` lies below it."""


_Body = Callable[[Mutant, dict[str, float], Path], int]


@dataclass(frozen=True)
class Tests:
    """Which tests reach a line, and how long they take."""

    lines: dict[str, dict[str, list[str]]]
    """Per file and line; ``AT_IMPORT`` among them where it runs when tests are collected."""
    seconds: dict[str, float]
    modules: list[str]
    """What they import of others."""

    def of(self, mutant: Mutant, killers: Counter[str]) -> dict[str, float]:
        """Return the tests that may find a mutant and their seconds; likely, quick ones first."""
        lines = self.lines.get(mutant.file, {})
        if self.can_swap(mutant):
            reached = range(mutant.first, mutant.last + 1)
            names = {name for line in reached for name in lines.get(str(line), ())}
        else:
            names = {name for reached_by in lines.values() for name in reached_by}
            # A bound of a model is kept by pydantic, where none of our lines is reached.
            names |= {
                name
                for name, took in self.seconds.items()
                if name.startswith(ROOMS[0]) and took <= QUICK_SECONDS
            }
        stem = f"test_{Path(mutant.file).stem}"
        order = sorted(
            names - {AT_IMPORT},
            key=lambda name: (-killers[name], stem not in name, self.seconds[name], name),
        )
        return {name: self.seconds[name] for name in order}

    def can_swap(self, mutant: Mutant) -> bool:
        """Whether it lies in a function that nothing calls before tests run."""
        lines = self.lines.get(mutant.file, {})
        reached = range(mutant.first, mutant.last + 1)
        return mutant.in_function and not any(
            AT_IMPORT in lines.get(str(line), ()) for line in reached
        )


def _pytest(plugin: object, files: Sequence[str]) -> int:
    quiet = ["-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", "-s", "-o", "timeout=0"]
    # Hypothesis is imported before pytest is; that is no failure.
    quiet += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
    # An example that fails is enough: nobody reads the smallest one.
    settings.register_profile("mutants", phases=[Phase.explicit, Phase.generate], database=None)
    settings.load_profile("mutants")
    wanted = [file for file in files if Path(file).stem.removeprefix("test_") not in LEFT_OUT]
    return int(pytest.main([*quiet, "-k", "not postgres", *wanted], plugins=[plugin]))


def _all_files() -> list[str]:
    return sorted(
        str(path.relative_to(ROOT)) for room in ROOMS for path in (ROOT / room).glob("test_*.py")
    )


def _use(folder: Path) -> None:
    """Keep what tests write in a folder of their own."""
    os.environ["PYTEST_DEBUG_TEMPROOT"] = str(folder)


class _Recorder:
    """Runs every test once, and tells what each one reached."""

    def __init__(self, recording: coverage.Coverage) -> None:
        self._recording = recording
        self.seconds: dict[str, float] = {}
        self.failed: list[str] = []
        self._caches: list[Any] = []

    def pytest_collection_finish(self) -> None:
        """Find what is remembered from test to test, and would reach its lines only once."""
        self._caches = [
            thing
            for thing in gc.get_objects()
            if type(thing).__name__ == "_lru_cache_wrapper"
            and str(thing.__module__).partition(".")[0] == "billing"
        ]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Any:
        for cache in self._caches:
            cache.cache_clear()
        self._recording.switch_context(item.nodeid)
        began = time.process_time()
        try:
            return (yield)
        finally:
            self.seconds[item.nodeid] = time.process_time() - began

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed.append(report.nodeid)
            print(f"{report.nodeid}\n{report.longreprtext}", file=sys.stderr, flush=True)


def mapped(folder: Path) -> dict[str, Any] | None:
    """Return what makes ``Tests``, from a run without changes; None if a test fails."""
    child = os.fork()
    told = folder / "map.json"
    if child == 0:
        try:
            told.write_text(json.dumps(_map(folder)))
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    found: dict[str, Any] | None = json.loads(told.read_text()) if told.exists() else None
    return found


def _map(folder: Path) -> dict[str, Any] | None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    _use(folder)
    recording = coverage.Coverage(data_file=None, source=[str(ROOT / "billing")], config_file=False)
    recorder = _Recorder(recording)
    recording.start()
    recording.switch_context(AT_IMPORT)
    code = _pytest(recorder, _all_files())
    recording.stop()
    if code or recorder.failed:
        return None
    slow = {name for name, took in recorder.seconds.items() if took > LONGEST_TEST_SECONDS}
    data = recording.get_data()
    return {
        "lines": {
            str(Path(file).relative_to(ROOT)): {
                str(line): [name for name in names if name and name not in slow]
                for line, names in data.contexts_by_lineno(file).items()
            }
            for file in data.measured_files()
        },
        "seconds": recorder.seconds,
        "modules": sorted(name for name in sys.modules if name.partition(".")[0] not in OURS),
    }


def _limit(seconds: float) -> None:
    """End this process after so much of the processor's time, which others do not take from it."""
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, LONGEST_WAIT_SECONDS)


class _Runner:
    """Runs tests in a given order up to the first that fails, and writes its name down."""

    def __init__(self, tests: dict[str, float], folder: Path) -> None:
        self._tests, self._folder = tests, folder
        self._failed = False

    def run(self, items: dict[str, pytest.Item]) -> int:
        """Return 0 if all pass."""
        chosen = [items[name] for name in self._tests if name in items]
        for item, following in zip(chosen, [*chosen[1:], None], strict=True):
            _limit(SPARE_SECONDS + 20 * self._tests[item.nodeid])
            item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
            if self._failed:
                (self._folder / "killer").write_text(item.nodeid)
                return 1
        return 0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._failed = self._failed or report.failed

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if not session.testsfailed:
            os._exit(self.run({item.nodeid: item for item in session.items}))
        return True


def _alone(folder: Path) -> None:
    """Let a process that tries a mutant say nothing, and neither write nor grow too much."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    _use(folder)
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))


class _Collected:
    """Has every test collected, and then lets mutants be tried in forked processes."""

    def __init__(self, trying: Callable[[_Body], list[Mutant]]) -> None:
        self._trying = trying
        self.refused: list[Mutant] = []

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        items = {item.nodeid: item for item in session.items}
        functions = [thing for thing in gc.get_objects() if type(thing) is FunctionType]
        gc.freeze()  # a collection would touch, and so copy, every page in each process

        def body(mutant: Mutant, tests: dict[str, float], folder: Path) -> int:
            _alone(folder)
            if not _swap(mutant, functions):
                return CANNOT_SWAP
            runner = _Runner(tests, folder)
            session.config.pluginmanager.register(runner)
            return runner.run(items)

        self.refused = self._trying(body)
        return True


def collected(trying: Callable[[_Body], list[Mutant]]) -> list[Mutant]:
    """Collect every test, call ``trying``, and return what it does."""
    plugin = _Collected(trying)
    _pytest(plugin, _all_files())
    return plugin.refused


def _swap(mutant: Mutant, functions: list[FunctionType]) -> bool:
    """Give every function of the module the code that it has with the change."""
    path = str(ROOT / mutant.file)
    changed: dict[tuple[str, int], list[CodeType]] = {}
    for code in codes(mutant.code()):
        changed.setdefault((code.co_qualname, code.co_firstlineno), []).append(code)
    swapped = 0
    for thing in functions:
        if thing.__code__.co_filename != path:
            continue
        candidates = changed[thing.__code__.co_qualname, thing.__code__.co_firstlineno]
        if len(candidates) == 1:  # else lambdas of one line, which are not changed here
            if candidates[0].co_freevars != thing.__code__.co_freevars:
                return False
            thing.__code__ = candidates[0]
            swapped += 1
    return swapped > 0


class _Loader(importlib.abc.Loader):
    """Loads one module with its change."""

    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant

    def exec_module(self, module: ModuleType) -> None:
        """Run the changed source."""
        exec(self._mutant.code(), module.__dict__)  # noqa: S102 - our own source


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant

    def find_spec(
        self, name: str, _path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Find the module that is changed, and no other."""
        if name != self._mutant.module:
            return None
        # With its place: what a module finds beside its own file, it must find with a change too.
        return importlib.util.spec_from_file_location(
            name, ROOT / self._mutant.file, loader=_Loader(self._mutant)
        )


def warm_up(modules: Sequence[str]) -> None:
    """Import what tests import of others; ``billing`` itself must stay unknown."""
    for name in modules:
        try:
            importlib.import_module(name)
        except ImportError:
            continue
    assert not any(name.partition(".")[0] == "billing" for name in sys.modules)  # noqa: S101


def run_alone(mutant: Mutant, tests: dict[str, float], folder: Path) -> int:
    """Import ``billing`` with the change, and run tests; returns 0 if all pass."""
    _alone(folder)
    sys.meta_path.insert(0, _Finder(mutant))
    _limit(60)
    files = sorted({name.partition("::")[0] for name in tests})
    return _pytest(_Runner(tests, folder), files) or 1
