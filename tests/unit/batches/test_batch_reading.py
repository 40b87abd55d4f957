"""A file is read as texts: nothing is interpreted, lost or taken for something else."""

from __future__ import annotations

import csv
import io
import random
import re
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from batches import check_batch, read_batch
from batches.columns import COLUMNS
from batches.formats import read_sheet
from batches.layout import records
from studio.errors import BatchInvalid
from studio.operations import OPERATIONS, Generate, SocialExport
from tests.unit.batches.batch_files import HEAD, TEXTS, check, read, write_csv

WORDS = st.sampled_from(["NA", "null", "None", "nan", "NaN", "001", "1e5", "-", "TRUE", "1_000"])


@given(st.lists(st.lists(TEXTS | WORDS, min_size=3, max_size=3), min_size=1, max_size=8))
@example([["NA", "null", "001"], ["1e5", "", "nan"], ["#", "\\", '"']])
@settings(max_examples=300, deadline=None)
def test_any_text_comes_back_from_its_cell(rows: list[list[str]]) -> None:
    rows = [["x", *row] for row in rows]
    for delimiter, end in ((",", "\n"), (";", "\r\n"), ("\t", "\r")):
        data = write_csv([["operation", "a", "b", "c"], *rows], delimiter, end)
        sheet = read_sheet(data)
        assert sheet.problems == []
        assert [list(line.cells) for line in sheet.lines] == rows
        assert not any(line.fault for line in sheet.lines)


@given(TEXTS | WORDS)
@settings(max_examples=200, deadline=None)
def test_any_text_comes_to_the_operation_but_for_blanks_around_it(text: str) -> None:
    cell = text.replace("{", "{{").replace("}", "}}")
    batch = read([["operation", "prompt", "negative_prompt"], ["generate", "an owl", cell]])
    operation = batch.rows[0].operation
    assert isinstance(operation, Generate)
    assert operation.negative_prompt == text.strip()


def test_capitals_blanks_and_hyphens_do_not_count_in_a_columns_name() -> None:
    plain = read([["row", "operation", "prompt", "negative_prompt"], ["fox", "generate", "a", "b"]])
    text = "Row;OPERATION;Prompt;Negative prompt\nfox;generate;a;b\n"
    for header in ("Negative prompt", "NEGATIVE-PROMPT", "negative_Prompt"):
        data = text.replace("Negative prompt", header).encode()
        batch = read_batch(data, source="rows.csv", owner="ada", folder=Path("/nowhere"))
        assert batch.rows[0].operation == plain.rows[0].operation


WORDS_OF_FILES = ["operation", "row", "prompt", "image", "seed", "generate", "upscale", "@a", "7"]
MARKS = ["", ",", ",", ",", ";", "\t", '"', '""', "\n", "\n", "\r\n", "\r", " ", "\0", "\ufeff"]
PIECES = st.sampled_from(WORDS_OF_FILES + MARKS)
FILES = st.binary(max_size=200) | st.lists(PIECES, max_size=60).map(lambda it: "".join(it).encode())


@given(FILES, st.sampled_from([b"", b"\xef\xbb\xbf", b"row,operation,prompt,seed\n"]))
@example(b'\xef\xbb\xbf"', b"\xef\xbb\xbf")
@example(b'\n\xef\xbb\xbf"operation"\nupscale\n', b"")
@settings(max_examples=600, deadline=None)
def test_any_bytes_are_a_batch_or_are_refused_with_problems(data: bytes, before: bytes) -> None:
    try:
        batch = read_batch(before + data, source="f.csv", owner="ada")
    except BatchInvalid as error:
        problems = error.details["problems"]
        assert problems
        assert all(problem["rule"] and problem["line"] >= 1 for problem in problems)
        assert problems == sorted(problems, key=lambda problem: problem["line"])
    else:
        assert batch.rows
        assert len({row.name for row in batch.rows}) == len(batch.rows)


@given(st.lists(st.sampled_from(['"', '""', ",", "\n", "\r\n", "\r", "a", " "]), max_size=40))
@settings(max_examples=600, deadline=None)
def test_sound_records_are_what_the_csv_module_reads(pieces: list[str]) -> None:
    text = "".join(pieces)
    found = list(records(text, ","))
    if any(record.fault for record in found):
        return
    rows = [next(csv.reader([record.text])) for record in found]
    assert [record.cells for record in found] == [len(row) for row in rows]
    whole = csv.reader(io.StringIO(text, newline=""))
    assert [row for row in rows if "".join(row).strip()] == [
        row for row in whole if "".join(row).strip()
    ]
    line_ends = re.compile(r"\r\n|\n|\r")
    for record in found:
        lines = line_ends.split(text)
        assert lines[record.line - 1] == line_ends.split(record.text)[0]


