"""How holds end."""

from __future__ import annotations

import pytest

from billing import ledger
from billing.ledger import Balance, CaptureRequest, ClaimRequest, Hold, ReleaseRequest
from studio.errors import AccountRefused, NotFound
from tests.support.books import HOUR, Books


def parts(hold: Hold) -> tuple[str, int, int, int, int]:
    return hold.state, hold.free, hold.claimed, hold.captured, hold.released


def test_releasing_returns_what_is_free_and_keeps_what_was_spent(books: Books) -> None:
    hold = books.hold(30)
    books.capture(books.claim(hold, 20), 15)
    assert parts(books.release(hold)) == ("closed", 0, 0, 15, 15)
    assert books.balance() == Balance(granted=100, captured=15, held=0, available=85)


def test_claims_under_way_keep_exactly_their_part(books: Books) -> None:
    hold = books.hold(30)
    books.claim(hold, 12)
    assert parts(books.release(hold)) == ("closing", 0, 12, 0, 18)
    assert books.balance() == Balance(granted=100, captured=0, held=12, available=88)


def test_the_end_of_the_last_claim_closes_the_hold(books: Books) -> None:
    hold = books.hold(30)
    first, second, free = books.claim(hold, 12), books.claim(hold, 8), books.claim(hold, 0)
    books.release(hold)
    books.capture(first, 10)
    assert parts(books.see(hold)) == ("closing", 0, 8, 10, 12)
    books.give_back(second)
    assert parts(books.see(hold)) == ("closing", 0, 0, 10, 20)
    books.capture(free, 0)
    assert parts(books.see(hold)) == ("closed", 0, 0, 10, 20)
    assert books.balance() == Balance(granted=100, captured=10, held=0, available=90)


def test_a_group_that_ends_all_claims_closes_the_hold(books: Books) -> None:
    hold = books.hold(30)
    claims = books.run(ledger.claim, *(ClaimRequest("ada", hold.id, f"j{n}", 3) for n in range(9)))
    books.release(hold)
    books.run(ledger.capture, *(CaptureRequest("ada", claim.id, 2) for claim in claims))
    assert parts(books.see(hold)) == ("closed", 0, 0, 18, 12)


def test_releasing_again_changes_nothing(books: Books) -> None:
    hold, busy = books.hold(30), books.hold(30)
    books.claim(busy, 10)
    assert books.release(hold) == books.release(hold)
    assert books.release(busy) == books.release(busy)
    first, second = books.run(ledger.release, *[ReleaseRequest("ada", hold.id)] * 2)
    assert first == second
    assert books.balance().held == 10


def test_the_same_release_twice_in_one_group_happens_once(books: Books) -> None:
    hold = books.hold(30)
    first, second = books.run(ledger.release, *[ReleaseRequest("ada", hold.id)] * 2)
    assert first == second
    assert books.balance().held == 0


def test_holds_are_released_by_their_owner_alone(books: Books) -> None:
    hold = books.hold(30)
    books.open("bob")
    with pytest.raises(NotFound):
        books.release(hold, owner="bob")
    with pytest.raises(AccountRefused):
        books.release(hold, owner="nobody")
    assert books.see(hold).state == "open"


def test_a_suspended_wallet_gets_its_credits_back(books: Books) -> None:
    hold = books.hold(30)
    books.suspend()
    books.release(hold)
    assert books.balance().available == 100


def test_the_reaper_ends_what_has_expired_and_nothing_else(books: Books) -> None:
    due, busy, later = books.hold(10), books.hold(20), books.hold(30, lasts=2 * HOUR)
    books.claim(busy, 5)
    books.clock.advance(HOUR - HOUR / 3600)
    assert books.expire() == []
    books.clock.advance(HOUR / 3600)
    assert {hold.id: hold.state for hold in books.expire()} == {
        due.id: "closed",
        busy.id: "closing",
    }
    assert books.see(later).state == "open"
    assert books.balance() == Balance(granted=100, captured=0, held=35, available=65)
    assert books.expire() == []


def test_the_reaper_takes_the_oldest_first_and_no_more_than_its_limit(books: Books) -> None:
    holds = [books.hold(1, lasts=HOUR * (5 - n)) for n in range(5)]
    books.clock.advance(10 * HOUR)
    assert {hold.id for hold in books.expire(2)} == {holds[4].id, holds[3].id}
    assert len(books.expire(2)) == 2
    assert [hold.id for hold in books.expire(2)] == [holds[0].id]


def test_the_reaper_leaves_what_was_extended_or_released(books: Books) -> None:
    extended, released = books.hold(10), books.hold(20)
    books.extend(extended, 3 * HOUR)
    books.release(released)
    books.clock.advance(2 * HOUR)
    assert books.expire() == []


def test_releasing_what_the_reaper_ended_answers_with_it(books: Books) -> None:
    hold = books.hold(10)
    books.clock.advance(HOUR)
    (expired,) = books.expire()
    assert books.release(hold) == expired


def test_the_reaper_works_for_all_wallets_also_suspended_ones(books: Books) -> None:
    books.open("bob", grant=10)
    books.hold(10)
    books.hold(10, owner="bob")
    books.suspend("bob")
    books.clock.advance(HOUR)
    assert {hold.owner for hold in books.expire()} == {"ada", "bob"}
    assert books.balance("bob").available == 10
