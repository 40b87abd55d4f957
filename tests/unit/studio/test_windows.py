"""Windows: open by the clock on the wall, also where it is set forward or back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from studio.errors import InvalidRequest
from studio.windows import Window, read_window

_MINUTE = timedelta(minutes=1)
_DAY = 24 * 60
_ZONES = (
    *("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"),
    *("America/St_Johns", "Africa/Casablanca", "Pacific/Apia", "America/Santiago", "Asia/Tehran"),
)
_MOMENTS = st.datetimes(datetime(2010, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - aware by their zones
_SPRING = datetime(2026, 3, 28, 12, tzinfo=UTC)
_AUTUMN = datetime(2026, 10, 24, 12, tzinfo=UTC)
_NO_DAY = datetime(2011, 12, 29, 23, tzinfo=UTC)
"""Before the day that Apia left out."""


def _window(text: str) -> Window:
    found = read_window(text)
    assert found is not None
    return found


@st.composite
def _windows(draw: st.DrawFn) -> Window:
    spans = draw(
        st.lists(
            st.tuples(st.integers(0, _DAY - 1), st.integers(1, _DAY)).filter(
                lambda span: span[0] != span[1] % _DAY
            ),
            min_size=1,
            max_size=2,
        )
    )
    return Window(tuple(spans), draw(st.sampled_from(_ZONES)))


def _near_changes(zone: str, moment: datetime) -> datetime:
    """Return a moment close to the next setting of the clock, if there is one within a year."""
    there = ZoneInfo(zone)
    for days in range(370):
        day = moment + timedelta(days=days)
        if (
            day.astimezone(there).utcoffset()
            != (day + timedelta(days=1)).astimezone(there).utcoffset()
        ):
            return day
    return moment


def _wall_says(window: Window, moment: datetime) -> bool:
    """Whether it is open, in a way that shares no code with the module."""
    wall = moment.astimezone(ZoneInfo(window.zone)).strftime("%H:%M")
    for start, end in window.spans:
        first, last = (f"{minute // 60:02}:{minute % 60:02}" for minute in (start, end))
        if (first <= wall < last) if first < last else (wall >= first or wall < last):
            return True
    return False


@settings(max_examples=60, deadline=None)
@given(window=_windows(), moment=_MOMENTS, near=st.booleans())
@example(
    window=Window(((135, 165),), "Europe/Berlin"),
    moment=datetime(2026, 3, 28, 12, tzinfo=UTC),
    near=False,
)
@example(
    window=Window(((165, 360),), "Europe/Berlin"),
    moment=datetime(2026, 10, 24, 12, tzinfo=UTC),
    near=False,
)
@example(
    window=Window(((0, 720),), "Pacific/Apia"),
    moment=datetime(2011, 12, 29, 23, tzinfo=UTC),
    near=False,
)
def test_it_opens_and_closes_when_the_wall_clock_says_and_not_before(
    *, window: Window, moment: datetime, near: bool
) -> None:
    """Every minute is looked at, as the oracle."""
    if near:
        moment = _near_changes(window.zone, moment)
    day = datetime(2026, 1, 1, tzinfo=ZoneInfo(window.zone))
    assume(not all(_wall_says(window, day + n * _MINUTE) for n in range(_DAY)))
    moment = moment.replace(second=0, microsecond=0)
    for wanted, found in ((True, window.opens(moment)), (False, window.closes(moment))):
        assert found.tzinfo is UTC
        assert window.is_open(found) is wanted
        at = moment
        while at < found:
            assert _wall_says(window, at) is not wanted, at
            at += _MINUTE
        assert at == found


@pytest.mark.parametrize(
    ("window", "at", "opens"),
    [
        # The hour from two to three does not come.
        ("02:15-02:45 Europe/Berlin", "2026-03-28T12:00", "2026-03-30T00:15"),
        ("02:30-06:00 Europe/Berlin", "2026-03-28T12:00", "2026-03-29T01:00"),
        # The hour from two to three comes twice.
        ("02:15-02:45 Europe/Berlin", "2026-10-25T00:10", "2026-10-25T00:15"),
        ("02:15-02:45 Europe/Berlin", "2026-10-25T00:45", "2026-10-25T01:15"),
        ("22:00-06:00 Europe/Berlin", "2026-07-01T12:00", "2026-07-01T20:00"),
        ("22:00-06:00 Europe/Berlin", "2026-01-01T12:00", "2026-01-01T21:00"),
        ("22:00-06:00", "2026-01-01T23:30", "2026-01-01T23:30"),
    ],
)
def test_it_opens_at_the_first_such_moment(window: str, at: str, opens: str) -> None:
    moment = datetime.fromisoformat(at).replace(tzinfo=UTC)
    assert _window(window).opens(moment) == datetime.fromisoformat(opens).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("window", "at", "closes"),
    [
        ("22:00-02:30 Europe/Berlin", "2026-03-28T22:00", "2026-03-29T01:00"),
        # Open again for half an hour once the clock was set back.
        ("22:00-02:30 Europe/Berlin", "2026-10-24T22:00", "2026-10-25T00:30"),
        ("22:00-02:30 Europe/Berlin", "2026-10-25T01:00", "2026-10-25T01:30"),
        ("18:00-24:00 UTC", "2026-01-01T23:59", "2026-01-02T00:00"),
    ],
)
def test_it_closes_at_the_first_such_moment(window: str, at: str, closes: str) -> None:
    moment = datetime.fromisoformat(at).replace(tzinfo=UTC)
    assert _window(window).closes(moment) == datetime.fromisoformat(closes).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        *("22:00", "22:00-22:00", "00:00-24:00", "00:00-12:00,12:00-24:00", "25:00-26:00"),
        *("22:60-23:00", "22:00-24:30", "22-6", "night", "22:00-06:00,", ",", "22:00 - 06:00"),
        *("22:00-06:00 Mars/Olympus", "22:00-06:00 Europe/Berlin x", "٢٢:00-06:00"),
        ",".join(["22:00-06:00"] * 9),
    ],
)
def test_what_says_no_window_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read_window(text)
    assert refused.value.field == "window"


def test_none_is_always_and_one_is_read_as_it_is_written() -> None:
    assert read_window(" ") is None
    text = "00:00-06:00,18:00-24:00 Europe/Berlin"
    assert str(_window(text)) == text
    assert str(_window("22:00–06:00")) == "22:00-06:00 UTC"  # noqa: RUF001 - as people write it
