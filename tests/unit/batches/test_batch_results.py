"""Results go out in several forms and come back as the next input; names are safe and differ."""

from __future__ import annotations

import io
import json
from dataclasses import fields
from decimal import Decimal

import pyarrow.parquet
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from batches import Given, ManifestRow, manifest_csv, manifest_jsonl, named, unfinished_csv
from batches.names import FIELDS, LONGEST
from batches.parquet import manifest_parquet
from studio.errors import InvalidRequest
from studio.operations import Upscale
from tests.unit.batches.batch_files import HEAD, check, read

AST = "ast_" + "0" * 25
SHA = "ab" * 32


def made(line: int, row: str, number: int, output: int = 1) -> ManifestRow:
    return ManifestRow(
        line, row, "generate", "done", output, 1, "local", "m", 7, 1_500_000, f"{AST}{number}",
        f"{line:04d}-{row}.png", SHA, "image/png", 64, 48,
    )  # fmt: skip


ROWS = [
    made(2, "fox", 1),
    made(3, "posts", 2),
    made(3, "posts", 3, 2),
    ManifestRow(4, "owl", "generate", "failed", error="=1+1"),
    made(5, "elk.2", 4),
]
MANIFESTS = [manifest_csv(ROWS), manifest_jsonl(ROWS), manifest_parquet(ROWS)]


# --- forms --------------------------------------------------------------------------------------


def test_jsonl_and_parquet_hold_what_the_csv_holds() -> None:
    lines = [json.loads(line) for line in manifest_jsonl(ROWS).splitlines()]
    names = [field.name for field in fields(ManifestRow)]
    assert [list(line) for line in lines] == [names] * len(ROWS)
    assert lines[0]["credits"] == "1.5"
    assert lines[3]["error"] == "=1+1"
    table = pyarrow.parquet.read_table(io.BytesIO(manifest_parquet(ROWS)))
    assert table.column_names == names
    assert table.column("credits").to_pylist()[0] == Decimal("1.5")
    assert table.column("seed").to_pylist() == [7, 7, 7, None, 7]
    assert table.column("row").to_pylist() == [line["row"] for line in lines]
    assert manifest_parquet([]).startswith(b"PAR1")


# --- a manifest as the next input ---------------------------------------------------------------


@pytest.mark.parametrize("data", MANIFESTS, ids=["csv", "jsonl", "parquet"])
def test_the_pictures_of_a_manifest_are_the_input_of_the_next_batch(data: bytes) -> None:
    batch = read(data, given=Given(operation="upscale", defaults={"factor": "4x"}))
    assert [(row.name, row.operation) for row in batch.rows] == [
        (name, Upscale(image=f"{AST}{number}", factor="4x"))
        for name, number in (("fox", 1), ("posts-1", 2), ("posts-2", 3), ("elk-2", 4))
    ]
    chained = read(data, given=Given(operation="upscale 4x | social instagram_story"))
    assert [row.name for row in chained.rows][:3] == ["fox", "fox.2", "posts-1"]


def test_a_manifest_needs_to_be_told_what_to_do() -> None:
    [problem] = check(MANIFESTS[0])
    assert (problem.line, problem.field) == (1, "operation")
    assert "this is a manifest" in problem.rule
    [problem] = check(MANIFESTS[0], Given(operation="enhance_prompt"))
    assert problem.rule == "this is a manifest, and enhance_prompt takes no picture"
    [problem] = check(manifest_csv([ROWS[3]]), Given(operation="upscale"))
    assert problem.rule == "no row of this manifest has a picture"


def test_columns_that_were_added_to_a_manifest_count() -> None:
    lines = MANIFESTS[0].decode().splitlines()
    text = "\n".join([f'{lines[0]},"prompt","mood"', f'{lines[1]},"make it {{mood}}","wet"'])
    [row] = read(text, given=Given(operation="edit")).rows
    assert row.operation.model_dump()["prompt"] == "make it wet"


# --- rows to be done again ----------------------------------------------------------------------


def test_rows_that_are_not_done_are_a_file_that_does_them_again() -> None:
    text = HEAD + (
        "fox,generate,a {{red}} fox,,,,1\n"
        "cut,remove_background,,@fox,,,\n"
        "big,social_export,,@cut,instagram_story+linkedin_feed_post,,\n"
        "top,upscale,,@big:2,,,\n"
        "elk,generate | upscale 4x,@elk,,,64,2\n"
    )
    batch = read(text)
    faults = dict.fromkeys(["fox", "top", "big", "elk.2"], "failed: no")
    data = unfinished_csv(batch.rows, faults, {"cut": [f"{AST}1"], "elk": [f"{AST}2"]})
    again = {row.name: row for row in read(data).rows}
    assert list(again) == ["fox", "big", "top", "elk-2"]
    keys = {row.name: row.key for row in batch.rows}
    # What stands by itself is the very same work; what was made is named by its asset.
    assert again["fox"].key == keys["fox"]
    assert again["big"].operation.model_dump()["image"] == f"{AST}1"
    assert (again["top"].references[0].row, again["top"].references[0].position) == ("big", 1)
    assert again["elk-2"].operation == Upscale(image=f"{AST}2", factor="4x")
    assert data.decode("utf-8-sig").splitlines()[1].endswith(",2,failed: no")


# --- names --------------------------------------------------------------------------------------


def test_names_are_made_from_a_pattern() -> None:
    found = named(ROWS, "{row}-{operation}-{width}x{height}")
    assert [row.file for row in found] == [
        "fox-generate-64x48.png",
        "posts-generate-64x48.png",
        "posts-generate-64x48-2.png",
        "",
        "elk.2-generate-64x48.png",
    ]
    assert named(ROWS, "{operation}/{row}")[0].file == "generate/fox.png"
    assert [row.file for row in named(ROWS, "{name}")] == [row.file for row in ROWS[:1]] + [
        "0003-posts.png", "0003-posts-2.png", "", "0005-elk.2.png",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "pattern",
    ["", "same", "{rows}", "{row", "../{row}", "/{row}", "{row}/", "a//{row}", "a/b/c/d/{row}",
     "{row}/../x", "{row}/. /x"],
)  # fmt: skip
def test_a_pattern_that_cannot_be_used_says_what_it_may_name(pattern: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        named(ROWS, pattern)
    assert caught.value.field == "names"
    assert "{row}" in (caught.value.allowed or "")


@drawn(
    st.lists(st.text(max_size=200) | st.sampled_from(["..", "a/b", "CON", "A", "a", "x" * 300]),
             min_size=1, max_size=6),
    st.sampled_from(["{row}", "{model}/{row}", "{row}.{row}", "x {model} {seed}"]),
)  # fmt: skip
@settings(deadline=None)
def test_names_are_safe_on_every_system_and_differ(texts: list[str], pattern: str) -> None:
    rows = [
        ManifestRow(line, text, "generate", "done", model=text, file="a.png", sha256=SHA)
        for line, text in enumerate(texts)
    ]
    names = [row.file for row in named(rows, pattern)]
    assert len({name.casefold() for name in names}) == len(names)
    assert {name.count("/") for name in names} == {pattern.count("/")}
    for part in (part for name in names for part in name.split("/")):
        assert part.strip(". ") == part
        assert not set(part) & set('\\:*?"<>|\0\n')
        assert 0 < len(part) <= LONGEST + len("-99.png")
        assert part.partition(".")[0].lower() not in {"con", "nul", "aux", ""}


def test_every_field_of_a_pattern_is_one_of_the_manifest() -> None:
    assert set(FIELDS) <= {field.name for field in fields(ManifestRow)} | {"name"}
