"""The manifest: stable bytes, true totals, harmless in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
import random

import pytest
from hypothesis import given, settings

from batches import ManifestRow, Problem, manifest_csv, manifest_json, problems_csv, totals
from batches.manifest import STATUSES
from tests.unit.batches.batch_files import TEXTS

SHA = "ab" * 32
ROWS = [
    ManifestRow(
        line=2,
        row="fox",
        operation="generate",
        status="done",
        attempts=2,
        provider="local",
        model="illustration",
        seed=7,
        credits=1_500_000,
        asset="ast_1",
        file="fox.png",
        sha256=SHA,
        media_type="image/png",
        width=64,
        height=48,
    ),
    ManifestRow(3, "posts", "social_export", "done", 1, 1, credits=40, sha256=SHA, file="a.jpg"),
    ManifestRow(3, "posts", "social_export", "done", 2, 1, sha256=SHA, file="b.jpg"),
    ManifestRow(
        4, "owl", "generate", "failed", attempts=3, error_code="no_offer", error="=1+1, so\nthere"
    ),
    ManifestRow(5, "5", "upscale", "skipped_budget"),
    ManifestRow(6, "6", "upscale", "cancelled"),
    ManifestRow(7, "7", "upscale", "unknown", attempts=1),
    ManifestRow(8, "8", "", "invalid", error_code="batch_invalid", error="no prompt"),
]

CSV = f"""\
"line","row","operation","status","output","attempts","provider","model","seed","credits",\
"asset","file","sha256","media_type","width","height","error_code","error"
2,"fox","generate","done",1,2,"local","illustration",7,"1.5",\
"ast_1","fox.png","{SHA}","image/png",64,48,"",""
3,"posts","social_export","done",1,1,"","","","0.00004","","a.jpg","{SHA}","","","","",""
3,"posts","social_export","done",2,1,"","","","0","","b.jpg","{SHA}","","","","",""
4,"owl","generate","failed",1,3,"","","","0","","","","","","","no_offer","'=1+1, so
there"
5,"5","upscale","skipped_budget",1,0,"","","","0","","","","","","","",""
6,"6","upscale","cancelled",1,0,"","","","0","","","","","","","",""
7,"7","upscale","unknown",1,1,"","","","0","","","","","","","",""
8,"8","","invalid",1,0,"","","","0","","","","","","","batch_invalid","no prompt"
"""

TOTALS = {
    "rows": 7,
    "done": 2,
    "failed": 1,
    "skipped_budget": 1,
    "cancelled": 1,
    "unknown": 1,
    "invalid": 1,
    "attempts": 7,
    "files": 3,
    "credits": "1.50004",
}


def test_the_csv_has_one_line_for_each_output_in_the_order_of_the_file() -> None:
    assert manifest_csv(ROWS).decode() == CSV
    shuffled = random.Random(3).sample(ROWS, len(ROWS))
    assert manifest_csv(shuffled).decode() == CSV
    assert manifest_json(shuffled, {}) == manifest_json(ROWS, {})


def test_totals_count_rows_not_outputs_and_add_up() -> None:
    assert totals(ROWS) == TOTALS
    assert sum(TOTALS[status] for status in STATUSES) == TOTALS["rows"]  # type: ignore[misc]
    assert totals([]) == {**dict.fromkeys(TOTALS, 0), "credits": "0"}


def test_the_json_has_summary_totals_and_rows() -> None:
    data = manifest_json(ROWS, {"batch": "bat_1", "name": "Bär"})
    assert data.endswith(b"\n}\n")
    assert "Bär".encode() in data
    document = json.loads(data)
    assert list(document) == ["summary", "totals", "rows"]
    assert document["summary"] == {"batch": "bat_1", "name": "Bär"}
    assert document["totals"] == TOTALS
    rows = list(csv.DictReader(io.StringIO(CSV, newline="")))
    assert list(document["rows"][0]) == list(rows[0])
    assert document["rows"][0]["credits"] == "1.5"
    assert document["rows"][3]["seed"] is None
    # JSON is no spreadsheet: the text is as it is.
    assert document["rows"][3]["error"] == "=1+1, so\nthere"


WIDE = ["＝", "＋", "－", "＠"]  # noqa: RUF001 - the very characters that are dangerous


@pytest.mark.parametrize("start", [*"=+-@\t\r\n", *WIDE, "-1+", "+1|"])
def test_no_cell_is_a_formula(start: str) -> None:
    text = f"{start}HYPERLINK(1)"
    row = ManifestRow(2, "a", "generate", "failed", error=text, file=text)
    [cells] = csv.DictReader(io.StringIO(manifest_csv([row]).decode(), newline=""))
    assert cells["error"] == cells["file"] == f"'{text}"
    problem = Problem(2, text, text, text, text)
    [cells] = csv.DictReader(io.StringIO(problems_csv([problem]).decode(), newline=""))
    assert set(cells.values()) == {"2", f"'{text}"}


@pytest.mark.parametrize("number", ["-2", "+1.5", "-0.00004", "7"])
def test_a_number_stays_a_number(number: str) -> None:
    [cells] = csv.DictReader(
        io.StringIO(problems_csv([Problem(2, "a", "seed", number, "x")]).decode())
    )
    assert cells["value"] == number


@given(TEXTS)
@settings(deadline=None)
def test_a_cell_holds_its_text_behind_one_apostrophe_at_most(text: str) -> None:
    data = problems_csv([Problem(2, "a", "prompt", text, "x")]).decode()
    [cells] = csv.DictReader(io.StringIO(data, newline=""))
    assert cells["value"] in {text, f"'{text}"}
    assert cells["value"][:1] not in set("=@\t\r\n")


def test_problems_are_a_table_of_their_own() -> None:
    problems = [Problem(1, "", "colour", "colour", "is not a column"), Problem(3, "3", "", "", "x")]
    assert problems_csv(problems).decode() == (
        '"line","row","field","value","rule"\n'
        '1,"","colour","colour","is not a column"\n'
        '3,"3","","","x"\n'
    )


def test_a_status_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="'fine' is no status; allowed: done, failed"):
        ManifestRow(2, "a", "generate", "fine")
