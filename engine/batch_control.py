"""Pause, resume, cancel: what somebody wishes of a batch that is being run, and who heeds it.

A wish is a row of the database, so that every process at work on the batch's rows sees it, on
whichever machine. It is looked at before each row begins, and about once a second while rows wait.
So is the moment at which the batch's window closes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Connection, RowMapping, delete, insert, select

from batches.tables import batch_wishes, batches
from billing.accounts.events import note
from billing.accounts.members import require_member
from billing.ledger import hold_of
from engine.workers import Worker
from studio.clock import now
from studio.database import Database
from studio.errors import BatchCancelled, Conflict, NotFound, StudioUnavailable, WindowClosed

Verb = Literal["pause", "resume", "cancel"]

_EVERY = 1.0
"""Seconds for which a wish that was read is taken for the one that stands."""
_MOST_SEEN = 1_000
"""Batches whose wishes are remembered; beyond that all are read anew."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wishes of a running batch.

    Attributes:
        batch: of which.
        wish: ``pause`` (no new row begins) or ``cancel`` (none will).
        user: who.
        until: when a pause becomes a cancellation: its hold ends then, and its credits are free.
        at: since when.
    """

    batch: str
    wish: str
    user: str
    until: datetime
    at: datetime

    def cancellation(self) -> BatchCancelled:
        """Return why a row does not begin that somebody's ``cancel`` came before."""
        return BatchCancelled(
            f"{self.user} cancelled the batch before this row began; nothing was bought. Run the "
            "batch again to go on.",
            batch=self.batch,
            user=self.user,
        )


def wish_of(connection: Connection, batch: str) -> Wish | None:
    """Return what is wished of a batch; ``None`` where it may go on."""
    query = select(batch_wishes).where(batch_wishes.c.batch == batch)
    row = connection.execute(query).mappings().first()
    return Wish(**row) if row else None


@dataclass(frozen=True, slots=True)
class _Word:
    """What is to be heeded of a batch: a wish, when its window closes, whether all stand still."""

    wish: Wish | None = None
    closes: datetime | None = None
    stopped: bool = False


def forget_wish(connection: Connection, batch: str) -> None:
    """Forget what was wished of a batch: it holds for one run, and not for the next."""
    connection.execute(delete(batch_wishes).where(batch_wishes.c.batch == batch))


def ask_for(
    connection: Connection,
    owner: str,
    batch: str,
    verb: Verb,
    *,
    user: str,
    worker: Worker,
    lasts: timedelta,
) -> Wish | None:
    """Pause, resume or cancel a batch that is being run; return what is wished of it now.

    Rows that are under way come to their end in each case, and are paid. The same wish twice is
    one. Who did it is kept among the account's events.

    Args:
        user: who asks; empty stands for the user of the owner's own name.
        worker: knows which processes are alive.
        lasts: how long a pause may last where nothing is held yet.

    Raises:
        AccountRefused: the user may not spend for the owner.
        NotFound: the owner has no such batch.
        Conflict: it is not being run, or it is cancelled already.
    """
    who = user or owner
    require_member(connection, who, owner, "spend")
    query = select(batches).where(batches.c.id == batch, batches.c.owner == owner)
    row = connection.execute(query.with_for_update()).mappings().first()
    if row is None:
        raise NotFound("There is no such batch.", field="batch", given=batch)
    if row["state"] != "running" or not (row["worker"] and worker.alive(row["worker"])):
        raise Conflict(_why_not(row, verb), field="batch", given=batch)
    before = wish_of(connection, batch)
    if before is not None and before.wish == "cancel":
        if verb == "cancel":
            return before
        raise Conflict(
            f"Batch {batch} is being cancelled. Once it has ended, `studio batch run` goes on with "
            "what is left of it.",
            field="batch",
            given=batch,
        )
    if verb == (before.wish if before else "resume"):
        return before
    forget_wish(connection, batch)
    note(connection, owner, f"batch_{verb}", author=who, batch=batch)
    if verb == "resume":
        return None
    held = hold_of(connection, owner, row["hold"]) if row["hold"] else None
    until = held.expires_at if held else now() + lasts
    wish = Wish(batch, verb, who, until, now())
    connection.execute(
        insert(batch_wishes).values(batch=batch, wish=verb, user=who, until=wish.until, at=wish.at)
    )
    return wish


