"""Templates and errors files: what is written out is read in again."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batches import BatchSpec, Given, check_batch, errors_csv
from batches.mending import marked, unmarked
from batches.templates import TemplateFormat, template
from studio.errors import InvalidRequest
from studio.operations import OPERATIONS
from tests.unit.batches.batch_files import HEAD, TEXTS, check, read

FORMATS: tuple[TemplateFormat, ...] = ("csv", "jsonl", "xlsx")


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_example_of_a_template_passes_its_own_check(name: str) -> None:
    batches = [read(template(name, format_)) for format_ in FORMATS]
    assert {batch.id for batch in batches} == {batches[0].id}
    [row] = batches[0].rows
    assert (row.name, row.operation.operation) == ("example", name)
    header = template(name).decode("utf-8-sig").splitlines()[0].split(",")
    assert header == [
        "row",
        "operation",
        *(f for f in OPERATIONS[name].model_fields if f != "operation"),
    ]


def test_there_is_no_template_of_nothing() -> None:
    with pytest.raises(InvalidRequest, match="no such operation"):
        template("nothing")


@given(TEXTS | st.sampled_from(["'=1", "''@x", "'", "'a", "@fox", "=1+1", "-1", "-x"]))
@settings(deadline=None)
def test_a_cell_is_safe_in_between_and_the_same_afterwards(text: str) -> None:
    assert unmarked(marked(text)) == text
    assert marked(text)[:1] not in set("=@\t\r\n")


FAULTY = HEAD + (
    "fox,generate,=a fox,,,,1\n"
    "cut,remove_background,,@fox,,,7\n"
    "big,upscale,,@fox,,,\n"
    ",generate,,,,5,1\n"
)


def test_an_errors_file_has_the_faulty_rows_in_their_own_columns_and_the_faults() -> None:
    problems = check(FAULTY)
    rows = list(csv.reader(io.StringIO(errors_csv(FAULTY.encode(), problems).decode("utf-8-sig"))))
    assert rows == [
        [*HEAD.strip().split(","), "fault_line", "faults"],
        ["cut", "remove_background", "", "'@fox", "", "", "7", "3",
         "seed: is not a field of this operation (given: 7)"],
        ["", "generate", "", "", "", "5", "1", "5",
         "prompt: is required; width: must be at least 64 (given: 5)"],
    ]  # fmt: skip


def test_an_errors_file_is_mended_and_run_and_what_is_still_wrong_is_named_anew() -> None:
    text = HEAD + "a,generate,=1+1 {{x}},,,5,1\nb,generate,'=1,,,5,1\nc,generate,-x,,,5,1\n"
    data = errors_csv(text.encode(), check(text))
    again = check(data)
    assert [(it.line, it.field, it.value) for it in again] == [(n, "width", "5") for n in (2, 3, 4)]
    second = errors_csv(data, again)
    assert second.decode("utf-8-sig").splitlines()[0].count("faults") == 1
    mended = read(data.replace(b",5,1,", b",64,1,"))
    whole = read(text.replace(",5,1", ",64,1"))
    assert [row.key for row in mended.rows] == [row.key for row in whole.rows]


def test_records_that_cannot_be_read_are_in_the_errors_file_as_far_as_they_go() -> None:
    text = HEAD + "a,generate,a fox\nb,generate,a, fox,,,,1\n"
    lines = errors_csv(text.encode(), check(text)).decode("utf-8-sig").splitlines()
    assert lines[1].startswith('a,generate,a fox,,,,,2,"must have 7 cells')
    assert lines[2].startswith("b,generate,a, fox,,,,3,")
    assert "as many as the header; a text" in lines[2]


def test_what_is_left_out_and_what_is_done_are_the_whole_file() -> None:
    spec, problems = check_batch(
        FAULTY.encode(), source="f", owner="ada", given=Given(skip_invalid=True)
    )
    assert isinstance(spec, BatchSpec)
    errors = errors_csv(FAULTY.encode(), problems).decode("utf-8-sig").splitlines()
    assert len(spec.rows) + len(errors) - 1 == 4


def test_an_errors_file_that_lies_elsewhere_names_files_in_full(tmp_path: Path) -> None:
    folder = tmp_path / "{may}"
    text = (
        "row,operation,Image,prompt,factor\n"
        "a,upscale,pics/a.png,,99x\n"
        "b,upscale,@a,,99x\n"
        "c,upscale,ast_01m8nnsmmp7sexejpxvzxttddt_00,,99x\n"
        "d,generate,,pics/a.png,1\n"
    )
    told = errors_csv(text.encode(), check(text), folder=folder).decode("utf-8-sig")
    rows = {row["row"]: row for row in csv.DictReader(io.StringIO(told))}
    assert rows["a"]["Image"] == str(tmp_path / "{{may}}" / "pics" / "a.png")
    assert rows["b"]["Image"] == "'@a"
    assert rows["c"]["Image"] == "ast_01m8nnsmmp7sexejpxvzxttddt_00"
    assert (rows["d"]["Image"], rows["d"]["prompt"]) == ("", "pics/a.png")
    (tmp_path / "{may}" / "pics").mkdir(parents=True)
    (tmp_path / "{may}" / "pics" / "a.png").write_bytes(b"")
    mended = told.replace("99x", "2x").encode()
    spec, problems = check_batch(mended, source="m", owner="ada", folder=tmp_path / "batch")
    assert spec is None  # what row d has too much is still there, and no file is missing
    assert {it.row for it in problems} == {"d"}
