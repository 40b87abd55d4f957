"""The outbox: messages are written with what they tell, and sent afterwards (``deliveries``).

A message is in the database exactly if the thing it tells has happened.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select, update

from engine.tables import outbox
from studio.clock import now
from studio.ids import new_id


@dataclass(frozen=True, slots=True)
class Message:
    """Something that happened.

    Attributes:
        event: what kind of thing, such as ``batch.finished``.
        subject: what it happened to; an event is told once for each subject.
        payload: JSON values. ``user`` says on whose behalf it happened, where one is known.
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


def take_waiting(connection: Connection, limit: int) -> list[Waiting]:
    """Take the oldest messages that no channel has been given yet, and note that they were.

    Args:
        limit: how many at most. Whoever takes them hands them on in the same transaction.
    """
    query = (
        select(outbox)
        .where(outbox.c.state == "waiting")
        .order_by(outbox.c.created_at, outbox.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    rows = connection.execute(query).all()
    connection.execute(
        update(outbox).where(outbox.c.id.in_([row.id for row in rows])).values(state="routed")
    )
    return [waiting_of(row) for row in rows]


def waiting_of(row: Any) -> Waiting:
    """Return the message in a row that has the outbox's columns."""
    return Waiting(row.id, Message(row.owner, row.event, row.subject, row.payload))
