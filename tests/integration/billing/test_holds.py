"""Setting credits aside, and for how long."""

from __future__ import annotations

from datetime import timedelta

import pytest

from billing import ledger
from billing.ledger import LONGEST_HOLD, Balance, ExtendRequest, HoldRequest
from studio.errors import (
    AccountRefused,
    Conflict,
    HoldRefused,
    InvalidRequest,
    NotEnoughCredits,
    NotFound,
)
from tests.support.books import HOUR, Books

MICROSECOND = timedelta(microseconds=1)


def request(books: Books, key: str, amount: int, *, owner: str = "ada") -> HoldRequest:
    return HoldRequest(owner, key, amount, books.clock() + HOUR, "a run")


def test_what_is_held_is_not_available(books: Books) -> None:
    hold = books.hold(30)
    assert (hold.amount, hold.free, hold.state) == (30, 30, "open")
    assert books.see(hold) == hold
    assert books.balance() == Balance(granted=100, captured=0, held=30, available=70)


def test_everything_can_be_held_and_not_one_micro_credit_more(books: Books) -> None:
    books.hold(99)
    with pytest.raises(NotEnoughCredits):
        books.hold(2)
    books.hold(1)
    assert books.balance().available == 0


def test_the_refusal_says_what_is_missing_and_how_to_go_on(books: Books) -> None:
    books.top_up(9_999_900)
    books.hold(4_000_000)
    with pytest.raises(NotEnoughCredits) as refusal:
        books.hold(12_500_000)
    assert refusal.value.details == {
        "needed": 12_500_000,
        "available": 6_000_000,
        "held": 4_000_000,
    }
    assert "12.5 credits" in refusal.value.message
    assert "6 are available" in refusal.value.message
    assert "4 are held" in refusal.value.message
    assert "studio account top-up" in refusal.value.message


def test_in_a_group_each_is_judged_after_those_before_it(books: Books) -> None:
    answers = books.run(
        ledger.hold,
        request(books, "a", 60),
        request(books, "b", 50),
        request(books, "c", 40),
        request(books, "d", 1),
    )
    assert [type(answer).__name__ for answer in answers] == [
        "Hold",
        "NotEnoughCredits",
        "Hold",
        "NotEnoughCredits",
    ]
    assert answers[1].details == {"needed": 50, "available": 40, "held": 60}
    assert books.balance() == Balance(granted=100, captured=0, held=100, available=0)


def test_wallets_in_one_group_do_not_share_their_credits(books: Books) -> None:
    books.open("bob", grant=10)
    ada, bob, poor = books.run(
        ledger.hold,
        request(books, "a", 100),
        request(books, "a", 10, owner="bob"),
        request(books, "b", 1, owner="bob"),
    )
    assert (ada.owner, bob.owner) == ("ada", "bob")
    assert isinstance(poor, NotEnoughCredits)


def test_the_same_hold_again_is_the_first_one_whatever_its_expiry(books: Books) -> None:
    first = books.hold(30, key="run-1")
    books.clock.advance(timedelta(minutes=5))
    again = books.hold(30, key="run-1")
    assert again == first
    assert (first.replayed, again.replayed) == (False, True)
    assert books.balance().held == 30


def test_the_same_hold_twice_in_one_group_holds_once(books: Books) -> None:
    first, again = books.run(ledger.hold, request(books, "a", 60), request(books, "a", 60))
    assert again == first
    assert again.replayed
    assert books.balance().held == 60


def test_a_replay_shows_what_became_of_the_hold(books: Books) -> None:
    first = books.hold(30, key="run-1")
    books.release(first)
    again = books.hold(30, key="run-1")
    assert (again.id, again.state, again.replayed) == (first.id, "closed", True)
    assert books.balance().held == 0


@pytest.mark.parametrize(("amount", "purpose"), [(31, "a run"), (30, "another")])
def test_another_hold_under_the_same_key_is_a_conflict(
    books: Books, amount: int, purpose: str
) -> None:
    books.hold(30, key="run-1")
    with pytest.raises(Conflict):
        books.hold(amount, key="run-1", purpose=purpose)
    assert books.balance().held == 30


