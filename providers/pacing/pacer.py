"""``Pacer``: who wants to call a provider asks here for leave, and waits no longer than it may.

What it costs: entering and leaving are one group commit each, a poll is one. Who waits in the same
process as who leaves does not wait for a commit, where nobody else could have the slot: it is
passed on at once, and written down after.

Clocks. Starts, leases and lock-outs are moments of wall clock, of whichever machine wrote them; the
database's own clock is not asked. Machines whose clocks differ by some time see windows shorter by
as much, which a window's margin (0.5 s) has to cover; NTP keeps within a few hundredths. Leases
and lock-outs end earlier or later by the difference, which does no harm while it is small beside
them. When a clock is set back, starts reserved before lie in the future: who comes waits for them
or, without the patience, is refused; what is more than an hour ahead is taken for now. Waiting
itself goes by the monotonic clock.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import Future
from contextlib import asynccontextmanager
from datetime import datetime

from providers.pacing.handlers import pace, refusal
from providers.pacing.keeper import Keeper, Place
from providers.pacing.limits import AccountLimits, Kind
from providers.pacing.rows import Waiter, read_standings
from providers.pacing.shares import ANY_CALLER, Caller
from providers.pacing.standing import Shut, Standing
from providers.pacing.view import View
from providers.pacing.windows import LONGEST_PATIENCE
from providers.pacing.words import (
    Block,
    Enter,
    Fail,
    Leave,
    Reserve,
    Served,
    Succeed,
    Unit,
)
from studio import clock
from studio.database import Database, GroupCommit
from studio.errors import InvalidRequest, ProviderUnavailable, RateLimited, StudioUnavailable
from studio.ids import new_id

_log = logging.getLogger(__name__)

LEASE_SECONDS = 60.0
_SERVE_SECONDS = 120
"""How long the keeper waits for a commit: longer than the database waits for a lock."""
_KNOWN_SECONDS = 1.0
"""How long it is believed how an account stands."""
_LONGEST_LEAD = 5.0


class Pacer:
    """Limits of providers' accounts that hold for all threads, processes and machines.

    Args:
        database: the one that all processes share.
        commits: writes of many callers in one transaction, best shared with the rest of the studio.
            On Postgres, a group that locks wallets and accounts can meet one that locks them the
            other way round; the database breaks that up and the group is tried again (it did not
            happen among 3,840 admissions and as many holds of two group commits).
        worker: the id of this process.
        dead: whether the worker with an id is surely gone; its slots are then free at once. It is
            called in a thread of the pacer's own. Without it they are free when their lease ends.
        lease: seconds after which the slot of a process that is silent is free. It is renewed four
            times as often.
    """

    def __init__(
        self,
        database: Database,
        commits: GroupCommit,
        worker: str,
        *,
        dead: Callable[[str], bool] | None = None,
        lease: float = LEASE_SECONDS,
    ) -> None:
        self._database = database
        self._commits = commits
        self._worker = worker
        self._lease = lease
        self._known: dict[str, tuple[float, Standing]] = {}
        self._sole: dict[str, tuple[float, Waiter]] = {}
        self._limits: dict[str, AccountLimits] = {}
        self._keeper = Keeper(
            database,
            lambda unit: self._submit(unit).result(_SERVE_SECONDS),
            worker=worker,
            lease=lease,
            dead=dead,
            learn=self._learn,
        )

    @asynccontextmanager
    async def admission(
        self,
        account: str,
        limits: AccountLimits | None,
        *,
        kind: Kind | None = None,
        patience: float,
        caller: Caller = ANY_CALLER,
    ) -> AsyncIterator[None]:
        """Hold a slot for the length of a ``with`` block, which begins when the call may start.

        Whose turn it is among those who wait, whatever process they are of, says ``share_out``: by
        owner and priority, and among equals by the order in which they came.

        Args:
            account: of the provider.
            limits: of the account; without any, no database is asked.
            kind: the windows that count this; ``None`` takes a slot only.
            patience: seconds to wait at most, 0 to 3600.
            caller: who asks, which decides whose turn it is.

        Raises:
            RateLimited: it would take longer, or did; ``details['retry_after']`` is in seconds.
            ProviderUnavailable: the circuit breaker is open for longer than that.
            InvalidRequest: the patience is none.
            StudioUnavailable: the database cannot be reached.
        """
        _check(patience)
        if limits is None or not limits.any:
            yield
            return
        self._limits[account] = limits
        until = time.monotonic() + patience
        while True:
            identifier, place = new_id("slot"), Place(account, limits)
            self._keeper.add(identifier, place)
            try:
                if await self._enter(identifier, place, kind, caller, until):
                    yield
                    return
            finally:
                await self._leave(identifier, place)
            # This process was silent for so long that its place was given up: it queues anew.
            _log.warning("a place in the queue of %s was lost, and is taken anew", account)

    async def request(self, account: str, limits: AccountLimits | None, *, patience: float) -> None:
        """Wait until one more HTTP request may be sent. It takes no slot.

        Raises:
            RateLimited: it would take longer than ``patience`` seconds.
            ProviderUnavailable: the circuit breaker is open for longer than that.
            InvalidRequest: the patience is not 0 to 3600.
            StudioUnavailable: the database cannot be reached.
        """
        _check(patience)
        if limits is None or not limits.any:
            return
        until = time.monotonic() + patience
        if limits.requests:
            await self._start(None, account, limits, "requests", until)
        else:
            await self._wait_while_shut(account, until)

    async def block(self, account: str, until: datetime, reason: str) -> None:
        """Let nobody ask before ``until``, at most a day ahead: the provider locked us out."""
        await self._serve(Block(account, until, reason))

    async def failed(self, account: str) -> None:
        """Count a failure that is the provider's own; the fifth in a row opens the breaker.

        It stays open for 30 s, then lets one caller at a time try, and stays open for twice as
        long, at most 10 min, when that fails.
        """
        await self._serve(Fail(account))

    async def succeeded(self, account: str) -> None:
        """Close the breaker. Nothing is written where it is closed and no failure counted."""
        standing = await self._standing(account)
        if not standing.sound:
            await self._serve(Succeed(account, self._limits.get(account)))

    def blocked(self, account: str) -> tuple[datetime, str] | None:
        """Return until when and why the account is shut, as of at most a second ago.

        Raises:
            StudioUnavailable: the database cannot be reached.
        """
        shut = (self._recall(account) or self._read(account)).shut(clock.now())
        return None if shut is None else (shut.until, shut.reason)

    def broken(self, account: str) -> tuple[datetime, str] | None:
        """Return until when and why the breaker is open; ``None`` where it is not.

        Raises:
            StudioUnavailable: the database cannot be reached.
        """
        shut = (self._recall(account) or self._read(account)).shut(clock.now())
        return (shut.until, shut.reason) if shut is not None and shut.broken else None

    def close(self) -> None:
        """Renew nothing any more; call it before the group commit is closed."""
        self._keeper.close()

    async def _enter(
        self, identifier: str, place: Place, kind: Kind | None, caller: Caller, until: float
    ) -> bool:
        """Return when there is a slot and its holder may start; ``False``: the place was lost.

        Raises:
            RateLimited: not before ``until``.
        """
        account, limits = place.account, place.limits
        patience = max(until - time.monotonic(), 0.0)
        unit = Enter(account, identifier, self._worker, self._lease, limits, kind, patience, caller)
        answer = await self._serve(unit)
        start = answer.start
        if not answer.queued:
            place.tell(granted=True)
        else:
            self._keeper.wait_for(identifier, place)
            if not await self._turn(place, until, patience):
                return False
        if kind is not None and limits.windows(kind):
            await self._start(start, account, limits, kind, until)
        return True

    async def _turn(self, place: Place, until: float, patience: float) -> bool:
        try:
            async with asyncio.timeout(max(until - time.monotonic(), 0.0)):
                return await asyncio.wrap_future(place.turn)
        except TimeoutError:
            shut = self._recall_shut(place.account)
            kind = ProviderUnavailable if shut is not None and shut.broken else RateLimited
            raise refusal(
                place.account, max(patience, 1.0), patience, "had no slot free", kind
            ) from None

    async def _start(
        self,
        start: float | None,
        account: str,
        limits: AccountLimits,
        kind: Kind,
        until: float,
    ) -> None:
        """Reserve a start, unless there is one, and return when it has come.

        A start that this process was late for, or that a lock-out has overtaken, is given up: the
        provider would see it in another window than it was counted in.
        """
        windows = limits.windows(kind)
        late_by, most = 0.0, min((each.margin for each in windows), default=_LONGEST_LEAD) / 2
        while True:
            if start is None:
                patience = max(until - time.monotonic(), 0.0)
                lead = min(late_by * 1.5, _LONGEST_LEAD)
                unit = Reserve(account, limits, kind, patience, lead)
                start = (await self._serve(unit)).start
            assert start is not None  # noqa: S101 - a reservation has a start, or is refused
            await asyncio.sleep(max(start - time.monotonic(), 0.0))
            late_by = time.monotonic() - start
            if late_by <= most and self._recall_shut(account) is None:
                return
            start = None

    async def _wait_while_shut(self, account: str, until: float) -> None:
        while (shut := (await self._standing(account)).shut(clock.now())) is not None:
            wait = (shut.until - clock.now()).total_seconds()
            patience = max(until - time.monotonic(), 0.0)
            if wait > patience:
                kind = ProviderUnavailable if shut.broken else RateLimited
                why = f"is not asked now ({shut.reason})"
                raise refusal(account, wait, patience, why, kind)
            await asyncio.sleep(min(max(wait, 0.0), _KNOWN_SECONDS))

    async def _leave(self, identifier: str, place: Place) -> None:
        """Give the place back; a cancellation stops the waiting for it, not the giving.

        What was done in the ``with`` block is not to fail for it: a lease runs out by itself.
        """
        self._keeper.remove(identifier)
        try:
            heir = self._keeper.pass_on(place.account) if self._may_pass_on(place) else ""
            future = self._submit(Leave(place.account, identifier, place.limits, heir))
            await asyncio.shield(self._commits.awaited(future))
        except (StudioUnavailable, RuntimeError) as error:
            _log.warning("a slot of %s is free when its lease ends: %s", place.account, error)

    def _may_pass_on(self, place: Place) -> bool:
        """Whether a slot may go from hand to hand: only work of one kind, here, waits for it.

        Others may have come in the last moment; they are seen by the next commit, or by looking.
        """
        moment, waiter = self._sole.get(place.account, (0.0, None))
        if not place.held or waiter is None or waiter.worker != self._worker:
            return False
        standing = self._recall(place.account)
        alone = time.monotonic() - moment <= _KNOWN_SECONDS
        open_ = standing is not None and standing.sound and standing.shut(clock.now()) is None
        return alone and open_

    async def _serve(self, unit: Unit) -> Served:
        return await self._commits.awaited(self._submit(unit))

    def _submit(self, unit: Unit) -> Future[Served]:
        future: Future[Served] = self._commits.submit(pace, unit)
        # First of all callbacks: who is woken by the answer finds its news known.
        future.add_done_callback(self._note)
        return future

    def _note(self, future: Future[Served]) -> None:
        if not future.cancelled() and future.exception() is None:
            news = future.result().news
            self._remember(news.standings)
            self._remember_sole(news.sole)
            self._keeper.hear(news.granted)

    def _learn(self, view: View) -> None:
        self._remember(view.standings)
        for account, workers in view.workers.items():
            if workers - {self._worker}:
                self._sole.pop(account, None)

    def _remember(self, standings: Mapping[str, Standing]) -> None:
        moment = time.monotonic()
        for account, standing in standings.items():
            self._known[account] = (moment, standing)

    def _remember_sole(self, sole: Mapping[str, Waiter | None]) -> None:
        moment = time.monotonic()
        for account, waiter in sole.items():
            if waiter is None:
                self._sole.pop(account, None)
            else:
                self._sole[account] = (moment, waiter)

    def _recall(self, account: str) -> Standing | None:
        known = self._known.get(account)
        if known is None or time.monotonic() - known[0] > _KNOWN_SECONDS:
            return None
        return known[1]

    def _recall_shut(self, account: str) -> Shut | None:
        """Return what shuts the account by the last that was heard of it."""
        _, standing = self._known.get(account, (0.0, Standing()))
        return standing.shut(clock.now())

    def _read(self, account: str) -> Standing:
        with self._database.read() as connection:
            standing = read_standings(connection, [account]).get(account, Standing())
        self._remember({account: standing})
        return standing

    async def _standing(self, account: str) -> Standing:
        known = self._recall(account)
        return known if known is not None else await asyncio.to_thread(self._read, account)


def _check(patience: float) -> None:
    if not 0 <= patience <= LONGEST_PATIENCE:
        raise InvalidRequest(
            "The patience is too long, or negative.",
            field="patience",
            given=patience,
            allowed=f"0 to {LONGEST_PATIENCE} seconds",
        )
