"""Periods of reports: whole days, months or years in UTC."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from studio.errors import InvalidRequest

_ALLOWED = (
    "a year (2026), a month (2026-11), a day (2026-11-29), two days (2026-11-01..2026-11-15, both "
    "included), this-month or last-month"
)
_DAY = re.compile(r"(\d{4})-(\d{2})-(\d{2})", re.ASCII)
_MONTH = re.compile(r"(\d{4})-(\d{2})", re.ASCII)
_YEAR = re.compile(r"(\d{4})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Period:
    """A time with its beginning and without its end.

    Attributes:
        name: as people say it, such as ``2026-11``.
        start: in UTC.
        end: in UTC, later than ``start``.
    """

    name: str
    start: datetime
    end: datetime

    @property
    def days(self) -> list[date]:
        """Its days in UTC, in order; the first and the last may be in it in part."""
        last = (self.end - timedelta(microseconds=1)).date()
        count = (last - self.start.date()).days + 1
        return [self.start.date() + timedelta(days=number) for number in range(count)]


def parse_period(text: str, now: datetime) -> Period:
    """Return the period that ``text`` says.

    Args:
        text: a year, month, day, two days with ``..`` between them, ``this-month`` or
            ``last-month``.
        now: the present moment, for the last two.

    Raises:
        InvalidRequest: it says none.
    """
    try:
        return _parse(text.strip(), now)
    except (ValueError, OverflowError):
        raise InvalidRequest(
            "That is no period.", field="period", given=text, allowed=_ALLOWED
        ) from None


def _parse(text: str, now: datetime) -> Period:
    if text in {"this-month", "last-month"}:
        first = now.astimezone(UTC).date().replace(day=1)
        if text == "last-month":
            first = (first - timedelta(days=1)).replace(day=1)
        return _period(f"{first:%Y-%m}", first, _next_month(first))
    if ".." in text:
        start, end = (_day(part) for part in text.split("..", 1))
        return _period(text, start, end + timedelta(days=1))
    if _YEAR.fullmatch(text):
        return _period(text, date(int(text), 1, 1), date(int(text) + 1, 1, 1))
    if match := _MONTH.fullmatch(text):
        first = date(int(match[1]), int(match[2]), 1)
        return _period(text, first, _next_month(first))
    start = _day(text)
    return _period(text, start, start + timedelta(days=1))


def _day(text: str) -> date:
    match = _DAY.fullmatch(text)
    if match is None:
        raise ValueError(text)
    return date(int(match[1]), int(match[2]), int(match[3]))


def _next_month(first: date) -> date:
    return (first + timedelta(days=31)).replace(day=1)


def _period(name: str, start: date, end: date) -> Period:
    if end <= start:
        raise ValueError(name)
    return Period(name, _midnight(start), _midnight(end))


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
