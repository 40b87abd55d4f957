"""Putting right what is in a wallet: an operator's correction, up or down."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from billing.ledger.allocations import Turn, weigh, withdraw
from billing.ledger.grants import Mint, NewGrant, remember
from billing.ledger.journal import Posting, post
from billing.ledger.lookup import answer_each
from billing.ledger.memory import Memory
from billing.ledger.wallets import lock_wallets, require
from billing.ledger.words import AdjustRequest, Receipt, Wallet, fingerprint
from studio import clock
from studio import credits as money
from studio.database.bulk import microseconds
from studio.errors import NotEnoughCredits, StudioError
from studio.ids import new_id


def adjust(
    connection: Connection, requests: Sequence[AdjustRequest]
) -> list[Receipt | StudioError]:
    """Add credits to wallets, or take them back: those that are available, and no others.

    What is added is a grant. What is taken comes out of the grants in the order in which they are
    spent, as if it had been spent: what is about to expire goes first, and the owner keeps what
    lasts. A suspended wallet is adjusted like any other. Within a group the requests that add go
    before those that take.

    Answers with:
        AccountRefused: no wallet.
        Conflict: the key was used for another amount, author, reason or expiry.
        InvalidRequest: the wallet would have been granted more than ``credits.MOST``, or the
            expiry is past or more than ten years ahead.
        NotEnoughCredits: more would be taken than is available; with ``needed``, ``available``
            and ``held`` in its details.
    """
    found = lock_wallets(connection, [request.owner for request in requests])
    now = clock.now()
    memory = remember(connection, found, requests, "adjust")
    answers: dict[int, Receipt | StudioError] = {}
    for adds, work in ((True, _add), (False, _take)):
        places = [at for at, each in enumerate(requests) if (each.amount > 0) is adds]
        if places:
            some = [requests[at] for at in places]
            answers |= zip(places, work(connection, found, some, memory, now), strict=True)
    return [answers[position] for position in range(len(requests))]


def _add(
    connection: Connection,
    found: dict[str, Wallet],
    requests: Sequence[AdjustRequest],
    memory: Memory[Receipt],
    now: datetime,
) -> list[Receipt | StudioError]:
    mint = Mint(found, now)

    def add(request: AdjustRequest) -> Receipt:
        wallet = require(found, request.owner)
        place, mark = (wallet.id, request.key), _fingerprint(request)
        earlier = memory.recall(place, mark)
        if earlier is not None:
            return earlier
        receipt = mint.make(
            NewGrant(
                wallet=wallet,
                kind="adjustment",
                amount=request.amount,
                expires_at=request.expires_at,
                transaction="adjust",
                key=request.key,
                fingerprint=mark,
                author=request.author,
                reason=request.reason,
            )
        )
        memory.add(place, mark, receipt)
        return receipt

    answers = answer_each(requests, add)
    mint.write(connection)
    return answers


def _take(
    connection: Connection,
    found: dict[str, Wallet],
    requests: Sequence[AdjustRequest],
    memory: Memory[Receipt],
    now: datetime,
) -> list[Receipt | StudioError]:
    # Read anew: the requests that add were carried out meanwhile.
    found = lock_wallets(connection, found)
    turn, found = weigh(connection, found, [(each.owner, -each.amount) for each in requests], now)
    left = {wallet.id: wallet.available for wallet in found.values()}
    postings: list[Posting] = []

    def take(request: AdjustRequest) -> Receipt:
        wallet = require(found, request.owner)
        place, mark = (wallet.id, request.key), _fingerprint(request)
        earlier = memory.recall(place, mark)
        if earlier is not None:
            return earlier
        _check_available(wallet, left[wallet.id], -request.amount)
        left[wallet.id] += request.amount
        receipt = Receipt(new_id("txn"), request.owner, request.amount, now)
        postings.append(_posting(wallet, request, receipt, mark))
        memory.add(place, mark, receipt)
        return receipt

    answers = answer_each(requests, take)
    _write(connection, turn, postings, now)
    return answers


def _write(connection: Connection, turn: Turn, postings: Sequence[Posting], now: datetime) -> None:
    if postings:
        post(connection, postings, now)
        withdraw(
            connection,
            turn,
            [(each.wallet_id, each.id, -each.entries["available"]) for each in postings],
        )


def _check_available(wallet: Wallet, available: int, amount: int) -> None:
    if amount <= available:
        return
    raise NotEnoughCredits(
        f"{money.show(amount)} credits cannot be taken: {money.show(available)} are available and "
        f"{money.show(wallet.held)} are held by runs under way. What was spent stays spent.",
        needed=amount,
        available=available,
        held=wallet.held,
    )


def _fingerprint(request: AdjustRequest) -> str:
    ends = "never" if request.expires_at is None else microseconds(request.expires_at)
    return fingerprint(request.amount, request.author, request.reason, ends)


def _posting(wallet: Wallet, request: AdjustRequest, receipt: Receipt, mark: str) -> Posting:
    return Posting(
        id=receipt.transaction_id,
        wallet_id=wallet.id,
        kind="adjust",
        key=request.key,
        fingerprint=mark,
        entries={"issued": -request.amount, "available": request.amount},
        author=request.author,
        reason=request.reason,
    )
