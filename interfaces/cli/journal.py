"""Reading the books for people: each movement of credits with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, case, func, select

from billing.ledger import balance
from billing.tables import holds, ledger_entries, ledger_transactions, wallets
from interfaces.cli.output import amount
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

    def as_dict(self) -> dict[str, Any]:
        """The movement as JSON values."""
        return {
            "id": self.id,
            "at": self.at.isoformat(),
            "kind": self.kind,
            "key": self.key,
            **amount("available", self.available),
            **amount("held", self.held),
            **amount("spent", self.spent),
            "why": self.why,
        }


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
    made = ledger_transactions
    query = (
        select(
            made.c.id,
            made.c.at,
            made.c.kind,
            made.c.key,
            _moved("available").label("available"),
            _moved("held", "claimed").label("held"),
            _moved("spent").label("spent"),
            func.coalesce(made.c.reason, holds.c.purpose, "").label("why"),
        )
        .join(wallets, wallets.c.id == made.c.wallet_id)
        .join(ledger_entries, ledger_entries.c.transaction_id == made.c.id)
        .outerjoin(holds, holds.c.id == made.c.hold_id)
        .where(wallets.c.owner == owner)
        .group_by(made.c.id, holds.c.purpose)
        .order_by(made.c.at.desc(), made.c.id.desc())
        .limit(limit)
    )
    return [Movement(**row) for row in connection.execute(query).mappings()]


def _moved(*accounts: str) -> Any:
    """Add up what a transaction moved on these accounts."""
    entry = ledger_entries.c
    return func.coalesce(func.sum(case((entry.account.in_(accounts), entry.amount), else_=0)), 0)
