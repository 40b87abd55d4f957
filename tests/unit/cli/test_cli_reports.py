"""``studio usage``, ``account statement`` and ``account export``."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from studio.clock import now
from tests.unit.cli.conftest import Command


@pytest.fixture
def paid(studio_command: Command) -> Command:
    studio_command("account", "top-up", "2.5", "--reason", "=1+1")
    return studio_command


def test_a_statement_for_people_programs_and_spreadsheets(paid: Command) -> None:
    told = paid("account", "statement", "--json")
    assert told.code == 0
    assert told.document["closing"]["available_credits"] == "2.5"
    assert told.document["difference"]["total"] == 0
    assert [each["kind"] for each in told.document["movements"]] == ["top_up"]
    assert "closing balance" in paid("account", "statement").out
    lines = list(csv.reader(io.StringIO(paid("account", "statement", "--csv").out)))
    assert lines[1:] == [
        ["opening balance", "", "0", "0", "0"],
        ["top up", "1", "2.5", "0", "2.5"],
        ["closing balance", "", "2.5", "0", "2.5"],
    ]


def test_an_export_is_whole_or_not_there(paid: Command, tmp_path: Path) -> None:
    file = tmp_path / "books.csv"
    told = paid("account", "export", "--to", str(file), "--json")
    assert told.document["entries"] == 2
    assert "'=1+1" in file.read_text("utf-8")
    before = file.read_bytes()
    again = paid("account", "export", "--to", str(file), "--json")
    assert (again.code, again.document["error"]["field"]) == (2, "to")
    paid("account", "top-up", "1")
    assert paid("account", "export", "--to", str(file), "--force").code == 0
    assert file.read_bytes() != before
    other = tmp_path / "nobody.csv"
    assert paid("account", "export", "--to", str(other), "--owner", "nobody").code == 3
    assert list(tmp_path.glob("*nobody*")) + list(tmp_path.glob(".part-*")) == []
    assert paid("account", "export", "--format", "parquet").code == 2
    assert paid("account", "export", "--period", "2020", "--to", str(other)).code == 0
    assert len(other.read_text("utf-8").splitlines()) == 1


def test_an_export_to_stdout(paid: Command) -> None:
    told = paid("account", "export")
    assert told.code == 0
    assert told.out.startswith('"at","transaction"')
    assert len(told.out.splitlines()) == 3


def test_usage_of_nothing_and_its_files(paid: Command, tmp_path: Path) -> None:
    told = paid("usage", "--by", "day,provider", "--json").document
    assert (told["usage"], told["jobs"], told["spent"]) == ([], 0, 0)
    assert "Nothing was done." in paid("usage").out
    table, drawn = tmp_path / "usage.csv", tmp_path / "spend.svg"
    assert paid("usage", "--csv", str(table), "--chart", str(drawn)).code == 0
    assert table.read_text("utf-8") == "operation,jobs,spent,refunded,cost,margin\n"
    assert "Nothing was spent." in drawn.read_text("utf-8")
    assert paid("usage", "--chart", str(tmp_path / "spend.png")).code == 0


@pytest.mark.parametrize(
    ("words", "field"),
    [
        (("usage", "--by", "colour"), "by"),
        (("usage", "--period", "yesterday"), "period"),
        (("usage", "--chart", "spend.gif"), "chart"),
        (("account", "statement", "--period", "2026-13"), "period"),
    ],
)
def test_what_cannot_be_told_is_named(
    words: tuple[str, ...], field: str, studio_command: Command
) -> None:
    told = studio_command(*words, "--json")
    assert (told.code, told.document["error"]["field"]) == (2, field)


def test_a_bill_is_compared_with_the_books(studio_command: Command, tmp_path: Path) -> None:
    bill = tmp_path / "bill.csv"
    bill.write_text("id,cost,time\nr1,0.04,2026-11-22 12:00:00\n", encoding="utf-8")
    told = studio_command("reconcile", "stability", "--bill", str(bill), "--json")
    assert (told.code, told.document["agrees"]) == (1, False)
    assert [each["id"] for each in told.document["missing_here"]] == ["r1"]
    assert told.document["theirs_credits"] == "4"
    assert "missing here" in studio_command("reconcile", "stability", "--bill", str(bill)).out
    other = ("--bill", str(bill), "--period", "2026-10")
    assert studio_command("reconcile", "stability", *other).code == 0
    bill.write_text("id,cost\nr1,much\n", encoding="utf-8")
    faulty = studio_command("reconcile", "stability", "--bill", str(bill))
    assert faulty.code == 2
    assert "must be an amount" in faulty.err


@pytest.mark.parametrize(
    ("words", "field"),
    [
        (("local",), "bill"),
        (("local", "--balance", "--bill", "x"), "bill"),
        (("local", "--balance"), "provider"),
        (("stability", "--balance"), "provider"),
        (("nobody", "--balance"), "provider"),
        (("stability", "--bill", "/nowhere.csv"), "bill"),
    ],
)
def test_what_cannot_be_reconciled_is_said(
    words: tuple[str, ...], field: str, studio_command: Command
) -> None:
    told = studio_command("reconcile", *words, "--json")
    assert (told.code, told.document["error"]["field"]) == (2, field)


def test_a_statement_of_the_plans_own_month(paid: Command) -> None:
    moment = now()
    calendar = paid("account", "statement", "--period", "this-period", "--json").document
    assert calendar["from"] == f"{moment:%Y-%m}-01T00:00:00+00:00"
    paid("account", "plan", "pro", "--reason", "invoice 1")
    told = paid("account", "statement", "--period", "this-period", "--json").document
    last = paid("account", "statement", "--period", "last-period", "--json").document
    assert moment.isoformat() <= told["from"] <= now().isoformat()
    assert last["until"] == told["from"]
    assert last["closing"] == told["opening"]
    assert told["difference"]["total"] == last["difference"]["total"] == 0
    assert paid("account", "export", "--period", "last-period").code == 0
