"""Days as they are typed: ISO, in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

from studio.errors import InvalidRequest


def end_of(day: str) -> datetime | None:
    """Return the moment at which a day ends in UTC; ``None`` for no day.

    Raises:
        InvalidRequest: this is no day.
    """
    if not day:
        return None
    try:
        parsed = datetime.strptime(day, "%Y-%m-%d").date()  # noqa: DTZ007 - only its date is used
    except ValueError:
        raise InvalidRequest(
            "This is not a day.", field="expires", given=repr(day), allowed="such as 2026-12-31"
        ) from None
    return datetime.combine(parsed, time(), UTC) + timedelta(days=1)
