"""The outbox: messages are written with what they tell, and sent afterwards.

A message is in the database exactly if the thing it tells has happened. It is sent at least once:
a process that dies between sending and noting so sends it again, under the same id.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, insert, select, update

from engine.tables import outbox
from studio.clock import now
from studio.database import Database
from studio.errors import shorten
from studio.ids import new_id

_MOST_ATTEMPTS = 8
_FIRST_WAIT = timedelta(seconds=30)
_LEASE = timedelta(minutes=2)
"""A sender has a message to itself for so long; then another may try."""


@dataclass(frozen=True, slots=True)
class Message:
    """Something that happened.

    Attributes:
        event: what kind of thing, such as ``batch.finished``.
        subject: what it happened to; an event is told once for each subject.
        payload: JSON values.
    """

    owner: str
    event: str
    subject: str
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message on its way."""

    id: str
    message: Message
    attempts: int


def post(connection: Connection, messages: Sequence[Message]) -> None:
    """Put messages in the outbox, within the transaction of what they tell."""
    if not messages:
        return
    moment = now()
    connection.execute(
        insert(outbox),
        [
            {
                "id": new_id("msg"),
                "owner": message.owner,
                "event": message.event,
                "subject": message.subject,
                "payload": message.payload,
                "state": "waiting",
                "attempts": 0,
                "next_at": moment,
                "created_at": moment,
            }
            for message in messages
        ],
    )


def post_once(connection: Connection, messages: Sequence[Message]) -> int:
    """Put those messages in the outbox that were never posted before; return how many.

    For what is found again and again, such as a fault that nobody has mended yet.
    """
    new = {(each.event, each.subject): each for each in messages}
    if new:
        known = select(outbox.c.event, outbox.c.subject).where(
            outbox.c.subject.in_([subject for _, subject in new])
        )
        for row in connection.execute(known):
            new.pop((row.event, row.subject), None)
    post(connection, list(new.values()))
    return len(new)


def deliver(database: Database, send: Callable[[Waiting], None], *, limit: int = 100) -> int:
    """Send what is due, at most ``limit`` messages; return how many went out.

    ``send`` raises when a message did not go; it is tried again later, eight times in all over
    about an hour, and then given up with its last error kept.
    """
    sent = 0
    for waiting in database.write(lambda connection: _lease(connection, limit)):
        try:
            send(waiting)
        except Exception as error:  # noqa: BLE001 - whatever a channel does, the others go on
            _note(database, waiting, type(error).__name__ + ": " + shorten(error))
        else:
            _note(database, waiting, "")
            sent += 1
    return sent


def discard(database: Database) -> int:
    """Note what waits as sent, to nobody: there is no channel. Return 0."""
    database.write(
        lambda connection: connection.execute(
            update(outbox).where(outbox.c.state == "waiting").values(state="sent")
        )
    )
    return 0


def _lease(connection: Connection, limit: int) -> list[Waiting]:
    """Take due messages for this process alone, until the lease ends."""
    moment = now()
    query = (
        select(outbox)
        .where(outbox.c.state == "waiting", outbox.c.next_at <= moment)
        .order_by(outbox.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    rows = connection.execute(query).all()
    connection.execute(
        update(outbox)
        .where(outbox.c.id.in_([row.id for row in rows]))
        .values(next_at=moment + _LEASE, attempts=outbox.c.attempts + 1)
    )
    return [
        Waiting(row.id, Message(row.owner, row.event, row.subject, row.payload), row.attempts + 1)
        for row in rows
    ]


def _note(database: Database, waiting: Waiting, error: str) -> None:
    values: dict[str, Any] = {"state": "sent", "error": ""}
    if error:
        given_up = waiting.attempts >= _MOST_ATTEMPTS
        values = {
            "state": "given_up" if given_up else "waiting",
            "next_at": now() + _FIRST_WAIT * 2 ** (waiting.attempts - 1),
            "error": error,
        }
    database.write(
        lambda connection: connection.execute(
            update(outbox).where(outbox.c.id == waiting.id).values(**values)
        )
    )
