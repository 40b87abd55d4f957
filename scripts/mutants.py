"""The mutants of a module: what one changes, where it lies, and its code.

A mutant is a module with one change: a comparison turned or moved by one, plus for minus, ``and``
for ``or``, a condition denied, a number one more, a call as a statement left out.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

ROOT = Path(__file__).parents[1]

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
    """One change of one module; ``place`` is the node's number in ``ast.walk``.

    ``first`` and ``last`` are the lines of its statement (of its head, where it has a body).
    """

    file: str
    place: int
    line: int
    what: str
    first: int
    last: int
    in_function: bool

    @property
    def module(self) -> str:
        """The module's name."""
        return self.file.removesuffix(".py").replace("/", ".")

    def code(self) -> CodeType:
        """Compile the module with the change."""
        path = ROOT / self.file
        tree = ast.parse(path.read_text())
        for place, node in enumerate(ast.walk(tree)):
            if place == self.place:
                change(node)
                break
        return compile(ast.fix_missing_locations(tree), str(path), "exec", dont_inherit=True)


def mutants_of(file: str) -> list[Mutant]:
    """Return every mutant of a file."""
    tree = ast.parse((ROOT / file).read_text())
    places = {id(node): place for place, node in enumerate(ast.walk(tree))}
    found = []
    for node, statement, in_function in _nodes(tree, None, in_function=False):
        what = change(copy.deepcopy(node))
        if what and statement is not None:
            first, last = _head(statement)
            line = getattr(node, "lineno", first)
            found.append(Mutant(file, places[id(node)], line, what, first, last, in_function))
    return found


def _nodes(
    node: ast.AST, statement: ast.stmt | None, *, in_function: bool
) -> Iterator[tuple[ast.AST, ast.stmt | None, bool]]:
    """Yield every node with its innermost statement, and whether a function's body has it."""
    if isinstance(node, ast.stmt):
        statement = node
    yield node, statement, in_function
    for name, value in ast.iter_fields(node):
        body = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and name == "body"
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _nodes(child, statement, in_function=in_function or body)


def _head(statement: ast.stmt) -> tuple[int, int]:
    body = getattr(statement, "body", None)
    if not body:
        return statement.lineno, statement.end_lineno or statement.lineno
    return statement.lineno, max(statement.lineno, body[0].lineno - 1)


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


def codes(code: CodeType) -> Iterator[CodeType]:
    """Yield a code object and every one inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from codes(constant)
