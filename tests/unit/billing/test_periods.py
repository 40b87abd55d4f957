"""Periods: right for months of every length, leap years, clock changes; never drifting."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.accounts.periods import CALENDAR, MONTHS, Cycle, Period
from studio.errors import InvalidRequest

# Some with halves and quarters of hours, a clock change of 30 minutes, and ones across the date.
ZONES = (
    "UTC",
    "Europe/Vienna",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Pacific/Apia",
    "Pacific/Kiritimati",
    "America/Sao_Paulo",
)

moments = st.integers(0, 3_600_000_000).map(
    lambda seconds: datetime(1990, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)
cycles = st.builds(Cycle, moments, st.sampled_from(ZONES))


def days(cycle: Cycle, count: int) -> list[str]:
    zone = ZoneInfo(cycle.zone)
    return [f"{cycle.start(k).astimezone(zone):%m-%d %H:%M}" for k in range(count)]


def test_an_account_of_the_31st_begins_on_the_last_day_of_shorter_months() -> None:
    cycle = Cycle(datetime(2027, 1, 31, 9, 30, tzinfo=UTC))
    begins = ["01-31", "02-28", "03-31", "04-30", "05-31", "06-30", "07-31"]
    assert days(cycle, 7) == [f"{day} 09:30" for day in begins]


def test_leap_years_have_their_29th() -> None:
    cycle = Cycle(datetime(2028, 2, 29, tzinfo=UTC))
    assert cycle.start(12) == datetime(2029, 2, 28, tzinfo=UTC)
    assert cycle.start(48) == datetime(2032, 2, 29, tzinfo=UTC)
    assert Cycle(datetime(2027, 12, 31, tzinfo=UTC)).start(2) == datetime(2028, 2, 29, tzinfo=UTC)
    assert Cycle(datetime(2099, 12, 30, tzinfo=UTC)).start(2) == datetime(2100, 2, 28, tzinfo=UTC)


def test_the_time_of_day_is_that_of_the_accounts_own_clock() -> None:
    vienna = Cycle(datetime(2027, 1, 15, 8, 0, tzinfo=ZoneInfo("Europe/Vienna")), "Europe/Vienna")
    assert vienna.start(0) == datetime(2027, 1, 15, 7, 0, tzinfo=UTC)
    assert vienna.start(6) == datetime(2027, 7, 15, 6, 0, tzinfo=UTC)


def test_a_moment_that_the_clock_skips_comes_later_and_one_that_comes_twice_comes_first() -> None:
    # Vienna, 2027: 02:00 to 03:00 is skipped on 28 March and comes twice on 31 October.
    spring = Cycle(datetime(2027, 2, 28, 1, 30, tzinfo=UTC), "Europe/Vienna")
    assert days(spring, 2) == ["02-28 02:30", "03-28 03:30"]
    autumn = Cycle(datetime(2027, 8, 31, 0, 30, tzinfo=UTC), "Europe/Vienna")
    assert autumn.start(2) == datetime(2027, 10, 31, 0, 30, tzinfo=UTC)


def test_a_day_that_comes_back_is_of_the_period_that_had_begun() -> None:
    """In St. John's, 2009, one minute after midnight of 1 November it was 31 October again."""
    cycle = Cycle(datetime(2009, 10, 1, 2, 30, tzinfo=UTC), "America/St_Johns")
    november = datetime(2009, 11, 1, 2, 30, tzinfo=UTC)
    assert cycle.start(1) == november
    again_october = november + timedelta(minutes=30)
    assert again_october.astimezone(ZoneInfo(cycle.zone)).month == 10
    assert cycle.at(again_october) == cycle.period(1)
    assert cycle.at(november - timedelta(microseconds=1)) == cycle.period(0)


def test_what_is_left_of_a_period_is_counted_in_microseconds() -> None:
    start = datetime(2027, 3, 1, tzinfo=UTC)
    period = Period(0, start, start + timedelta(days=1))
    day = 86_400_000_000
    for left in range(4):
        assert period.share_left(day, period.end - timedelta(microseconds=left)) == left
    assert period.share_left(day, start) == day
    assert period.share_left(day, start - timedelta(days=1)) == day
    assert period.share_left(day, period.end + timedelta(days=1)) == 0


