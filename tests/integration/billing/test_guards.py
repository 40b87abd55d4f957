"""What must come before what: locks before looks, and looks before anything is written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event, select, text

from billing import ledger
from billing.accounts.tables import admissions, uses
from billing.ledger import Ledger, Request, StateRequest, TopUpRequest, WalletRequest
from studio.database import Database
from tests.support.accounts import Accounts
from tests.support.books import Books, StandingClock
from tests.support.faults import SCENES, Scene, act, fail, prepare, struck

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@contextmanager
def statements(database: Database) -> Iterator[list[tuple[str, Any]]]:
    """Yield what is sent to the database meanwhile, each statement with its parameters."""
    sent: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        sent.append((statement, parameters))

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(database.engine, "before_cursor_execute", note)


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_wallets_are_locked_before_anything_is_decided(accounts: Accounts, scene: Scene) -> None:
    prepare(accounts, scene, "ada's other")
    with struck(accounts.database.engine, 0, fail) as passed:
        act(accounts, scene, "ada's other")
    told = [name.removeprefix("before ") for name in passed if name.startswith("before ")]
    writes = [at for at, each in enumerate(told) if re.match("INSERT|UPDATE|DELETE", each)]
    lock = told.index("SELECT wallets")
    assert lock < writes[0]
    # Who reaps finds candidates first, and looks at them again under the lock.
    before, after = told[1:lock], told[lock + 1 : writes[0]]
    assert before in ([], ["SELECT holds"], ["SELECT grants"])
    assert set(before) <= set(after)


def test_a_group_of_several_kinds_locks_all_its_wallets_first(books: Books) -> None:
    """Wallet after wallet, as the handlers come by them, two groups would wait for each other."""
    books.open("bob", grant=20)
    requests: list[Request[Any]] = [
        TopUpRequest("ada", "more", 5, "op", "a test"),
        StateRequest("bob", "active"),
    ]
    with statements(books.database) as sent:
        books.database.write(lambda connection: ledger.apply(connection, requests))
    first = next(parameters for statement, parameters in sent if "FROM wallets" in statement)
    assert set(first) == {"ada", "bob"}


def test_a_group_of_one_kind_locks_its_wallets_once(books: Books) -> None:
    requests = [TopUpRequest("ada", "more", 5, "op", "a test")]
    with statements(books.database) as sent:
        books.database.write(lambda connection: ledger.apply(connection, requests))
    assert sum("FROM wallets" in statement for statement, _ in sent) == 1


def test_what_closed_holds_came_to_is_kept_with_the_next_one(accounts: Accounts) -> None:
    accounts.plan("small")
    done = accounts.ask(20, uses={"generate": 2})
    accounts.buy(done, "generate", amount=7)
    accounts.release(done)
    accounts.ask(1)
    with accounts.database.read() as connection:
        spent = select(admissions.c.spent).where(admissions.c.hold_id == done.id)
        kept = select(uses.c.count, uses.c.final).where(uses.c.hold_id == done.id)
        assert connection.execute(spent).scalar_one() == 7
        assert connection.execute(kept).one() == (1, 1)


def test_a_ledger_that_is_closed_takes_nothing_more(
    database: Database, clock: StandingClock
) -> None:
    desk = Ledger(database)
    desk.open_wallet("ada")
    desk.close()
    with pytest.raises(RuntimeError, match="closed"):
        desk.open_wallet("bob")
    with database.read() as connection:
        assert connection.execute(text("SELECT owner FROM wallets")).scalars().all() == ["ada"]


def test_a_wallet_is_opened_once_within_a_group(books: Books) -> None:
    first, second = books.run(ledger.open_wallets, WalletRequest("eve"), WalletRequest("eve"))
    assert first.id == second.id
