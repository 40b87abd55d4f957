"""API keys: what makes a user of a workspace real to a door that is open to the network.

A key is 256 random bits, told once. The database has SHA-256 of them: of so many random bits no
list can be made, so that a slow hash would only slow down every request. Role and membership are
no part of a key: they are looked up each time, so that who leaves a workspace leaves with all keys.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, cast, get_args

from sqlalchemy import Connection, func, insert, select, update

from billing.accounts.events import note
from billing.accounts.members import require_member
from billing.accounts.tables import api_keys
from billing.ledger.words import LONGEST_OWNER, check_text
from studio import clock
from studio.errors import Conflict, InvalidRequest, NotAuthenticated, NotFound
from studio.ids import new_id

Scope = Literal["read", "run", "batch", "account", "admin"]
"""Look at pictures, runs and prices; do single operations; do batches and schedules; see the
wallet and its books; see to keys, members and webhooks."""

SCOPES: tuple[Scope, ...] = get_args(Scope)

MOST_KEYS = 100
"""Keys of one workspace that count."""
MOST_DAYS = 366
"""Days for which a key may count."""

_SECRET_BYTES = 32
_TOKEN = re.compile(r"isk_([0-9a-z]{26})_([A-Za-z0-9_-]{43})")
_LONGEST_NAME = 60
_NOTED_EVERY = timedelta(minutes=5)
"""A use within so long of the one before is not written down."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it is known; never its secret.

    Attributes:
        id: ``key_`` and 26 characters, which are in the key as well.
        owner: for whose wallet and library it is.
        user: who acts with it.
        name: what it is for, in words.
        used_at: when it was last used, to about five minutes.
    """

    id: str
    owner: str
    user: str
    name: str
    scopes: tuple[Scope, ...]
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    used_at: datetime | None
    digest: str = field(repr=False)

    def counts(self, moment: datetime) -> bool:
        """Whether it still opens the door."""
        return self.revoked_at is None and moment < self.expires_at


def add_key(
    connection: Connection,
    owner: str,
    user: str,
    name: str,
    scopes: Iterable[str],
    *,
    days: int = 90,
    author: str,
) -> tuple[ApiKey, str]:
    """Make a key; return it and its words, which are told this once.

    Args:
        days: for how long it counts, 1 to 366.
        author: who makes it: for others than themselves, only who may manage the workspace.

    Raises:
        AccountRefused: the user, or the author, is no member who may.
        InvalidRequest: name, scopes or days are not right.
        Conflict: the workspace has 100 keys that count.
    """
    require_member(connection, author, owner, "look" if author == user else "manage")
    require_member(connection, user, owner, "look")
    check_text(name, "name", _LONGEST_NAME)
    check_text(user, "user", LONGEST_OWNER)
    if not 1 <= days <= MOST_DAYS:
        raise InvalidRequest(
            "A key counts for so long and no longer.",
            field="days",
            given=days,
            allowed=f"1 to {MOST_DAYS}",
        )
    moment = clock.now()
    alive = select(func.count()).where(
        api_keys.c.owner == owner,
        api_keys.c.revoked_at.is_(None),
        api_keys.c.expires_at > moment,
    )
    if connection.execute(alive).scalar_one() >= MOST_KEYS:
        raise Conflict(
            f"{owner!r} has {MOST_KEYS} keys that count; revoke one first.", field="name"
        )
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    key = ApiKey(
        id=new_id("key"),
        owner=owner,
        user=user,
        name=name,
        scopes=check_scopes(scopes),
        created_at=moment,
        expires_at=moment + timedelta(days=days),
        revoked_at=None,
        used_at=None,
        digest=_digest(secret),
    )
    row = {name: getattr(key, name) for name in key.__slots__} | {"scopes": list(key.scopes)}
    connection.execute(insert(api_keys), [row])
    note(connection, owner, "key_added", author=author, key=key.id, user=user, scopes=row["scopes"])
    return key, f"isk_{key.id.removeprefix('key_')}_{secret}"


def check_scopes(scopes: Iterable[str]) -> tuple[Scope, ...]:
    """Return scopes in their order, each once.

    Raises:
        InvalidRequest: there is none, or no such scope.
    """
    wanted = set(scopes)
    unknown = sorted(wanted - set(SCOPES))
    if unknown or not wanted:
        raise InvalidRequest(
            "There is no such scope." if unknown else "A key needs a scope.",
            field="scopes",
            given=", ".join(unknown),
            allowed=", ".join(SCOPES),
        )
    return tuple(scope for scope in SCOPES if scope in wanted)


def keys_of(connection: Connection, owner: str) -> list[ApiKey]:
    """Return a workspace's keys, the newest first, also those that count no more; at most 500."""
    query = select(api_keys).where(api_keys.c.owner == owner).order_by(api_keys.c.id.desc())
    return [_key(row) for row in connection.execute(query.limit(500)).mappings()]


def revoke_key(connection: Connection, owner: str, identifier: str, *, author: str) -> ApiKey:
    """Have a key count no more, from the next request on; one that is revoked stays so.

    Raises:
        NotFound: the workspace has no such key.
        AccountRefused: it is somebody else's, and the author may not manage the workspace.
    """
    query = select(api_keys).where(api_keys.c.owner == owner, api_keys.c.id == identifier)
    row = connection.execute(query).mappings().first()
    if row is None:
        raise NotFound("There is no such key.", field="key", given=identifier)
    require_member(connection, author, owner, "look" if row["user"] == author else "manage")
    if row["revoked_at"] is None:
        change = update(api_keys).where(api_keys.c.id == identifier)
        connection.execute(change.values(revoked_at=clock.now()))
        note(connection, owner, "key_revoked", author=author, key=identifier, user=row["user"])
    return _key(connection.execute(query).mappings().one())


def authenticate(connection: Connection, token: str) -> ApiKey:
    """Return the key that a token is.

    Raises:
        NotAuthenticated: it is none, or counts no more; which of them is not told.
    """
    match = _TOKEN.fullmatch(token)
    row = None
    if match is not None:
        query = select(api_keys).where(api_keys.c.id == f"key_{match[1]}")
        row = connection.execute(query).mappings().first()
    if match is not None and row is not None:
        key = _key(row)
        if hmac.compare_digest(key.digest, _digest(match[2])) and key.counts(clock.now()):
            return key
    raise NotAuthenticated(
        "There is no such API key, or it counts no more. `studio account key add` makes one.",
        field="Authorization",
        allowed="Bearer and a key (isk_…)",
    )


def is_worth_noting(key: ApiKey) -> bool:
    """Whether a use is written down: not each, so that reading does not become writing."""
    return key.used_at is None or clock.now() - key.used_at >= _NOTED_EVERY


def note_use(connection: Connection, key: ApiKey) -> None:
    """Write down that a key was used now."""
    change = update(api_keys).where(api_keys.c.id == key.id)
    connection.execute(change.values(used_at=clock.now()))


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _key(row: object) -> ApiKey:
    values = dict(cast("dict[str, object]", row))
    return ApiKey(**{**values, "scopes": tuple(cast("list[Scope]", values["scopes"]))})  # type: ignore[arg-type]
