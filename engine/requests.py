"""Requests that may be sent twice: the same key and the same words are one run.

A key is written down before the run is asked for, and the run beside it afterwards. Who finds a key
without a run asks for it again under the same id, by which Prefect gives back the run that it has
made: neither a kill between the two nor two at once make two runs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from engine.tables import api_requests
from studio.clock import now
from studio.errors import Conflict, InvalidRequest, TooManyRequests
from studio.ids import new_id

KEPT = timedelta(days=7)
"""For so long the same key is the same run."""
MOST_KEPT = 100_000
"""Keys of one owner that are kept."""

_LONGEST_KEY = 200
_MOST_FORGOTTEN = 500


@dataclass(frozen=True, slots=True)
class Begun:
    """A request that was written down.

    Attributes:
        id: names it to Prefect.
        run: the run that it came to; empty where that is not known yet.
    """

    id: str
    run: str


def fingerprint(what: str, values: Mapping[str, Any]) -> str:
    """Return SHA-256 of what is asked for, the same for the same values in any order."""
    text = json.dumps([what, values], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def standing(connection: Connection, owner: str, user: str, key: str, words: str) -> Begun | None:
    """Return what was written down under a key before; ``None`` for a new one.

    Args:
        user: who asks; the keys of different users do not meet.
        key: the client's own name for the request, 1 to 200 printable characters of ASCII.
        words: the fingerprint of what is asked for.

    Raises:
        InvalidRequest: the key cannot be one.
        Conflict: it was used for something else.
    """
    if not (0 < len(key) <= _LONGEST_KEY and key.isascii() and key.isprintable()):
        raise InvalidRequest(
            "This is no idempotency key.",
            field="Idempotency-Key",
            given=repr(key),
            allowed=f"1 to {_LONGEST_KEY} printable characters of ASCII",
        )
    there = connection.execute(
        select(api_requests).where(
            api_requests.c.owner == owner,
            api_requests.c.key == _named(user, key),
            api_requests.c.created_at >= now() - KEPT,
        )
    ).first()
    if there is None:
        return None
    if there.fingerprint != words:
        raise Conflict(
            "This idempotency key was used for another request.",
            field="Idempotency-Key",
            given=key,
            allowed="a new key for each new request",
        )
    return Begun(there.id, there.run)


def begin(connection: Connection, owner: str, user: str, key: str, words: str) -> Begun:
    """Write a request down, or return what was written down under its key before.

    Args: as ``standing``.

    Raises:
        InvalidRequest: as ``standing``.
        Conflict: as ``standing``.
        TooManyRequests: the owner has 100,000 keys already.
    """
    _forget(connection, owner, _named(user, key))
    there = standing(connection, owner, user, key, words)
    if there is not None:
        return there
    _check_room(connection, owner)
    make = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    row = {
        "owner": owner,
        "key": _named(user, key),
        "id": new_id("request"),
        "fingerprint": words,
        "run": "",
        "created_at": now(),
    }
    # On Postgres, the second of two waits here for the first one's commit.
    connection.execute(make(api_requests).on_conflict_do_nothing().values(**row))
    written = standing(connection, owner, user, key, words)
    return written or Begun(str(row["id"]), "")


def note_run(connection: Connection, identifier: str, run: str) -> None:
    """Write down which run a request came to."""
    connection.execute(update(api_requests).where(api_requests.c.id == identifier).values(run=run))


def _named(user: str, key: str) -> str:
    return f"{user}/{key}"


def _forget(connection: Connection, owner: str, named: str) -> None:
    """Forget some of what is older than seven days, and this one if it is."""
    before = now() - KEPT
    old = select(api_requests.c.id).where(api_requests.c.created_at < before)
    some = api_requests.c.id.in_(old.order_by(api_requests.c.created_at).limit(_MOST_FORGOTTEN))
    this = (api_requests.c.owner == owner) & (api_requests.c.key == named)
    connection.execute(
        delete(api_requests).where(some | (this & (api_requests.c.created_at < before)))
    )


def _check_room(connection: Connection, owner: str) -> None:
    beyond = select(api_requests.c.key).where(api_requests.c.owner == owner)
    if connection.execute(beyond.offset(MOST_KEPT - 1).limit(1)).first() is not None:
        raise TooManyRequests(
            f"{MOST_KEPT} idempotency keys of the last {KEPT.days} days are kept, and no more.",
            field="Idempotency-Key",
            retry_after=3_600,
        )
