"""The second guard: each UPDATE names the condition under which it is right, and is held to it.

What a handler has read is changed behind its back, as if by somebody without the wallet's lock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from sqlalchemy import Connection, text

from billing import ledger
from billing.ledger import Balance, LedgerDisagrees, ReleaseRequest, Wallet, lock_wallets
from billing.ledger.journal import Account, Posting, execute_each, post
from studio import credits as money
from studio.errors import InvalidRequest
from tests.support.books import HOUR, Books


def sneak_in(monkeypatch: pytest.MonkeyPatch, module: str, sql: str) -> None:
    """Let ``sql`` happen after a handler has read and before it writes, as if without the lock."""

    def first_the_sql(connection: Connection, *arguments: Any) -> None:
        connection.execute(text(sql))
        execute_each(connection, *arguments)

    monkeypatch.setattr(f"billing.ledger.{module}.execute_each", first_the_sql)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE wallets SET granted = 29",
        "UPDATE wallets SET held = 71",
        "UPDATE wallets SET state = 'suspended'",
    ],
)
def test_a_hold_is_weighed_again_when_it_is_written(
    books: Books, sql: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sneak_in(monkeypatch, "journal", sql)
    with pytest.raises(LedgerDisagrees):
        books.hold(30)
    assert books.balance().held == 0


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE holds SET claimed = 11",
        "UPDATE holds SET released = 30, state = 'closed'",
        "UPDATE holds SET expires_at = 0",
        "UPDATE wallets SET state = 'suspended'",
        "UPDATE wallets SET owner = 'eve'",
    ],
)
def test_the_gate_decides_by_itself(
    books: Books, sql: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read before does not open the gate: its one UPDATE looks at everything again."""
    hold = books.hold(30)
    sneak_in(monkeypatch, "claims", sql)
    # Nothing is free in a hold that has ended, so that only a claim of nothing tries its state.
    with pytest.raises(LedgerDisagrees):
        books.claim(hold, 0 if "closed" in sql else 20)
    assert books.see(hold).claimed == 0


