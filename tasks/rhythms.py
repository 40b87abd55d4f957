"""When schedules fire, by the arithmetic of Prefect's own server.

So what is told, and what is missed, is what would have happened, also over daylight saving.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule, RRuleSchedule
from prefect.server.schemas import schedules as served

from studio.clock import now

Rhythm: TypeAlias = CronSchedule | IntervalSchedule | RRuleSchedule
"""When a schedule fires."""

_SHOWN = 3
_AT_ONCE = 500
_MOST = 10_000
_FAR, _NEAR = timedelta(days=400), timedelta(days=6)
"""How far back is looked; as far as the second, where there are too many moments in the first."""
_INSTANT = timedelta(microseconds=1)


def next_times(rhythm: Rhythm, after: datetime | None = None) -> tuple[datetime, ...]:
    """Return the next three moments at which Prefect's server lets ``rhythm`` fire, in UTC.

    Args:
        after: aware; now, if not given.
    """
    return tuple(_times(rhythm, after or now(), None, _SHOWN))


def past_times(rhythm: Rhythm, after: datetime, until: datetime) -> tuple[datetime, ...]:
    """Return the moments at which ``rhythm`` fired, in UTC, the oldest first.

    Args:
        after: exclusive; at most 400 days before ``until`` are looked at, or 6 days where the
            moments are more than 10,000.
        until: inclusive.
    """
    for back in (_FAR, _NEAR):
        found: list[datetime] = []
        start = max(after, until - back)
        while start < until and len(found) <= _MOST:
            some = _times(rhythm, start + _INSTANT, until, _AT_ONCE)
            if not some:
                break
            found += some
            start = some[-1]
        if len(found) <= _MOST:
            break
    return tuple(found)


def plain(moment: datetime) -> datetime:
    """Return a moment in UTC as Python's own kind: no database takes Prefect's, another one."""
    it = moment.astimezone(UTC)
    day, clock = (it.year, it.month, it.day), (it.hour, it.minute, it.second, it.microsecond)
    return datetime(*day, *clock, tzinfo=UTC)


def _times(rhythm: Rhythm, start: datetime, end: datetime | None, most: int) -> list[datetime]:
    kinds: dict[type[Rhythm], Any] = {
        CronSchedule: served.CronSchedule,
        IntervalSchedule: served.IntervalSchedule,
        RRuleSchedule: served.RRuleSchedule,
    }
    same = kinds[type(rhythm)].model_validate(rhythm.model_dump())
    found = asyncio.run(same.get_dates(n=most, start=start, end=end))
    return sorted({plain(each) for each in found})
