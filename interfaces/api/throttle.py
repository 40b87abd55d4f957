"""How often a key may ask: a bucket for each, in this process.

Several processes of the API each have buckets of their own; a key that is spread over all of them
gets so many times as much. One count for all would be a write to the shared database for each
request, in the queue of those that move money: the limit would cost more than what it limits. What
costs money is limited by plans and budgets, in the database.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from studio.errors import TooManyRequests

_MOST_KEYS = 10_000
"""Keys whose buckets are remembered; the one that was used longest ago is forgotten."""


class Throttle:
    """A bucket of requests for each key; it fills up at an even rate.

    Args:
        per_minute: requests in a minute, and the most at once.
        clock: seconds that only go forward.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_minute = per_minute
        self._rate = per_minute / 60
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def peek(self, key: str) -> None:
        """Refuse a key whose bucket is empty, as ``take`` would, and take nothing."""
        with self._lock:
            left = self._left(key)
        if left < 1:
            raise self._refusal(left)

    def drain(self, key: str) -> None:
        """Take one out of a key's bucket, if there is one."""
        with contextlib.suppress(TooManyRequests):
            self.take(key)

    def take(self, key: str) -> int:
        """Take one request out of a key's bucket; return how many are left in it.

        Raises:
            TooManyRequests: it is empty; says in how many seconds it is not.
        """
        with self._lock:
            left = self._left(key)
            enough = left >= 1
            self._buckets[key] = (left - 1 if enough else left, self._clock())
            self._buckets.move_to_end(key)
            if len(self._buckets) > _MOST_KEYS:
                self._buckets.popitem(last=False)
        if not enough:
            raise self._refusal(left)
        return int(left - 1)

    def _left(self, key: str) -> float:
        """Return what is in a bucket by now."""
        moment = self._clock()
        left, before = self._buckets.get(key, (float(self.per_minute), moment))
        return min(float(self.per_minute), left + (moment - before) * self._rate)

    def _refusal(self, left: float) -> TooManyRequests:
        wait = math.ceil((1 - left) / self._rate)
        return TooManyRequests(
            f"This key may make {self.per_minute} requests a minute. Come back in {wait} s.",
            allowed=f"{self.per_minute} requests a minute",
            retry_after=wait,
        )
