"""How a hold ends: released by its run, or expired by the reaper. The two do the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, RowMapping, bindparam, case, exists, select, update

from billing.ledger.allocations import put_back
from billing.ledger.holds import from_row, own_hold
from billing.ledger.journal import LedgerDisagrees, Posting, once, post
from billing.ledger.lookup import answer_each, find_by_id
from billing.ledger.wallets import lock_wallets, require
from billing.ledger.words import Hold, ReleaseRequest, fingerprint
from billing.tables import claims, holds, wallets
from studio import clock
from studio.errors import StudioError

_HAS_CLAIMS = exists().where(claims.c.hold_id == holds.c.id, claims.c.state == "active")

_THESE = holds.c.id.in_(bindparam("ids", expanding=True))

_END = (
    update(holds)
    .where(_THESE, holds.c.state == "open")
    .values(state=case((_HAS_CLAIMS, "closing"), else_="closed"))
)

_CLOSE = (
    update(holds).where(_THESE, holds.c.state == "closing", ~_HAS_CLAIMS).values(state="closed")
)


def release(connection: Connection, requests: Sequence[ReleaseRequest]) -> list[Hold | StudioError]:
    """End holds: what is free returns to the wallet now.

    While claims are active (somebody may still be buying, or nobody knows whether something was
    bought) the hold is ``closing`` and keeps exactly their amounts; the end of the last one closes
    it. Releasing a hold that has ended, by whatever way, changes nothing and answers with it.

    Answers with:
        AccountRefused: no wallet.
        NotFound: the owner has no such hold.
    """
    found = lock_wallets(connection, [request.owner for request in requests])
    ids = [request.hold_id for request in requests]
    rows = find_by_id(connection, holds, ids)

    def check(request: ReleaseRequest) -> str:
        require(found, request.owner)
        return str(own_hold(rows, request.owner, request.hold_id)["id"])

    answers = answer_each(requests, check)
    asked = {answer for answer in answers if isinstance(answer, str)}
    ending = [rows[identity] for identity in asked if rows[identity]["state"] == "open"]
    _end(connection, ending, "release", clock.now())
    after = find_by_id(connection, holds, asked)
    return [from_row(after[answer]) if isinstance(answer, str) else answer for answer in answers]


def expire(connection: Connection, now: datetime, limit: int = 500) -> list[Hold]:
    """End up to ``limit`` open holds whose expiry has come, the oldest first; the reaper's work.

    Returns:
        Those that were ended, as they are now. Fewer than ``limit``: there were no more, or
        another reaper is at work.
    """
    due = (holds.c.state == "open", holds.c.expires_at <= now)
    candidates = connection.execute(
        select(holds.c.id, wallets.c.owner)
        .join(wallets, wallets.c.id == holds.c.wallet_id)
        .where(*due)
        .order_by(holds.c.expires_at)
        .limit(limit)
    ).all()
    if not candidates:
        return []
    lock_wallets(connection, [row.owner for row in candidates])
    # Looked at again under the lock: another reaper, a release or an extension may have been first.
    ending = [
        row
        for row in find_by_id(connection, holds, [row.id for row in candidates]).values()
        if row["state"] == "open" and row["expires_at"] <= now
    ]
    _end(connection, ending, "expire", now)
    after = find_by_id(connection, holds, [row["id"] for row in ending])
    return [from_row(row) for row in after.values()]


def close_finished(connection: Connection, hold_ids: Iterable[str]) -> None:
    """Close those of the closing holds whose last claim has ended."""
    wanted = sorted(hold_ids)
    if wanted:
        connection.execute(_CLOSE, {"ids": wanted})


def _end(
    connection: Connection,
    rows: Sequence[RowMapping],
    kind: Literal["release", "expire"],
    now: datetime,
) -> None:
    if not rows:
        return
    post(connection, [_posting(row, kind) for row in rows], now)
    put_back(connection, {row["id"]: _free(row) for row in rows}, now)
    changed = connection.execute(_END, {"ids": [row["id"] for row in rows]}).rowcount
    if changed != len(rows):
        raise LedgerDisagrees(f"{len(rows)} holds had to end and {changed} did")


def _posting(row: RowMapping, kind: Literal["release", "expire"]) -> Posting:
    free = _free(row)
    return Posting(
        id=once(kind, row["id"]),
        wallet_id=row["wallet_id"],
        kind=kind,
        key=row["id"],
        fingerprint=fingerprint(row["id"]),
        entries={"held": -free, "available": free},
        hold_id=row["id"],
    )


def _free(row: RowMapping) -> int:
    free: int = row["amount"] - row["claimed"] - row["captured"] - row["released"]
    return free
