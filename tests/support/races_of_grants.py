"""What racers do to grants: they end, are corrected and refunded while others spend them."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta
from typing import Any

from billing import ledger
from billing.ledger import AdjustRequest, Hold, HoldRequest, Ledger, RefundRequest
from studio import clock
from studio.database import Database
from studio.errors import StudioError


def spend_what_ends(database: Database, books: Ledger, number: int) -> Counter[str]:
    """Spend out of grants and holds that others end meanwhile, as if two days had passed."""
    later = clock.now() + timedelta(days=2)
    dice = random.Random(number)
    counted: Counter[str] = Counter()
    for turn in range(8):
        try:
            if number % 4 == 0:
                lapsed = database.write(lambda connection: ledger.lapse(connection, later, 3))
                counted["lapsed"] += len(lapsed)
            elif number % 4 == 1:
                ended = database.write(lambda connection: ledger.expire(connection, later, 2))
                counted["ended"] += len(ended)
            else:
                _spend_some(books, f"{number}-{turn}", dice, counted)
        except StudioError as refusal:
            counted[type(refusal).__name__] += 1
    return counted


def _spend_some(books: Ledger, key: str, dice: random.Random, counted: Counter[str]) -> None:
    until = clock.now() + timedelta(hours=1)
    hold = books.hold("ada", dice.randrange(5, 15), key=key, expires_at=until, purpose="a race")
    counted["held"] += 1
    claim = books.claim("ada", hold.id, hold.amount - 2, key=key)
    spent = dice.randrange(claim.amount + 1)
    books.capture("ada", claim.id, spent)
    counted["captured"] += spent
    books.release("ada", hold.id)


def spend_or_take_back(database: Database, books: Ledger, number: int) -> Counter[str]:
    """Half of all buy, the other half take credits out of the wallet; the last ones get none."""
    counted: Counter[str] = Counter()
    for turn in range(5):
        key = f"{number}-{turn}"
        try:
            if number % 2:
                books.adjust("ada", -7, key=key, author="op", reason="a race")
                counted["taken"] += 1
                continue
            until = clock.now() + timedelta(hours=1)
            hold = books.hold("ada", 7, key=key, expires_at=until, purpose="a race")
            claim = books.claim("ada", hold.id, 7, key=key)
            books.capture("ada", claim.id, 7)
            counted["bought"] += 1
        except StudioError as refusal:
            counted[type(refusal).__name__] += 1
    return counted


def correct_under_the_same_key(database: Database, books: Ledger, number: int) -> Counter[str]:
    """The same correction, told by everybody at once; and the opposite one under the same key."""
    amount = -5 if number % 4 else 5
    try:
        receipt = books.adjust("ada", amount, key="the case", author="op", reason="a race")
    except StudioError as refusal:
        return Counter([type(refusal).__name__])
    return Counter(["replayed" if receipt.replayed else f"made {amount}"])


def refund_while_it_is_captured(database: Database, books: Ledger, number: int) -> Counter[str]:
    """Half of all capture the one claim; the others refund it, and hold what was refunded."""
    counted: Counter[str] = Counter()
    claim = books.claim("ada", _only_hold(database).id, 20, key="the job")
    for turn in range(4):
        key = f"{number}-{turn}"
        try:
            if number % 2:
                books.capture("ada", claim.id, 20)
            elif turn % 2 == 0:
                books.refund("ada", claim.id, 3, key=key, author="op", reason="a race")
                counted["refunded"] += 1
            else:
                until = clock.now() + timedelta(hours=1)
                books.hold("ada", 2, key=key, expires_at=until, purpose="a race")
                counted["held"] += 1
        except StudioError as refusal:
            counted[type(refusal).__name__] += 1
    return counted


def refund_under_the_same_key(database: Database, books: Ledger, number: int) -> Counter[str]:
    """The same refund, told by everybody at once."""
    claim = books.claim("ada", _only_hold(database).id, 20, key="the job")
    receipt = books.refund("ada", claim.id, 11, key="the case", author="op", reason="a race")
    return Counter(["replayed" if receipt.replayed else "made"])


def _only_hold(database: Database) -> Hold:
    with database.read() as connection:
        (hold,) = ledger.holds_of(connection, "ada", limit=1)
    return hold


def correct_across_wallets(database: Database, books: Ledger, number: int) -> Counter[str]:
    """Corrections, refunds and holds over several wallets in one transaction, among reapers."""
    dice = random.Random(number)
    later = clock.now() + timedelta(days=2)
    counted: Counter[str] = Counter()
    owners = [f"owner-{each}" for each in range(6)]
    with database.read() as connection:
        claims = {owner: ledger.claim_with_key(connection, owner, "job") for owner in owners}
    for turn in range(4):
        if number % 4 == 0:
            database.write(lambda connection: ledger.lapse(connection, later, 5))
            database.write(lambda connection: ledger.expire(connection, later, 5))
            continue
        dice.shuffle(owners)
        key, until = f"{number}-{turn}", clock.now() + timedelta(hours=1)
        requests: list[ledger.Request[Any]] = []
        for owner in owners:
            claim = claims[owner]
            assert claim is not None
            requests += [
                HoldRequest(owner, key, 2, until, "a race"),
                AdjustRequest(owner, key, dice.choice((1, -1)), "op", "a race"),
                RefundRequest(owner, claim.id, key, 1, "op", "a race"),
            ]
        dice.shuffle(requests)
        answers = database.write(lambda connection: ledger.apply(connection, requests))  # noqa: B023 - called at once
        counted.update(type(answer).__name__ for answer in answers)
    return counted
