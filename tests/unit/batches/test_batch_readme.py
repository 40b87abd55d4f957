"""What the README says of the file's format is so."""

from __future__ import annotations

from pathlib import Path

from batches.columns import COLUMNS
from batches.names import FIELDS
from batches.reading import LARGEST_FILE, MOST_COLUMNS, MOST_ROWS
from batches.rows import LONGEST_CELL
from tests.unit.batches.batch_files import read

ROOT = Path(__file__).parents[3]
README = (ROOT / "batches" / "README.md").read_text(encoding="utf-8")


def test_every_column_is_documented() -> None:
    fields = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    table = README.split("| column | holds |")[1].split("\n\n")[0]
    for column in COLUMNS:
        assert f"`{column}`" in (table if column in {"row", "operation"} else fields), column


def test_the_example_is_a_batch() -> None:
    example = README.split("```csv\n")[1].split("```")[0]
    assert [row.name for row in read(example).rows] == ["fox", "cut", "4", "posts", "6"]


def test_the_limits_are_those_of_the_code() -> None:
    assert f"| file | {LARGEST_FILE // 1_000_000} MB |" in README
    assert f"| rows | {MOST_ROWS:,} |" in README
    assert f"| columns | {MOST_COLUMNS} |" in README
    assert f"| cell | {LONGEST_CELL:,} characters |" in README


def test_what_a_name_may_be_made_of_is_documented() -> None:
    names = README.split("**Names.**")[1]
    assert all(f"`{field}`" in names for field in FIELDS)


def test_the_example_of_a_chain_is_one() -> None:
    chain = README.split("**Chains.** `")[1].split("`")[0]
    rows = read([["operation", "prompt"], [chain, "a fox"]]).rows
    assert [row.name for row in rows] == ["2", "2.2", "2.3", "2.4"]
