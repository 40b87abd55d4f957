"""Which grant pays for which hold.

A hold is paid from the grants that expire first, and among those from the oldest. What it gives
back goes the other way: first to the grant that was called on last. So the credits that are about
to be lost are the ones that are spent, and what returns is what lasts longest. A capture touches
nothing here: it does not change what a hold keeps aside.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    Integer,
    RowMapping,
    Select,
    Text,
    Update,
    bindparam,
    case,
    func,
    or_,
    select,
    update,
)

from billing.ledger.journal import LedgerDisagrees, execute_each
from billing.ledger.lapses import due_grants, post_lapses
from billing.ledger.words import Allocation, Wallet
from billing.tables import HAS_LEFT, LEFT, allocations, grants, holds, wallets, withdrawals
from studio import credits as money
from studio.database import UtcDateTime
from studio.database.bulk import insert_rows

_NOW = bindparam("now", type_=UtcDateTime)
_PART = bindparam("part", type_=BigInteger)
_GRANT = bindparam("grant", type_=Text)


def _in_turn() -> Select[Any]:
    """Select the grants that are over, and those that the first ``most`` credits come out of.

    ``before`` is what the grants ahead of this one have left: a wallet may have thousands of
    grants, and one hold calls on the first few.
    """
    order = (
        grants.c.expires_at.asc().nulls_last(),
        grants.c.created_at,
        grants.c.kind,
        grants.c.key,
    )
    left = case((grants.c.expires_at <= _NOW, 0), else_=LEFT)
    running = func.sum(left).over(partition_by=grants.c.wallet_id, order_by=order, rows=(None, 0))
    number = func.row_number().over(partition_by=grants.c.wallet_id, order_by=order)
    turn = (
        select(
            *(grants.c.id, grants.c.wallet_id, grants.c.expires_at, grants.c.expired),
            LEFT.label("left"),
            (running - left).label("before"),
            number.label("number"),
        )
        .where(grants.c.wallet_id.in_(bindparam("wallets", expanding=True)), HAS_LEFT)
        .subquery("turn")
    )
    reached = turn.c.before < bindparam("most", type_=BigInteger)
    return select(turn).where(or_(turn.c.expires_at <= _NOW, reached)).order_by(turn.c.number)


_IN_TURN = _in_turn()

_TAKE = (
    update(grants)
    .where(grants.c.id == _GRANT, LEFT >= _PART)
    .values(allocated=grants.c.allocated + _PART)
)

_WITHDRAW = (
    update(grants)
    .where(grants.c.id == _GRANT, LEFT >= _PART)
    .values(withdrawn=grants.c.withdrawn + _PART)
)

_RETURN = (
    update(grants)
    .where(grants.c.id == _GRANT, grants.c.allocated >= _PART)
    .values(allocated=grants.c.allocated - _PART)
)

_SHRINK = (
    update(allocations)
    .where(
        allocations.c.hold_id == bindparam("hold", type_=Text),
        allocations.c.position == bindparam("place", type_=Integer),
        allocations.c.amount >= _PART,
    )
    .values(amount=allocations.c.amount - _PART)
)

_PAID = (
    select(allocations, grants.c.wallet_id, grants.c.expires_at)
    .join(grants, grants.c.id == allocations.c.grant_id)
    .where(
        allocations.c.hold_id.in_(bindparam("holds", expanding=True)),
        allocations.c.amount > 0,
    )
    .order_by(allocations.c.hold_id, allocations.c.position.desc())
)


Taker = tuple[str, str, int]
"""Whose wallet (its id), which hold or adjustment (its id), and how many micro-credits."""


class Turn:
    """The grants of some locked wallets, each wallet's in the order in which they are spent."""

    def __init__(self, rows: Iterable[RowMapping]) -> None:
        self._queues: dict[str, deque[list[Any]]] = {}
        for row in rows:
            queue = self._queues.setdefault(row["wallet_id"], deque())
            queue.append([row["id"], row["left"]])

    def take(self, wallet_id: str, amount: int) -> list[tuple[str, int]]:
        """Take ``amount`` out of the next grants; return each one's id and part.

        Raises:
            LedgerDisagrees: they do not have it, though the wallet does.
        """
        queue = self._queues.get(wallet_id, deque())
        parts: list[tuple[str, int]] = []
        while amount:
            if not queue:
                raise LedgerDisagrees("a wallet has more than its grants have left")
            first = queue[0]
            part = min(amount, first[1])
            parts.append((first[0], part))
            amount -= part
            first[1] -= part
            if not first[1]:
                queue.popleft()
        return parts


