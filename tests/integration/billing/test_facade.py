"""The ledger for callers without a transaction."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, text

from billing import ledger
from billing.ledger import (
    Balance,
    CaptureRequest,
    ClaimRequest,
    GiveBackRequest,
    HoldRequest,
    Ledger,
    ReleaseRequest,
    Request,
    TopUpRequest,
    WalletRequest,
)
from studio.database import Database, GroupCommit
from studio.errors import AccountRefused, Conflict, HoldRefused, NotEnoughCredits, NotFound
from tests.support.books import HOUR, Books, StandingClock


@pytest.fixture
def desk(database: Database, clock: StandingClock) -> Iterator[Ledger]:
    desk = Ledger(database)
    desk.open_wallet("ada")
    desk.top_up("ada", 100, key="grant", author="op", reason="a test")
    yield desk
    assert desk.audit() == []
    desk.close()


def test_a_run_from_its_hold_to_its_release(desk: Ledger, clock: StandingClock) -> None:
    hold = desk.hold("ada", 50, key="run", expires_at=clock() + HOUR, purpose="a run")
    bought = desk.claim("ada", hold.id, 20, key="job 1")
    failed = desk.claim("ada", hold.id, 20, key="job 2")
    desk.capture("ada", bought.id, 15)
    desk.give_back("ada", failed.id)
    assert desk.extend("ada", hold.id, clock() + 2 * HOUR).expires_at == clock() + 2 * HOUR
    assert desk.release("ada", hold.id).state == "closed"
    assert desk.hold_of("ada", hold.id).captured == 15
    assert desk.balance("ada") == Balance(granted=100, captured=15, held=0, available=85)


def test_corrections_of_a_wallet(desk: Ledger, clock: StandingClock) -> None:
    hold = desk.hold("ada", 50, key="run", expires_at=clock() + HOUR, purpose="a run")
    claim = desk.capture("ada", desk.claim("ada", hold.id, 20, key="job").id, 15)
    desk.adjust("ada", -10, key="less", author="op", reason="typed twice")
    desk.adjust("ada", 5, key="more", author="op", reason="sorry", expires_at=clock() + HOUR)
    refund = desk.refund("ada", claim.id, 15, key="case", author="op", reason="it was bad")
    assert refund.amount == 15
    assert desk.balance("ada") == Balance(granted=110, captured=15, held=35, available=60)


def test_refusals_are_raised(desk: Ledger, clock: StandingClock) -> None:
    until = clock() + HOUR
    with pytest.raises(NotEnoughCredits):
        desk.hold("ada", 101, key="run", expires_at=until, purpose="a run")
    with pytest.raises(AccountRefused):
        desk.hold("bob", 0, key="run", expires_at=until, purpose="a run")
    with pytest.raises(NotFound):
        desk.release("ada", "hold_of_nobody")
    with pytest.raises(HoldRefused):
        desk.claim("ada", "hold_of_nobody", 0, key="job")
    with pytest.raises(Conflict):
        desk.top_up("ada", 101, key="grant", author="op", reason="a test")
    desk.set_state("ada", "suspended")
    with pytest.raises(AccountRefused):
        desk.hold("ada", 0, key="run", expires_at=until, purpose="a run")


def test_the_reaper_goes_on_until_nothing_is_due(desk: Ledger, clock: StandingClock) -> None:
    for number in range(7):
        desk.hold("ada", 1, key=str(number), expires_at=clock() + HOUR, purpose="a run")
    clock.advance(timedelta(hours=2))
    assert len(desk.expire(limit=3)) == 7
    assert desk.balance("ada").held == 0


def test_grants_lapse_until_nothing_is_due(desk: Ledger, clock: StandingClock) -> None:
    for number in range(7):
        desk.top_up(
            *("ada", 1),
            key=str(number),
            author="op",
            reason="a month",
            expires_at=clock() + HOUR,
            kind="period",
        )
    clock.advance(HOUR)
    assert len(desk.lapse(limit=3)) == 7
    assert desk.balance("ada") == Balance(granted=107, captured=0, held=0, available=100, expired=7)


def test_futures_are_answered_each_with_its_own(desk: Ledger, clock: StandingClock) -> None:
    until = clock() + HOUR
    requests = [HoldRequest("ada", str(number), number, until, "x") for number in range(30)]
    futures = [desk.submit(request) for request in requests]
    held = 0
    for request, future in zip(requests, futures, strict=True):
        if future.exception() is None:
            assert future.result().key == request.key
            held += future.result().amount
        else:
            assert isinstance(future.exception(), NotEnoughCredits)
    assert desk.balance("ada").held == held <= 100


def test_threads_share_the_group(desk: Ledger, clock: StandingClock) -> None:
    def spend(number: int) -> int:
        hold = desk.hold("ada", 3, key=str(number), expires_at=clock() + HOUR, purpose="a run")
        claim = desk.claim("ada", hold.id, 3, key=str(number))
        return desk.capture("ada", claim.id, 2).captured

    with ThreadPoolExecutor(16) as threads:
        assert sum(threads.map(spend, range(33))) == 66
    assert desk.balance("ada").captured == 66


def test_what_brings_credits_goes_before_what_takes_them(books: Books) -> None:
    old = books.hold(100)
    spent, returned = books.claim(old, 40), books.claim(old, 40)
    until = books.clock() + HOUR
    answers = books.run(
        ledger.apply,
        ClaimRequest("ada", old.id, "late", 1),
        HoldRequest("ada", "run", 160, until, "a run"),
        HoldRequest("cyd", "run", 5, until, "a run"),
        ReleaseRequest("ada", old.id),
        GiveBackRequest("ada", returned.id),
        CaptureRequest("ada", spent.id, 40),
        TopUpRequest("ada", "more", 100, "op", "a test"),
        TopUpRequest("cyd", "more", 5, "op", "a test"),
        WalletRequest("cyd"),
    )
    names = [type(answer).__name__ for answer in answers]
    assert names == [
        *("HoldRefused", "Hold", "Hold", "Hold", "Claim", "Claim", "Receipt", "Receipt", "Wallet")
    ]
    assert books.balance() == Balance(granted=200, captured=40, held=160, available=0)


def test_what_the_ledger_does_not_know_is_a_mistake(books: Books) -> None:
    with pytest.raises(TypeError, match="knows no Request"):
        books.run(ledger.apply, Request("ada"))


@pytest.mark.parametrize(
    "handler",
    [
        *(ledger.apply, ledger.open_wallets, ledger.set_state, ledger.top_up, ledger.hold),
        *(ledger.adjust, ledger.refund),
        *(ledger.claim, ledger.capture, ledger.give_back, ledger.release, ledger.extend),
    ],
)
def test_no_requests_have_no_answers(books: Books, handler: Any) -> None:
    assert books.run(handler) == []


def test_a_shared_group_commit_is_left_open(sqlite_database: Database) -> None:
    group = GroupCommit(sqlite_database)
    desk = Ledger(sqlite_database, group=group)
    desk.open_wallet("ada")
    desk.close()
    assert desk.open_wallet("ada").owner == "ada"
    group.close()


def test_handlers_join_the_callers_transaction(books: Books) -> None:
    """Asset, capture and job are one transaction: if anything else fails, nothing was captured."""
    claim = books.claim(books.hold(30), 20)

    def settle(connection: Connection) -> None:
        (ended,) = ledger.capture(connection, [CaptureRequest("ada", claim.id, 15)])
        assert getattr(ended, "captured", None) == 15
        connection.execute(text("UPDATE wallets SET state = 'no such state'"))

    with pytest.raises(Exception, match="state"):
        books.database.write(settle)
    assert books.balance() == Balance(granted=100, captured=0, held=30, available=70)
    assert books.capture(claim, 15).captured == 15
