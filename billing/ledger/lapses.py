"""What is left of a grant when its time is over: it lapses, from ``available`` to ``expired``.

There is no moment at which this must happen, only moments before which it must have: a hold lets
the grants of its wallet lapse before it looks for room, whatever returns to a grant that is over
lapses in the same transaction, and the reaper sees to wallets that nobody uses.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection, RowMapping, bindparam, select

from billing.ledger.journal import Posting, once, post
from billing.ledger.lookup import find_by_id
from billing.ledger.wallets import lock_wallets
from billing.ledger.words import Grant, fingerprint
from billing.tables import HAS_LEFT, LEFT, grants, wallets
from studio.database import UtcDateTime

_IS_DUE = (grants.c.expires_at <= bindparam("now", type_=UtcDateTime), HAS_LEFT)

_DUE_IN = select(grants, LEFT.label("left")).where(
    grants.c.wallet_id.in_(bindparam("wallets", expanding=True)), *_IS_DUE
)


def lapse(connection: Connection, now: datetime, limit: int = 500) -> list[Grant]:
    """Let up to ``limit`` grants lapse whose time is over, the oldest first; the reaper's work.

    Returns:
        Those that lapsed, as they are now. Fewer than ``limit``: there were no more, or somebody
        else let them lapse meanwhile.
    """
    candidates = connection.execute(
        select(grants.c.id, wallets.c.owner)
        .join(wallets, wallets.c.id == grants.c.wallet_id)
        .where(*_IS_DUE)
        .order_by(grants.c.expires_at)
        .limit(limit),
        {"now": now},
    ).all()
    if not candidates:
        return []
    found = lock_wallets(connection, [row.owner for row in candidates])
    # Looked at again under the lock: a hold or another reaper may have been first.
    wanted = {row.id for row in candidates}
    due = [
        row
        for row in due_grants(connection, [wallet.id for wallet in found.values()], now)
        if row["id"] in wanted
    ]
    post_lapses(connection, due, now)
    after = find_by_id(connection, grants, [row["id"] for row in due])
    return [from_row(row) for row in after.values()]


def due_grants(
    connection: Connection, wallet_ids: Iterable[str], now: datetime
) -> Sequence[RowMapping]:
    """Return these wallets' grants that are over and have something ``left``, with that."""
    parameters = {"wallets": sorted(set(wallet_ids)), "now": now}
    return connection.execute(_DUE_IN, parameters).mappings().all()


def post_lapses(connection: Connection, due: Sequence[RowMapping], now: datetime) -> dict[str, int]:
    """Let these rows of ``due_grants`` lapse; return how much it was for each wallet's id.

    The wallets must be locked.
    """
    lost: dict[str, int] = {}
    for row in due:
        lost[row["wallet_id"]] = lost.get(row["wallet_id"], 0) + row["left"]
    if due:
        post(connection, [_posting(row) for row in due], now)
    return lost


def from_row(row: RowMapping) -> Grant:
    """Return the grant of a row that has its owner with it."""
    return Grant(
        id=row["id"],
        owner=row["owner"],
        kind=row["kind"],
        key=row["key"],
        amount=row["amount"],
        allocated=row["allocated"],
        withdrawn=row["withdrawn"],
        expired=row["expired"],
        expires_at=row["expires_at"],
        created_at=row["created_at"],
    )


def _posting(row: RowMapping) -> Posting:
    # A grant lapses again when a hold gives something back to it. How much had expired before
    # only grows, so that no two lapses of a grant can have the same id.
    which = f"{row['id']}:{row['expired']}"
    return Posting(
        id=once("lapse", which),
        wallet_id=row["wallet_id"],
        kind="lapse",
        key=which,
        fingerprint=fingerprint(row["id"], row["left"]),
        entries={"available": -row["left"], "expired": row["left"]},
        grant_id=row["id"],
    )
