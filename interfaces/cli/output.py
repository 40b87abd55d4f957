"""What a command shows: a result for people or as JSON, and errors in few words.

On stdout stands the result and nothing else: text, or with ``--json`` exactly one JSON document.
Progress, notes and logs go to stderr. In JSON a whole number of an amount is micro-credits and a
text is credits (``"total": 1500000, "total_credits": "1.5"``).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.status import Status
from rich.table import Table
from rich.text import Text

from studio import credits as money
from studio.errors import StudioError

_PIPE_WIDTH = 200
"""Columns when nobody looks: a file or another program shall not get cut lines."""

_VALUE_WIDTH = 24
"""Columns for a faulty value in a table; the rule beside it needs the room."""

MOST_IN_TABLE = 200
"""Rows in one table: laying out 100,000 would take longer than checking them."""

_GAP = 2
"""Blanks between columns."""

_STYLES = {
    "done": "green",
    "settled": "green",
    "ok": "green",
    "failed": "red",
    "fault": "red",
    "incomplete": "yellow",
    "unknown": "yellow",
    "note": "yellow",
    "skipped_budget": "yellow",
}


class Output:
    """Where a command writes.

    Args:
        as_json: whether the result is printed as one JSON document.
    """

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self._stdout = sys.stdout
        self.console = _console(sys.stdout.isatty(), stderr=False)
        self.errors = _console(sys.stderr.isatty(), stderr=True)

    def result(self, document: Mapping[str, Any], show: Callable[[Console], None]) -> None:
        """Print the result: ``document`` as JSON, or what ``show`` makes of it for people."""
        if self.as_json:
            self._document(document)
        else:
            show(self.console)

    def raw(self, text: str) -> None:
        """Print text as it is, for other programs."""
        self._stdout.write(text)
        self._stdout.flush()

    def note(self, text: str) -> None:
        """Tell people what is going on; never part of the result."""
        self.errors.print(Text(text, style="dim"))

    def busy(self, text: str) -> Status:
        """Return a context during which ``text`` is shown with a sign of life."""
        return self.errors.status(Text(text))

    def error(self, error: StudioError) -> None:
        """Tell what went wrong: on stderr, or as the JSON document."""
        if self.as_json:
            self._document({"error": error.as_dict()})
            return
        self.errors.print(
            Text.assemble(("Error: ", "bold red"), plain(error.message)), soft_wrap=False
        )
        problems = error.details.get("problems")
        if problems and "line" in problems[0]:
            show_problems(self.errors, problems)
        elif problems and len(problems) > 1:
            for problem in problems:
                self._facts(field=problem["field"], given=problem["given"], rule=problem["rule"])
        else:
            self._facts(field=error.field, given=error.given, allowed=error.allowed)

    def _facts(self, **facts: str | None) -> None:
        lines = [
            Text.assemble((f"  {name:<9}", "dim"), plain(value))
            for name, value in facts.items()
            if value is not None
        ]
        if lines:
            self.errors.print(Text("\n").join(lines))

    def _document(self, document: Mapping[str, Any]) -> None:
        sizes = (len(each) for each in document.values() if isinstance(each, list))
        if max(sizes, default=0) <= MOST_IN_TABLE:
            json.dump(document, self._stdout, ensure_ascii=False, indent=2, default=str)
        else:
            self._stdout.writelines(_compact(document))
        self._stdout.write("\n")
        self._stdout.flush()


def _compact(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield a document of many rows as JSON, a line for each row.

    Only without an indent does Python write JSON in C, some ten times faster; and the text is
    never there as a whole.
    """
    encode = json.JSONEncoder(ensure_ascii=False, default=str).encode
    before = "{"
    for key, value in document.items():
        yield f"{before}{encode(key)}: "
        before = ",\n"
        if isinstance(value, list):
            yield "["
            for place, item in enumerate(value):
                yield f"{',' if place else ''}\n{encode(item)}"
            yield "]"
        else:
            yield encode(value)
    yield "}"


