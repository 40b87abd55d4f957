"""Whether something is tried again over HTTP, and after how long a wait."""

from __future__ import annotations

import math
import random

from studio.errors import ProviderError, RateLimited


def may_come_again(error: ProviderError) -> bool:
    """Whether what failed may be asked for again: by its ``again``, else if asked too often."""
    return bool(error.details.get("again", isinstance(error, RateLimited)))


def next_wait(error: ProviderError, attempt: int, first: float) -> float | None:
    """Return the seconds until the next try, or ``None`` when there must be none.

    Only errors that say so by ``again`` (a documented "not started", or the network) and 429s that
    do not say the contrary are tried again; the provider's own word on the time comes first, then
    longer and longer waits. Each has some chance in it, so that many callers do not come back at
    the same moment.

    Args:
        error: what came of the last try.
        attempt: which one it was, from 1.
        first: seconds to wait after the first try where nobody told a time.
    """
    if error.bought is not False or not may_come_again(error):
        return None
    wait = _seconds(error.details.get("retry_after"))
    if wait is None:
        wait = first * 2.0 ** (attempt - 1)
    return wait + random.uniform(0, min(wait, 1.0) / 2)


def _seconds(told: object) -> float | None:
    """Return what an error tells of the time to wait; ``None`` if it is no time."""
    try:
        seconds = float(str(told))
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None
