"""Providers' bills: read whatever they call their columns, and compared line by line."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from billing.reports.bill import MOST_LINES, BillLine, read_bill
from billing.reports.reconciliation import NEAR, Purchase, Reconciliation, reconcile
from studio.errors import InvalidRequest

AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
CENT = 1_000_000


def bill(*rows: str, **arguments: object) -> list[BillLine]:
    return read_bill("\n".join(rows).encode(), **arguments)  # type: ignore[arg-type]


def test_columns_are_found_by_their_headers() -> None:
    (line,) = bill("Created At,Request ID,Model,Amount (USD)", "2026-11-22T12:00:00Z,r1,m,$0.04")
    assert line == BillLine(2, "r1", 4 * CENT, AT, "m")


def test_columns_are_named() -> None:
    (line,) = bill(
        "wann,wieviel",
        "2026-11-22 12:00:00,3",
        columns={"time": "wann", "cost": "wieviel"},
        unit="credits",
    )
    assert line == BillLine(2, "", 3 * CENT, AT, "")


@pytest.mark.parametrize(
    ("text", "unit", "cost"),
    [
        ("0.0336", "usd", 3_360_000),
        ("US$ 1,234.50", "usd", 123_450 * CENT),
        ("-$0.04", "usd", -4 * CENT),
        ("$-0.04", "usd", -4 * CENT),
        ("3E-4", "usd", 30_000),
        ("0.000000005", "usd", 0),
        ("6.5", "credits", 6_500_000),
    ],
)
def test_amounts_are_micro_credits(text: str, unit: str, cost: int) -> None:
    (line,) = bill("id,cost", f'r,"{text}"', unit=unit)
    assert line.cost == cost


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-22T12:00:00+00:00",
        "2026-11-22 12:00:00",
        "2026-11-22T14:00:00+02:00",
        "2026-11-22 12:00:00 UTC",
        "1795348800",
        "1795348800000",
        "1795348800.0",
    ],
)
def test_moments_are_utc(text: str) -> None:
    (line,) = bill("time,cost", f"{text},1")
    assert line.at == AT


def test_every_faulty_line_is_told() -> None:
    with pytest.raises(InvalidRequest) as caught:
        bill("id,cost,time", "a,1,", "b,much,", "", "c,NaN,", "d,1,yesterday", "e,1e99,", "f")
    problems = caught.value.details["problems"]
    assert [(each["line"], each["field"], each["value"]) for each in problems] == [
        (3, "cost", "much"),
        (5, "cost", "NaN"),
        (6, "time", "yesterday"),
        (7, "cost", "1e99"),
        (8, "cost", ""),
    ]


@pytest.mark.parametrize(
    ("rows", "columns", "field"),
    [
        (["id,cost"], {}, "bill"),
        ([], {}, "bill"),
        (["id,when", "a,b"], {}, "columns"),
        (["model,cost", "a,1"], {}, "columns"),
        (["id,cost", "a,1"], {"id": "nothing"}, "columns"),
        (["id,cost", "a,1"], {"colour": "id"}, "columns"),
        (["id,cost", '"a,1'], {}, "bill"),
    ],
)
def test_what_is_no_bill_is_refused(rows: list[str], columns: dict[str, str], field: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        bill(*rows, columns=columns)
    assert caught.value.field == field
    assert caught.value.allowed


def test_bytes_that_are_no_text_and_too_many_lines_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="cannot be read"):
        read_bill(b"id,cost\n\xff,1")
    with pytest.raises(InvalidRequest, match="too many"):
        read_bill(b"id,cost\n" + b"\n" * (MOST_LINES + 1))


def bought(
    job: str, *ids: str, cost: int = CENT, at: datetime = AT, unknown: bool = False
) -> Purchase:
    return Purchase(job, ids, cost, at, "p/m", unknown)


def charged(
    line: int, identifier: str = "", cost: int = CENT, at: datetime | None = AT
) -> BillLine:
    return BillLine(line, identifier, cost, at, "m")


def told(found: Reconciliation) -> dict[str, list[object]]:
    return {
        "matched": [each.purchase.job for each in found.matched],
        "different": [(each.purchase.job, each.difference) for each in found.different],
        "found": [each.purchase.job for each in found.found],
        "missing_there": [each.job for each in found.missing_there],
        "missing_here": [each.line for each in found.missing_here],
    }


def test_each_goes_where_it_belongs() -> None:
    ours = [
        bought("same", "r1"),
        bought("dearer", "r2", "other name"),
        bought("gone", "r3"),
        bought("failed", "r4", cost=0),
        bought("free", cost=0),
        bought("nobody knows", "r5", unknown=True),
        bought("still unknown", "r6", unknown=True),
    ]
    bill_ = [
        charged(2, "r1"),
        charged(3, "other name", 2 * CENT),
        charged(4, "r4"),
        charged(5, "r5"),
        charged(6, "stranger"),
    ]
    found = reconcile(ours, bill_)
    assert told(found) == {
        "matched": ["same"],
        "different": [("dearer", CENT), ("failed", CENT)],
        "found": ["nobody knows"],
        "missing_there": ["gone"],
        "missing_here": [6],
    }
    assert not found.agrees
    assert found.theirs == sum(line.cost for line in bill_)
    assert found.ours == 3 * CENT


def test_a_charge_and_what_was_given_back_are_one() -> None:
    lines = [charged(2, "r"), charged(3, "r", 3 * CENT), charged(4, "r", -3 * CENT)]
    assert reconcile([bought("job", "r")], lines).agrees


def test_without_ids_the_nearest_of_the_same_amount_is_taken() -> None:
    ours = [
        bought("early", at=AT),
        bought("late", at=AT + 5 * MINUTE),
        bought("dear", cost=2 * CENT, at=AT + MINUTE),
        bought("long ago", at=AT - NEAR - MINUTE),
    ]
    lines = [charged(2, at=AT + 4 * MINUTE), charged(3, at=AT + MINUTE)]
    assert told(reconcile(ours, lines)) == {
        "matched": ["early", "late"],
        "different": [],
        "found": [],
        "missing_there": ["dear", "long ago"],
        "missing_here": [],
    }
    far = [charged(2, at=AT + NEAR + timedelta(microseconds=1)), charged(3, at=None)]
    assert told(reconcile([bought("job")], far))["missing_here"] == [2, 3]
    assert reconcile([bought("job")], [charged(2, at=AT + NEAR)]).agrees


def test_the_sums_of_the_lists_are_the_sums_of_the_sides() -> None:
    chance = random.Random(3)
    for _ in range(50):
        ours = [
            bought(
                f"j{number}",
                *[f"r{number}"] * chance.randint(0, 1),
                cost=chance.randint(0, 3),
                at=AT + chance.randint(0, 9) * MINUTE,
            )
            for number in range(20)
        ]
        lines = [
            charged(
                number,
                chance.choice(["", f"r{chance.randint(0, 25)}"]),
                chance.randint(-1, 3),
                AT + chance.randint(0, 9) * MINUTE,
            )
            for number in range(25)
        ]
        found = reconcile(ours, lines)
        assert found.theirs == sum(line.cost for line in lines)
        assert found.ours == sum(each.cost for each in ours)


def test_faults_are_told_up_to_a_thousand() -> None:
    with pytest.raises(InvalidRequest) as caught:
        bill("id,cost", *["a,much"] * 1_001)
    assert len(caught.value.details["problems"]) == 1_000


def test_a_file_that_is_too_large_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("billing.reports.bill.MOST_BYTES", 10)
    with pytest.raises(InvalidRequest, match="too large"):
        bill("id,cost", "a,1")