def test_a_conflict_in_the_same_group_leaves_the_first(books: Books) -> None:
    first, other = books.run(ledger.hold, request(books, "a", 60), request(books, "a", 20))
    assert first.amount == 60
    assert isinstance(other, Conflict)
    assert books.balance().held == 60


def test_a_refusal_is_not_remembered(books: Books) -> None:
    with pytest.raises(NotEnoughCredits):
        books.hold(101, key="run-1")
    books.top_up(1)
    assert not books.hold(101, key="run-1").replayed


def test_nothing_can_be_held_without_a_wallet_or_with_a_suspended_one(books: Books) -> None:
    with pytest.raises(AccountRefused) as missing:
        books.hold(0, owner="bob")
    books.suspend()
    with pytest.raises(AccountRefused) as suspended:
        books.hold(0)
    reasons = (missing.value.details["reason"], suspended.value.details["reason"])
    assert reasons == ("missing", "suspended")


def test_a_suspended_wallet_still_answers_for_what_it_holds(books: Books) -> None:
    first = books.hold(30, key="run-1")
    books.suspend()
    assert books.hold(30, key="run-1") == first


def test_a_hold_of_nothing_is_legal_and_still_needs_a_wallet(books: Books) -> None:
    assert books.hold(0).state == "open"
    assert books.balance().held == 0


@pytest.mark.parametrize("lasts", [timedelta(0), -MICROSECOND, LONGEST_HOLD + MICROSECOND])
def test_an_expiry_is_after_now_and_within_a_month(books: Books, lasts: timedelta) -> None:
    with pytest.raises(InvalidRequest):
        books.hold(1, lasts=lasts)
    books.hold(1, lasts=MICROSECOND)
    books.hold(1, lasts=LONGEST_HOLD)
    assert timedelta(days=31) == LONGEST_HOLD


def test_extending_moves_the_expiry_and_never_back(books: Books) -> None:
    hold = books.hold(30)
    longer = books.extend(hold, 3 * HOUR)
    assert longer.expires_at == books.clock() + 3 * HOUR
    assert books.extend(hold, 2 * HOUR).expires_at == longer.expires_at
    assert books.see(hold).expires_at == longer.expires_at


def test_the_longest_extension_of_a_group_counts(books: Books) -> None:
    hold = books.hold(30)
    until = [books.clock() + hours * HOUR for hours in (2, 4, 3)]
    answers = books.run(ledger.extend, *(ExtendRequest("ada", hold.id, each) for each in until))
    assert {answer.expires_at for answer in answers} == {until[1]}


def test_a_hold_that_ended_or_expired_is_not_extended(books: Books) -> None:
    closed, closing, expired = books.hold(1), books.hold(1), books.hold(1)
    books.claim(closing, 1)
    books.release(closed)
    books.release(closing)
    books.clock.advance(HOUR)
    for hold, reason in ((closed, "closed"), (closing, "closing"), (expired, "expired")):
        with pytest.raises(HoldRefused) as refusal:
            books.extend(hold, HOUR)
        assert refusal.value.details["reason"] == reason


def test_extending_is_refused_for_strangers_and_suspended_wallets(books: Books) -> None:
    hold = books.hold(1)
    books.open("bob")
    with pytest.raises(NotFound):
        books.extend(hold, HOUR, owner="bob")
    with pytest.raises(InvalidRequest):
        books.extend(hold, LONGEST_HOLD + MICROSECOND)
    books.suspend()
    with pytest.raises(AccountRefused):
        books.extend(hold, 2 * HOUR)


def test_a_hold_is_shown_to_its_owner_alone(books: Books) -> None:
    hold = books.hold(1)
    with books.database.read() as connection:
        with pytest.raises(NotFound):
            ledger.hold_of(connection, "bob", hold.id)
        with pytest.raises(NotFound):
            ledger.hold_of(connection, "ada", "hold_of_nobody")


def test_holds_that_have_not_ended_are_listed_by_expiry(books: Books) -> None:
    late = books.hold(1, lasts=3 * HOUR)
    early = books.hold(1, lasts=HOUR)
    books.release(books.hold(1))
    books.open("bob", grant=1)
    books.hold(1, owner="bob")
    with books.database.read() as connection:
        assert ledger.holds_of(connection, "ada") == [early, late]
        assert ledger.holds_of(connection, "ada", limit=1) == [early]
