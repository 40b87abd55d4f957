"""The auditor of accounts: what was kept of holds, beside what the holds and claims say.

What an admission spent and how often an operation was done are derived while a hold is open and
kept once it is closed. Whatever is kept must be what would be derived.

The gate of a purchase does not count what its hold may be used for (see ``limits.py``); so it is
looked at here that nothing else, and no more, was bought.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    and_,
    case,
    exists,
    func,
    literal_column,
    or_,
    select,
)

from billing.accounts.tables import admissions, uses
from billing.ledger.audit import Discrepancy, told
from billing.tables import claims, holds


def audit(connection: Connection) -> list[Discrepancy]:
    """Look for admissions and uses that do not agree with their holds and claims."""
    return [
        *_differing(connection, admissions),
        *_differing(connection, uses),
        *_not_asked_for(connection),
    ]


def _derived(table: Table) -> dict[str, ColumnElement[Any]]:
    """What each column must be; ``holds`` is joined."""
    must_be: dict[str, ColumnElement[Any]] = {
        "wallet_id": holds.c.wallet_id,
        "created_at": holds.c.created_at,
    }
    closed = holds.c.state == "closed"
    if table is admissions:
        # It may not be kept yet, but of an open hold nothing may be kept.
        kept = and_(admissions.c.spent.is_not(None), closed)
        must_be["spent"] = case((kept, holds.c.captured))
        return must_be
    bought = _bought("captured")
    bought_yet = _bought("active", "captured")
    must_be["count"] = case(
        (uses.c.final == 1, bought), (bought_yet > uses.c.count, bought_yet), else_=uses.c.count
    )
    must_be["final"] = case((and_(uses.c.final == 1, closed), 1), else_=0)
    return must_be


def _bought(*states: str) -> ColumnElement[Any]:
    return (
        select(func.count())
        .where(
            claims.c.hold_id == uses.c.hold_id,
            claims.c.operation == uses.c.operation,
            claims.c.state.in_(states),
        )
        .correlate(uses)
        .scalar_subquery()
    )


_OF_ITS_HOLD = uses.c.hold_id == claims.c.hold_id
_NOT_ASKED_FOR = (
    select(claims.c.id, claims.c.operation)
    .where(
        claims.c.operation != "",
        claims.c.state != "returned",
        exists().where(_OF_ITS_HOLD),
        ~exists().where(_OF_ITS_HOLD, uses.c.operation == claims.c.operation),
    )
    .order_by(claims.c.id)
)


def _not_asked_for(connection: Connection) -> list[Discrepancy]:
    """Look for purchases of operations that their hold was not placed for."""
    return [
        Discrepancy("claims", row.id, "operation", row.operation, "one of its hold's uses")
        for row in connection.execute(_NOT_ASKED_FOR)
    ]


@cache
def _statement(table: Table) -> tuple[Select[Any], tuple[str, ...]]:
    must_be = _derived(table)
    name = table.c.operation if table is uses else literal_column("''")
    wrong = [table.c[field].is_distinct_from(value) for field, value in must_be.items()]
    query = (
        select(
            table.c.hold_id,
            name.label("name"),
            *(table.c[field].label(f"recorded_{field}") for field in must_be),
            *(value.label(f"derived_{field}") for field, value in must_be.items()),
        )
        .outerjoin(holds, holds.c.id == table.c.hold_id)
        .where(or_(*wrong))
        .order_by(table.c.hold_id)
    )
    return query, tuple(must_be)


def _differing(connection: Connection, table: Table) -> list[Discrepancy]:
    query, fields = _statement(table)
    return [
        Discrepancy(
            table.name,
            f"{row['hold_id']} {row['name']}".strip(),
            field,
            told(row[f"recorded_{field}"]),
            told(row[f"derived_{field}"]),
        )
        for row in connection.execute(query).mappings()
        for field in fields
        if row[f"recorded_{field}"] != row[f"derived_{field}"]
    ]
