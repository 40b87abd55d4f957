"""Periods of reports."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from billing.reports.period import Period, parse_period
from studio.errors import InvalidRequest

NOW = datetime(2026, 3, 31, 23, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2026", date(2026, 1, 1), date(2027, 1, 1)),
        ("2024-02", date(2024, 2, 1), date(2024, 3, 1)),
        ("2025-12", date(2025, 12, 1), date(2026, 1, 1)),
        ("2024-02-29", date(2024, 2, 29), date(2024, 3, 1)),
        ("2026-01-31..2026-02-01", date(2026, 1, 31), date(2026, 2, 2)),
        ("2026-01-31..2026-01-31", date(2026, 1, 31), date(2026, 2, 1)),
        (" this-month ", date(2026, 3, 1), date(2026, 4, 1)),
        ("last-month", date(2026, 2, 1), date(2026, 3, 1)),
    ],
)
def test_whole_days_in_utc(text: str, start: date, end: date) -> None:
    found = parse_period(text, NOW)
    assert (found.start.date(), found.end.date()) == (start, end)
    assert found.start.tzinfo is UTC
    assert found.start.time() == found.end.time() == datetime.min.time()
    assert (found.days[0], found.days[-1]) == (start, end - timedelta(days=1))


def test_the_months_are_those_of_utc() -> None:
    east = datetime(2026, 4, 1, 1, 0, tzinfo=timezone(timedelta(hours=2)))
    assert parse_period("this-month", east).name == "2026-03"
    assert parse_period("last-month", datetime(2026, 1, 1, tzinfo=UTC)).name == "2025-12"


@pytest.mark.parametrize(
    "text",
    [
        "", "today", "2026-13", "2026-02-30", "26", "9999", "9999-12", "2026-1", "2026-11-29..",
        "2026-02-02..2026-02-01", "2026-01..2026-02", "0000", "\u0662\u0660\u0662\u0666",
    ],
)  # fmt: skip
def test_what_is_no_period_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_period(text, NOW)
    assert (caught.value.field, caught.value.given) == ("period", text)
    assert "2026-11" in str(caught.value.allowed)


def test_the_days_of_a_period_that_begins_at_noon_are_all_there() -> None:
    noon = datetime(2026, 1, 31, 12, tzinfo=UTC)
    found = Period("p", noon, noon + timedelta(days=2))
    assert [day.day for day in found.days] == [31, 1, 2]
    assert Period("p", noon, noon + timedelta(hours=12)).days == [date(2026, 1, 31)]
