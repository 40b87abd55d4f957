"""The gate: a claim is the permission to buy one thing, taken out of an open hold.

Whether it is given is decided by one conditional UPDATE of the hold, in the transaction that
records the purchase to come. There is no other way to a claim, and none to a capture without one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Connection, RowMapping, Text, bindparam, select, update

from billing.ledger.holds import check_usable
from billing.ledger.journal import Posting, execute_each, once, record
from billing.ledger.lookup import answer_each, find_by_id, find_by_key, with_owner
from billing.ledger.memory import Memory
from billing.ledger.wallets import lock_wallets, require, require_active
from billing.ledger.words import Claim, ClaimRequest, Wallet, fingerprint
from billing.tables import claims, holds, wallets
from studio import clock
from studio import credits as money
from studio.database import UtcDateTime
from studio.database.bulk import insert_rows, microseconds
from studio.errors import HoldRefused, StudioError
from studio.ids import new_id

_SUM = bindparam("sum", type_=BigInteger)

_GATE = (
    update(holds)
    .where(
        holds.c.id == bindparam("hold", type_=Text),
        holds.c.state == "open",
        holds.c.expires_at > bindparam("now", type_=UtcDateTime),
        holds.c.wallet_id
        == select(wallets.c.id)
        .where(wallets.c.owner == bindparam("owner", type_=Text), wallets.c.state == "active")
        .scalar_subquery(),
        holds.c.amount - holds.c.claimed - holds.c.captured - holds.c.released >= _SUM,
    )
    .values(claimed=holds.c.claimed + _SUM)
)


def claim(connection: Connection, requests: Sequence[ClaimRequest]) -> list[Claim | StudioError]:
    """Give claims, each in its turn: one that does not fit leaves room for the next.

    The requests are weighed one by one against what the locked rows say; those that fit then pass
    the gate together, one UPDATE per hold with their sum. If the gate sees it otherwise,
    everything is rolled back.

    Answers with:
        AccountRefused: no wallet, or a suspended one.
        HoldRefused: the hold is not the owner's, has ended, expired, or has too little left.
        Conflict: the key was used with another hold or amount.
    """
    found = lock_wallets(connection, [request.owner for request in requests])
    now = clock.now()
    memory = _remember(connection, found, requests)
    rows = find_by_id(connection, holds, [request.hold_id for request in requests])
    taken: dict[str, int] = {}
    made: list[tuple[Wallet, Claim, str]] = []

    def give(request: ClaimRequest) -> Claim:
        wallet = require(found, request.owner)
        mark = fingerprint(request.hold_id, request.amount)
        earlier = memory.recall((wallet.id, request.key), mark)
        if earlier is not None:
            return earlier
        require_active(found, request.owner)
        row = _own(rows, request)
        check_usable(row, now)
        _check_free(row, taken.get(row["id"], 0), request.amount)
        taken[row["id"]] = taken.get(row["id"], 0) + request.amount
        fresh = _make(request, now)
        made.append((wallet, fresh, mark))
        memory.add((wallet.id, request.key), mark, fresh)
        return fresh

    answers = answer_each(requests, give)
    if made:
        gate = [
            {"hold": hold_id, "owner": rows[hold_id]["owner"], "sum": total, "now": now}
            for hold_id, total in taken.items()
        ]
        execute_each(connection, _GATE, gate)
        insert_rows(connection, claims, [_row(*each) for each in made])
        record(connection, [_posting(*each) for each in made], now)
    return answers


def claim_of(connection: Connection, owner: str, claim_id: str) -> Claim | None:
    """Return the owner's claim, or ``None``."""
    row = find_by_id(connection, claims, [claim_id]).get(claim_id)
    return None if row is None or row["owner"] != owner else from_row(row)


def claim_with_key(connection: Connection, owner: str, key: str) -> Claim | None:
    """Return the owner's claim that was made with the caller's key, or ``None``."""
    wallet = select(wallets.c.id).where(wallets.c.owner == owner).scalar_subquery()
    claimed = with_owner(claims).where(claims.c.wallet_id == wallet, claims.c.key == key)
    row = connection.execute(claimed).mappings().first()
    return None if row is None else from_row(row)


def from_row(row: RowMapping) -> Claim:
    """Return the claim of a row that has its owner with it."""
    return Claim(
        id=row["id"],
        owner=row["owner"],
        hold_id=row["hold_id"],
        key=row["key"],
        operation=row["operation"],
        amount=row["amount"],
        captured=row["captured"],
        state=row["state"],
        created_at=row["created_at"],
        ended_at=row["ended_at"],
    )


def _own(rows: dict[str, RowMapping], request: ClaimRequest) -> RowMapping:
    row = rows.get(request.hold_id)
    if row is None or row["owner"] != request.owner:
        raise HoldRefused(
            "There is no such hold, so nothing may be bought.",
            field="hold_id",
            given=request.hold_id,
            reason="missing",
        )
    return row


def _check_free(row: RowMapping, taken: int, amount: int) -> None:
    """Refuse what the hold cannot cover after this group has ``taken`` from it already."""
    free = row["amount"] - row["claimed"] - row["captured"] - row["released"] - taken
    if amount <= free:
        return
    raise HoldRefused(
        f"This needs {money.show(amount)} credits and {money.show(free)} of the hold are free. "
        "Nothing was bought; place a hold that covers it.",
        hold_id=row["id"],
        reason="too_small",
        needed=amount,
        free=free,
    )


def _remember(
    connection: Connection, found: dict[str, Wallet], requests: Sequence[ClaimRequest]
) -> Memory[Claim]:
    memory: Memory[Claim] = Memory("claim")
    places = [(found[each.owner].id, each.key) for each in requests if each.owner in found]
    for place, row in find_by_key(connection, claims, places).items():
        memory.add(place, row["fingerprint"], from_row(row))
    return memory


def _make(request: ClaimRequest, now: datetime) -> Claim:
    return Claim(
        id=new_id("claim"),
        owner=request.owner,
        hold_id=request.hold_id,
        key=request.key,
        operation=request.operation,
        amount=request.amount,
        captured=0,
        state="active",
        created_at=now,
    )


def _row(wallet: Wallet, made: Claim, mark: str) -> tuple[Any, ...]:
    return (
        made.id,
        wallet.id,
        made.hold_id,
        made.key,
        made.operation,
        mark,
        made.amount,
        made.captured,
        made.state,
        microseconds(made.created_at),
        None,
    )


def _posting(wallet: Wallet, made: Claim, mark: str) -> Posting:
    return Posting(
        id=once("claim", made.id),
        wallet_id=wallet.id,
        kind="claim",
        key=made.key,
        fingerprint=mark,
        entries={"held": -made.amount, "claimed": made.amount},
        hold_id=made.hold_id,
        claim_id=made.id,
    )
