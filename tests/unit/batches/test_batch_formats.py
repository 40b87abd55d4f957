"""A batch may come as CSV of any kind, as JSONL or as a workbook; a doubtful file says why."""

from __future__ import annotations

import datetime as dt
import io
import json
import zipfile
from collections.abc import Sequence
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batches import Given, check_batch, errors_csv
from batches.encoding import ENCODINGS
from batches.formats import read_sheet
from batches.workbook import LARGEST_UNPACKED
from studio.errors import InvalidRequest
from studio.operations import Generate
from tests.unit.batches.batch_files import check, read

MOMENT = dt.datetime(2026, 12, 24, 18, 30)  # noqa: DTZ001 - a workbook knows no time zones
BEAR = Generate(prompt="ein Bär “groß”, süß", width=512, seed=5)
TEXT = 'operation,prompt,width,seed\ngenerate,"ein Bär “groß”, süß",512,5\n'


def workbook(*rows: Sequence[Any], title: str = "Sheet", first: str = "") -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    if first:
        sheet.title = first
        sheet = book.create_sheet()
    sheet.title = title
    for row in rows:
        sheet.append(list(row))
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


# --- encodings ----------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_what_tells_its_encoding_is_read(encoding: str) -> None:
    assert read(TEXT.encode(encoding)).rows[0].operation == BEAR


@pytest.mark.parametrize("encoding", ["windows-1252", "mac-roman"])
def test_what_does_not_tell_it_must_be_told(encoding: str) -> None:
    data = TEXT.encode(encoding)
    [problem] = check(data)
    assert problem.line == 2
    assert problem.value.startswith("not UTF-8: byte ")
    assert "saved as UTF-8 (in Excel: CSV UTF-8)" in problem.rule
    assert "windows-1252, in which this would read" in problem.rule
    assert read(data, given=Given(encoding=encoding)).rows[0].operation == BEAR


def test_a_named_encoding_does_not_make_letters_wrong() -> None:
    [problem] = check(TEXT.encode(), Given(encoding="windows-1252"))
    assert "would be misread as windows-1252" in problem.rule
    [problem] = check(b"operation,prompt\ngenerate,\x81\n", Given(encoding="windows-1252"))
    assert (problem.line, problem.rule) == (2, "is not windows-1252")
    # What says itself what it is needs no other word.
    assert read(TEXT.encode("utf-16"), given=Given(encoding="utf-8")).rows
    with pytest.raises(InvalidRequest, match="no such encoding"):
        Given(encoding="utf-7")


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_encoding_that_may_be_named_is_known(encoding: str) -> None:
    text = "operation,prompt,seed\ngenerate,a fox,1\n"
    assert read(text.encode(encoding), given=Given(encoding=encoding)).rows


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "before 2007"),
        (b"\x1f\x8b\x08\0", "gzip"),
        (b"%PDF-1.7", "PDF"),
        (b"<html>", "HTML"),
        (b"PK\x03\x04" + b"\0" * 40, "broken ZIP"),
    ],
)
def test_what_is_no_batch_is_called_by_its_name(data: bytes, word: str) -> None:
    [problem] = check(data)
    assert word in problem.value


# --- what spreadsheets write --------------------------------------------------------------------


def test_the_first_line_of_excel_names_the_delimiter() -> None:
    for first in ("sep=;\r\n", '"sep=;"\r\n', "SEP=;\n"):
        batch = read(f"{first}operation;prompt;seed\r\ngenerate;a, b, c;1\r\n".encode())
        assert (batch.rows[0].line, batch.rows[0].name) == (3, "3")
        assert batch.rows[0].operation == Generate(prompt="a, b, c", seed=1)
    odd = "sep=^\noperation^prompt\ngenerate^a fox"
    assert read(odd).rows[0].operation.model_dump()["prompt"] == "a fox"


