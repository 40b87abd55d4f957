"""Every fault of a file is named: once, with its line, its column and the rule."""

from __future__ import annotations

from pathlib import Path

import pytest

from batches import check_batch, read_batch
from batches.reading import MOST_ROWS
from studio.catalog import SOCIAL_FORMATS
from studio.errors import BatchInvalid
from tests.unit.batches.batch_files import HEAD, check

EXAMPLES = Path(__file__).parents[3] / "examples"

FAULTS = [
    # line, row, field, part of the value, part of the rule
    (1, "", "colour", "colour", "is not a column"),
    (1, "", "seed", "seed", "twice"),
    (3, "3", "operation", "generat", "must be one of: generate, enhance_prompt"),
    (4, "4", "operation", "", "must be one of: generate, enhance_prompt"),
    (5, "5", "prompt", "", "is required"),
    (6, "6", "width", "5000", "at most 4096"),
    (7, "7", "width", "32", "at least 64"),
    (7, "7", "height", "tall", "a whole number"),
    (8, "8", "width", "1,024", "a whole number"),
    (8, "8", "seed", "1e5", "a whole number"),
    (8, "8", "output_format", "gif", "'png', 'jpeg' or 'webp'"),
    (9, "9", "quality", "luxury", "'draft', 'standard' or 'premium'"),
    (9, "9", "seed", "-2", "at least -1"),
    (10, "Owl!", "row", "Owl!", "1 to 60 of a-z"),
    (11, "fox", "row", "fox", "unique; line 2"),
    # 12 to 14 are one sound row with line ends in it, 15 is blank
    (16, "16", "image", "@fox", "is not a field of this operation"),
    (16, "16", "factor", "2x", "is not a field of this operation"),
    (17, "17", "image", "", "is required"),
    (18, "18", "factor", "8x", "'2x' or '4x'"),
    (19, "big", "image", "@wolf", "no row wolf; allowed: an earlier row, such as 9, poem, 16"),
    (20, "early", "image", "@late", "comes later, on line 21; allowed: an earlier row"),
    (21, "late", "image", "@late", "its own row; allowed: an earlier row"),
    (22, "22", "image", "@fox:2", "makes one output; allowed: @fox"),
    (23, "23", "image", "@Fox", "must be @row"),
    (24, "24", "image", "photos/missing.jpg", "must be such a file"),
    (25, "25", "image", ".", "is a folder"),
    (26, "26", "formats", "", "is required"),
    (27, "27", "formats", "myspace_wall", "not a social format; allowed: instagram"),
    (27, "27", "output_format", "webp", "'jpeg' or 'png'"),
    (28, "28", "formats", "instagram_story|instagram_story", "twice"),
    (30, "30", "image", "@posts:tiktok_video_cover", "makes 2; allowed: @posts:1 to @posts:2, or"),
    (31, "31", "", "14 cells", "must have 13 cells"),
    (32, "32", "", "3 cells", "must have 13 cells"),
    (33, "22", "row", "22", "unique; line 22"),
    (34, "34", "", ',generate,"a castle" on a hill', "behind the closing quote of cell 3"),
    (35, "last", "", 'last,generate,"a quote', "close the quote that cell 3 opens on line 35"),
]


def test_every_fault_of_the_faulty_example_is_named_once_and_nothing_else() -> None:
    data = (EXAMPLES / "faulty.csv").read_bytes()
    spec, problems = check_batch(data, source="faulty.csv", owner="ada", folder=EXAMPLES)
    assert spec is None
    assert [(it.line, it.row, it.field) for it in problems] == [fault[:3] for fault in FAULTS]
    for problem, (*_, value, rule) in zip(problems, FAULTS, strict=True):
        assert problem.value.startswith(value), problem
        assert (problem.value == "") == (value == "")
        assert rule in problem.rule, problem
    assert len({(it.line, it.field) for it in problems}) == len(problems) >= 20


def test_the_error_carries_all_problems_and_counts_them() -> None:
    data = (EXAMPLES / "faulty.csv").read_bytes()
    with pytest.raises(BatchInvalid) as caught:
        read_batch(data, source="faulty.csv", owner="ada", folder=EXAMPLES)
    problems = caught.value.details["problems"]
    assert len(problems) == len(FAULTS)
    assert problems[2].keys() == {"line", "row", "field", "value", "rule"}
    assert f"faulty.csv has {len(FAULTS)} problems on 29 lines" in caught.value.message
    assert "nothing bought" in caught.value.message


