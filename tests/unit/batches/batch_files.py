"""What the tests of batches share: files, and what is in them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hypothesis import strategies as st

from batches import NOTHING_GIVEN, BatchSpec, Given, Problem, check_batch, read_batch
from studio.operations import InputKind

Table = Sequence[Sequence[str]]

# Everything that UTF-8 can carry but NUL, with the characters that steer a CSV file made likely.
TEXTS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0")
    | st.sampled_from(list(",;\t\"\r\n '+|@\ufeff\u2028\x0b\x1a\\#")),
    max_size=30,
)
HEAD = "row,operation,prompt,image,formats,width,seed\n"


def write_csv(rows: Table, delimiter: str = ",", end: str = "\n") -> bytes:
    """Return rows as a spreadsheet would write them: quotes only where they are needed.

    The csv module is no help here: it leaves a lone CR unquoted.
    """
    lines = [delimiter.join(_quoted(cell, delimiter) for cell in row) for row in rows]
    return "".join(line + end for line in lines).encode()


def _quoted(cell: str, delimiter: str) -> str:
    if not set(cell) & {delimiter, '"', "\r", "\n"}:
        return cell
    doubled = cell.replace('"', '""')
    return f'"{doubled}"'


def check(file: str | bytes | Table, given: Given = NOTHING_GIVEN) -> list[Problem]:
    """Return what is wrong with a file if every picture exists."""
    spec, problems = check_batch(
        _data(file), source="f.csv", owner="ada", exists=_all_exist, given=given
    )
    assert (spec is None) == bool(problems)
    return problems


def read(
    file: str | bytes | Table,
    *,
    owner: str = "ada",
    name: str = "",
    folder: Path | None = None,
    given: Given = NOTHING_GIVEN,
) -> BatchSpec:
    """Return the batch in a file if every picture exists."""
    return read_batch(
        _data(file),
        source="f.csv",
        owner=owner,
        name=name,
        folder=folder,
        exists=_all_exist,
        given=given,
    )


def _all_exist(_reference: str, _kind: InputKind) -> str:
    return ""


def _data(file: str | bytes | Table) -> bytes:
    if isinstance(file, bytes):
        return file
    return file.encode() if isinstance(file, str) else write_csv(file)