def test_empty_columns_are_no_fault_and_other_nameless_ones_are() -> None:
    assert read("operation;prompt;;\ngenerate;a fox;;\n;;;\n").rows
    rules = [problem.rule for problem in check("operation;prompt;;\ngenerate;a fox;;x\n")]
    assert rules == ["column 3 must have a name", "column 4 must have a name"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_the_one_that_makes_columns(delimiter: str) -> None:
    text = delimiter.join(["prompt", "width"]) + "\n" + delimiter.join(["a fox", "512"]) + "\n"
    operation = read(text, given=Given(operation="generate")).rows[0].operation
    assert (operation.model_dump()["prompt"], operation.model_dump()["width"]) == ("a fox", 512)


def test_numbers_are_understood_as_spreadsheets_write_them_or_refused() -> None:
    head = "operation;prompt;seed;guidance;width\n"
    for text, value in (("7,5", 7.5), ("0,125", 0.125), ("7.5", 7.5), ("12,50", 12.5)):
        operation = read(f"{head}generate;x;1;{text};512,0\n").rows[0].operation
        assert operation.model_dump()["guidance"] == value
        assert operation.model_dump()["width"] == 512
    # One thousand, or one and a little: nobody can know.
    for text in ("1,000", "12,345", "1,000,000"):
        [problem] = check(f"{head}generate;x;1;{text};\n")
        assert problem.field == "guidance"
    assert (
        read("operation,prompt\ngenerate,\xa0a fox\xa0\n").rows[0].operation.model_dump()["prompt"]
        == "a fox"
    )


# --- JSONL --------------------------------------------------------------------------------------


def test_objects_on_lines_are_rows() -> None:
    text = (
        '{"row": "fox", "operation": "generate", "prompt": "a \\"fox\\"", "seed": 1,'
        ' "width": 512}\n'
        "\n"
        '{"operation": "social_export", "image": "@fox", "formats": ["instagram_story"]}\r\n'
        '{"operation": "generate", "prompt": "001", "seed": null, "guidance": 2.5}'
    )
    batch = read(text)
    assert [(row.line, row.name) for row in batch.rows] == [(1, "fox"), (3, "3"), (4, "4")]
    assert batch.rows[0].operation == Generate(prompt='a "fox"', seed=1, width=512)
    assert batch.rows[2].operation.model_dump()["guidance"] == 2.5
    csv = "row,operation,prompt,seed\nfox,generate,a fox,1\n"
    line = json.dumps({"row": "fox", "operation": "generate", "prompt": "a fox", "seed": 1})
    assert read(line).id == read(csv).id


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ('{"operation": "generate", "prompt": "x"', "is not JSON: expecting ',' delimiter"),
        ('{"operation": "generate", "operation": "upscale"}', "has the key operation twice"),
        ("[1]", "must be an object"),
        ('{"operation": "generate", "prompt": "x", "width": NaN}', "NaN is no number"),
        ('{"a": ' * 5_000, "is nested too deeply"),
    ],
)
def test_a_line_that_is_no_object_is_named(line: str, rule: str) -> None:
    good = '{"operation": "generate", "prompt": "x"}'
    [problem] = check(f"{good}\n{line}\n{good}\n")
    assert problem.line == 2
    assert rule in problem.rule


@pytest.mark.parametrize(
    ("text", "value", "rule"),
    [
        ("{}\n", "{}", "has a key"),
        ('{"a": ', '{"a":', "is not JSON"),
        ('{"operation": "generate", "seed": ' + "9" * 5_000 + "}", "{", "number that is too long"),
        ('{"operation": "generate", "prompt": "\\ud800"}', "'\\ud800'", "half of a character"),
    ],
)
def test_a_file_of_one_faulty_line_is_refused_too(text: str, value: str, rule: str) -> None:
    [problem] = check(text)
    assert problem.value.startswith(value)
    assert rule in problem.rule
    assert errors_csv(text.encode(), [problem])


PIECES = st.sampled_from(
    ['{"operation": "generate", "prompt": "x"}', "{", "}", '"a"', ":", ",", "[", "]", "1e999", "\n",
     "null", '"operation"', '"\\udc00"', "true", "-", "{}", " ", '"seed": 1', "\u2028", "\x85"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=20).map(lambda pieces: "{" + "".join(pieces)))
@settings(deadline=None, max_examples=300)
def test_any_jsonl_is_a_batch_or_is_refused_with_problems(text: str) -> None:
    spec, problems = check_batch(text.encode(), source="f.jsonl", owner="ada")
    assert (spec is None) == bool(problems)


def test_every_fault_of_a_jsonl_file_is_named() -> None:
    text = (
        '{"operation": "generate", "prompt": {"a": 1}, "width": 5000}\n'
        '{"operation": "generat", "prompt": "x"}\n'
        '{"operation": "generate", "prompt": "x", "colour": "red"}\n'
    )
    found = [(it.line, it.field) for it in check(text)]
    assert found == [(1, "colour"), (1, "prompt"), (1, "width"), (2, "operation")]
    assert check('[{"operation": "generate"}]')[0].value == "a JSON array"


# --- workbooks ----------------------------------------------------------------------------------