def next_grants(
    connection: Connection, wallet_ids: Sequence[str], most: int, now: datetime
) -> tuple[Turn, dict[str, int]]:
    """Let these wallets' grants lapse that are over, and return the next ones to be spent.

    The wallets must be locked.

    Args:
        connection: an open transaction.
        wallet_ids: whose grants.
        most: how many micro-credits will be taken out of one wallet, at the most.
        now: the moment that decides what is over.

    Returns:
        The grants, and what lapsed for each wallet's id.
    """
    parameters = {"wallets": sorted(wallet_ids), "most": most, "now": now}
    rows = connection.execute(_IN_TURN, parameters).mappings().all()
    due = [row for row in rows if row["expires_at"] is not None and row["expires_at"] <= now]
    over = {row["id"] for row in due}
    return Turn(row for row in rows if row["id"] not in over), post_lapses(connection, due, now)


def weigh(
    connection: Connection,
    found: dict[str, Wallet],
    wanted: Iterable[tuple[str, int]],
    now: datetime,
) -> tuple[Turn, dict[str, Wallet]]:
    """Let what is over lapse, then return the grants to take from and the wallets as they are.

    Args:
        connection: an open transaction.
        found: the wallets, locked, by owner.
        wanted: owners, and what each of a group's requests would take, in micro-credits.
        now: the moment that decides what is over.
    """
    most: dict[str, int] = {}
    for owner, amount in wanted:
        if owner in found and amount:
            most[found[owner].id] = most.get(found[owner].id, 0) + amount
    if not most:
        return Turn(()), found
    # The sum of requests that will be refused may be more than a BIGINT takes.
    turn, lost = next_grants(connection, list(most), min(max(most.values()), money.MOST), now)
    after = {
        owner: dataclasses.replace(wallet, expired=wallet.expired + lost.get(wallet.id, 0))
        for owner, wallet in found.items()
    }
    return turn, after if lost else found


def allocate(connection: Connection, turn: Turn, takers: Iterable[Taker]) -> None:
    """Pay for new holds, in their order; the holds must be in their table already.

    Raises:
        LedgerDisagrees: the grants do not have what the wallets have; roll back.
    """
    made: list[tuple[str, int, str, int]] = []
    for wallet_id, hold_id, amount in takers:
        for position, (grant_id, part) in enumerate(turn.take(wallet_id, amount)):
            made.append((hold_id, position, grant_id, part))
    _call_on(connection, _TAKE, [(grant_id, part) for _, _, grant_id, part in made])
    insert_rows(connection, allocations, made)


def withdraw(connection: Connection, turn: Turn, takers: Iterable[Taker]) -> None:
    """Take out of grants what adjustments take; these must be in the journal already.

    Raises:
        LedgerDisagrees: the grants do not have what the wallets have; roll back.
    """
    made = [
        (transaction_id, grant_id, part)
        for wallet_id, transaction_id, amount in takers
        for grant_id, part in turn.take(wallet_id, amount)
    ]
    _call_on(connection, _WITHDRAW, [(grant_id, part) for _, grant_id, part in made])
    insert_rows(connection, withdrawals, made)


def _call_on(connection: Connection, statement: Update, parts: Iterable[tuple[str, int]]) -> None:
    """Run ``statement`` once for each grant, with the sum of its parts."""
    sums: dict[str, int] = {}
    for grant_id, part in parts:
        sums[grant_id] = sums.get(grant_id, 0) + part
    execute_each(connection, statement, [{"grant": each, "part": sums[each]} for each in sums])


def put_back(connection: Connection, returned: Mapping[str, int], now: datetime) -> None:
    """Let grants have again what holds (by their ids) gave back to their wallets.

    What returns to a grant whose time is over lapses at once. The wallets must be locked.

    Raises:
        LedgerDisagrees: the holds' allocations do not have it; roll back.
    """
    wanted = {hold_id: amount for hold_id, amount in returned.items() if amount}
    if not wanted:
        return
    shrunk: list[dict[str, Any]] = []
    back: list[tuple[str, int]] = []
    over: set[str] = set()
    for row in connection.execute(_PAID, {"holds": sorted(wanted)}).mappings():
        part = min(wanted[row["hold_id"]], row["amount"])
        if not part:
            continue
        wanted[row["hold_id"]] -= part
        shrunk.append({"hold": row["hold_id"], "place": row["position"], "part": part})
        back.append((row["grant_id"], part))
        if row["expires_at"] is not None and row["expires_at"] <= now:
            over.add(row["wallet_id"])
    if any(wanted.values()):
        raise LedgerDisagrees("a hold gives back more than grants have paid for it")
    execute_each(connection, _SHRINK, shrunk)
    _call_on(connection, _RETURN, back)
    if over:
        post_lapses(connection, due_grants(connection, over, now), now)


def allocations_of(connection: Connection, owner: str, hold_id: str) -> list[Allocation]:
    """Return which grants pay for the owner's hold, in their order; none for somebody else's."""
    statement = (
        select(allocations)
        .join(holds, holds.c.id == allocations.c.hold_id)
        .join(wallets, wallets.c.id == holds.c.wallet_id)
        .where(allocations.c.hold_id == hold_id, wallets.c.owner == owner)
        .where(allocations.c.amount > 0)
        .order_by(allocations.c.position)
    )
    return [Allocation(**row) for row in connection.execute(statement).mappings()]
