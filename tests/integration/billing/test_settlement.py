"""How claims end."""

from __future__ import annotations

import pytest

from billing import ledger
from billing.ledger import Balance, CaptureRequest, ClaimRequest, GiveBackRequest
from studio.errors import AccountRefused, Conflict, HoldRefused, NotFound
from tests.support.books import HOUR, Books


def test_a_capture_spends_and_gives_the_rest_back_to_the_hold(books: Books) -> None:
    hold = books.hold(30)
    claim = books.claim(hold, 20)
    ended = books.capture(claim, 15)
    assert (ended.state, ended.captured, ended.ended_at) == ("captured", 15, books.clock())
    seen = books.see(hold)
    assert (seen.claimed, seen.captured, seen.free, seen.released) == (0, 15, 15, 0)
    assert books.balance() == Balance(granted=100, captured=15, held=15, available=70)


def test_the_rest_of_a_capture_can_be_claimed_again(books: Books) -> None:
    hold = books.hold(20)
    books.capture(books.claim(hold, 20), 15)
    assert books.claim(hold, 5).amount == 5


def test_a_capture_takes_up_to_all_and_down_to_nothing(books: Books) -> None:
    hold = books.hold(30)
    books.capture(books.claim(hold, 20), 20)
    books.capture(books.claim(hold, 10), 0)
    assert books.balance() == Balance(granted=100, captured=20, held=10, available=70)


def test_more_than_was_claimed_cannot_be_captured(books: Books) -> None:
    hold = books.hold(30)
    claim = books.claim(hold, 20)
    with pytest.raises(HoldRefused) as refusal:
        books.capture(claim, 21)
    assert refusal.value.details["reason"] == "more_than_claimed"
    assert books.see(hold).claimed == 20
    assert books.capture(claim, 20).captured == 20


def test_what_was_given_back_is_free_again(books: Books) -> None:
    hold = books.hold(30)
    ended = books.give_back(books.claim(hold, 20))
    assert (ended.state, ended.captured) == ("returned", 0)
    assert books.see(hold).free == 30
    assert books.balance() == Balance(granted=100, captured=0, held=30, available=70)


def test_the_same_end_again_changes_nothing(books: Books) -> None:
    hold = books.hold(30)
    captured, returned = books.claim(hold, 20), books.claim(hold, 10)
    first = books.capture(captured, 15)
    books.clock.advance(HOUR / 2)
    again = books.capture(captured, 15)
    assert again == first
    assert (first.replayed, again.replayed) == (False, True)
    assert books.give_back(returned) == books.give_back(returned)
    assert books.balance() == Balance(granted=100, captured=15, held=15, available=70)


def test_the_same_end_twice_in_one_group_happens_once(books: Books) -> None:
    claim = books.claim(books.hold(30), 20)
    first, again = books.run(ledger.capture, *[CaptureRequest("ada", claim.id, 15)] * 2)
    assert again == first
    assert (first.replayed, again.replayed) == (False, True)
    assert books.balance().captured == 15


@pytest.mark.parametrize("amount", [14, 16, 0])
def test_another_amount_for_a_captured_claim_is_a_conflict(books: Books, amount: int) -> None:
    claim = books.claim(books.hold(30), 20)
    books.capture(claim, 15)
    with pytest.raises(Conflict) as conflict:
        books.capture(claim, amount)
    assert conflict.value.details["state"] == "captured"
    assert books.balance().captured == 15


def test_another_amount_in_the_same_group_is_a_conflict(books: Books) -> None:
    claim = books.claim(books.hold(30), 20)
    first, other = books.run(
        ledger.capture, CaptureRequest("ada", claim.id, 15), CaptureRequest("ada", claim.id, 16)
    )
    assert first.captured == 15
    assert isinstance(other, Conflict)


@pytest.mark.parametrize("amount", [0, 15])
def test_capturing_and_giving_back_exclude_each_other(books: Books, amount: int) -> None:
    hold = books.hold(40)
    captured, returned = books.claim(hold, 20), books.claim(hold, 20)
    books.capture(captured, amount)
    books.give_back(returned)
    with pytest.raises(Conflict, match="captured"):
        books.give_back(captured)
    with pytest.raises(Conflict, match="given back"):
        books.capture(returned, amount)
    assert books.balance().captured == amount


def test_a_purchase_is_settled_after_suspension_and_after_expiry(books: Books) -> None:
    claim = books.claim(books.hold(30), 20)
    books.suspend()
    books.clock.advance(2 * HOUR)
    books.expire()
    assert books.capture(claim, 20).captured == 20
    assert books.balance() == Balance(granted=100, captured=20, held=0, available=80)


def test_claims_are_ended_by_their_owner_alone(books: Books) -> None:
    claim = books.claim(books.hold(30), 20)
    books.open("bob", grant=100)
    with pytest.raises(NotFound):
        books.capture(claim, 20, owner="bob")
    with pytest.raises(NotFound):
        books.give_back(claim, owner="bob")
    with pytest.raises(AccountRefused):
        books.capture(claim, 20, owner="nobody")
    with pytest.raises(NotFound):
        books.one(ledger.capture, CaptureRequest("ada", "claim_of_nobody", 1))


def test_one_faulty_request_leaves_its_neighbours_alone(books: Books) -> None:
    hold = books.hold(30)
    claims = books.run(ledger.claim, *(ClaimRequest("ada", hold.id, f"j{n}", 10) for n in range(3)))
    answers = books.run(
        ledger.capture,
        CaptureRequest("ada", claims[0].id, 10),
        CaptureRequest("ada", claims[1].id, 11),
        CaptureRequest("ada", "claim_of_nobody", 1),
        CaptureRequest("ada", claims[2].id, 4),
    )
    assert [getattr(answer, "captured", None) for answer in answers] == [10, None, None, 4]
    assert books.balance() == Balance(granted=100, captured=14, held=16, available=70)


def test_claims_of_several_holds_and_owners_end_in_one_group(books: Books) -> None:
    books.open("bob", grant=50)
    mine, his = books.hold(30), books.hold(50, owner="bob")
    first, second = books.claim(mine, 30), books.claim(his, 50, owner="bob")
    books.run(ledger.give_back, GiveBackRequest("bob", second.id), GiveBackRequest("ada", first.id))
    assert (books.see(mine).free, books.see(his).free) == (30, 50)