def test_a_day_that_a_zone_left_out_is_no_hole() -> None:
    """Samoa had no 30 December 2011."""
    cycle = Cycle(datetime(2011, 9, 30, 20, 0, tzinfo=UTC), "Pacific/Apia")
    periods = [cycle.period(k) for k in range(6)]
    assert all(a.end == b.start for a, b in itertools.pairwise(periods))


def test_a_year_is_twelve_periods_with_monthly_ones_in_it() -> None:
    cycle = Cycle(datetime(2027, 3, 31, 12, 0, tzinfo=UTC))
    moment = datetime(2027, 9, 30, 12, 0, tzinfo=UTC)
    assert cycle.at(moment) == Period(6, moment, datetime(2027, 10, 31, 12, 0, tzinfo=UTC))
    year = cycle.term(moment, MONTHS["yearly"])
    assert (year.start, year.end) == (cycle.anchor, datetime(2028, 3, 31, 12, 0, tzinfo=UTC))
    assert cycle.term(moment, MONTHS["monthly"]).end == cycle.at(moment).end


def test_without_a_plan_the_month_is_the_calendars() -> None:
    """Hole 7: the month of who has no plan never rolled over."""
    november = CALENDAR.at(datetime(2026, 11, 29, 23, 59, tzinfo=UTC))
    assert november.start == datetime(2026, 11, 1, tzinfo=UTC)
    assert CALENDAR.at(november.end).index == november.index + 1


@given(cycles, moments)
@settings(max_examples=300)
def test_every_moment_lies_in_exactly_one_period(cycle: Cycle, moment: datetime) -> None:
    period = cycle.at(moment)
    assert moment in period
    assert cycle.period(period.index) == period
    assert moment not in cycle.period(period.index - 1)
    assert moment not in cycle.period(period.index + 1)
    assert timedelta(days=27) < period.end - period.start < timedelta(days=33)


@given(cycles, st.integers(-600, 600))
@settings(max_examples=300)
def test_periods_follow_each_other_without_gap_and_never_drift(cycle: Cycle, index: int) -> None:
    period, following = cycle.period(index), cycle.period(index + 1)
    assert period.start < period.end == following.start
    assert cycle.at(period.start).index == index
    assert cycle.at(period.end - timedelta(microseconds=1)).index == index
    zone = ZoneInfo(cycle.zone)
    anchor, begins = cycle.anchor.astimezone(zone), period.start.astimezone(zone)
    if anchor.day <= 28 and begins.day != anchor.day:
        # Only a clock change at midnight or a day that was left out may move the date, by one.
        assert abs(begins.replace(tzinfo=None).day - anchor.day) in {1, 27, 28, 29, 30}


@given(cycles, moments, st.integers(0, 10**15), st.integers(0, 10**15))
def test_shares_of_a_period_never_exceed_the_whole(
    cycle: Cycle, moment: datetime, amount: int, more: int
) -> None:
    period = cycle.at(moment)
    share = period.share_left(amount, moment)
    assert 0 <= share <= amount
    assert share <= period.share_left(amount + more, moment)
    assert period.share_left(amount, period.start) == amount
    assert period.share_left(amount, period.end) == 0
    assert period.share_left(amount, period.start - timedelta(days=1)) == amount


@pytest.mark.parametrize(
    "zone", ["", "Mars/Olympus", "../etc/passwd", "/etc/passwd", "Europe", "x" * 99]
)
def test_a_zone_that_is_none_is_refused(zone: str) -> None:
    with pytest.raises(InvalidRequest, match="time zone"):
        Cycle(datetime(2027, 1, 1, tzinfo=UTC), zone)


@pytest.mark.parametrize(
    "anchor",
    [
        datetime(2027, 1, 1, tzinfo=UTC).replace(tzinfo=None),
        datetime(1969, 6, 1, tzinfo=UTC),
        datetime(2400, 1, 1, tzinfo=UTC),
    ],
)
def test_an_anchor_that_is_none_is_refused(anchor: datetime) -> None:
    with pytest.raises(InvalidRequest, match="counted from"):
        Cycle(anchor)
