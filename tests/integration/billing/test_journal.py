"""The books themselves: append-only, balanced, guarded twice, and cheap for a large group."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, event, insert, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from billing import ledger
from billing.ledger import CaptureRequest, ClaimRequest, HoldRequest
from billing.ledger.journal import Posting, post
from billing.tables import (
    allocations,
    append_only_sql,
    claims,
    grants,
    holds,
    ledger_entries,
    ledger_transactions,
    wallets,
)
from studio.database import Database
from tests.support.books import HOUR, Books, StandingClock


@pytest.mark.parametrize("table", ["ledger_transactions", "ledger_entries"])
@pytest.mark.parametrize("verb", ["UPDATE {} SET wallet_id = wallet_id", "DELETE FROM {}"])
def test_nothing_in_the_journal_can_be_changed(books: Books, table: str, verb: str) -> None:
    with pytest.raises(DBAPIError, match=f"{table} is append-only"):
        books.database.write(lambda connection: connection.execute(text(verb.format(table))))


@pytest.mark.parametrize("table", ["ledger_transactions", "ledger_entries"])
def test_the_journal_cannot_be_truncated(postgres_database: Database, table: str) -> None:
    with pytest.raises(DBAPIError, match="is append-only"):
        postgres_database.write(
            lambda connection: connection.execute(text(f"TRUNCATE {table} CASCADE"))
        )


def test_other_databases_have_no_triggers_and_say_so() -> None:
    with pytest.raises(ValueError, match="oracle"):
        append_only_sql("oracle")


@pytest.mark.parametrize(
    ("table", "values"),
    [
        (wallets, {"granted": -1, "held": 0}),
        (wallets, {"held": 101}),
        (wallets, {"captured": 101}),
        (wallets, {"held": 60, "captured": 41}),
        (wallets, {"held": -1}),
        (wallets, {"captured": -1}),
        (wallets, {"granted": 10**15 + 1}),
        (wallets, {"expired": 91}),
        (wallets, {"expired": -1}),
        (wallets, {"state": "rich"}),
        (holds, {"claimed": 11}),
        (holds, {"captured": 11}),
        (holds, {"released": 11}),
        (holds, {"claimed": -1}),
        (holds, {"captured": -1}),
        (holds, {"released": -1}),
        (holds, {"amount": -1}),
        (holds, {"state": "closed"}),
        (holds, {"state": "closing"}),
        (holds, {"state": "closed", "claimed": 10}),
        (holds, {"state": "gone"}),
        (grants, {"allocated": 101}),
        (grants, {"withdrawn": 91}),
        (grants, {"expired": 91, "expires_at": 0}),
        (grants, {"expired": 1}),
        (grants, {"allocated": -1}),
        (grants, {"withdrawn": -1}),
        (grants, {"expired": -1, "expires_at": 0}),
        (grants, {"amount": 0, "allocated": 0}),
        (grants, {"kind": "gift"}),
        (allocations, {"amount": -1}),
        (claims, {"captured": 6, "state": "captured", "ended_at": 0}),
        (claims, {"captured": -1, "state": "captured", "ended_at": 0}),
        (claims, {"captured": 1, "state": "returned", "ended_at": 0}),
        (claims, {"state": "captured"}),
        (claims, {"ended_at": 0}),
    ],
)
def test_the_tables_refuse_what_cannot_be(books: Books, table: Any, values: dict[str, Any]) -> None:
    books.claim(books.hold(10), 5)
    clause = ", ".join(f"{name} = :{name}" for name in values)
    statement = text(f"UPDATE {table.name} SET {clause}")  # noqa: S608 - names from above
    with pytest.raises(IntegrityError):
        books.database.write(lambda connection: connection.execute(statement, values))


def test_entries_that_do_not_add_up_are_not_written(books: Books) -> None:
    posting = Posting("txn_x", "w", "top_up", "k", "f", {"issued": -5, "available": 4})
    with pytest.raises(ValueError, match="add up"):
        books.database.write(lambda connection: post(connection, [posting], books.clock()))


def test_a_second_transaction_of_a_kind_has_no_place(books: Books) -> None:
    """Whatever the code believes: a claim has one capture, by the primary key of the journal."""
    claim = books.claim(books.hold(30), 20)
    books.capture(claim, 20)
    with books.database.read() as connection:
        statement = select(ledger_transactions).where(
            ledger_transactions.c.kind == "capture", ledger_transactions.c.claim_id == claim.id
        )
        row = dict(connection.execute(statement).mappings().one())
    with pytest.raises(IntegrityError):
        books.database.write(
            lambda connection: connection.execute(insert(ledger_transactions), {**row, "key": "x"})
        )
    with pytest.raises(IntegrityError):
        books.database.write(
            lambda connection: connection.execute(insert(ledger_transactions), {**row, "id": "x"})
        )


@contextmanager
def counted(database: Database) -> Iterator[list[str]]:
    statements: list[str] = []

    def count(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    event.listen(database.engine, "before_cursor_execute", count)
    yield statements
    event.remove(database.engine, "before_cursor_execute", count)


@pytest.mark.parametrize("closing", [False, True])
def test_a_group_takes_as_many_statements_as_one_request(books: Books, *, closing: bool) -> None:
    """25 to 500 rows are settled together: what grows with them are rows, never statements."""
    books.top_up(10_000)
    used: list[list[int]] = []
    for size in (2, 300):
        hold = books.hold(3 * size)
        counts = []
        with counted(books.database) as statements:
            taken = books.run(
                ledger.claim, *(ClaimRequest("ada", hold.id, f"{size}-{n}", 3) for n in range(size))
            )
        counts.append(len(statements))
        if closing:
            books.release(hold)
        with counted(books.database) as statements:
            books.run(ledger.capture, *(CaptureRequest("ada", each.id, 2) for each in taken))
        counts.append(len(statements))
        until = books.clock() + HOUR
        with counted(books.database) as statements:
            books.run(
                ledger.hold,
                *(HoldRequest("ada", f"{size}-{n}", 1, until, "p") for n in range(size)),
            )
        counts.append(len(statements))
        used.append(counts)
    assert used[0] == used[1]
    assert max(used[0]) <= 12


def test_no_statement_reads_a_whole_table(sqlite_database: Database, clock: StandingClock) -> None:
    """The plan of SQLite: an index for every look-up of a group (``IN (VALUES …)`` had none)."""
    books = Books(sqlite_database, clock)
    books.open(grant=100)
    seen: list[tuple[str, Any]] = []

    def keep(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith(("SELECT", "UPDATE")):
            seen.append((statement, parameters))

    event.listen(books.database.engine, "before_cursor_execute", keep)
    hold = books.hold(10, key="a")
    claim = books.claim(hold, 5)
    books.release(hold)
    books.capture(claim, 5)
    books.top_up(1, key="b", lasts=HOUR)
    books.balance()
    over = books.hold(1, lasts=3 * HOUR)
    books.clock.advance(2 * HOUR)
    books.release(over)
    books.top_up(1, key="c", lasts=HOUR)
    books.clock.advance(2 * HOUR)
    books.lapse()
    books.expire()
    event.remove(books.database.engine, "before_cursor_execute", keep)

    def plans(connection: Connection) -> list[str]:
        found = []
        for statement, parameters in seen:
            one = parameters[0] if isinstance(parameters, list) else parameters
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", one)
            found += [f"{row[3]} in {statement}" for row in rows]
        return found

    scans = [plan for plan in books.database.write(plans) if plan.startswith("SCAN")]
    # What was found by an index, once more: a group's keys, and the grants in their turn.
    fine = ("SCAN wanted VIRTUAL", "SCAN turn", "SCAN (subquery-")
    assert [scan for scan in scans if not scan.startswith(fine)] == []
    assert len(seen) > 15


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("UPDATE wallets SET granted = granted + 1", [("wallets", "granted")]),
        ("UPDATE wallets SET held = held - 1", [("wallets", "held")]),
        ("UPDATE wallets SET captured = captured + 1", [("wallets", "captured")]),
        ("UPDATE wallets SET expired = expired + 1", [("wallets", "expired")]),
        ("UPDATE holds SET claimed = claimed - 1", [("holds", "claimed")]),
        ("UPDATE holds SET captured = captured + 1", [("holds", "captured")]),
        ("UPDATE holds SET released = released + 1", [("holds", "released")]),
        ("UPDATE holds SET amount = amount + 1", [("holds", "amount")]),
        (
            "UPDATE holds SET claimed = amount - captured, state = 'closing'",
            [("holds", "claimed"), ("holds", "state")],
        ),
        ("UPDATE claims SET amount = amount + 1 WHERE state = 'active'", [("claims", "amount")]),
        (
            "UPDATE claims SET captured = captured - 1 WHERE state = 'captured'",
            [("claims", "captured")],
        ),
        (
            "UPDATE claims SET state = 'returned', ended_at = 0 WHERE state = 'active'",
            [("claims", "state"), ("claims", "ended_at")],
        ),
    ],
)
def test_the_audit_finds_one_micro_credit(
    database: Database, books: Books, sql: str, found: list[tuple[str, str]]
) -> None:
    hold = books.hold(50)
    books.capture(books.claim(hold, 20), 15)
    books.claim(hold, 5)
    undone = tried(database, sql, ledger.audit)
    assert [(each.what, each.field) for each in undone] == found
    assert all(each.recorded != each.derived for each in undone)


def test_the_audit_finds_entries_that_do_not_add_up_or_are_misplaced(
    database: Database, books: Books
) -> None:
    bob = books.open("bob")
    entry = {"transaction_id": books.top_up(1).transaction_id, "account": "spent", "amount": 1}

    def wrong(connection: Connection) -> list[Any]:
        connection.execute(insert(ledger_entries), {**entry, "wallet_id": bob.id})
        return ledger.audit(connection)

    undone = tried(database, "SELECT 1", wrong)
    assert {(each.what, each.field) for each in undone} == {
        ("ledger_transactions", "sum"),
        ("ledger_entries", "wallet_id"),
        ("wallets", "captured"),
    }


def test_the_audit_finds_what_the_tables_have_lost(
    sqlite_database: Database, clock: StandingClock
) -> None:
    books = Books(sqlite_database, clock)
    books.open(grant=10)
    claim = books.claim(books.hold(5), 5)

    def lose(connection: Connection) -> list[Any]:
        connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        connection.execute(text("DELETE FROM claims"))
        found = ledger.audit(connection)
        connection.rollback()
        return found

    with sqlite_database.engine.connect() as connection:
        found = lose(connection)
    assert [(each.what, each.id, each.field, each.recorded) for each in found] == [
        ("claims", claim.id, "id", None)
    ]
    assert "must be" in str(found[0])


def tried(database: Database, sql: str, look: Callable[[Connection], list[Any]]) -> list[Any]:
    """Return what ``look`` finds after ``sql``, and undo both."""
    with database.engine.connect() as connection:
        connection.execute(text(sql))
        found = look(connection)
        connection.rollback()
    return found