@pytest.mark.parametrize(
    ("file", "line", "field", "rule"),
    [
        (b"", 1, "", "is empty"),
        (b"\xef\xbb\xbf", 1, "", "is empty"),
        (b"\n\r\n  \n,,\n", 1, "", "is empty"),
        (b"operation,prompt\n", 1, "", "a header but no rows"),
        (b"\n\noperation,prompt\n\n,\n", 3, "", "a header but no rows"),
        (b"prompt,width\nan owl,64\n", 1, "operation", "there must be a column"),
        (b'operation,"prompt\ngenerate,an owl\n', 1, "", "close the quote that cell 2 opens"),
        (b'operation,"prompt"s\ngenerate,an owl\n', 1, "", "behind the closing quote"),
        (b"operation,prompt\0\ngenerate,an owl\n", 1, "", "NUL"),
        (b"operation,prompt\ngenerate,an owl\ngenerate,an\0 owl\n", 3, "", "NUL"),
        (b"operation,prompt\ngenerate,\xe4\n", 2, "", "saved as UTF-8"),
        (b"\xef\xbb\xbfoperation,prompt\n\ngenerate,\xe4\n", 3, "", "saved as UTF-8"),
        (b"\xff\xfeo\0p\0e", 1, "", "cut or broken"),
        (b"operation,prompt,\ngenerate,an owl,x\n", 1, "", "column 3 must have a name"),
        (b"operation,Prompt,prompt\ngenerate,,an owl\n", 1, "Prompt", "is not a column"),
        (b"operation,Prompt,PROMPT\ngenerate,an owl,\n", 1, "prompt", "is there twice"),
        (b"operation,prompt,promt\ngenerate,an owl,\n", 1, "promt", "perhaps prompt is meant"),
        (b"operation,prompt,Hue\ngenerate,an owl,red\n", 1, "Hue", "no cell has {Hue} in it"),
        (b'operation,prompt\ngenerate,"a\r\nb"\n\ngenerate\n', 5, "", "must have 2 cells"),
        (b'operation,prompt\ngenerate,"a\rb\nc"\r\rgenerate\r', 6, "", "must have 2 cells"),
        (
            f"operation,prompt\ngenerate,{'a' * 10_001}\n".encode(),
            2,
            "prompt",
            "a cell may have 10000",
        ),
        (b'operation,prompt\ngenerate,"an\0 owl"\n', 2, "", "NUL"),
        (b'operation,prompt,style\n\ngenerate,"a\nb","c\n', 3, "", "that cell 3 opens on line 4"),
        (
            b"operation,prompt,width\ngenerate,an owl,99999999999999999999\n",
            2,
            "width",
            "a whole number",
        ),
        (b"operation,prompt,width\ngenerate,an owl,1_000\n", 2, "width", "a whole number"),
        ("operation,prompt,width\ngenerate,an owl,٦٤\n".encode(), 2, "width", "a whole number"),
    ],
)
def test_a_single_fault_is_the_only_one_reported(
    file: bytes, line: int, field: str, rule: str
) -> None:
    [problem] = check(file)
    assert (problem.line, problem.field) == (line, field)
    assert rule in problem.rule


def test_the_limits_of_a_file_are_reported() -> None:
    big = b"operation,prompt\n" + b"generate,an owl\n" * 6_250_000
    [problem] = check(big)
    assert (problem.value, problem.rule) == (
        f"{len(big)} bytes",
        "a file may have 100000000 bytes at most",
    )
    wide = ",".join(["operation", *(f"c{n}" for n in range(100))]) + "\n"
    [problem] = check(wide)
    assert (problem.value, problem.rule) == ("101 columns", "a file may have 100 columns at most")


def test_rows_too_many_are_reported_where_they_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MOST_ROWS == 100_000
    monkeypatch.setattr("batches.reading.MOST_ROWS", 1_000)
    [problem] = check(b"operation,prompt\n" + b"generate,an owl\n" * 1_200)
    assert problem.line == 1_002
    assert "1000 rows at most" in problem.rule


def test_a_faulty_row_does_not_make_those_that_name_it_faulty() -> None:
    text = HEAD + (
        "a,generat,,,,,\n"  # no such operation
        "b,generate,an owl\n"  # ragged
        "C,generate,an owl,,,,\n"  # a bad name
        ",remove_background,,@a,,,\n"
        ",remove_background,,@b,,,\n"
        ",remove_background,,@a:7,,,\n"
    )
    assert [problem.line for problem in check(text)] == [2, 3, 4]


@pytest.mark.parametrize("name", ["owl!", "Owl", "o w l", "ö", "a" * 61, "@owl", "a.b", "a\nb"])
def test_a_name_is_made_of_few_characters(name: str) -> None:
    [problem] = check([["row", "operation", "prompt"], [name, "generate", "an owl"]])
    assert (problem.field, problem.value) == ("row", name)
    assert problem.rule == "must be 1 to 60 of a-z, 0-9, _ and -"
    assert check([["row", "operation", "prompt"], ["0-_z" * 15, "generate", "an owl"]]) == []


def test_a_cell_of_blanks_is_not_given() -> None:
    problems = check(HEAD + "a,generate,  ,\t, ,,\n")
    assert [(it.field, it.rule) for it in problems] == [("prompt", "is required")]


def test_a_list_names_each_bad_item() -> None:
    problems = check(HEAD + "a,social_export,,x.png,foo+instagram_story+bar,,\n")
    assert [(it.field, it.value) for it in problems] == [("formats", "foo"), ("formats", "bar")]
    [problem] = check(HEAD + "a,social_export,,x.png,+ |,,\n")
    assert (problem.field, problem.value) == ("formats", "+ |")
    assert "at least 1 item" in problem.rule


def test_problems_of_a_row_come_in_the_order_of_its_columns() -> None:
    text = "seed,width,operation,height\nx,y,generate,z\n"
    fields = [problem.field for problem in check(text)]
    assert fields == ["seed", "width", "height", "prompt"]


def test_a_problem_in_words_cannot_steer_a_terminal() -> None:
    [problem] = check(HEAD + "a,upscale,,,,,\n".replace("upscale", "up\x1b[2Jscale"))
    assert problem.value == "up\x1b[2Jscale"
    assert str(problem).startswith("line 2, operation: must be one of")
    assert "given: up\\x1b[2Jscale" in str(problem)


def test_all_formats_may_be_named() -> None:
    assert check(HEAD + f"a,social_export,,x.png,{'+'.join(SOCIAL_FORMATS)},,\n") == []
