"""Break the ledger and the gate on purpose, one place at a time, and see whether a test goes red.

    python -m scripts.mutate_billing [--sample 60] [--seed 1] [--minutes 30] [FILE ...]

A mutant is a module of ``billing/`` with one change: a comparison turned or moved by one, plus for
minus, ``and`` for ``or``, a condition denied, a number one more, a call as a statement left out.
Its tests run on SQLite alone, up to the first that fails, in a process forked when everything
but ``billing`` is imported. Mutants that mean the same as the original count as not found.

mutmut 3 does not do here: it wraps every function in a trampoline that chooses the mutant when it
is called, and the ledger's statements are built when its modules are imported.
"""

from __future__ import annotations

import argparse
import ast
import copy
import importlib.abc
import importlib.machinery
import importlib.util
import os
import random
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
CORE = (
    *(
        f"billing/ledger/{name}.py"
        for name in (
            *("adjustments", "allocations", "claims", "endings", "grants", "holds", "journal"),
            *("lapses", "refunds", "settlement", "wallets"),
        )
    ),
    *(
        f"billing/accounts/{name}.py"
        for name in ("account", "admission", "budgets", "limits", "members", "periods")
    ),
    "billing/accounts/subscriptions.py",
)
NEAR = (
    *("settlement", "holds", "claims", "endings", "wallets", "grants", "corrections", "journal"),
    *("limits", "budgets", "members", "subscriptions", "facade", "audit", "known_failures"),
)
TESTS = (
    *(f"tests/integration/billing/test_{name}.py" for name in NEAR),
    "tests/unit/billing/test_periods.py",
    "tests/unit/billing/test_requests.py",
)
FIRST = {
    "adjustments": "corrections",
    "allocations": "grants",
    "lapses": "grants",
    "refunds": "corrections",
    "account": "subscriptions",
    "admission": "budgets",
}
"""Which tests of ``NEAR`` come first for a module, where they do not have its name."""

LONGEST_SECONDS = 900

_TURNED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_OTHER: dict[type[ast.operator], type[ast.operator]] = {ast.Add: ast.Sub, ast.Sub: ast.Add}


@dataclass(frozen=True)
class Mutant:
    """One change of one module; ``place`` is the node's number in ``ast.walk``."""

    file: str
    place: int
    line: int
    what: str


def mutants_of(file: str) -> list[Mutant]:
    """Return every mutant of a file."""
    tree = ast.parse((ROOT / file).read_text())
    found = []
    for place, node in enumerate(ast.walk(tree)):
        changed = copy.deepcopy(node)
        what = change(changed)
        if what:
            found.append(Mutant(file, place, getattr(node, "lineno", 0), what))
    return found


def change(node: ast.AST) -> str:  # noqa: PLR0911 - a table of changes
    """Change a node in place; return what was done, nothing if there is nothing to do."""
    match node:
        case ast.Compare(ops=[op]) if type(op) in _TURNED:
            node.ops = [_TURNED[type(op)]()]
            return f"{type(op).__name__} -> {type(node.ops[0]).__name__}"
        case ast.BinOp(op=op) | ast.AugAssign(op=op) if type(op) in _OTHER:
            node.op = _OTHER[type(op)]()
            return f"{type(op).__name__} -> {type(node.op).__name__}"
        case ast.BoolOp():
            was = type(node.op).__name__
            node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
            return f"{was} turned"
        case ast.If() | ast.IfExp():
            node.test = ast.UnaryOp(ast.Not(), node.test)
            return "condition denied"
        case ast.Constant(value=int() as value) if not isinstance(value, bool):
            node.value = value + 1
            return f"{value} -> {value + 1}"
        case ast.Expr(value=ast.Call()):
            node.value = ast.Constant(value=None)
            return "call left out"
    return ""


class _Loader(importlib.abc.Loader):
    """Loads one module with its change."""

    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant

    def exec_module(self, module: ModuleType) -> None:
        """Run the changed source."""
        path = ROOT / self._mutant.file
        tree = ast.parse(path.read_text())
        for place, node in enumerate(ast.walk(tree)):
            if place == self._mutant.place:
                change(node)
                break
        exec(compile(ast.fix_missing_locations(tree), str(path), "exec"), module.__dict__)  # noqa: S102


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, mutant: Mutant) -> None:
        self._name = mutant.file.removesuffix(".py").replace("/", ".")
        self._loader = _Loader(mutant)

    def find_spec(
        self, name: str, _path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Find the module that is changed, and no other."""
        if name != self._name:
            return None
        return importlib.util.spec_from_loader(name, self._loader)


def is_found(mutant: Mutant | None) -> bool:
    """Whether a test goes red; of ``None``: whether one does without any change."""
    child = os.fork()
    if child == 0:
        code = 3
        try:
            code = _tests(mutant)
        finally:
            os._exit(code)
    deadline = time.monotonic() + LONGEST_SECONDS
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status != 0
        if time.monotonic() > deadline:  # it runs for ever: that is found as well
            os.kill(child, 9)
            os.waitpid(child, 0)
            return True
        time.sleep(0.05)


def _tests(mutant: Mutant | None) -> int:
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    os.setsid()
    if mutant is not None:
        sys.meta_path.insert(0, _Finder(mutant))
    wanted = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-k", "not postgres"]
    stem = Path(mutant.file).stem if mutant else ""
    near = f"test_{FIRST.get(stem, stem)}.py"
    return int(pytest.main([*wanted, *sorted(TESTS, key=lambda test: near not in test)]))


def _warm_up() -> None:
    """Import what takes long and is not changed; ``billing`` itself must stay unknown."""
    for name in ("pytest", "sqlalchemy", "psycopg", "pydantic", "studio.operations"):
        importlib.import_module(name)
    for name in ("studio.database", "studio.settings", "sqlalchemy.dialects.sqlite"):
        importlib.import_module(name)
    assert not any(name.partition(".")[0] == "billing" for name in sys.modules)  # noqa: S101


def _chosen(files: Sequence[str], sample: int, seed: int) -> Iterator[Mutant]:
    everything = [mutant for file in files for mutant in mutants_of(file)]
    print(f"{len(everything)} mutants of {len(files)} files", flush=True)
    random.Random(seed).shuffle(everything)
    yield from everything[: sample or None]


def main() -> int:
    """Try mutants, and print those that no test found."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("files", nargs="*", default=CORE)
    parser.add_argument("--sample", type=int, default=0, help="so many, drawn by lot; 0 for all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=600)
    options = parser.parse_args()
    os.chdir(ROOT)
    _warm_up()
    if is_found(None):
        print("the tests fail without any change")
        return 1
    began, tried, alive = time.monotonic(), 0, []
    for mutant in _chosen(options.files, options.sample, options.seed):
        if time.monotonic() - began > options.minutes * 60:
            break
        tried += 1
        if not is_found(mutant):
            alive.append(mutant)
            print(f"not found: {mutant.file}:{mutant.line}: {mutant.what}", flush=True)
    found = tried - len(alive)
    print(f"{found} of {tried} mutants found, {100 * found / max(tried, 1):.1f} %")
    return 0 if found >= 0.9 * tried else 1


if __name__ == "__main__":
    sys.exit(main())
