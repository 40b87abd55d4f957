"""Rhythms of schedules: what is refused, and when they fire over daylight saving."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployments.schedules import read_rhythm
from studio.errors import InvalidRequest
from tasks.rhythms import next_times, past_times

_ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu")


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("cron", {"cron": "61 * * * *"}),
        ("cron", {"cron": "nonsense"}),
        ("cron", {"cron": "* * * * * *"}),
        ("cron", {"cron": "0 0 31 2 *"}),
        ("every", {"every": "0m"}),
        ("every", {"every": "30s"}),
        ("every", {"every": "9999d"}),
        ("rrule", {"rrule": "FREQ=NEVER"}),
        ("rrule", {"rrule": "FREQ=DAILY;UNTIL=20010101T000000Z"}),
        ("zone", {"cron": "0 2 * * *", "zone": "Mars/Olympus"}),
        ("cron, every, rrule", {}),
        ("cron, every, rrule", {"cron": "0 2 * * *", "every": "1h"}),
    ],
)
def test_a_wrong_rhythm_is_refused_by_its_field(field: str, words: dict[str, str]) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_rhythm(**{"cron": "", "every": "", "rrule": "", "zone": "UTC", **words})
    assert caught.value.field == field
    assert caught.value.given
    assert caught.value.allowed


@settings(max_examples=60, deadline=None)
@given(
    zone=st.sampled_from(_ZONES),
    hour=st.integers(4, 23),
    after=st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis adds the zone
)
def test_a_nightly_cron_fires_once_a_day_at_its_wall_time(
    zone: str, hour: int, after: datetime
) -> None:
    fired = next_times(read_rhythm(f"30 {hour} * * *", "", "", zone), after)
    local = [each.astimezone(ZoneInfo(zone)) for each in fired]
    assert [(each.hour, each.minute) for each in local] == [(hour, 30)] * 3
    days = [each.date() for each in local]
    assert [b - a for a, b in pairwise(days)] == [timedelta(days=1)] * 2
    assert fired[0] >= after


@settings(max_examples=30, deadline=None)
@given(
    zone=st.sampled_from(_ZONES),
    hour=st.integers(0, 23),
    until=st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis adds the zone
    days=st.tuples(st.integers(0, 6), st.integers(0, 6)),
)
def test_what_has_passed_is_each_moment_once_however_often_it_is_looked_at(
    zone: str, hour: int, until: datetime, days: tuple[int, int]
) -> None:
    """Also over a clock that is set: nothing is missed twice, and nothing is forgotten."""
    rhythm = read_rhythm(f"30 {hour} * * *", "", "", zone)
    middle = until - timedelta(days=days[0])
    after = middle - timedelta(days=days[1])
    passed = past_times(rhythm, after, until)
    assert passed == past_times(rhythm, after, middle) + past_times(rhythm, middle, until)
    assert list(passed) == sorted(set(passed))
    assert all(after < each <= until for each in passed)
    # What the server would have planned, one after the other, is what has passed.
    walked: list[datetime] = []
    at = after
    while (at := next_times(rhythm, at + timedelta(microseconds=1))[0]) <= until:
        walked.append(at)
    assert list(passed) == walked


def test_looking_far_back_has_a_limit() -> None:
    until = datetime(2026, 11, 29, tzinfo=UTC)
    often = past_times(read_rhythm("", "1m", "", "UTC"), until - timedelta(days=300), until)
    assert len(often) == 6 * 24 * 60
    assert until - often[-1] < timedelta(minutes=1)
    rarely = past_times(
        read_rhythm("0 0 1 * *", "", "", "UTC"), datetime(2020, 1, 1, tzinfo=UTC), until
    )
    assert len(rarely) == 13