def _console(is_terminal: bool, *, stderr: bool) -> Console:  # noqa: FBT001 - of this module alone
    width = None if is_terminal else _PIPE_WIDTH
    return Console(stderr=stderr, width=width, highlight=False, markup=False, emoji=False)


def table(*columns: str, right: Sequence[str] = ()) -> Table:
    """Return a quiet table: a header, no lines.

    Args:
        right: the columns with numbers, set to the right.
    """
    made = Table(box=None, header_style="dim", pad_edge=False, padding=(0, _GAP, 0, 0))
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", overflow="fold")
    return made


def leave_room_for_last(made: Table, to: Console) -> None:
    """Keep every row on one line: what does not fit is cut off the last column.

    The others are as wide as they need to be, up to 24 characters.
    """
    *others, last = made.columns
    used = 0
    for column in made.columns:
        column.no_wrap, column.overflow = True, "ellipsis"
    for column in others:
        texts = [column.header, *column.cells]
        width = min(_VALUE_WIDTH, max(cell_len(str(text)) for text in texts))
        column.width = width
        used += width + _GAP
    last.max_width = max(_GAP, to.width - used)


Fact = tuple[str, str | Text]
"""A name and its value."""


def show_facts(to: Console, pairs: Iterable[Fact]) -> None:
    """Print names and values in two columns.

    Lines are never broken: addresses and paths in them are there to be clicked and copied.
    """
    pairs = list(pairs)
    width = max((len(name) for name, _ in pairs), default=0)
    for name, value in pairs:
        shown = plain(value) if isinstance(value, str) else value
        to.print(Text.assemble((f"{name:<{width}}  ", "dim"), shown), soft_wrap=True)


def problem_table(problems: Sequence[Mapping[str, Any]]) -> Table:
    """Return the faults of a batch file, each with its place and the rule that it breaks."""
    made = table("line", "row", "field", "value", "rule", right=("line",))
    value = made.columns[3]
    value.max_width, value.no_wrap, value.overflow = _VALUE_WIDTH, True, "ellipsis"
    for problem in problems:
        made.add_row(
            str(problem["line"]),
            plain(problem["row"]),
            plain(problem["field"]),
            plain(problem["value"]),
            plain(problem["rule"]),
        )
    return made


def show_problems(to: Console, problems: Sequence[Mapping[str, Any]]) -> None:
    """Print all faults of a batch file: the first as a table, what is beyond it line by line."""
    to.print(problem_table(problems[:MOST_IN_TABLE]))
    for problem in problems[MOST_IN_TABLE:]:
        place = f"line {problem['line']}" + (f", {problem['field']}" if problem["field"] else "")
        given = f" (given: {problem['value']})" if problem["value"] else ""
        words = plain(f"{place}: {problem['rule']}{given}").replace("\n", " ")
        to.file.write(f"{words}\n")


def status(word: str) -> Text:
    """Return a status in its colour."""
    return Text(word.replace("_", " "), style=_STYLES.get(word, "dim"))


def plain(value: object) -> str:
    """Return text in which nothing can steer a terminal."""
    text = str(value)
    return "".join(it if it.isprintable() or it == "\n" else ascii(it)[1:-1] for it in text)


def amount(name: str, micro_credits: int) -> dict[str, int | str]:
    """Return an amount for JSON: exact micro-credits, and the same in credits beside it."""
    return {name: micro_credits, f"{name}_credits": money.show(micro_credits)}


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, such as ``2 rows``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def in_credits(micro_credits: int) -> str:
    """Return an amount for people."""
    text = money.show(micro_credits)
    return f"{text} credit" if text == "1" else f"{text} credits"


__all__ = [
    "MOST_IN_TABLE",
    "Fact",
    "Output",
    "amount",
    "counted",
    "in_credits",
    "leave_room_for_last",
    "plain",
    "problem_table",
    "show_facts",
    "show_problems",
    "status",
    "table",
]
