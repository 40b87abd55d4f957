"""Granting credits to wallets, for a time or for good."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from billing.ledger.journal import Kind, Posting, post
from billing.ledger.lapses import from_row
from billing.ledger.lookup import answer_each, find_by_key, with_owner
from billing.ledger.memory import Memory
from billing.ledger.wallets import lock_wallets, require, require_active
from billing.ledger.words import Grant, GrantKind, Receipt, TopUpRequest, Wallet, fingerprint
from billing.tables import grants, ledger_entries, ledger_transactions, wallets
from studio import clock
from studio import credits as money
from studio.database.bulk import insert_rows, microseconds
from studio.errors import InvalidRequest, StudioError
from studio.ids import new_id

LONGEST_GRANT = timedelta(days=3660)
"""How far ahead a grant's expiry may lie, some ten years: beyond that a year was mistyped."""


@dataclass(frozen=True, slots=True)
class NewGrant:
    """A grant that is about to be made, with the transaction that makes it."""

    wallet: Wallet
    kind: GrantKind
    amount: int
    expires_at: datetime | None
    transaction: Kind
    key: str
    fingerprint: str
    author: str
    reason: str
    claim_id: str | None = None


class Mint:
    """Makes the grants of one group of requests; all of them are written at the end.

    Args:
        found: the wallets that the group names, locked.
        now: the moment of the grants.
    """

    def __init__(self, found: dict[str, Wallet], now: datetime) -> None:
        self._granted = {wallet.id: wallet.granted for wallet in found.values()}
        self._now = now
        self._rows: list[tuple[Any, ...]] = []
        self._postings: list[Posting] = []

    def make(self, new: NewGrant) -> Receipt:
        """Make a grant.

        Raises:
            InvalidRequest: the wallet would have been granted more than ``credits.MOST``, or the
                expiry is past or more than ten years ahead.
        """
        _check_expiry(new.expires_at, self._now)
        _check_total(self._granted[new.wallet.id], new.amount)
        self._granted[new.wallet.id] += new.amount
        grant_id = new_id("grant")
        receipt = Receipt(new_id("txn"), new.wallet.owner, new.amount, self._now, grant_id)
        self._rows.append(_row(new, grant_id, self._now))
        self._postings.append(_posting(new, receipt))
        return receipt

    def write(self, connection: Connection) -> None:
        """Write the grants and their transactions."""
        insert_rows(connection, grants, self._rows)
        post(connection, self._postings, self._now)


def top_up(connection: Connection, requests: Sequence[TopUpRequest]) -> list[Receipt | StudioError]:
    """Grant credits, which lapse at the expiry if the request has one.

    Answers with:
        AccountRefused: no wallet, or a suspended one.
        Conflict: the key was used for another amount, author, reason, kind or expiry.
        InvalidRequest: the wallet would have been granted more than ``credits.MOST``, or the
            expiry is past or more than ten years ahead.
    """
    found = lock_wallets(connection, [request.owner for request in requests])
    now = clock.now()
    memory = remember(connection, found, requests, "top_up")
    mint = Mint(found, now)

    def grant(request: TopUpRequest) -> Receipt:
        wallet = require(found, request.owner)
        place, mark = (wallet.id, request.key), _fingerprint(request)
        earlier = memory.recall(place, mark)
        if earlier is not None:
            return earlier
        require_active(found, request.owner)
        receipt = mint.make(
            NewGrant(
                wallet=wallet,
                kind=request.kind,
                amount=request.amount,
                expires_at=request.expires_at,
                transaction="top_up",
                key=request.key,
                fingerprint=mark,
                author=request.author,
                reason=request.reason,
            )
        )
        memory.add(place, mark, receipt)
        return receipt

    answers = answer_each(requests, grant)
    mint.write(connection)
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


def remember(
    connection: Connection, found: dict[str, Wallet], requests: Sequence[Any], kind: Kind
) -> Memory[Receipt]:
    """Recall the transactions of this kind that were made with the requests' keys."""
    memory: Memory[Receipt] = Memory(_CALLED[kind])
    places = [(found[each.owner].id, each.key) for each in requests if each.owner in found]
    rows = find_by_key(connection, ledger_transactions, places, kind=kind)
    amounts = _amounts(connection, [row["id"] for row in rows.values()])
    for place, row in rows.items():
        receipt = Receipt(row["id"], row["owner"], amounts[row["id"]], row["at"], row["grant_id"])
        memory.add(place, row["fingerprint"], receipt)
    return memory


_CALLED: dict[Kind, str] = {"top_up": "top-up", "adjust": "adjustment", "refund": "refund"}


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


def _row(new: NewGrant, grant_id: str, now: datetime) -> tuple[Any, ...]:
    ends = None if new.expires_at is None else microseconds(new.expires_at.astimezone(UTC))
    untouched = (0, 0, 0)
    return (
        *(grant_id, new.wallet.id, new.kind, new.key, new.amount),
        *untouched,
        *(ends, microseconds(now)),
    )


def _posting(new: NewGrant, receipt: Receipt) -> Posting:
    return Posting(
        id=receipt.transaction_id,
        wallet_id=new.wallet.id,
        kind=new.transaction,
        key=new.key,
        fingerprint=new.fingerprint,
        entries={"issued": -new.amount, "available": new.amount},
        grant_id=receipt.grant_id,
        claim_id=new.claim_id,
        author=new.author,
        reason=new.reason,
    )


def _amounts(connection: Connection, transaction_ids: Sequence[str]) -> dict[str, int]:
    """Return what these transactions made available; less than nothing if they took it."""
    if not transaction_ids:
        return {}
    statement = select(ledger_entries.c.transaction_id, ledger_entries.c.amount).where(
        ledger_entries.c.transaction_id.in_(transaction_ids),
        ledger_entries.c.account == "available",
    )
    return {row.transaction_id: row.amount for row in connection.execute(statement)}
