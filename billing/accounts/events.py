"""What was done about an account: who, when, why. Only ever added to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from billing.accounts.tables import account_events
from billing.ledger.words import LONGEST_OWNER, LONGEST_TEXT, check_text
from studio import clock
from studio.errors import InvalidRequest
from studio.ids import new_id

_MOST = 500


@dataclass(frozen=True, slots=True)
class Event:
    """Something that was done about an account; ``details`` are JSON values."""

    id: str
    owner: str
    at: datetime
    kind: str
    author: str
    reason: str
    details: Mapping[str, Any]


def note(
    connection: Connection, owner: str, kind: str, *, author: str, reason: str = "", **details: Any
) -> None:
    """Write down, in the transaction that does it, what was done.

    Raises:
        InvalidRequest: author or reason is no text that can be kept.
    """
    check_text(author, "author", LONGEST_OWNER)
    if reason:
        check_text(reason, "reason", LONGEST_TEXT)
    row = {
        "id": new_id("event"),
        "owner": owner,
        "at": clock.now(),
        "kind": kind,
        "author": author,
        "reason": reason,
        "details": details,
    }
    connection.execute(insert(account_events), [row])


def events_of(
    connection: Connection, owner: str, *, kind: str = "", limit: int = 50
) -> list[Event]:
    """Return what was done about an account, the newest first.

    Args:
        kind: only events of this kind.
        limit: how many, 1 to 500.

    Raises:
        InvalidRequest: ``limit`` is out of range.
    """
    if not 1 <= limit <= _MOST:
        raise InvalidRequest(
            "That is no size of a page.", field="limit", given=limit, allowed=f"1 to {_MOST}"
        )
    query = select(account_events).where(account_events.c.owner == owner)
    if kind:
        query = query.where(account_events.c.kind == kind)
    query = query.order_by(account_events.c.at.desc(), account_events.c.id.desc()).limit(limit)
    return [Event(**row) for row in connection.execute(query).mappings()]