def test_a_workbook_is_the_same_batch_as_its_csv() -> None:
    rows: list[list[Any]] = [
        ["operation", "prompt", "width", "seed", None],
        ["generate", BEAR.prompt, 512, 5, None],
    ]
    data = workbook(*rows)
    assert read(data).id == read(TEXT).id
    several = workbook(*rows, title="Batch", first="notes")
    assert read(several).id == read(TEXT).id


def test_every_fault_of_a_workbook_has_its_row_and_column() -> None:
    data = workbook(
        ["row", "operation", "prompt", "width", "seed"],
        ["fox", "generate", "a fox", 5000, 1],
        [],
        ["owl", "generate", "=A1&B1", 512, 1],
        ["elk", "generat", "an elk", 512.5, "#N/A"],
        ["bat", "generate", "a bat", True, 2.0],
        ["cat", "generate", "a cat", 64, None, "too much"],
    )
    found = [(it.line, it.row, it.field, it.value) for it in check(data)]
    assert found == [
        (2, "fox", "width", "5000"),
        (4, "owl", "prompt", "=A1&B1"),
        (5, "elk", "operation", "generat"),
        (5, "elk", "seed", "#N/A"),
        (6, "bat", "width", "true"),
        (7, "cat", "", "6 cells"),
    ]
    formula = check(data)[1]
    assert "paste it as values" in formula.rule


def test_dates_are_written_as_iso_8601() -> None:
    data = workbook(
        ["operation", "prompt", "day", "moment"],
        ["generate", "{day} {moment}", dt.date(2026, 12, 24), MOMENT],
    )
    assert read(data).rows[0].operation.model_dump()["prompt"] == "2026-12-24 2026-12-24T18:30:00"


def zipped(**files: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in files.items():
            packed.writestr(name.replace("__", "/").replace("_xml", ".xml"), data)
    return file.getvalue()


def test_a_bomb_is_not_unpacked() -> None:
    [problem] = check(zipped(anything=b"x"))
    assert problem.value == "a ZIP file that is no workbook"
    data = bytearray(zipped(xl__workbook_xml=b"x" * 1_000))
    # The directory at the end says how large it is unpacked; no more than that is ever read.
    place = data.index(b"PK\x01\x02") + 24
    data[place : place + 4] = (LARGEST_UNPACKED + 1).to_bytes(4, "little")
    [problem] = check(bytes(data))
    assert problem.value.startswith("more than 400000000 bytes")


def test_an_entity_in_a_workbook_is_refused() -> None:
    good = workbook(["operation", "prompt"], ["generate", "a fox"])
    evil = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    for before, faults in ((b"<!-- a comment -->", 0), (evil, 1)):
        for part in ("xl/workbook.xml", "xl/worksheets/sheet1.xml", "xl/styles.xml"):
            file = io.BytesIO()
            with zipfile.ZipFile(io.BytesIO(good)) as old, zipfile.ZipFile(file, "w") as new:
                for name in old.namelist():
                    head, mark, rest = old.read(name).rpartition(b"?>")
                    given = (before if name == part else b"") + rest
                    new.writestr(name, head + mark + given)
            problems = check(file.getvalue())
            assert len(problems) == faults
            assert all(
                problem.value == f"a document type definition in {part}" for problem in problems
            )


def test_a_sheet_that_lies_about_its_size_is_read_to_its_end() -> None:
    good = workbook(["operation", "prompt"], ["generate", "a fox"])
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(good)) as old, zipfile.ZipFile(file, "w") as new:
        for name in old.namelist():
            data = old.read(name).replace(b'ref="A1:B2"', b'ref="A1:XFD1048576"')
            new.writestr(name, data.replace(b'r="2"', b'r="1048576"'))
    sheet = read_sheet(file.getvalue())
    assert [line.number for line in sheet.lines] == [1_048_576]
    small = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(good)) as old, zipfile.ZipFile(small, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(b'ref="A1:B2"', b'ref="A1:A1"'))
    assert [line.cells for line in read_sheet(small.getvalue()).lines] == [["generate", "a fox"]]


@given(st.binary(max_size=300))
@settings(deadline=None, max_examples=100)
def test_any_broken_workbook_is_refused(noise: bytes) -> None:
    good = workbook(["operation", "prompt"], ["generate", "a fox"])
    middle = len(good) // 2
    for data in (b"PK\x03\x04" + noise, good[:middle] + noise + good[middle:]):
        assert read_sheet(data).problems or read_sheet(data).lines
