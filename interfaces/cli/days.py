"""Days as they are typed: ISO, in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

from studio.errors import InvalidRequest


def moment(field: str, text: str, *, end: bool = False) -> datetime | None:
    """Return the moment that was typed, in UTC; ``None`` for no text.

    Args:
        field: the option, for the refusal.
        text: a day, or a day and a time; without an offset, of UTC.
        end: whether a day without a time stands for its end.

    Raises:
        InvalidRequest: this is no moment.
    """
    if not text:
        return None
    try:
        parsed = datetime.fromisoformat(text)
        parsed = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
        whole_day = len(text) == len("2026-12-31")
        parsed += timedelta(days=1) if end and whole_day else timedelta()
        return parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidRequest(
            "This is not a moment.",
            field=field,
            given=repr(text),
            allowed="such as 2026-12-31 or 2026-12-31T12:00:00+01:00",
        ) from None


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
