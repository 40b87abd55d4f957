"""When a channel is told: at once, on the hour, or once a day at a time of its own zone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from studio.errors import InvalidRequest

Rhythm = Literal["immediately", "hourly", "daily"]

_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


@dataclass(frozen=True, slots=True)
class Digest:
    """When a channel is told.

    Attributes:
        rhythm: how often. All but ``immediately`` joins what happened into one notification.
        at: the time of day of ``daily``, such as ``08:00``; else empty.
        zone: the IANA time zone of ``at``; else empty.
    """

    rhythm: Rhythm = "immediately"
    at: str = ""
    zone: str = ""

    @property
    def together(self) -> bool:
        """Whether messages are joined."""
        return self.rhythm != "immediately"

    def due(self, moment: datetime) -> datetime:
        """Return when something that happened at ``moment`` is told.

        A time that the clocks skip in spring is told by the same count of hours from midnight.
        """
        if self.rhythm == "immediately":
            return moment
        if self.rhythm == "hourly":
            return moment.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        zone = ZoneInfo(self.zone)
        day = moment.astimezone(zone).date()
        at = time.fromisoformat(self.at)
        today = datetime.combine(day, at, zone).astimezone(UTC)
        if today > moment:
            return today
        return datetime.combine(day + timedelta(days=1), at, zone).astimezone(UTC)

    def __str__(self) -> str:
        """Say it as a person types it."""
        return " ".join(each for each in (self.rhythm, self.at, self.zone) if each)


def parse_digest(words: str) -> Digest:
    """Return what ``immediately``, ``hourly`` or ``daily 08:00 Europe/Berlin`` means.

    Raises:
        InvalidRequest: it means nothing.
    """
    rhythm, *rest = words.split() or [""]
    if rhythm == "immediately" and not rest:
        return Digest()
    if rhythm == "hourly" and not rest:
        return Digest("hourly")
    if rhythm == "daily" and len(rest) in {1, 2} and _TIME.fullmatch(rest[0]):
        zone = rest[1] if rest[1:] else "UTC"
        try:
            ZoneInfo(zone)
        except (OSError, ValueError, KeyError):
            pass
        else:
            return Digest("daily", rest[0], zone)
    raise InvalidRequest(
        "This says no time of a digest.",
        field="digest",
        given=repr(words),
        allowed="immediately, hourly, or daily HH:MM with a time zone, "
        "such as daily 08:00 Europe/Berlin",
    )