@pytest.mark.parametrize(
    ("module", "sql"),
    [
        ("settlement", "UPDATE claims SET state = 'returned', ended_at = 0"),
        ("settlement", "UPDATE claims SET amount = 19"),
        ("journal", "UPDATE holds SET claimed = 19"),
        ("journal", "UPDATE wallets SET held = 19"),
    ],
)
def test_a_claim_is_looked_at_again_when_it_is_captured(
    books: Books, module: str, sql: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = books.claim(books.hold(30), 20)
    sneak_in(monkeypatch, module, sql)
    with pytest.raises(LedgerDisagrees):
        books.capture(claim, 20)
    assert books.balance().captured == 0


@pytest.mark.parametrize("column", ["captured", "released"])
def test_the_gate_counts_whatever_is_gone_of_a_hold(
    books: Books, column: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold = books.hold(30)
    sneak_in(monkeypatch, "claims", f"UPDATE holds SET {column} = 11")  # noqa: S608 - from above
    with pytest.raises(LedgerDisagrees):
        books.claim(hold, 20)
    assert books.see(hold).claimed == 0


def test_a_hold_that_expires_this_very_moment_is_not_extended(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold = books.hold(30)
    sneak_in(monkeypatch, "holds", "UPDATE holds SET expires_at = expires_at - 3600000000")
    with pytest.raises(LedgerDisagrees):
        books.extend(hold, 2 * HOUR)
    assert books.see(hold).expires_at == hold.expires_at


def lapsing(books: Books) -> None:
    """A grant of 30: 5 are withdrawn, 15 have lapsed before, 10 came back since and lapse now."""
    books.top_up(30, key="soon", lasts=HOUR)
    books.adjust(-5)
    hold = books.hold(10)
    later = books.clock() + HOUR
    books.database.write(lambda connection: ledger.lapse(connection, later))
    books.release(hold)
    grant = books.grant("soon")
    assert (grant.allocated, grant.withdrawn, grant.expired, grant.left) == (0, 5, 15, 10)
    books.clock.advance(HOUR)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE grants SET allocated = 1 WHERE key = 'soon'",
        "UPDATE grants SET withdrawn = 6 WHERE key = 'soon'",
        "UPDATE grants SET expires_at = expires_at + 1 WHERE key = 'soon'",
        "UPDATE wallets SET captured = 101",
    ],
)
def test_a_lapse_is_weighed_again_when_it_is_written(
    books: Books, sql: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lapsing(books)
    with monkeypatch.context() as patch:
        sneak_in(patch, "journal", sql)
        with pytest.raises(LedgerDisagrees):
            books.lapse()
    assert books.grant("soon").expired == 15
    assert [grant.expired for grant in books.lapse()] == [25]


def test_nothing_leaves_a_suspended_wallet_by_whatever_way(books: Books) -> None:
    """Not into a hold, and not past holds either: the guard looks at both together."""
    wallet = books.suspend()
    ways: dict[str, dict[Account, int]] = {
        "held": {"available": -1, "held": 1},
        "spent": {"available": -1, "spent": 1},
    }
    for key, entries in ways.items():
        posting = Posting(f"txn_{key}", wallet.id, "capture", key, "f", entries)
        with pytest.raises(LedgerDisagrees):
            books.database.write(lambda c: post(c, [posting], books.clock()))  # noqa: B023 - called at once
    assert books.balance() == Balance(granted=100, captured=0, held=0, available=100)


def test_what_was_bought_is_paid_to_the_last_micro_credit_by_a_suspended_wallet(
    books: Books,
) -> None:
    claim = books.claim(books.hold(20), 20)
    books.suspend()
    books.adjust(5)
    books.capture(claim, 20)
    assert books.balance() == Balance(granted=105, captured=20, held=0, available=85)


def test_a_wallet_takes_as_much_as_there_may_be(books: Books) -> None:
    books.top_up(money.MOST - 100)
    assert books.balance().available == money.MOST
    with pytest.raises(InvalidRequest, match="more than a wallet can take"):
        books.top_up(1)
    books.open("bob", grant=100)
    with pytest.raises(InvalidRequest) as refusal:
        books.top_up(money.MOST, owner="bob")
    assert refusal.value.allowed == f"up to {money.show(money.MOST - 100)} credits more"


def meanwhile(patch: pytest.MonkeyPatch, module: str, work: Callable[[Connection], object]) -> None:
    """Let ``work`` happen after a reaper has found its candidates and before it has their lock."""

    def first_the_work(connection: Connection, owners: Iterable[str]) -> dict[str, Wallet]:
        patch.undo()
        work(connection)
        return lock_wallets(connection, owners)

    patch.setattr(f"billing.ledger.{module}.lock_wallets", first_the_work)


def test_a_hold_that_was_extended_meanwhile_is_not_reaped(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold = books.hold(30)
    books.clock.advance(HOUR)
    longer = text("UPDATE holds SET expires_at = expires_at + 1")
    with monkeypatch.context() as patch:
        meanwhile(patch, "endings", lambda connection: connection.execute(longer))
        assert books.expire() == []
    assert books.see(hold).state == "open"


def test_a_hold_that_was_released_meanwhile_is_not_reaped(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold = books.hold(30)
    books.clock.advance(HOUR)
    request = ReleaseRequest("ada", hold.id)
    with monkeypatch.context() as patch:
        meanwhile(patch, "endings", lambda connection: ledger.release(connection, [request]))
        assert books.expire() == []
    assert books.balance().available == 100


def test_what_lapsed_meanwhile_does_not_lapse_again(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    books.top_up(30, key="soon", lasts=HOUR)
    books.clock.advance(HOUR)
    with monkeypatch.context() as patch:
        meanwhile(patch, "lapses", lambda connection: ledger.lapse(connection, books.clock()))
        assert books.lapse() == []
    assert books.grant("soon").expired == 30


def test_a_hold_that_ends_by_itself_meanwhile_undoes_its_end(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold = books.hold(30)

    def closed_before(connection: Connection, *_: Any) -> None:
        connection.execute(text("UPDATE holds SET state = 'closed'"))

    with monkeypatch.context() as patch:
        patch.setattr("billing.ledger.endings.put_back", closed_before)
        with pytest.raises(LedgerDisagrees, match="1 holds had to end and 0 did"):
            books.release(hold)
    assert books.see(hold) == hold


def test_a_hold_is_weighed_again_when_it_is_released(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold = books.hold(30)
    with monkeypatch.context() as patch:
        sneak_in(patch, "journal", "UPDATE holds SET captured = 1")
        with pytest.raises(LedgerDisagrees):
            books.release(hold)
    assert books.see(hold) == hold


def test_no_more_than_was_granted_is_spent_by_whatever_way(books: Books) -> None:
    wallet = books.open()
    posting = Posting("txn_x", wallet.id, "capture", "k", "f", {"available": -101, "spent": 101})
    with pytest.raises(LedgerDisagrees):
        books.database.write(lambda connection: post(connection, [posting], books.clock()))
    assert books.balance() == Balance(granted=100, captured=0, held=0, available=100)
