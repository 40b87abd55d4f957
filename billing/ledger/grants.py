"""Granting credits to wallets, for a time or for good."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from billing.ledger.bulk import insert_rows, microseconds
from billing.ledger.journal import Posting, post
from billing.ledger.lapses import from_row
from billing.ledger.lookup import answer_each, find_by_key, with_owner
from billing.ledger.memory import Memory
from billing.ledger.wallets import lock_wallets, require, require_active
from billing.ledger.words import Grant, Receipt, TopUpRequest, Wallet, fingerprint
from billing.tables import grants, ledger_entries, ledger_transactions, wallets
from studio import clock
from studio import credits as money
from studio.errors import InvalidRequest, StudioError
from studio.ids import new_id

LONGEST_GRANT = timedelta(days=3660)
"""How far ahead a grant's expiry may lie, some ten years: beyond that a year was mistyped."""


def top_up(connection: Connection, requests: Sequence[TopUpRequest]) -> list[Receipt | StudioError]:
    """Grant credits, which lapse at the expiry if the request has one.

    Answers with:
        AccountRefused: no wallet, or a suspended one.
        Conflict: the key was used for another amount, author, reason, kind or expiry.
        InvalidRequest: the wallet would have been granted more than ``credits.MOST``, or the
            expiry is past or more than ten years ahead.
    """
    now = clock.now()
    found = lock_wallets(connection, [request.owner for request in requests])
    memory = _remember(connection, found, requests)
    granted = {wallet.id: wallet.granted for wallet in found.values()}
    postings: list[Posting] = []
    rows: list[tuple[Any, ...]] = []

    def grant(request: TopUpRequest) -> Receipt:
        wallet = require(found, request.owner)
        place, mark = (wallet.id, request.key), _fingerprint(request)
        earlier = memory.recall(place, mark)
        if earlier is not None:
            return earlier
        require_active(found, request.owner)
        _check_expiry(request.expires_at, now)
        _check_total(granted[wallet.id], request.amount)
        granted[wallet.id] += request.amount
        receipt = Receipt(new_id("txn"), request.owner, request.amount, now, new_id("grant"))
        postings.append(_posting(wallet, request, receipt, mark))
        rows.append(_row(wallet, request, receipt))
        memory.add(place, mark, receipt)
        return receipt

    answers = answer_each(requests, grant)
    insert_rows(connection, grants, rows)
    post(connection, postings, now)
    return answers


def grants_of(connection: Connection, owner: str, *, limit: int = 100) -> list[Grant]:
    """Return the owner's grants, the newest first."""
    statement = (
        with_owner(grants)
        .where(wallets.c.owner == owner)
        .order_by(grants.c.created_at.desc(), grants.c.id.desc())
        .limit(limit)
    )
    return [from_row(row) for row in connection.execute(statement).mappings()]


def _fingerprint(request: TopUpRequest) -> str:
    parts: list[str | int] = [request.amount, request.author, request.reason]
    # Left out where they say nothing: as in the books of those who topped up before there were any.
    if request.kind != "top_up" or request.expires_at is not None:
        parts.append(request.kind)
    if request.expires_at is not None:
        parts.append(microseconds(request.expires_at))
    return fingerprint(*parts)


def _check_expiry(expires_at: datetime | None, now: datetime) -> None:
    if expires_at is None or now < expires_at <= now + LONGEST_GRANT:
        return
    raise InvalidRequest(
        "Credits cannot expire then.",
        field="expires_at",
        given=expires_at.isoformat(),
        allowed=f"after now and within {LONGEST_GRANT.days} days",
    )


def _check_total(granted: int, amount: int) -> None:
    if granted + amount > money.MOST:
        raise InvalidRequest(
            "The wallet would have been granted more than a wallet can take.",
            field="amount",
            given=f"{money.show(amount)} credits",
            allowed=f"up to {money.show(money.MOST - granted)} credits more",
        )


def _row(wallet: Wallet, request: TopUpRequest, receipt: Receipt) -> tuple[Any, ...]:
    ends = None if request.expires_at is None else microseconds(request.expires_at.astimezone(UTC))
    return (
        receipt.grant_id,
        wallet.id,
        request.kind,
        request.key,
        request.amount,
        0,
        0,
        0,
        ends,
        microseconds(receipt.at),
    )


def _posting(wallet: Wallet, request: TopUpRequest, receipt: Receipt, mark: str) -> Posting:
    return Posting(
        id=receipt.transaction_id,
        wallet_id=wallet.id,
        kind="top_up",
        key=request.key,
        fingerprint=mark,
        entries={"issued": -request.amount, "available": request.amount},
        grant_id=receipt.grant_id,
        author=request.author,
        reason=request.reason,
    )


def _remember(
    connection: Connection, found: dict[str, Wallet], requests: Sequence[TopUpRequest]
) -> Memory[Receipt]:
    """Recall the top-ups that were made with these keys."""
    memory: Memory[Receipt] = Memory("top-up")
    places = [(found[each.owner].id, each.key) for each in requests if each.owner in found]
    rows = find_by_key(connection, ledger_transactions, places, kind="top_up")
    amounts = _amounts(connection, [row["id"] for row in rows.values()])
    for place, row in rows.items():
        receipt = Receipt(row["id"], row["owner"], amounts[row["id"]], row["at"], row["grant_id"])
        memory.add(place, row["fingerprint"], receipt)
    return memory


def _amounts(connection: Connection, transaction_ids: Sequence[str]) -> dict[str, int]:
    """Return what these top-ups made available."""
    if not transaction_ids:
        return {}
    statement = select(ledger_entries.c.transaction_id, ledger_entries.c.amount).where(
        ledger_entries.c.transaction_id.in_(transaction_ids),
        ledger_entries.c.account == "available",
    )
    return {row.transaction_id: row.amount for row in connection.execute(statement)}
