"""Reading the books for people: each movement of credits with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Subquery, case, exists, func, select

from billing.ledger.wallets import balance
from billing.tables import holds, ledger_entries, ledger_transactions, wallets
from studio.errors import InvalidRequest

_MOST = 500


@dataclass(frozen=True, slots=True)
class Movement:
    """One transaction, as the changes that it made to a wallet. Amounts are micro-credits."""

    id: str
    at: datetime
    kind: str
    key: str
    available: int
    held: int
    spent: int
    why: str


def movements(connection: Connection, owner: str, limit: int) -> list[Movement]:
    """Return the last transactions of ``owner``, the newest first.

    Raises:
        AccountRefused: there is no wallet.
        InvalidRequest: ``limit`` is not within 1 to 500.
    """
    if not 1 <= limit <= _MOST:
        raise InvalidRequest(
            "That is no size of a page.", field="limit", given=limit, allowed=f"1 to {_MOST}"
        )
    balance(connection, owner)
    newest = _newest(owner, limit)
    query = (
        select(
            newest.c.id,
            newest.c.at,
            newest.c.kind,
            newest.c.key,
            _moved("available").label("available"),
            _moved("held", "claimed").label("held"),
            _moved("spent").label("spent"),
            func.coalesce(newest.c.reason, holds.c.purpose, "").label("why"),
        )
        .join(ledger_entries, ledger_entries.c.transaction_id == newest.c.id)
        .outerjoin(holds, holds.c.id == newest.c.hold_id)
        .group_by(
            newest.c.id,
            newest.c.at,
            newest.c.kind,
            newest.c.key,
            newest.c.reason,
            holds.c.purpose,
        )
        .order_by(newest.c.at.desc(), newest.c.id.desc())
    )
    return [Movement(**row) for row in connection.execute(query).mappings()]


def _newest(owner: str, limit: int) -> Subquery:
    """Choose the transactions before their entries are added up: a wallet may have a million."""
    made = ledger_transactions
    moved = exists().where(ledger_entries.c.transaction_id == made.c.id)
    return (
        select(made)
        .join(wallets, wallets.c.id == made.c.wallet_id)
        .where(wallets.c.owner == owner, moved)
        .order_by(made.c.at.desc(), made.c.id.desc())
        .limit(limit)
        .subquery("newest")
    )


def _moved(*accounts: str) -> Any:
    """Add up what a transaction moved on these accounts."""
    entry = ledger_entries.c
    return func.sum(case((entry.account.in_(accounts), entry.amount), else_=0))
