"""What the README says of the file's format is so."""

from __future__ import annotations

import re
from pathlib import Path

from batches.columns import COLUMNS
from batches.reading import LARGEST_FILE, MOST_COLUMNS, MOST_ROWS
from batches.rows import LONGEST_CELL
from studio.operations import OPERATIONS
from tests.unit.batches.batch_files import read

README = (Path(__file__).parents[3] / "batches" / "README.md").read_text(encoding="utf-8")


def documented() -> dict[str, str]:
    """The table of columns: name to the operations that have it."""
    table = README.split("| column | in rows of | holds |")[1].split("\n\n")[0]
    rows = [line.split("|") for line in table.splitlines()[2:]]
    return {name: row[2].strip() for row in rows for name in re.findall("`([a-z_]+)`", row[1])}


def test_the_table_has_every_column_and_who_takes_it() -> None:
    columns = documented()
    assert set(columns) == set(COLUMNS)
    for column in set(COLUMNS) - {"row"}:
        takers = [name for name, cls in OPERATIONS.items() if column in cls.model_fields]
        expected = "all" if len(takers) == len(OPERATIONS) else ", ".join(takers)
        assert columns[column] == expected, column


def test_the_example_is_a_batch() -> None:
    example = README.split("```csv\n")[1].split("```")[0]
    assert [row.name for row in read(example).rows] == ["fox", "cut", "4", "posts", "6"]


def test_the_limits_are_those_of_the_code() -> None:
    assert f"| file | {LARGEST_FILE // 1_000_000} MB |" in README
    assert f"| rows | {MOST_ROWS:,} |" in README
    assert f"| columns | {MOST_COLUMNS} |" in README
    assert f"| cell | {LONGEST_CELL:,} characters |" in README
