"""How an account stands: shut out by its provider, or by our own circuit breaker.

The provider's lock-out has an end that it told, or that its contract says. The breaker opens after
``FAILURES`` failures in a row and lets one caller at a time try again once its time is over
("half-open"); each try that fails opens it for twice as long.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

FAILURES = 5
SHORTEST = timedelta(seconds=30)
LONGEST = timedelta(minutes=10)
LONGEST_BLOCK = timedelta(days=1)
"""The longest lock-out that is believed; a quota by the day ends within it."""

_REASON_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Shut:
    """That nobody may ask now.

    Attributes:
        until: the end of it.
        reason: in words, for people.
        broken: whether it is the breaker that is open, not the provider that told us.
    """

    until: datetime
    reason: str
    broken: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """An account's row.

    Attributes:
        blocked_until: the end of the provider's lock-out.
        reason: why, in words.
        failures: in a row; those while the breaker is open do not count.
        open_until: until when the breaker is open, or was last.
    """

    blocked_until: datetime | None = None
    reason: str = ""
    failures: int = 0
    open_until: datetime | None = None

    def shut(self, now: datetime) -> Shut | None:
        """Return what shuts the account at ``now``: of two, what lasts longer."""
        found = [
            Shut(until, reason, broken)
            for until, reason, broken in (
                (self.blocked_until, self.reason, False),
                (self.open_until, f"it failed {self.failures} times in a row", True),
            )
            if until is not None and until > now
        ]
        return max(found, key=lambda each: each.until, default=None)

    def trial_since(self, now: datetime) -> datetime | None:
        """Return since when the breaker is half-open; ``None`` when it is open or closed."""
        if self.open_until is None or self.open_until > now:
            return None
        return self.open_until

    @property
    def sound(self) -> bool:
        """Whether the breaker is closed and nothing counts towards opening it."""
        return self.failures == 0 and self.open_until is None

    def blocked(self, until: datetime, reason: str, now: datetime) -> Standing:
        """Return it locked out until then; a longer lock-out stands."""
        until = min(until, now + LONGEST_BLOCK)
        if until <= now or (self.blocked_until is not None and self.blocked_until >= until):
            return self
        return replace(self, blocked_until=until, reason=reason[:_REASON_LENGTH])

    def failed(self, now: datetime) -> Standing:
        """Return it with one failure more, the breaker open if that was one too many.

        What was under way when the breaker opened fails as well, and says nothing new.
        """
        if self.open_until is not None and self.open_until > now:
            return self
        failures = self.failures + 1
        if failures < FAILURES:
            return replace(self, failures=failures)
        growth = min(failures - FAILURES, 10)
        return replace(self, failures=failures, open_until=now + min(SHORTEST * 2**growth, LONGEST))

    def succeeded(self) -> Standing:
        """Return it with the breaker closed. A lock-out stays: it is the provider's word."""
        return replace(self, failures=0, open_until=None)
