"""The auditor finds every difference that is planted by hand, in every column, by one."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Column, Connection, Table, and_, select, text, update

from billing.accounts.tables import admissions, uses
from billing.audit import audit
from billing.tables import (
    allocations,
    claims,
    grants,
    holds,
    ledger_entries,
    ledger_transactions,
    wallets,
)
from studio.database import Database, UtcDateTime
from tests.support.accounts import Accounts
from tests.support.books import HOUR, StandingClock

TABLES = (wallets, grants, holds, allocations, claims, admissions, uses, ledger_entries)

FACTS = {
    "wallets": {"owner", "state", "created_at"},
    "grants": {"expires_at"},
    "holds": {"purpose", "expires_at"},
    "claims": {"operation"},
    "admissions": {"user", "project"},
    "uses": {"operation"},
}
"""Columns that say what stands nowhere else: there is nothing to compare them with."""

COLUMNS = [
    (table, column)
    for table in TABLES
    for column in table.columns
    if column.name not in FACTS.get(table.name, ())
]


@pytest.fixture
def lived_in(accounts: Accounts, sqlite_database: Database, clock: StandingClock) -> Accounts:
    """Two wallets in which everything has happened: holds of all states, a lapse, a plan."""
    accounts.open("bob", grant=50)
    accounts.hold(5, owner="bob", key="bob's")
    accounts.top_up(30, key="soon", lasts=HOUR)
    accounts.plan("small")
    done = accounts.ask(40, uses={"generate": 2})
    accounts.buy(done, "generate", amount=9)
    accounts.give_back(accounts.claim(done, 3))
    accounts.release(done)
    closing = accounts.ask(20)
    accounts.claim(closing, 6)
    accounts.release(closing)
    accounts.claim(accounts.ask(10, uses={"generate": 1}), 4)
    clock.advance(HOUR * 2)
    accounts.lapse()
    accounts.ask(1)  # keeps what the closed hold came to
    assert accounts.audit() == []
    return accounts


def plant(connection: Connection, table: Table, column: Column[Any]) -> None:
    """Change one row's value by one: an amount, a moment, a state, a key, an id."""
    where = _first(connection, table, column)
    value = connection.execute(select(column).where(where)).scalar_one()
    other: Any
    if isinstance(value, str):
        known = select(column).where(column != value).limit(1)
        refers = column.foreign_keys and not column.primary_key
        other = (connection.execute(known).scalar() if refers else None) or value + "x"
    elif isinstance(column.type, UtcDateTime):
        other = value + timedelta(microseconds=1)
    else:
        other = value + 1
    assert connection.execute(update(table).where(where).values({column: other})).rowcount == 1


def _first(connection: Connection, table: Table, column: Column[Any]) -> Any:
    """Choose a row in which the column says something."""
    keys = list(table.primary_key.columns)
    query = select(*keys).where(column.is_not(None)).order_by(*keys)
    if table is uses:
        query = query.where(uses.c.final == 1)
    row = connection.execute(query.limit(1)).one()
    return and_(*(key == value for key, value in zip(keys, row, strict=True)))


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_one_changed_value_is_named_whichever_it_is(lived_in: Accounts) -> None:
    missed = []
    for table, column in COLUMNS:
        with lived_in.database.engine.connect() as connection:
            # What guards the tables is out of the way: the auditor stands by itself.
            connection.exec_driver_sql("PRAGMA ignore_check_constraints = ON")
            connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
            _drop_triggers(connection)
            plant(connection, table, column)
            found = audit(connection)
            connection.rollback()
            connection.exec_driver_sql("PRAGMA ignore_check_constraints = OFF")
            connection.rollback()
        named = {(each.what, each.field) for each in found}
        # What is kept of a hold stands by itself; elsewhere one change may show in several places.
        exactly = table in {admissions, uses} and not column.primary_key
        if not found or (exactly and named != {(table.name, column.name)}):
            missed.append(f"{table.name}.{column.name}: {named}")
    print(f"\n{len(COLUMNS)} columns changed by one")
    assert missed == []
    assert len(COLUMNS) >= 45


def _drop_triggers(connection: Connection) -> None:
    query = text("SELECT name FROM sqlite_master WHERE type = 'trigger'")
    for name in connection.execute(query).scalars().all():
        connection.exec_driver_sql(f"DROP TRIGGER {name}")


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    # A hold may be there without an admission and uses: nothing says that they are missing.
    "table",
    [*(each for each in TABLES if each not in {admissions, uses}), ledger_transactions],
    ids=str,
)
def test_one_lost_row_is_named(lived_in: Accounts, table: Table) -> None:
    keys = list(table.primary_key.columns)
    with lived_in.database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        _drop_triggers(connection)
        row = connection.execute(select(*keys).order_by(*keys).limit(1)).one()
        where = " AND ".join(f'"{key.name}" = :{key.name}' for key in keys)
        connection.execute(text(f"DELETE FROM {table.name} WHERE {where}"), row._asdict())  # noqa: S608
        found = audit(connection)
        connection.rollback()
    assert found


def test_a_clock_that_goes_on_in_mid_transaction_is_no_difference(
    accounts: Accounts, clock: StandingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As clocks do: what is written together is of one moment all the same."""

    def ticking() -> datetime:
        clock.advance(timedelta(microseconds=7))
        return clock.moment

    monkeypatch.setattr("studio.clock.now", ticking)
    accounts.plan("small")
    hold = accounts.ask(9, uses={"generate": 1})
    accounts.buy(hold, "generate")
    accounts.adjust(-3)
    accounts.release(hold)
    accounts.ask(1)
    assert accounts.audit() == []
