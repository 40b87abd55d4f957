"""From JSONL to a table of texts: an object on each line, its keys are the columns."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from batches.sheet import MOST_COLUMNS, MOST_ROWS, Line, Sheet, refused
from batches.spec import Problem
from studio.errors import shorten

_LINE_END = re.compile(r"\r\n|\n|\r")


class _Fault(ValueError):
    """A line that is no row."""


def read_jsonl(text: str) -> Sheet:
    """Read the objects of a text; keys that a line lacks are not given there."""
    found: list[tuple[int, dict[str, Any] | str, str]] = []
    for number, line in enumerate(_LINE_END.split(text), start=1):
        if not line.strip():
            continue
        found.append((number, *_parsed(line)))
        if len(found) > MOST_ROWS:
            break
    columns = tuple(
        dict.fromkeys(key for _, row, _ in found if isinstance(row, dict) for key in row)
    )
    if len(columns) > MOST_COLUMNS:
        rule = f"a file may have {MOST_COLUMNS} keys at most"
        return refused(1, f"{len(columns)} keys", rule)
    problems: list[Problem] = []
    if not columns:
        problems = [
            Problem(number, "", "", shorten(row), rule) for number, row, rule in found if rule
        ]
        problems = problems or [Problem(1, "", "", "{}", "no line of the file has a key")]
        return Sheet(problems=problems)
    if len(found) > MOST_ROWS:
        rule = f"a batch may have {MOST_ROWS} rows at most; the file goes on from here"
        problems.append(Problem(found.pop()[0], "", "", "", rule))
    lines = tuple(_line(number, row, fault, columns) for number, row, fault in found)
    return Sheet(1, columns, lines, problems)


def _parsed(line: str) -> tuple[dict[str, Any] | str, str]:
    """Return the object of a line, or its beginning and what is wrong with it."""
    try:
        row = json.loads(line, object_pairs_hook=_object, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        return (
            line,
            f"is not JSON: {error.msg[:1].lower()}{error.msg[1:]}, at character {error.pos + 1}",
        )
    except _Fault as error:
        return line, str(error)
    except RecursionError:
        return line, "is nested too deeply"
    except ValueError:
        return line, "has a number that is too long"
    if not isinstance(row, dict):
        return line, 'must be an object, such as {"operation": "generate", "prompt": "a fox"}'
    return row, ""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _Fault(f"has the key {shorten(twice)} twice")
    return found


def _no_number(word: str) -> NoReturn:
    raise _Fault(f"{word} is no number")


def _line(number: int, row: dict[str, Any] | str, fault: str, columns: tuple[str, ...]) -> Line:
    if isinstance(row, str):
        return Line(number, ("",) * len(columns), fault, shorten(row))
    cells, notes = [], []
    for column in columns:
        text = _text(row.get(column))
        if text is None:
            rule = "must be a text, a number, true, false, null, or a list of these"
            notes.append((column, json.dumps(row[column]), rule))
        elif _is_broken(text):
            notes.append((column, ascii(text), "has half of a character (a lone surrogate)"))
            text = ""
        cells.append(text or "")
    return Line(number, cells, notes=tuple(notes))


def _is_broken(text: str) -> bool:
    """Whether a text cannot be written in any encoding: JSON can escape halves of characters."""
    if text.isascii():
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _text(value: Any) -> str | None:
    """Return a value as a cell of a CSV file would hold it; ``None`` for an object."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list):
        items = [_text(item) for item in value if not isinstance(item, list)]
        known = [item for item in items if item is not None]
        return "+".join(known) if len(known) == len(value) else None
    return None
