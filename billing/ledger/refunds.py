"""Giving back what was spent on something that turned out to be worth nothing.

A refund does not undo a capture: what was bought stays bought, and what paid for it stays in the
books. It is a grant of its own, which names the claim that it makes good.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import (
    BigInteger,
    Connection,
    RowMapping,
    bindparam,
    cast,
    func,
    literal_column,
    select,
)

from billing.ledger.grants import Mint, NewGrant, remember
from billing.ledger.lookup import answer_each, find_by_id
from billing.ledger.wallets import lock_wallets, require
from billing.ledger.words import Receipt, RefundRequest, fingerprint
from billing.tables import allocations, claims, grants, ledger_entries, ledger_transactions
from studio import clock
from studio import credits as money
from studio.errors import Conflict, InvalidRequest, NotFound, StudioError

REFUND_LASTS = timedelta(days=31)
"""How long refunded credits last when those that paid are over by now: a period more."""

# A literal, not a parameter: word by word the condition of the index.
_REFUNDED = (
    select(ledger_transactions.c.claim_id, cast(func.sum(ledger_entries.c.amount), BigInteger))
    .join(ledger_entries, ledger_entries.c.transaction_id == ledger_transactions.c.id)
    .where(
        ledger_transactions.c.claim_id.in_(bindparam("claims", expanding=True)),
        ledger_transactions.c.kind == literal_column("'refund'"),
        ledger_entries.c.account == "available",
    )
    .group_by(ledger_transactions.c.claim_id)
)

_PAID_BY = (
    select(allocations.c.hold_id, grants.c.expires_at)
    .join(grants, grants.c.id == allocations.c.grant_id)
    .where(
        allocations.c.hold_id.in_(bindparam("holds", expanding=True)),
        allocations.c.amount > 0,
    )
)


def refund(
    connection: Connection, requests: Sequence[RefundRequest]
) -> list[Receipt | StudioError]:
    """Give credits back for captured claims, together never more than was captured.

    The credits expire as the grant that paid for the claim's hold; of several, as the one that
    lasts longest; and if that is over, 31 days from now. A suspended wallet gets its refund too.

    Answers with:
        AccountRefused: no wallet.
        NotFound: the owner has no such claim.
        Conflict: the claim was not captured; or the key was used for another claim, amount,
            author or reason.
        InvalidRequest: more than was captured and not refunded yet, or the wallet would have been
            granted more than ``credits.MOST``.
    """
    found = lock_wallets(connection, [request.owner for request in requests])
    now = clock.now()
    memory = remember(connection, found, requests, "refund")
    rows = find_by_id(connection, claims, [request.claim_id for request in requests])
    refunded = refunded_of(connection, list(rows))
    endings = _endings(connection, [row["hold_id"] for row in rows.values()], now)
    mint = Mint(found, now)

    def give(request: RefundRequest) -> Receipt:
        wallet = require(found, request.owner)
        mark = fingerprint(request.claim_id, request.amount, request.author, request.reason)
        earlier = memory.recall((wallet.id, request.key), mark)
        if earlier is not None:
            return earlier
        row = _captured(rows, request)
        _check_rest(row, refunded.get(row["id"], 0), request.amount)
        receipt = mint.make(
            NewGrant(
                wallet=wallet,
                kind="refund",
                amount=request.amount,
                expires_at=endings[row["hold_id"]],
                transaction="refund",
                key=request.key,
                fingerprint=mark,
                author=request.author,
                reason=request.reason,
                claim_id=row["id"],
            )
        )
        refunded[row["id"]] = refunded.get(row["id"], 0) + request.amount
        memory.add((wallet.id, request.key), mark, receipt)
        return receipt

    answers = answer_each(requests, give)
    mint.write(connection)
    return answers


def refunded_of(connection: Connection, claim_ids: Sequence[str]) -> dict[str, int]:
    """Return what was refunded of these claims, in micro-credits; nothing is left out."""
    if not claim_ids:
        return {}
    rows = connection.execute(_REFUNDED, {"claims": sorted(claim_ids)}).all()
    return {row[0]: row[1] for row in rows}


def _endings(
    connection: Connection, hold_ids: Sequence[str], now: datetime
) -> dict[str, datetime | None]:
    """Return for each hold when a refund of it expires; holds that paid nothing are left out."""
    if not hold_ids:
        return {}
    ends: dict[str, datetime | None] = {}
    for row in connection.execute(_PAID_BY, {"holds": sorted(set(hold_ids))}):
        known = ends.get(row.hold_id, row.expires_at)
        never = known is None or row.expires_at is None
        ends[row.hold_id] = None if never else max(known, row.expires_at)
    return {
        hold_id: now + REFUND_LASTS if end is not None and end <= now else end
        for hold_id, end in ends.items()
    }


def _captured(rows: dict[str, RowMapping], request: RefundRequest) -> RowMapping:
    row = rows.get(request.claim_id)
    if row is None or row["owner"] != request.owner:
        raise NotFound("There is no such claim.", field="claim_id", given=request.claim_id)
    if row["state"] != "captured":
        raise Conflict(
            f"Nothing was spent with the claim (it is {row['state']}), so nothing can be refunded.",
            claim_id=row["id"],
            state=row["state"],
        )
    return row


def _check_rest(row: RowMapping, refunded: int, amount: int) -> None:
    rest = row["captured"] - refunded
    if amount <= rest:
        return
    raise InvalidRequest(
        "More would be refunded than was spent.",
        field="amount",
        given=f"{money.show(amount)} credits",
        allowed=f"up to {money.show(rest)} credits: {money.show(row['captured'])} were spent and "
        f"{money.show(refunded)} refunded before",
    )