def _why_not(row: RowMapping, verb: Verb) -> str:
    """Say why a batch that no process runs cannot be paused, resumed or cancelled."""
    if row["state"] == "incomplete" and row["closes_at"] and row["finished_at"] is None:
        return (
            f"Batch {row['id']} waits until its window opens, and nothing of it is under way. Its "
            f"run {row['run']} then goes on with it, unless it is cancelled on Prefect's pages."
        )
    return (
        f"Batch {row['id']} is not being run at this moment, so that there is nothing to {verb}. "
        "`studio batch run` goes on with what is left of it."
    )


class Control:
    """Heeds wishes for the rows that this process carries out.

    Args:
        database: where wishes are.
        every: seconds between two looks at one batch's.
        stopped: whether no row of any batch may begin now; it may take seconds to say so.
    """

    def __init__(
        self,
        database: Database,
        every: float = _EVERY,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self._database = database
        self._stopped = stopped
        self._every = every
        self._seen: dict[str, tuple[float, _Word]] = {}
        self._reading: dict[str, asyncio.Task[_Word]] = {}

    async def turn(self, batch: str) -> None:
        """Return when a row of a batch may begin; at once if nobody wishes otherwise.

        Raises:
            BatchCancelled: none will begin in this run.
            WindowClosed: none will begin before its window opens again.
        """
        # The wish changes in another process: there is no event to wait for.
        while not await self.may_begin(batch):  # noqa: ASYNC110
            await asyncio.sleep(self._every)

    async def may_begin(self, batch: str) -> bool:
        """Whether a row of a batch may begin now; what belongs to no batch always may.

        Raises:
            BatchCancelled: none will begin in this run.
            WindowClosed: none will begin before its window opens again.
        """
        word = await self._word(batch) if batch else _Word()
        wish = word.wish
        if wish is None:
            _check_window(batch, word.closes)
            return not word.stopped
        if wish.wish == "cancel":
            raise wish.cancellation()
        if wish.until <= now():
            raise BatchCancelled(
                f"The batch was paused by {wish.user} until its hold ended at "
                f"{wish.until:%Y-%m-%d %H:%M} UTC; nothing was bought. Run the batch again to go "
                "on.",
                batch=batch,
                user=wish.user,
            )
        return False

    async def _word(self, batch: str) -> _Word:
        seen = self._seen.get(batch)
        if seen is not None and time.monotonic() - seen[0] < self._every:
            return seen[1]
        # Rows that come at once share one look.
        reading = self._reading.get(batch)
        if reading is None:
            reading = asyncio.ensure_future(self._look(batch))
            self._reading[batch] = reading
            reading.add_done_callback(lambda _: self._reading.pop(batch, None))
        return await asyncio.shield(reading)

    async def _look(self, batch: str) -> _Word:
        try:
            word = await asyncio.to_thread(self._read, batch)
        except StudioUnavailable:
            # The gate, which is next, says so itself; what was wished before still is.
            return self._seen.get(batch, (0.0, _Word()))[1]
        if len(self._seen) >= _MOST_SEEN:
            self._seen.clear()
        self._seen[batch] = (time.monotonic(), word)
        return word

    def _read(self, batch: str) -> _Word:
        stopped = self._stopped()
        with self._database.read() as connection:
            query = select(batches.c.closes_at).where(batches.c.id == batch)
            return _Word(wish_of(connection, batch), connection.execute(query).scalar(), stopped)


def _check_window(batch: str, closes: datetime | None) -> None:
    if closes is not None and closes <= now():
        raise WindowClosed(
            f"The batch's window closed at {closes:%Y-%m-%d %H:%M} UTC, before this row began; "
            "nothing was bought. It goes on when the window opens again.",
            batch=batch,
        )
