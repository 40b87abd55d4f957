"""The gate."""

from __future__ import annotations

import pytest

from billing import ledger
from billing.ledger import Balance, Claim, ClaimRequest, Hold
from studio.errors import AccountRefused, Conflict, HoldRefused
from tests.support.books import HOUR, Books


def request(hold: Hold, key: str, amount: int, *, owner: str = "ada") -> ClaimRequest:
    return ClaimRequest(owner, hold.id, key, amount)


def reason_of(books: Books, hold: Hold, amount: int, *, owner: str = "ada") -> str:
    with pytest.raises(HoldRefused) as refusal:
        books.claim(hold, amount, owner=owner)
    return str(refusal.value.details["reason"])


def test_a_claim_takes_from_the_holds_free_part_and_not_from_the_wallet(books: Books) -> None:
    hold = books.hold(30)
    claim = books.claim(hold, 20)
    assert (claim.state, claim.amount, claim.captured) == ("active", 20, 0)
    seen = books.see(hold)
    assert (seen.claimed, seen.free) == (20, 10)
    assert books.balance() == Balance(granted=100, captured=0, held=30, available=70)


def test_claims_reach_the_whole_hold_and_not_one_micro_credit_more(books: Books) -> None:
    hold = books.hold(30)
    books.claim(hold, 29)
    assert reason_of(books, hold, 2) == "too_small"
    books.claim(hold, 1)
    assert books.see(hold).free == 0
    assert reason_of(books, hold, 1) == "too_small"


def test_a_group_that_fits_together_is_given_together(books: Books) -> None:
    hold = books.hold(100)
    answers = books.run(ledger.claim, *(request(hold, f"job-{n}", 4) for n in range(25)))
    assert all(isinstance(answer, Claim) for answer in answers)
    assert books.see(hold).claimed == 100


def test_a_group_that_does_not_fit_is_given_in_its_order(books: Books) -> None:
    hold = books.hold(10)
    answers = books.run(
        ledger.claim,
        request(hold, "a", 6),
        request(hold, "b", 5),
        request(hold, "c", 4),
        request(hold, "d", 1),
        request(hold, "e", 0),
    )
    assert [isinstance(answer, Claim) for answer in answers] == [True, False, True, False, True]
    assert answers[1].details["free"] == 4
    assert answers[1].details["needed"] == 5
    assert books.see(hold).claimed == 10


def test_the_holds_of_a_group_do_not_share_their_credits(books: Books) -> None:
    small, large = books.hold(1), books.hold(50)
    refused, given = books.run(ledger.claim, request(small, "a", 2), request(large, "b", 50))
    assert isinstance(refused, HoldRefused)
    assert given.hold_id == large.id


def test_the_gate_is_shut_for_a_hold_that_ended(books: Books) -> None:
    closed, closing = books.hold(5), books.hold(5)
    books.claim(closing, 1)
    books.release(closed)
    books.release(closing)
    assert reason_of(books, closed, 0) == "closed"
    assert reason_of(books, closing, 0) == "closing"


def test_the_gate_is_shut_from_the_moment_of_expiry_on(books: Books) -> None:
    hold = books.hold(5)
    books.clock.advance(HOUR - HOUR / 3600)
    books.claim(hold, 1)
    books.clock.advance(HOUR / 3600)
    assert reason_of(books, hold, 0) == "expired"


def test_the_gate_is_shut_for_a_stranger_as_if_the_hold_were_not_there(books: Books) -> None:
    hold = books.hold(5)
    books.open("bob", grant=5)
    assert reason_of(books, hold, 0, owner="bob") == "missing"
    with pytest.raises(HoldRefused) as refusal:
        books.one(ledger.claim, ClaimRequest("ada", "hold_of_nobody", "k", 0))
    assert refusal.value.details["reason"] == "missing"


def test_the_gate_is_shut_without_a_wallet_and_with_a_suspended_one(books: Books) -> None:
    hold = books.hold(5)
    with pytest.raises(AccountRefused):
        books.claim(hold, 0, owner="bob")
    books.suspend()
    with pytest.raises(AccountRefused):
        books.claim(hold, 0)


def test_the_same_claim_again_is_the_first_one_and_says_so(books: Books) -> None:
    hold = books.hold(30)
    first = books.claim(hold, 20, key="job-1")
    again = books.claim(hold, 20, key="job-1")
    assert again == first
    assert (first.replayed, again.replayed) == (False, True)
    assert books.see(hold).claimed == 20


def test_the_same_claim_twice_in_one_group_is_given_once(books: Books) -> None:
    hold = books.hold(30)
    first, again = books.run(ledger.claim, request(hold, "a", 20), request(hold, "a", 20))
    assert again == first
    assert again.replayed
    assert books.see(hold).claimed == 20


def test_a_replayed_claim_shows_how_it_ended(books: Books) -> None:
    hold = books.hold(30)
    ended = books.capture(books.claim(hold, 20, key="job-1"), 15)
    again = books.claim(hold, 20, key="job-1")
    assert again == ended
    assert again.replayed


@pytest.mark.parametrize("together", [True, False])
def test_another_claim_under_the_same_key_is_a_conflict(books: Books, *, together: bool) -> None:
    hold, second = books.hold(30), books.hold(30)
    others = [request(hold, "a", 19), request(second, "a", 20)]
    if together:
        answers = books.run(ledger.claim, request(hold, "a", 20), *others)[1:]
    else:
        books.claim(hold, 20, key="a")
        answers = books.run(ledger.claim, *others)
    assert [type(answer) for answer in answers] == [Conflict, Conflict]
    assert (books.see(hold).claimed, books.see(second).claimed) == (20, 0)


def test_a_claim_of_nothing_passes_the_same_gate(books: Books) -> None:
    hold = books.hold(0)
    assert books.claim(hold, 0).state == "active"
    assert reason_of(books, hold, 1) == "too_small"


def test_a_claim_is_shown_to_its_owner_alone(books: Books) -> None:
    claim = books.claim(books.hold(5), 5)
    with books.database.read() as connection:
        assert ledger.claim_of(connection, "ada", claim.id) == claim
        assert ledger.claim_of(connection, "bob", claim.id) is None
        assert ledger.claim_of(connection, "ada", "claim_of_nobody") is None