def test_lines_are_those_of_the_file_whatever_the_cells_hold() -> None:
    text = (
        "\r\n"
        "operation,prompt,row\r\n"  # 2
        'generate,"one\r\ntwo\nthree\rfour",\r\n'  # 3 to 6
        "\r\n"
        ",,\r\n"
        'generate,"a ""quoted"" word, and a comma",\r\n'  # 9
        'generate,5" nails,\n'  # 10
        "generate,last,"  # 11, without a line end
    )
    batch = read(text)
    assert [(row.line, row.name) for row in batch.rows] == [(n, str(n)) for n in (3, 9, 10, 11)]
    prompts = [row.operation.model_dump()["prompt"] for row in batch.rows]
    assert prompts == [
        "one\r\ntwo\nthree\rfour",
        'a "quoted" word, and a comma',
        '5" nails',
        "last",
    ]


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_dialects_of_spreadsheets_are_the_same_batch(
    mark: bytes, delimiter: str, end: str
) -> None:
    rows = [["prompt", " operation ", "seed"], ["ein Bär, groß; grün\tblau", " generate ", " 5 "]]
    batch = read(mark + write_csv(rows, delimiter, end))
    assert batch.id == read(write_csv(rows)).id
    assert batch.rows[0].operation == Generate(prompt="ein Bär, groß; grün\tblau", seed=5)


def test_a_comma_in_a_header_of_semicolons_does_not_mislead() -> None:
    text = '"a,b";operation\nx;generate\n'
    assert [problem.field for problem in check(text)] == ["a,b", "prompt"]


def test_numbers_are_whole_numbers_in_digits() -> None:
    text = HEAD + "a,generate,an owl,,,512,0\nb,generate,an owl,,,0512,1\nc,generate,x,,,512.00,2\n"
    assert {row.operation.model_dump()["width"] for row in read(text).rows} == {512}
    for wrong in ("512.5", "5e2", "+512", "5 12", "0x200", "512.", "²", "NaN", "1" * 5_000):
        [problem] = check(HEAD + f"a,generate,an owl,,,{wrong},\n")
        assert problem.field == "width"
        assert problem.rule == "must be a whole number"


def test_a_text_that_looks_like_a_number_stays_text() -> None:
    operation = read("operation,prompt,style\ngenerate,001,1e5\n").rows[0].operation
    assert operation == Generate(prompt="001", style="1e5", seed=operation.model_dump()["seed"])


@pytest.mark.parametrize("between", ["+", "|", " ", " + ", "\n", " | "])
def test_items_of_a_list_may_be_divided_in_several_ways(between: str) -> None:
    cell = f"instagram_story{between}linkedin_feed_post"
    batch = read([["operation", "image", "formats"], ["social_export", "x.png", cell]])
    operation = batch.rows[0].operation
    assert isinstance(operation, SocialExport)
    assert operation.formats == ["instagram_story", "linkedin_feed_post"]


def test_every_field_of_every_operation_is_a_column() -> None:
    fields = {name for cls in OPERATIONS.values() for name in cls.model_fields}
    assert set(COLUMNS) == {"row", *fields}
    assert len(COLUMNS) == len(set(COLUMNS))


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_example_of_an_operation_can_be_a_row(name: str) -> None:
    values: dict[str, Any] = {"operation": name, **OPERATIONS[name].example}
    cells = ["+".join(it) if isinstance(it, list) else str(it) for it in values.values()]
    operation = read([list(values), cells]).rows[0].operation
    wanted = OPERATIONS[name].model_validate(values)
    if "seed" in OPERATIONS[name].model_fields and "seed" not in values:
        wanted = wanted.model_copy(update={"seed": operation.seed})  # type: ignore[attr-defined]
    assert operation == wanted


def test_ten_thousand_rows_take_less_than_five_seconds() -> None:
    chooser = random.Random(1)
    lines = ["row,operation,prompt,image,formats,width,height,factor,output_format"]
    for number in range(5_000):
        size = f"{chooser.randint(64, 2048)},{chooser.randint(64, 2048)}"
        lines.append(f'g{number},generate,"a fox, no. {number}",,,{size},,webp')
        lines.append(f"s{number},social_export,,@g{number},instagram_story+twitter_post,,,,")
    data = "\n".join(lines).encode()
    started = time.process_time()
    spec, problems = check_batch(data, source="f.csv", owner="ada")
    seconds = time.process_time() - started
    print(f"10,000 sound rows: {seconds:.2f} s")
    assert spec is not None
    assert not problems
    assert seconds < 5
    started = time.process_time()
    spec, problems = check_batch(data.replace(b"webp", b"gif"), source="f.csv", owner="ada")
    seconds = time.process_time() - started
    print(f"10,000 rows, 5,000 of them faulty: {seconds:.2f} s")
    assert len(problems) == 5_000
    assert seconds < 5


HALF = 10_000_000


@pytest.mark.parametrize(
    "text",
    [
        '"' * HALF,
        'a"' * (HALF // 2),
        '"a""' * (HALF // 4),
        '"",' * (HALF // 9),
        "\r\n" * (HALF // 2),
        ",\n" * (HALF // 2),
        ",a" * (HALF // 2),
        " " * HALF,
    ],
    ids=lambda text: ascii(text[:4]),
)
def test_no_text_makes_reading_slow(text: str) -> None:
    started = time.process_time()
    assert check("operation,prompt\n" + text)
    seconds = time.process_time() - started
    print(f"{seconds:.2f} s")
    assert seconds < 5
