"""What upkeep does about the money: periods begun, dead runs' holds ended, the books audited.

Whatever it finds is told through the outbox, in the transaction that does something about it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from billing.accounts.account import account_of, with_alerts
from billing.accounts.admission import low_balance
from billing.accounts.limits import settle_closed
from billing.accounts.subscriptions import due_for_renewal, renew_one
from billing.audit import audit
from billing.ledger import Discrepancy, Hold, expire, lock_wallets
from engine.outbox import Message, post, post_once
from engine.preflight import tell
from engine.studio import Studio
from studio.clock import now

_GROUP = 500
"""Holds ended in one transaction."""

_MOST_TOLD = 20
"""Faults of the books in one message; the log has all of them."""


def renew_accounts(studio: Studio) -> list[str]:
    """Bring every account into its present period; return whose credits were granted.

    A pre-flight does the same for its own account, so that nobody has to wait for this.
    """
    moment = now()
    with studio.database.read() as connection:
        due = due_for_renewal(connection, moment)
    for owner in due:
        studio.database.write(partial(renew_one, owner=owner, now=moment))
    return due


def watch_balances(studio: Studio) -> int:
    """Tell of wallets that have come below what their owners wanted; return how many."""
    with studio.database.read() as connection:
        owners = with_alerts(connection)

    return sum(studio.database.write(partial(_look_at, owner=owner)) for owner in owners)


def _look_at(connection: Connection, owner: str) -> int:
    wallet = lock_wallets(connection, [owner])[owner]
    settle_closed(connection, [wallet.id])
    alerts = low_balance(connection, account_of(connection, owner), wallet)
    tell(connection, alerts)
    return len(alerts)


def reap_holds(studio: Studio) -> list[Hold]:
    """End the holds whose time is over, and tell their owners: a run of theirs died."""
    moment = now()
    ended: list[Hold] = []
    while True:
        some = studio.database.write(lambda connection: _reap(connection, moment))
        ended += some
        if len(some) < _GROUP:
            return ended


def _reap(connection: Connection, moment: datetime) -> list[Hold]:
    ended = expire(connection, moment, _GROUP)
    by_owner: dict[str, list[Hold]] = {}
    for hold in ended:
        by_owner.setdefault(hold.owner, []).append(hold)
    messages = [
        Message(
            owner,
            "holds.expired",
            min(hold.id for hold in mine),
            {
                "holds": len(mine),
                "returned": sum(hold.released for hold in mine),
                "purposes": sorted({hold.purpose for hold in mine})[:_MOST_TOLD],
            },
        )
        for owner, mine in by_owner.items()
    ]
    post(connection, messages)
    return ended


def audit_books(studio: Studio) -> list[Discrepancy]:
    """Recompute every balance from the entries; tell of what does not agree, once for each state.

    The same faults are told once a day while nobody mends them, others at once.
    """
    with studio.database.read() as connection:
        faults = audit(connection)
    if faults:
        message = _fault(studio.settings.owner, faults, now())
        studio.database.write(lambda connection: post_once(connection, [message]))
    return faults


def _fault(owner: str, faults: Sequence[Discrepancy], moment: datetime) -> Message:
    words = sorted(str(fault) for fault in faults)
    digest = hashlib.sha256("\n".join(words).encode()).hexdigest()[:16]
    payload = {"count": len(words), "faults": words[:_MOST_TOLD]}
    return Message(owner, "books.disagree", f"{moment:%Y-%m-%d}/{digest}", payload)
