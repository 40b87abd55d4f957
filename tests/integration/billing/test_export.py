"""The journal as a file: all of it, in order, safe in a spreadsheet, in bounded memory."""

from __future__ import annotations

import csv
import io
import sys
from datetime import timedelta

import pytest

from billing.reports.export import COLUMNS, export_csv, export_parquet
from billing.reports.period import parse_period
from studio.database import Database
from studio.errors import AccountRefused, SetupIncomplete
from tests.support.books import Books, StandingClock


@pytest.fixture
def mine(sqlite_database: Database, clock: StandingClock) -> Books:
    """An owner without a wallet."""
    return Books(sqlite_database, clock, owner="mine")


def rows(books: Books, period: str = "") -> list[dict[str, str]]:
    file = io.BytesIO()
    when = parse_period(period, books.clock()) if period else None
    with books.database.read() as connection:
        count = export_csv(connection, books.owner, when, file)
    found = list(csv.DictReader(io.StringIO(file.getvalue().decode())))
    assert len(found) == count
    return found


def history(books: Books) -> None:
    books.open(grant=1_500_000)
    hold = books.hold(400_000, purpose="=cmd|'/c calc'!A1")
    claim = books.claim(hold, 300_000, key="@job")
    books.clock.advance(timedelta(days=31))
    books.capture(claim, 250_000)
    books.top_up(1, reason="+1")


def test_every_entry_is_there_in_order_and_sums_to_nothing(
    database: Database, clock: StandingClock
) -> None:
    mine = Books(database, clock, owner="mine")
    mine.open("bob", grant=7)
    history(mine)
    found = rows(mine)
    assert tuple(found[0]) == COLUMNS
    assert [each["at"] for each in found] == sorted(each["at"] for each in found)
    assert sum(int(each["micro_credits"]) for each in found) == 0
    spent = [each for each in found if each["account"] == "spent"]
    assert [(each["micro_credits"], each["credits"]) for each in spent] == [("250000", "0.25")]
    assert len(found) == 11


def test_a_period_has_only_its_entries(mine: Books) -> None:
    history(mine)
    november = rows(mine, "2026-11")
    assert {each["kind"] for each in november} == {"top_up", "hold", "claim"}
    assert len(november) + len(rows(mine, "2026-12")) == len(rows(mine))


def test_no_cell_is_a_formula(mine: Books) -> None:
    history(mine)
    found = rows(mine)
    assert "'=cmd|'/c calc'!A1" in {each["reason"] for each in found}
    assert "'@job" in {each["key"] for each in found}
    # A number stays one.
    assert "+1" in {each["reason"] for each in found}


def test_parquet_says_the_same_as_csv(mine: Books) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    history(mine)
    file = io.BytesIO()
    with mine.database.read() as connection:
        count = export_parquet(connection, mine.owner, None, file)
    table = parquet.read_table(file)
    plain = rows(mine)
    assert table.num_rows == count == len(plain)
    assert table.column_names == list(COLUMNS)
    assert table.column("micro_credits").to_pylist() == [int(x["micro_credits"]) for x in plain]
    assert [at.isoformat() for at in table.column("at").to_pylist()] == [x["at"] for x in plain]
    # Programs get the texts as they are.
    assert "=cmd|'/c calc'!A1" in table.column("reason").to_pylist()


def test_without_pyarrow_it_says_what_to_install(
    mine: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine.open()
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with (
        mine.database.read() as connection,
        pytest.raises(SetupIncomplete, match=r"image-studio\[parquet\]"),
    ):
        export_parquet(connection, mine.owner, None, io.BytesIO())


def test_somebody_without_a_wallet_has_no_books(mine: Books) -> None:
    with mine.database.read() as connection, pytest.raises(AccountRefused):
        export_csv(connection, "nobody", None, io.BytesIO())
