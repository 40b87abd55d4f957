"""Wallets and grants."""

from __future__ import annotations

import pytest

from billing import ledger
from billing.accounts.account import wallet_id_of
from billing.ledger import Balance, StateRequest, TopUpRequest, WalletRequest
from studio import credits as money
from studio.errors import AccountRefused, Conflict, InvalidRequest
from tests.support.books import Books


def test_a_new_wallet_is_empty_and_active(books: Books) -> None:
    wallet = books.open("bob")
    assert (wallet.owner, wallet.state, wallet.available) == ("bob", "active", 0)
    assert books.balance("bob") == Balance(granted=0, captured=0, held=0, available=0)


def test_opening_again_finds_the_same_wallet_with_its_credits(books: Books) -> None:
    again = books.open()
    assert again.granted == 100
    first, second = books.run(ledger.open_wallets, WalletRequest("bob"), WalletRequest("bob"))
    assert first == second


def test_a_grant_is_available_at_once(books: Books) -> None:
    receipt = books.top_up(11)
    assert (receipt.amount, receipt.at, receipt.replayed) == (11, books.clock(), False)
    assert books.balance() == Balance(granted=111, captured=0, held=0, available=111)


def test_the_same_grant_again_is_the_first_one(books: Books) -> None:
    first = books.top_up(7, key="invoice-1")
    again = books.top_up(7, key="invoice-1")
    assert again == first
    assert (first.replayed, again.replayed) == (False, True)
    assert books.balance().granted == 107


def test_the_same_grant_twice_in_one_group_is_granted_once(books: Books) -> None:
    request = TopUpRequest("ada", "invoice-1", 7, "tester", "a test")
    first, again = books.run(ledger.top_up, request, request)
    assert again == first
    assert (first.replayed, again.replayed) == (False, True)
    assert books.balance().granted == 107


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize(
    "other",
    [
        TopUpRequest("ada", "invoice-1", 8, "tester", "a test"),
        TopUpRequest("ada", "invoice-1", 7, "somebody", "a test"),
        TopUpRequest("ada", "invoice-1", 7, "tester", "another"),
    ],
)
def test_another_grant_under_the_same_key_is_a_conflict(
    books: Books, other: TopUpRequest, *, together: bool
) -> None:
    first = TopUpRequest("ada", "invoice-1", 7, "tester", "a test")
    answers = (
        books.run(ledger.top_up, first, other)
        if together
        else books.run(ledger.top_up, first) + books.run(ledger.top_up, other)
    )
    assert isinstance(answers[1], Conflict)
    assert books.balance().granted == 107


def test_a_replay_answers_with_its_own_amount_beside_a_conflict(books: Books) -> None:
    books.top_up(7, key="invoice-1")
    same = TopUpRequest("ada", "invoice-1", 7, "tester", "a test")
    other = TopUpRequest("ada", "invoice-1", 9, "tester", "a test")
    replay, conflict = books.run(ledger.top_up, same, other)
    assert replay.amount == 7
    assert isinstance(conflict, Conflict)


def test_the_same_key_in_two_wallets_is_two_grants(books: Books) -> None:
    books.open("bob")
    books.top_up(7, key="invoice-1")
    books.top_up(9, key="invoice-1", owner="bob")
    assert (books.balance().granted, books.balance("bob").granted) == (107, 9)


def test_nobody_is_granted_credits_without_a_wallet(books: Books) -> None:
    with pytest.raises(AccountRefused, match="no wallet") as refusal:
        books.top_up(1, owner="bob")
    assert refusal.value.details["reason"] == "missing"
    with pytest.raises(AccountRefused):
        books.balance("bob")


def test_a_suspended_wallet_is_granted_nothing_until_it_is_active_again(books: Books) -> None:
    assert books.suspend().state == "suspended"
    with pytest.raises(AccountRefused, match="suspended"):
        books.top_up(1)
    books.one(ledger.set_state, StateRequest("ada", "active"))
    books.top_up(1)
    assert books.balance().granted == 101


def test_the_last_state_asked_for_in_a_group_counts(books: Books) -> None:
    answers = books.run(
        ledger.set_state,
        StateRequest("ada", "suspended"),
        StateRequest("nobody", "active"),
        StateRequest("ada", "active"),
    )
    assert answers[0].state == answers[2].state == "active"
    assert isinstance(answers[1], AccountRefused)


def test_a_wallet_takes_no_more_than_the_largest_amount(books: Books) -> None:
    room = money.MOST - 100
    fits, too_much = books.run(
        ledger.top_up,
        TopUpRequest("ada", "a", room, "tester", "a test"),
        TopUpRequest("ada", "b", 1, "tester", "a test"),
    )
    assert fits.amount == room
    assert isinstance(too_much, InvalidRequest)
    assert books.balance().granted == money.MOST


def test_who_only_looks_finds_a_wallet_without_its_lock(books: Books) -> None:
    with books.database.read() as connection:
        assert wallet_id_of(connection, "ada") == books.open().id
        with pytest.raises(AccountRefused) as refusal:
            wallet_id_of(connection, "nobody")
    assert refusal.value.details == {"owner": "nobody", "reason": "missing"}
