"""``pace``: what many callers ask of many accounts, served in one transaction.

All units go through this one handler, which locks every account that they name first, in the order
of the names, and serves them in the order in which they came: who comes first has the first free
slot and the first start. Among those who wait, ``share_out`` decides. Whatever is given back in a
group is given out again in the same transaction.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from providers.pacing import rows
from providers.pacing.limits import AccountLimits, Kind, Window
from providers.pacing.shares import share_out, take_turn
from providers.pacing.windows import SECOND, Starts
from providers.pacing.words import (
    Block,
    Enter,
    Fail,
    Leave,
    News,
    Renew,
    Reserve,
    Served,
    Succeed,
    Sweep,
    Unit,
)
from studio import clock
from studio.errors import ProviderError, ProviderUnavailable, RateLimited

LONGEST_QUEUE = 10_000
"""Those who may wait for a slot of one account."""

_NO_LIMIT = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Answer = Served | ProviderError


def pace(connection: Connection, units: Sequence[Unit]) -> list[Answer]:
    """Serve the units.

    Answers with:
        RateLimited: the wait would be longer than the unit's patience, or the queue is full.
        ProviderUnavailable: the circuit breaker is open for longer than that.
    """
    desk = _Desk(connection, units)
    desk.change_standings(units)
    lost = desk.change_slots(units)
    desk.give_out(units)
    answers = [desk.serve(unit, lost) for unit in units]
    desk.save()
    return answers


class _Desk:
    """One transaction's view of the accounts that it has locked."""

    def __init__(self, connection: Connection, units: Sequence[Unit]) -> None:
        self._connection = connection
        self._accounts = sorted({unit.account for unit in units})
        self._before = rows.lock_accounts(connection, self._accounts)
        self._standings = dict(self._before)
        # Only now: others may have had the lock for a while.
        self._now = clock.now()
        self._microseconds = _microseconds(self._now)
        self._monotonic = time.monotonic()
        self._limits = _limits_of(units)
        self._starts: dict[tuple[str, str], Starts] = {}
        self._read_starts(units)
        self._queues: dict[str, rows.Queue] = {}
        self._free: dict[str, int] = {}
        self._fresh: list[dict[str, Any]] = []
        self._granted: list[str] = []
        self._sole: dict[str, rows.Waiter | None] = {}
        self._left: set[str] = set()

    def change_standings(self, units: Sequence[Unit]) -> None:
        """Lock out, count failures, close the breaker."""
        for unit in units:
            standing = self._standings[unit.account]
            if isinstance(unit, Block):
                standing = standing.blocked(unit.until, unit.reason, self._now)
            elif isinstance(unit, Fail):
                standing = standing.failed(self._now)
            elif isinstance(unit, Succeed):
                standing = standing.succeeded()
            self._standings[unit.account] = standing

    def change_slots(self, units: Sequence[Unit]) -> set[str]:
        """Free what is given back or dead, renew the rest; return what was lost meanwhile."""
        left = [unit.id for unit in units if isinstance(unit, Leave)]
        rows.remove_slots(self._connection, left)
        self._left.update(left)
        heirs = [unit.heir for unit in units if isinstance(unit, Leave) and unit.heir]
        rows.grant(self._connection, [each for each in heirs if each not in self._left], self._now)
        lost: set[str] = set()
        for unit in units:
            if isinstance(unit, Sweep):
                rows.remove_dead(self._connection, unit.account, unit.dead)
            elif isinstance(unit, Renew):
                until = self._now + timedelta(seconds=unit.lease)
                lost.update(rows.renew_slots(self._connection, unit.ids, until))
        # After the renewals: who was late, but is alive, keeps what is still there.
        swept = {unit.account for unit in units if isinstance(unit, Sweep | Renew)}
        rows.remove_expired(self._connection, sorted(swept), self._now)
        return lost

    def give_out(self, units: Sequence[Unit]) -> None:
        """Give free slots to those who wait, by their shares."""
        accounts = {unit.account for unit in units if not isinstance(unit, Reserve | Block | Fail)}
        concerned = sorted(accounts & self._limits.keys())
        if not concerned:
            return
        self._queues = rows.read_queues(self._connection, concerned)
        for account in concerned:
            queue, free = self._queues[account], self._count_free(account)
            if free > 0 and queue.waiting > 0:
                slots = self._limits[account].concurrent or _NO_LIMIT
                shares = share_out(list(queue.parties.values()), free, slots)
                granted = rows.grant_next(self._connection, account, shares, self._now)
                self._granted.extend(granted)
                queue.waiting -= len(granted)
                queue.held += len(granted)
                free -= len(granted)
            self._free[account] = free

    def _count_free(self, account: str) -> int:
        standing = self._standings[account]
        if standing.shut(self._now) is not None:
            return 0
        free = (self._limits[account].concurrent or _NO_LIMIT) - self._queues[account].held
        since = standing.trial_since(self._now)
        if since is not None:
            free = min(free, 1 - rows.count_trials(self._connection, account, since))
        return max(free, 0)

    def serve(self, unit: Unit, lost: set[str]) -> Answer:
        """Answer one unit; a refusal is the answer to that one alone."""
        news = News(tuple(self._granted), self._standings, self._sole)
        try:
            if isinstance(unit, Enter):
                if unit.id in self._left:
                    # Cancelled on its way in: its leaving is in the same group, and done already.
                    return Served(news, queued=True)
                return self._enter(unit, news)
            if isinstance(unit, Reserve):
                start = self._reserve(unit, unit.kind, unit.lead)
                return Served(news, start)
        except ProviderError as refusal:
            return refusal
        if isinstance(unit, Renew):
            return Served(news, lost=tuple(each for each in unit.ids if each in lost))
        return Served(news)

    def _enter(self, unit: Enter, news: News) -> Served:
        queue = self._queues[unit.account]
        self._check_open(unit)
        free = self._free[unit.account] > 0
        if not free and unit.patience == 0:
            raise self._refusal(unit, 1.0, "has no slot free")
        if queue.waiting >= LONGEST_QUEUE:
            raise self._refusal(unit, unit.patience, f"has {queue.waiting} waiting already")
        start = None
        if free:
            start = self._monotonic
            if unit.kind is not None:
                start = self._reserve(unit, unit.kind)
            self._free[unit.account] -= 1
            queue.held += 1
        else:
            queue.waiting += 1
            caller = unit.caller
            queue.waiters.add(rows.Waiter(caller.owner, caller.priority, unit.worker))
        queue.ticket += 1
        self._fresh.append(
            {
                "id": unit.id,
                "account": unit.account,
                "ticket": queue.ticket,
                "worker": unit.worker,
                "owner": unit.caller.owner,
                "priority": unit.caller.priority,
                "turn": take_turn(queue.parties, unit.caller, queue.clock),
                "state": "held" if free else "waiting",
                "taken_at": self._now if free else None,
                "expires_at": self._now + timedelta(seconds=unit.lease),
            }
        )
        return Served(news, start, queued=not free)

    def _reserve(self, unit: Enter | Reserve, kind: Kind, lead: float = 0.0) -> float:
        """Reserve a start in every window of that kind, and return when it is."""
        self._check_open(unit)
        wanted = self._microseconds + round(lead * SECOND)
        shut = self._standings[unit.account].shut(self._now)
        if shut is not None:
            wanted = max(wanted, _microseconds(shut.until))
        windows = [self._starts[unit.account, name] for name in _names(unit.limits, kind)]
        start = max((each.earliest(wanted) for each in windows), default=wanted)
        wait = (start - self._microseconds) / SECOND
        if wait > max(unit.patience, lead):
            raise self._refusal(unit, wait, f"may not be asked for more {kind} yet")
        for each in windows:
            each.add(start, self._microseconds)
        return self._monotonic + wait

    def _check_open(self, unit: Enter | Reserve) -> None:
        """Refuse who would wait in vain for the account to be opened again.

        Raises:
            RateLimited: the provider has locked us out for longer than that.
            ProviderUnavailable: our circuit breaker is open for longer than that.
        """
        shut = self._standings[unit.account].shut(self._now)
        if shut is None:
            return
        wait = (shut.until - self._now).total_seconds()
        if wait > unit.patience:
            kind = ProviderUnavailable if shut.broken else RateLimited
            raise self._refusal(unit, wait, f"is not asked now ({shut.reason})", kind)

    def _refusal(
        self,
        unit: Enter | Reserve,
        wait: float,
        why: str,
        kind: type[ProviderError] = RateLimited,
    ) -> ProviderError:
        return refusal(unit.account, wait, unit.patience, why, kind)

    def _read_starts(self, units: Sequence[Unit]) -> None:
        """Read the windows that may be needed; those of a unit without a kind are none."""
        wanted = {
            (unit.account, name): window
            for unit in units
            if isinstance(unit, Enter | Reserve) and unit.kind is not None
            for name, window in _names(unit.limits, unit.kind).items()
        }
        if not wanted:
            return
        known = rows.read_starts(self._connection, {account for account, _ in wanted})
        for key, window in wanted.items():
            self._starts[key] = Starts(window, known.get(key, []))
            self._starts[key].believe(self._microseconds)

    def save(self) -> None:
        """Write what has changed, and say who waits alone."""
        for account, queue in self._queues.items():
            within = queue.held <= (self._limits[account].concurrent or _NO_LIMIT)
            alone = within and len(queue.waiters) == 1
            self._sole[account] = next(iter(queue.waiters)) if alone else None
        rows.add_slots(self._connection, self._fresh)
        changed = {key: starts.entries for key, starts in self._starts.items() if starts.changed}
        rows.save_starts(self._connection, changed)
        standings = {
            account: standing
            for account, standing in self._standings.items()
            if standing != self._before[account]
        }
        rows.save_standings(self._connection, standings)


def refusal(
    account: str, wait: float, patience: float, why: str, kind: type[ProviderError] = RateLimited
) -> ProviderError:
    """Return the error for who would have to wait too long; nothing was reserved.

    ``details['paced']`` says that it is ours: the provider was not asked, and said nothing.
    """
    provider = account.partition(":")[0]
    return kind(
        f"{provider} {why}: try again in {wait:.1f} s. "
        f"This could wait for {patience:.1f} s, so nothing was sent.",
        provider=provider,
        retry_after=math.ceil(wait * 1_000) / 1_000,
        paced=True,
    )


def _names(limits: AccountLimits, kind: Kind) -> dict[str, Window]:
    return {f"{kind}/{each.seconds:g}": each for each in limits.windows(kind)}


def _limits_of(units: Sequence[Unit]) -> dict[str, AccountLimits]:
    found = {}
    for unit in units:
        limits = getattr(unit, "limits", None)
        if limits is not None:
            found[unit.account] = limits
    return found


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)
