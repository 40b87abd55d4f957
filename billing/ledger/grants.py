"""Granting credits to wallets."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select

from billing.ledger.journal import Posting, post
from billing.ledger.lookup import answer_each, find_by_key
from billing.ledger.memory import Memory
from billing.ledger.wallets import lock_wallets, require, require_active
from billing.ledger.words import Receipt, TopUpRequest, Wallet, fingerprint
from billing.tables import ledger_entries, ledger_transactions
from studio import clock
from studio import credits as money
from studio.errors import InvalidRequest, StudioError
from studio.ids import new_id


def top_up(connection: Connection, requests: Sequence[TopUpRequest]) -> list[Receipt | StudioError]:
    """Grant credits.

    Answers with:
        AccountRefused: no wallet, or a suspended one.
        Conflict: the key was used for another amount, author or reason.
        InvalidRequest: the wallet would have been granted more than ``credits.MOST``.
    """
    now = clock.now()
    found = lock_wallets(connection, [request.owner for request in requests])
    memory = _remember(connection, found, requests)
    granted = {wallet.id: wallet.granted for wallet in found.values()}
    postings: list[Posting] = []

    def grant(request: TopUpRequest) -> Receipt:
        wallet = require(found, request.owner)
        place, mark = (wallet.id, request.key), _fingerprint(request)
        earlier = memory.recall(place, mark)
        if earlier is not None:
            return earlier
        require_active(found, request.owner)
        _check_total(granted[wallet.id], request.amount)
        granted[wallet.id] += request.amount
        posting = _posting(wallet, request, mark)
        postings.append(posting)
        receipt = Receipt(posting.id, request.owner, request.amount, now)
        memory.add(place, mark, receipt)
        return receipt

    answers = answer_each(requests, grant)
    post(connection, postings, now)
    return answers


def _fingerprint(request: TopUpRequest) -> str:
    return fingerprint(request.amount, request.author, request.reason)


def _check_total(granted: int, amount: int) -> None:
    if granted + amount > money.MOST:
        raise InvalidRequest(
            "The wallet would have been granted more than a wallet can take.",
            field="amount",
            given=f"{money.show(amount)} credits",
            allowed=f"up to {money.show(money.MOST - granted)} credits more",
        )


def _posting(wallet: Wallet, request: TopUpRequest, mark: str) -> Posting:
    return Posting(
        id=new_id("txn"),
        wallet_id=wallet.id,
        kind="top_up",
        key=request.key,
        fingerprint=mark,
        entries={"issued": -request.amount, "available": request.amount},
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
        receipt = Receipt(row["id"], row["owner"], amounts[row["id"]], row["at"])
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
