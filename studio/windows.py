"""Windows: the hours in which work may be done, by the clock on the wall of a time zone.

What is open is told by that clock alone. Where it is set forward, times that it skips do not come,
and a window between them does not open on that day; where it is set back, they come twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo, available_timezones

from studio.errors import InvalidRequest

ALLOWED = (
    "one to eight times of day and a time zone, such as 22:00-06:00 Europe/Berlin or "
    "00:00-06:00,18:00-24:00 UTC; not the whole day"
)
_MOST = 8
_DAY = 24 * 60
_SPAN = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])[-–]([01][0-9]|2[0-4]):([0-5][0-9])")  # noqa: RUF001 - as people write it
_AHEAD = 4
"""Days after which every window has opened and closed: clocks skip at most one of them."""


@dataclass(frozen=True)
class Window:
    """When work may be done.

    Attributes:
        spans: minutes of the day from which and up to which it is open; the second is smaller where
            it is open over midnight.
        zone: an IANA time zone.
    """

    spans: tuple[tuple[int, int], ...]
    zone: str

    def __str__(self) -> str:
        """Return it as ``read_window`` takes it."""
        spans = ",".join(f"{_clock(start)}-{_clock(end)}" for start, end in self.spans)
        return f"{spans} {self.zone}"

    def is_open(self, moment: datetime) -> bool:
        """Whether it is open at an aware moment."""
        wall = moment.astimezone(self._zone)
        minute = 60 * wall.hour + wall.minute
        return any(_within(minute, *span) for span in self.spans)

    def opens(self, moment: datetime) -> datetime:
        """Return the first moment from ``moment`` on at which it is open, in UTC."""
        if self.is_open(moment):
            return moment.astimezone(UTC)
        return self._first(moment, is_open=True)

    def closes(self, moment: datetime) -> datetime:
        """Return the first moment from ``moment`` on at which it is closed, in UTC."""
        if not self.is_open(moment):
            return moment.astimezone(UTC)
        return self._first(moment, is_open=False)

    @cached_property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.zone)

    def _first(self, after: datetime, *, is_open: bool) -> datetime:
        changes = sorted(set(self._changes(after)))
        return next(each for each in changes if each > after and self.is_open(each) == is_open)

    def _changes(self, after: datetime) -> Iterator[datetime]:
        """Yield the moments at which it may open or close: its times, and where clocks are set."""
        today = after.astimezone(self._zone).date()
        for days in range(-1, _AHEAD):
            day = today + timedelta(days=days)
            for minute in {minute % _DAY for span in self.spans for minute in span}:
                wall = datetime.combine(day, time(*divmod(minute, 60)), self._zone)
                first = wall.replace(fold=0).astimezone(UTC)
                second = wall.replace(fold=1).astimezone(UTC)
                yield first
                if first != second:
                    yield second
                    yield self._set(min(first, second), max(first, second))

    def _set(self, early: datetime, late: datetime) -> datetime:
        """Return when the clock is set between two moments."""
        before = early.astimezone(self._zone).utcoffset()
        while late - early > timedelta(seconds=1):
            middle = (early + (late - early) / 2).replace(microsecond=0)
            if middle.astimezone(self._zone).utcoffset() == before:
                early = middle
            else:
                late = middle
        return late


def read_window(text: str) -> Window | None:
    """Return the window that a text says; ``None`` for an empty one, which is always.

    Args:
        text: times of day with a comma between them, a space, and an IANA time zone; UTC, if left
            out.

    Raises:
        InvalidRequest: it says none, or the whole day.
    """
    if not text.strip():
        return None
    times, _, zone = text.strip().partition(" ")
    zone = zone.strip() or "UTC"
    found = [_SPAN.fullmatch(each) for each in times.split(",")]
    spans = tuple(
        (60 * int(each[1]) + int(each[2]), 60 * int(each[3]) + int(each[4]))
        for each in found
        if each
    )
    minutes = sum(any(_within(minute, *span) for span in spans) for minute in range(_DAY))
    right = len(found) == len(spans) <= _MOST and all(end <= _DAY for _, end in spans)
    if not right or minutes == _DAY or any(start == end % _DAY for start, end in spans):
        raise InvalidRequest("No such window.", field="window", given=text, allowed=ALLOWED)
    if zone not in available_timezones():
        allowed = "an IANA time zone, such as Europe/Berlin or UTC"
        raise InvalidRequest("No such time zone.", field="window", given=zone, allowed=allowed)
    return Window(spans, zone)


def _within(minute: int, start: int, end: int) -> bool:
    return start <= minute < end if start < end else minute >= start or minute < end


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
