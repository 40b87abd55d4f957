"""Input pictures of rows: what earlier rows make, assets of the library, files."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from itertools import islice
from pathlib import Path

from batches.spec import Reference
from studio.operations import InputKind, Operation, SocialExport

Exists = Callable[[str, InputKind], str]
"""Says why a file (an asset id or a path) cannot be used as what it is; empty if it can."""

_REFERENCE = re.compile(
    # "fox", or the second step of the chain in that row: "fox.2"
    r"@(?P<row>[a-z0-9_-]{1,60}(\.[0-9]{1,2}(-[0-9]{1,2})?)?)(:(?P<output>[a-z0-9_]{1,60}))?"
)
_ASSET = re.compile(r"ast_[0-9a-z]{26}(_[0-9]{2})?")
_NAMED_ROWS = 5
"""So many earlier rows are named when a reference is wrong."""


def no_such_file(reference: str, kind: InputKind) -> str:
    """Say why there is no file under a path. Asset ids pass: only the library knows them."""
    del kind
    if _ASSET.fullmatch(reference):
        return ""
    try:
        path = Path(reference)
        if path.is_file():
            return ""
        return "is a folder; it must be a file" if path.is_dir() else "there must be such a file"
    except (OSError, ValueError):  # a name that is too long, or no name at all
        return "is no path of a file"


def output_names(operation: Operation) -> tuple[str, ...]:
    """Return the names of what an operation makes, in order; variations have none."""
    if isinstance(operation, SocialExport):
        return operation.outputs
    return ("",) * len(operation.pieces())


class Pictures:
    """Reads the picture fields of the rows of one file, in their order.

    Args:
        folder: what relative paths start from; ``None`` leaves them as they are.
        exists: asked once for each asset and path.
    """

    def __init__(self, folder: Path | None, exists: Exists) -> None:
        self._folder = folder
        self._exists = exists
        self._reasons: dict[tuple[str, InputKind], str] = {}
        self._lines: dict[str, int] = {}
        self._passed: dict[str, Operation | None] = {}

    def announce(self, name: str, line: int) -> int:
        """Note that the row on ``line`` has this name; return the first line that has it."""
        return self._lines.setdefault(name, line)

    def pass_by(self, name: str, operation: Operation | None) -> None:
        """Let the rows behind this one refer to it; ``None`` stands for a faulty row."""
        self._passed.setdefault(name, operation)
        pieces = operation.pieces() if operation else ()
        if len(pieces) > 1:
            for number, piece in enumerate(pieces, start=1):
                self._passed.setdefault(f"{name}-{number}", piece)

    def place(self, text: str) -> str:
        """Return a path with the folder before it if it is relative; anything else unchanged."""
        if text.startswith("@") or _ASSET.fullmatch(text) or "://" in text:
            return text
        # normpath, so that "a.png" and "./a.png" are the same work.
        return os.path.normpath(self._folder / text if self._folder else text)

    def missing(self, text: str, kind: InputKind) -> str:
        """Say why a placed path or an asset cannot be used; empty if it can."""
        if (text, kind) not in self._reasons:
            self._reasons[text, kind] = self._exists(text, kind)
        return self._reasons[text, kind]

    def refer(self, field: str, text: str, own_name: str) -> Reference | str:
        """Read ``@row`` or ``@row:output``; return the reference, or the rule that it breaks."""
        match = _REFERENCE.fullmatch(text)
        if match is None:
            return "must be @row, @row:2 (its second output) or @row:format"
        row, output = match["row"], match["output"] or ""
        if row not in self._passed:
            return self._not_passed(row, own_name)
        operation = self._passed[row]
        if operation is None:  # that row's own faults are reported already
            return Reference(field, row, 0)
        names = output_names(operation)
        position = _position(output, names)
        if position is None:
            return _no_such_output(row, names)
        return Reference(field, row, position)

    def _not_passed(self, row: str, own_name: str) -> str:
        if row == own_name:
            fault = "names its own row"
        elif row in self._lines:
            fault = f"row {row} comes later, on line {self._lines[row]}"
        else:
            fault = f"there is no row {row}"
        nearest = list(islice(filter(_name_is_right, reversed(self._passed)), _NAMED_ROWS))
        if not nearest:
            return f"{fault}; allowed: an earlier row, of which there is none"
        return f"{fault}; allowed: an earlier row, such as {', '.join(reversed(nearest))}"


def row_named(text: str) -> str:
    """Return the row that a cell refers to; empty if it refers to none."""
    match = _REFERENCE.fullmatch(text)
    return match["row"] if match else ""


def _name_is_right(name: str) -> bool:
    return _REFERENCE.fullmatch(f"@{name}") is not None


def _no_such_output(row: str, names: tuple[str, ...]) -> str:
    if len(names) == 1 and not names[0]:
        return f"row {row} makes one output; allowed: @{row}"
    named = ", ".join(f"@{row}:{name}" for name in names if name)
    words = f"row {row} makes {len(names)}; allowed: @{row}:1 to @{row}:{len(names)}"
    return f"{words}, or {named}" if named else words


def _position(output: str, names: tuple[str, ...]) -> int | None:
    """Return the place, from 0, of an output given by number or name."""
    if not output:
        return 0
    if output in names:
        return names.index(output)
    number = int(output) if output.isdecimal() else 0
    return number - 1 if 1 <= number <= len(names) else None
