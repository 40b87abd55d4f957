"""Deliveries: each message on its way to each channel, with attempts of its own.

A channel that is down delays nothing elsewhere and makes no other channel hear a thing twice. A
message is sent at least once: a process that dies between sending and noting so leaves a lease,
and after its end the message is sent again, under the same id.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, case, insert, select, update

from engine.channels import Channel
from engine.outbox import Waiting, take_waiting, waiting_of
from engine.tables import deliveries, outbox
from studio.clock import now
from studio.database import Database
from studio.errors import shorten

MOST_ATTEMPTS = 8
FIRST_WAIT = timedelta(seconds=30)
"""Before the second attempt; each further wait is twice as long, about an hour in all."""

LEASE = timedelta(minutes=2)
"""A sender has a delivery to itself for so long; then another may try."""

MOST_TOGETHER = 50
"""Messages in one digest."""

_MOST_FAILURES = 3
"""A channel that failed so often in a row is left alone until the next pass."""

_MOST_ROUTED = 100
_MOST_DEAD = 500


@dataclass(frozen=True, slots=True)
class Parcel:
    """What goes to a channel as one notification.

    Attributes:
        channel: its id.
        together: whether it is a digest, which says so.
        attempts: the how-manieth try this is, from 1; of the message that was tried most.
    """

    channel: str
    waiting: tuple[Waiting, ...]
    together: bool
    attempts: int


@dataclass
class _Pass:
    """One round of sending: when it ends, and which channels it leaves alone."""

    until: float
    failures: dict[str, int] = field(default_factory=dict)

    def left_alone(self) -> list[str]:
        return [name for name, count in self.failures.items() if count >= _MOST_FAILURES]


def route(
    database: Database,
    listeners: Callable[[Connection, Sequence[str]], Sequence[Channel]],
    told: Callable[[Sequence[Waiting]], None] = lambda _: None,
) -> int:
    """Give what waits in the outbox to the channels that take it; return how many messages.

    Args:
        listeners: returns the channels that may be told of what happened to some owners. What
            none of them takes is told to nobody.
        told: told of each message once, after it was given to its channels.
    """
    routed = 0
    while True:
        some = database.write(lambda connection: _route(connection, listeners))
        told(some)
        routed += len(some)
        if len(some) < _MOST_ROUTED:
            return routed


def _route(
    connection: Connection, listeners: Callable[[Connection, Sequence[str]], Sequence[Channel]]
) -> list[Waiting]:
    taken = take_waiting(connection, _MOST_ROUTED)
    if not taken:
        return []
    moment = now()
    known = listeners(connection, sorted({each.message.owner for each in taken}))
    rows = [
        {
            "message": each.id,
            "channel": channel.id,
            "state": "waiting",
            "together": int(channel.digest.together),
            "attempts": 0,
            "next_at": channel.digest.due(moment),
            "error": "",
        }
        for each in taken
        for channel in known
        if channel.takes(each.message)
    ]
    if rows:
        connection.execute(insert(deliveries), rows)
    return taken


def deliver(
    database: Database,
    send: Callable[[Parcel], int],
    *,
    limit: int = 100,
    seconds: float = 20,
) -> int:
    """Send what is due; return how many deliveries went out.

    Args:
        send: sends one notification and returns how many of its messages found room, from the
            first on; the others follow in another. It raises when the channel did not take it:
            that is tried again later, eight times in all, and then given up with its error kept.
        limit: notifications at most.
        seconds: after which no other is begun.
    """
    sent = 0
    going = _Pass(time.monotonic() + seconds)
    for _ in range(limit):
        if time.monotonic() >= going.until:
            break
        parcel = database.write(lambda connection: _lease(connection, going.left_alone()))
        if parcel is None:
            break
        sent += _send(database, parcel, send, going)
    return sent


def _send(database: Database, parcel: Parcel, send: Callable[[Parcel], int], going: _Pass) -> int:
    try:
        count = send(parcel)
    except Exception as error:  # noqa: BLE001 - whatever a channel does, the others go on
        going.failures[parcel.channel] = going.failures.get(parcel.channel, 0) + 1
        words = type(error).__name__ + ": " + shorten(error)
        database.write(lambda connection: _note_failure(connection, parcel, words))
        return 0
    going.failures.pop(parcel.channel, None)
    count = max(1, count)
    database.write(lambda connection: _note_sent(connection, parcel, count))
    return min(count, len(parcel.waiting))


def _lease(connection: Connection, left_alone: Sequence[str]) -> Parcel | None:
    """Take what is due first for this process alone, until the lease ends."""
    moment = now()
    due = (
        select(
            outbox,
            deliveries.c.channel,
            deliveries.c.together,
            deliveries.c.attempts,
        )
        .select_from(deliveries)
        .join(outbox, outbox.c.id == deliveries.c.message)
        .where(
            deliveries.c.state == "waiting",
            deliveries.c.next_at <= moment,
            deliveries.c.channel.not_in(left_alone),
        )
        .order_by(deliveries.c.next_at, outbox.c.created_at, outbox.c.id, deliveries.c.channel)
        .with_for_update(skip_locked=True, of=deliveries)
    )
    rows = connection.execute(due.limit(1)).all()
    if not rows:
        return None
    channel, together = rows[0].channel, bool(rows[0].together)
    if together:
        rows = connection.execute(
            due.where(deliveries.c.channel == channel, deliveries.c.together == 1).limit(
                MOST_TOGETHER
            )
        ).all()
    rows = sorted(rows, key=lambda row: (row.created_at, row.id))
    waiting = tuple(waiting_of(row) for row in rows)
    parcel = Parcel(channel, waiting, together, max(row.attempts for row in rows) + 1)
    _change(connection, parcel, waiting, attempts=deliveries.c.attempts + 1, next_at=moment + LEASE)
    return parcel


def _note_sent(connection: Connection, parcel: Parcel, count: int) -> None:
    _change(connection, parcel, parcel.waiting[:count], state="sent", error="")
    # What found no room was not tried.
    _change(
        connection,
        parcel,
        parcel.waiting[count:],
        attempts=deliveries.c.attempts - 1,
        next_at=now(),
    )


def _note_failure(connection: Connection, parcel: Parcel, error: str) -> None:
    # In a digest each message counts its own attempts: one that joins later is not given up early.
    given_up = deliveries.c.attempts >= MOST_ATTEMPTS
    _change(
        connection,
        parcel,
        parcel.waiting,
        state=case((given_up, "given_up"), else_="waiting"),
        next_at=now() + FIRST_WAIT * 2 ** (parcel.attempts - 1),
        error=error,
    )


def _change(
    connection: Connection, parcel: Parcel, waiting: Sequence[Waiting], **values: Any
) -> None:
    if waiting:
        connection.execute(
            update(deliveries)
            .where(
                deliveries.c.channel == parcel.channel,
                deliveries.c.message.in_([each.id for each in waiting]),
            )
            .values(**values)
        )


@dataclass(frozen=True, slots=True)
class Dead:
    """A delivery that was given up."""

    waiting: Waiting
    channel: str
    attempts: int
    error: str


def dead_letters(connection: Connection, owner: str) -> list[Dead]:
    """Return the owner's newest deliveries that were given up, at most 500."""
    query = (
        select(outbox, deliveries.c.channel, deliveries.c.attempts, deliveries.c.error)
        .select_from(deliveries)
        .join(outbox, outbox.c.id == deliveries.c.message)
        .where(deliveries.c.state == "given_up", outbox.c.owner == owner)
        .order_by(outbox.c.id.desc(), deliveries.c.channel)
        .limit(_MOST_DEAD)
    )
    return [
        Dead(waiting_of(row), row.channel, row.attempts, row.error)
        for row in connection.execute(query)
    ]


def retry(connection: Connection, owner: str, message: str = "") -> int:
    """Have deliveries that were given up tried again, as if they were new; return how many.

    Args:
        message: only those of this message; empty for all of the owner's.
    """
    mine = select(outbox.c.id).where(outbox.c.owner == owner)
    if message:
        mine = mine.where(outbox.c.id == message)
    again = connection.execute(
        update(deliveries)
        .where(deliveries.c.state == "given_up", deliveries.c.message.in_(mine))
        .values(state="waiting", attempts=0, next_at=now(), error="")
    )
    return int(again.rowcount)
