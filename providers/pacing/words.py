"""What a process asks of the shared state, and what it hears back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from providers.pacing.limits import AccountLimits, Kind
from providers.pacing.rows import Waiter
from providers.pacing.shares import ANY_CALLER, Caller
from providers.pacing.standing import Standing


@dataclass(frozen=True, slots=True)
class Enter:
    """Take a slot and a start, or a place in the queue where no slot is free."""

    account: str
    id: str
    worker: str
    lease: float
    limits: AccountLimits
    kind: Kind | None
    patience: float
    caller: Caller = ANY_CALLER


@dataclass(frozen=True, slots=True)
class Reserve:
    """Take a start, ``lead`` seconds from now or later."""

    account: str
    limits: AccountLimits
    kind: Kind
    patience: float
    lead: float = 0.0


@dataclass(frozen=True, slots=True)
class Leave:
    """Give back a slot, or a place in the queue.

    Attributes:
        heir: who has taken the slot over already; empty where that is for the queue to say.
    """

    account: str
    id: str
    limits: AccountLimits
    heir: str = ""


@dataclass(frozen=True, slots=True)
class Renew:
    """Say that the holders of these slots and places are alive."""

    account: str
    ids: tuple[str, ...]
    lease: float
    limits: AccountLimits


@dataclass(frozen=True, slots=True)
class Sweep:
    """Free what dead workers hold and what ran out, and give it to those who wait."""

    account: str
    dead: tuple[str, ...]
    limits: AccountLimits


@dataclass(frozen=True, slots=True)
class Block:
    """The provider shut the account out."""

    account: str
    until: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Fail:
    """The provider could not be reached, or was not able to work."""

    account: str


@dataclass(frozen=True, slots=True)
class Succeed:
    """The provider did what it was asked."""

    account: str
    limits: AccountLimits | None


Unit = Enter | Reserve | Leave | Renew | Sweep | Block | Fail | Succeed


@dataclass(frozen=True, slots=True)
class News:
    """What a transaction changed, for all who wait in this process.

    Attributes:
        granted: ids that waited and now hold a slot, of every process.
        standings: of the accounts concerned.
        sole: who waits at an account of which nobody else waits, and whose slots are not more than
            it has.
    """

    granted: tuple[str, ...]
    standings: Mapping[str, Standing]
    sole: Mapping[str, Waiter | None]


@dataclass(frozen=True, slots=True)
class Served:
    """The answer to a unit.

    Attributes:
        news: what the whole transaction changed.
        start: when the call may start, on this process's monotonic clock.
        queued: whether there is a wait for a slot first.
        lost: of what was to be renewed, what is no longer there.
    """

    news: News
    start: float | None = None
    queued: bool = False
    lost: tuple[str, ...] = ()
