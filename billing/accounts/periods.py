"""Periods: the months of an account, counted from the day it began.

A period begins on the anchor's day of the month, at the anchor's time of day, in the account's own
time zone. Where a month has no such day it begins on that month's last one. Every beginning is
computed from the anchor, never from the period before: an account that began on 31 January begins
its periods on 28 February, 31 March, 30 April.

Where a clock is put forward over the moment, the period begins as much later as the clock jumped;
where one is put back and the moment comes twice, at the first of the two (RFC 5545, 3.3.5).
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from studio.errors import InvalidRequest

MONTHS = {"monthly": 1, "yearly": 12}
"""Billing cycles, and for how many periods each pays. Credits and limits always go by the month."""

_YEARS = range(1970, 2400)
_LONGEST_ZONE = 64


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of time, ``start <= moment < end``, both in UTC.

    Attributes:
        index: 0 for the one that begins at the anchor; negative before it.
    """

    index: int
    start: datetime
    end: datetime

    def __contains__(self, moment: datetime) -> bool:
        """Whether a moment lies in it."""
        return self.start <= moment < self.end

    def share_left(self, amount: int, now: datetime) -> int:
        """Return the part of ``amount`` that falls on what is left of the period, rounded down."""
        left = min(max(self.end - now, timedelta()), self.end - self.start)
        microsecond = timedelta(microseconds=1)
        return amount * (left // microsecond) // ((self.end - self.start) // microsecond)


@dataclass(frozen=True)
class Cycle:
    """How an account's time is cut into periods.

    Args:
        anchor: the moment at which period 0 begins, aware.
        zone: an IANA time zone such as ``Europe/Vienna``.

    Raises:
        InvalidRequest: there is no such zone, or the anchor is naive or not within 1970 to 2399.
    """

    anchor: datetime
    zone: str = "UTC"

    def __post_init__(self) -> None:
        """Refuse what no calendar knows."""
        _ = self._local
        if self.anchor.tzinfo is None or self.anchor.astimezone(UTC).year not in _YEARS:
            raise InvalidRequest(
                "Periods cannot be counted from this moment.",
                field="anchor",
                given=self.anchor.isoformat(),
                allowed="an aware moment of the years 1970 to 2399",
            )

    @cached_property
    def _local(self) -> datetime:
        return self.anchor.astimezone(zone_of(self.zone))

    def start(self, index: int) -> datetime:
        """Return when period ``index`` begins, in UTC."""
        if index == 0:
            return self.anchor.astimezone(UTC)
        local = self._local
        years, month = divmod(local.month - 1 + index, 12)
        year = local.year + years
        day = min(local.day, calendar.monthrange(year, month + 1)[1])
        # Arithmetic on the wall clock: fold 0 is the first of two, and gaps move on (PEP 495).
        begins = local.replace(year=year, month=month + 1, day=day, fold=0)
        return begins.astimezone(UTC)

    def period(self, index: int) -> Period:
        """Return period ``index``."""
        return Period(index, self.start(index), self.start(index + 1))

    def at(self, moment: datetime) -> Period:
        """Return the period that a moment lies in."""
        there = moment.astimezone(self._local.tzinfo)
        index = (there.year - self._local.year) * 12 + there.month - self._local.month
        while moment < self.start(index):
            index -= 1
        while moment >= self.start(index + 1):
            index += 1
        return self.period(index)

    def term(self, moment: datetime, months: int) -> Period:
        """Return the stretch of ``months`` periods that was paid for together at this moment."""
        number = self.at(moment).index // months
        return Period(number, self.start(number * months), self.start((number + 1) * months))


def zone_of(name: str) -> ZoneInfo:
    """Return a time zone by its IANA name.

    Raises:
        InvalidRequest: there is none of that name.
    """
    try:
        if 0 < len(name) <= _LONGEST_ZONE:
            return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        # Unknown; a path that leads elsewhere; a folder of the database.
        pass
    raise InvalidRequest(
        "There is no such time zone.",
        field="zone",
        given=repr(name),
        allowed="a name of the IANA database, such as UTC or Europe/Vienna",
    )


CALENDAR = Cycle(datetime(1970, 1, 1, tzinfo=UTC))
"""The months of the calendar in UTC, for who has no plan."""
