"""All auditors of this room together."""

from __future__ import annotations

from sqlalchemy import Connection

from billing import ledger
from billing.accounts import audit as accounts
from billing.accounts.audit_periods import audit_periods
from billing.ledger import Discrepancy


def audit(connection: Connection) -> list[Discrepancy]:
    """Recompute the ledger's amounts from its journal, and what accounts keep from the ledger."""
    return [
        *ledger.audit(connection),
        *accounts.audit(connection),
        *audit_periods(connection),
    ]
