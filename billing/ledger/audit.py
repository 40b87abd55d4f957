"""The auditor: everything the projections say, computed again from the journal.

A ledger that is in order has no discrepancy, down to one micro-credit. Every check is one
statement, so it sees one moment also while others write.

What is a fact of its own and stands nowhere else cannot be checked: a wallet's owner and state, a
hold's purpose and expiry, a claim's operation, a grant's expiry.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    Subquery,
    Table,
    and_,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    union_all,
)

from billing.tables import (
    allocations,
    claims,
    grants,
    holds,
    ledger_entries,
    ledger_transactions,
    wallets,
    withdrawals,
)

_ENTRY = ledger_entries.c
_TRANSACTION = ledger_transactions.c


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """One value that is not what the journal says. ``recorded`` is ``None`` for a missing row."""

    what: str
    id: str
    field: str
    recorded: int | str | None
    derived: int | str | None

    def __str__(self) -> str:
        return f"{self.what} {self.id}: {self.field} is {self.recorded}, must be {self.derived}"


def audit(connection: Connection) -> list[Discrepancy]:
    """Recompute every wallet, grant, hold and claim, and the sum of every transaction.

    What the grants paid for each hold must be what the journal says that the hold keeps or has
    spent, and out of the hold's own wallet.
    """
    return [
        *_unbalanced(connection),
        *_misplaced(connection),
        *_orphans(connection),
        *(
            found
            for table, journal in _projections()
            for found in _compare(connection, table, journal)
        ),
        *_unpaid(connection),
        *_out_of_turn(connection),
        *_paid_by_others(connection),
        *_withdrawn(connection),
    ]


@cache
def _projections() -> tuple[tuple[Table, Subquery], ...]:
    """What the journal says of each table's rows, under the names of the table's columns."""
    return (
        (wallets, _wallets().subquery("derived")),
        (grants, _grants().subquery("derived")),
        (grants, _taken().subquery("derived")),
        (holds, _holds().subquery("derived")),
        (claims, _claims().subquery("derived")),
    )


def _sum(*conditions: ColumnElement[bool]) -> ColumnElement[int]:
    """Add up the entries that meet the conditions; Postgres would make a NUMERIC of it."""
    return cast(func.coalesce(func.sum(case((and_(*conditions), _ENTRY.amount))), 0), BigInteger)


def _wallets() -> Select[Any]:
    return (
        select(
            wallets.c.id,
            (-_sum(_ENTRY.account == "issued")).label("granted"),
            _sum(_ENTRY.account.in_(("held", "claimed"))).label("held"),
            _sum(_ENTRY.account == "spent").label("captured"),
            _sum(_ENTRY.account == "expired").label("expired"),
        )
        .outerjoin(ledger_entries, _ENTRY.wallet_id == wallets.c.id)
        .group_by(wallets.c.id)
    )


def _grants() -> Select[Any]:
    makes = {"top_up": "top_up", "adjust": "adjustment", "refund": "refund"}
    kind = case(makes, value=_TRANSACTION.kind, else_=None)
    # Both kinds of top-ups are one kind of transaction.
    told = case((and_(kind == "top_up", grants.c.kind == "period"), "period"), else_=kind)
    return (
        _journal_of(
            _TRANSACTION.grant_id,
            _sum(_TRANSACTION.kind != "lapse", _ENTRY.account == "available").label("amount"),
            _sum(_ENTRY.account == "expired").label("expired"),
            func.max(told).label("kind"),
            *_beginning("wallet_id", "key", of=tuple(makes)),
        )
    ).outerjoin(grants, grants.c.id == _TRANSACTION.grant_id)


def _taken() -> Select[Any]:
    paid = _total(allocations, allocations.c.grant_id)
    gone = _total(withdrawals, withdrawals.c.grant_id)
    return (
        select(
            grants.c.id,
            func.coalesce(paid.c.total, 0).label("allocated"),
            func.coalesce(gone.c.total, 0).label("withdrawn"),
        )
        .outerjoin(paid, paid.c.id == grants.c.id)
        .outerjoin(gone, gone.c.id == grants.c.id)
    )


def _total(table: Table, by: ColumnElement[Any]) -> Subquery:
    total = cast(func.sum(table.c.amount), BigInteger).label("total")
    return select(by.label("id"), total).group_by(by).subquery()


def _holds() -> Select[Any]:
    ended = _count(_TRANSACTION.hold_id, "release", "expire")
    under_way = _count(_TRANSACTION.claim_id, "claim") - _count(
        _TRANSACTION.claim_id, "capture", "give_back"
    )
    return _journal_of(
        _TRANSACTION.hold_id,
        _sum(_TRANSACTION.kind == "hold", _ENTRY.account == "held").label("amount"),
        _sum(_ENTRY.account == "claimed").label("claimed"),
        _sum(_ENTRY.account == "spent").label("captured"),
        _sum(_TRANSACTION.kind != "hold", _ENTRY.account == "available").label("released"),
        case((ended == 0, "open"), (under_way > 0, "closing"), else_="closed").label("state"),
        *_beginning("wallet_id", "key", "fingerprint", of=("hold",)),
    )


def _claims() -> Select[Any]:
    captured = _count(_TRANSACTION.claim_id, "capture")
    returned = _count(_TRANSACTION.claim_id, "give_back")
    return _journal_of(
        _TRANSACTION.claim_id,
        _sum(_TRANSACTION.kind == "claim", _ENTRY.account == "claimed").label("amount"),
        _sum(_ENTRY.account == "spent").label("captured"),
        case(
            (captured + returned > 1, "ended twice"),
            (captured == 1, "captured"),
            (returned == 1, "returned"),
            else_="active",
        ).label("state"),
        func.max(case((_TRANSACTION.kind.in_(("capture", "give_back")), _TRANSACTION.at))).label(
            "ended_at"
        ),
        *_beginning("wallet_id", "hold_id", "key", "fingerprint", of=("claim",)),
    )


def _beginning(*fields: str, of: tuple[str, ...]) -> list[ColumnElement[Any]]:
    """What the transaction says that made the row: these columns, and when it was."""
    made = _TRANSACTION.kind.in_(of)
    columns = [func.max(case((made, _TRANSACTION[field]))).label(field) for field in fields]
    return [*columns, func.max(case((made, _TRANSACTION.at))).label("created_at")]


def _count(identity: ColumnElement[Any], *kinds: str) -> ColumnElement[int]:
    """Count the holds or claims with a transaction of these kinds, however many its entries."""
    return func.count(case((_TRANSACTION.kind.in_(kinds), identity)).distinct())


def _journal_of(identity: ColumnElement[Any], *columns: ColumnElement[Any]) -> Select[Any]:
    return (
        select(identity.label("id"), *columns)
        .select_from(ledger_transactions)
        .outerjoin(ledger_entries, _ENTRY.transaction_id == _TRANSACTION.id)
        .where(identity.is_not(None))
        .group_by(identity)
    )


def _compare(connection: Connection, table: Table, derived: Subquery) -> list[Discrepancy]:
    """Compare ``table`` with what the journal says of each of its rows."""
    fields = _fields(derived)
    return [
        Discrepancy(
            table.name,
            row["id"],
            field,
            told(row[f"recorded_{field}"]),
            told(row[f"derived_{field}"]),
        )
        for row in connection.execute(_comparison(table, derived)).mappings()
        for field in fields
        if row[f"recorded_{field}"] != row[f"derived_{field}"]
    ]


def _fields(derived: Subquery) -> list[str]:
    return [column.name for column in derived.c if column.name != "id"]


@cache
def _comparison(table: Table, derived: Subquery) -> Select[Any]:
    fields = _fields(derived)
    return (
        select(
            table.c.id,
            *(table.c[field].label(f"recorded_{field}") for field in fields),
            *(derived.c[field].label(f"derived_{field}") for field in fields),
        )
        .outerjoin(derived, derived.c.id == table.c.id)
        .where(or_(*(table.c[field].is_distinct_from(derived.c[field]) for field in fields)))
        .order_by(table.c.id)
    )


def told(value: int | str | datetime | None) -> int | str | None:
    """Return a value as a discrepancy tells it."""
    return value.isoformat() if isinstance(value, datetime) else value


def _unbalanced(connection: Connection) -> list[Discrepancy]:
    """Find transactions whose entries do not add up to nothing."""
    total = cast(func.sum(_ENTRY.amount), BigInteger)
    statement = (
        select(_ENTRY.transaction_id, total.label("total"))
        .group_by(_ENTRY.transaction_id)
        .having(total != 0)
    )
    return [
        Discrepancy(ledger_transactions.name, row.transaction_id, "sum", row.total, 0)
        for row in connection.execute(statement)
    ]


def _misplaced(connection: Connection) -> list[Discrepancy]:
    """Find entries that were booked on another wallet than their transaction."""
    statement = (
        select(_ENTRY.transaction_id, _ENTRY.wallet_id, _TRANSACTION.wallet_id.label("right"))
        .join(ledger_transactions, _TRANSACTION.id == _ENTRY.transaction_id)
        .where(_ENTRY.wallet_id != _TRANSACTION.wallet_id)
    )
    return [
        Discrepancy(ledger_entries.name, row.transaction_id, "wallet_id", row.wallet_id, row.right)
        for row in connection.execute(statement)
    ]


def _unpaid(connection: Connection) -> list[Discrepancy]:
    """Find holds for which grants paid something else than what they keep or have spent."""
    kept = _journal_of(
        _TRANSACTION.hold_id, (-_sum(_ENTRY.account == "available")).label("total")
    ).subquery()
    return _differing(connection, allocations, kept, _total(allocations, allocations.c.hold_id))


def _out_of_turn(connection: Connection) -> list[Discrepancy]:
    """Find holds whose grants are not numbered from 0 on without a gap."""
    last = func.max(allocations.c.position).label("last")
    number = func.count().label("number")
    statement = (
        select(allocations.c.hold_id, last, number)
        .group_by(allocations.c.hold_id)
        .having(last != number - 1)
        .order_by(allocations.c.hold_id)
    )
    return [
        Discrepancy(allocations.name, row.hold_id, "position", row.last, row.number - 1)
        for row in connection.execute(statement)
    ]


def _withdrawn(connection: Connection) -> list[Discrepancy]:
    """Find adjustments that took something else out of grants than out of the wallet."""
    taken = (
        select(_TRANSACTION.id.label("id"), (-_ENTRY.amount).label("total"))
        .join(ledger_entries, _ENTRY.transaction_id == _TRANSACTION.id)
        .where(_TRANSACTION.kind == "adjust", _ENTRY.account == "available", _ENTRY.amount < 0)
        .subquery()
    )
    return _differing(
        connection, withdrawals, taken, _total(withdrawals, withdrawals.c.transaction_id)
    )


def _differing(
    connection: Connection, table: Table, derived: Subquery, recorded: Subquery
) -> list[Discrepancy]:
    """Compare sums of the rows of ``table`` with what the journal says, both ways."""
    # Instead of a FULL JOIN, which SQLite has only since 3.39.
    both = union_all(
        select(derived.c.id, derived.c.total.label("derived"), literal(0).label("recorded")),
        select(recorded.c.id, literal(0), recorded.c.total),
    ).subquery()
    there = cast(func.sum(both.c.recorded), BigInteger).label("recorded")
    must_be = cast(func.sum(both.c.derived), BigInteger).label("derived")
    statement = (
        select(both.c.id, there, must_be)
        .group_by(both.c.id)
        .having(there != must_be)
        .order_by(both.c.id)
    )
    return [
        Discrepancy(table.name, row.id, "amount", row.recorded, row.derived)
        for row in connection.execute(statement)
    ]


def _paid_by_others(connection: Connection) -> list[Discrepancy]:
    """Find allocations and withdrawals out of a grant of another wallet."""
    found: list[Discrepancy] = []
    for table, identity, whose in (
        (allocations, allocations.c.hold_id, holds),
        (withdrawals, withdrawals.c.transaction_id, ledger_transactions),
    ):
        statement = (
            select(identity.label("id"), grants.c.wallet_id, whose.c.wallet_id.label("right"))
            .select_from(table)
            .join(whose, whose.c.id == identity)
            .join(grants, grants.c.id == table.c.grant_id)
            .where(grants.c.wallet_id != whose.c.wallet_id)
        )
        found += [
            Discrepancy(table.name, row.id, "wallet_id", row.wallet_id, row.right)
            for row in connection.execute(statement)
        ]
    return found


def _orphans(connection: Connection) -> list[Discrepancy]:
    """Find what the journal speaks of and the tables do not have."""
    found: list[Discrepancy] = []
    for table, identity in (
        (wallets, _TRANSACTION.wallet_id),
        (grants, _TRANSACTION.grant_id),
        (holds, _TRANSACTION.hold_id),
        (claims, _TRANSACTION.claim_id),
    ):
        statement = (
            select(identity.label("id"))
            .distinct()
            .select_from(ledger_transactions)
            .outerjoin(table, table.c.id == identity)
            .where(identity.is_not(None), table.c.id.is_(None))
        )
        found += [
            Discrepancy(table.name, row.id, "id", None, row.id)
            for row in connection.execute(statement)
        ]
    return found
