"""The permit without which no provider moves.

A permit says: credits were set aside for this one job, at this offer. It is issued in one place,
``engine/gate.py``, right after the database has committed the claim on an open hold, and every
provider demands it and uses it up. A flow, task or helper that skips the gate therefore fails
before the first byte leaves. (It guards against mistakes, not against hostile code in the same
process, which could as well talk to a provider by itself.)
"""

from __future__ import annotations

import threading
from typing import NoReturn

from studio.errors import HoldRefused

_SEAL = object()


class Permit:
    """Leave to call a provider once, for one job at one offer."""

    __slots__ = ("_lock", "_used", "job", "offer")

    def __init__(self, seal: object, *, job: str, offer: str) -> None:
        if seal is not _SEAL:
            raise HoldRefused("A permit is issued by the gate; it cannot be made by hand.")
        self.job = job
        self.offer = offer
        self._used = False
        self._lock = threading.Lock()

    @property
    def used(self) -> bool:
        """Whether the provider may have been called with it; if not, surely nothing was sent."""
        return self._used

    def __reduce__(self) -> NoReturn:
        """Refuse to be copied or pickled: a copy would be unused."""
        raise HoldRefused("A permit cannot be copied.")

    def use(self, offer: str) -> None:
        """Use the permit up.

        Raises:
            HoldRefused: it was issued for another offer, or was used before.
        """
        with self._lock:
            if offer != self.offer:
                raise HoldRefused(
                    "The permit is for another offer.",
                    field="offer",
                    given=offer,
                    allowed=self.offer,
                )
            if self._used:
                raise HoldRefused(f"The permit of job {self.job} was used before.")
            self._used = True


def issue(*, job: str, offer: str) -> Permit:
    """Return a permit. Only ``engine/gate.py`` calls this; a test reads the code to see to it."""
    return Permit(_SEAL, job=job, offer=offer)
