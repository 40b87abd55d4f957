"""Grants that expire: which credits are spent first, and what becomes of the others."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from billing import ledger
from billing.ledger import Balance, HoldRequest, LedgerDisagrees, TopUpRequest
from billing.ledger.allocations import next_grants
from billing.ledger.grants import LONGEST_GRANT
from studio.errors import Conflict, InvalidRequest, NotEnoughCredits
from tests.integration.billing.test_journal import tried
from tests.integration.billing.test_second_guard import sneak_in
from tests.support.books import HOUR, START, Books

DAY = timedelta(days=1)


@pytest.fixture
def three(books: Books) -> Books:
    """Beside the 100 that never expire: 10 for a month, and 20 and 5 for a day."""
    books.top_up(10, key="month", lasts=30 * DAY, kind="period")
    books.top_up(20, key="day", lasts=DAY)
    books.clock.advance(HOUR)
    books.top_up(5, key="later", lasts=DAY - HOUR)
    return books


def test_what_expires_first_is_spent_first(three: Books) -> None:
    assert three.paid(three.hold(15)) == [("day", 15)]
    assert three.paid(three.hold(17)) == [("day", 5), ("later", 5), ("month", 7)]
    assert three.paid(three.hold(4)) == [("month", 3), ("key-1", 1)]
    assert three.grant("month").left == 0


def test_of_two_that_never_expire_the_older_is_spent_first(books: Books) -> None:
    books.clock.advance(HOUR)
    books.top_up(7, key="b")
    books.top_up(7, key="a")
    assert books.paid(books.hold(110)) == [("key-1", 100), ("a", 7), ("b", 3)]


def test_holds_of_one_group_are_paid_in_their_order(three: Books) -> None:
    until = three.clock() + HOUR
    holds = three.run(
        ledger.hold,
        HoldRequest("ada", "one", 18, until, "a run"),
        HoldRequest("ada", "too much", 1000, until, "a run"),
        HoldRequest("ada", "none", 0, until, "a run"),
        HoldRequest("ada", "two", 5, until, "a run"),
    )
    assert isinstance(holds[1], NotEnoughCredits)
    assert [three.paid(holds[each]) for each in (0, 2, 3)] == [
        [("day", 18)],
        [],
        [("day", 2), ("later", 3)],
    ]


def test_what_is_left_lapses_and_nothing_else(three: Books) -> None:
    three.hold(15, lasts=3 * DAY)
    three.clock.advance(DAY)
    lapsed = three.lapse()
    assert {(grant.key, grant.expired, grant.left) for grant in lapsed} == {
        ("day", 5, 0),
        ("later", 5, 0),
    }
    assert three.balance() == Balance(granted=135, captured=0, held=15, available=110, expired=10)
    assert three.lapse() == []


def test_a_balance_knows_before_the_books_do(three: Books) -> None:
    three.hold(15, lasts=3 * DAY)
    three.clock.advance(DAY - HOUR - HOUR / 3600)
    assert three.balance().expired == 0
    three.clock.advance(HOUR / 3600)
    due = Balance(granted=135, captured=0, held=15, available=110, expired=10)
    assert (three.grant("day").expired, three.balance()) == (0, due)
    three.lapse()
    assert (three.grant("day").expired, three.balance()) == (5, due)


def test_a_hold_looks_for_room_in_what_is_not_over(three: Books) -> None:
    three.clock.advance(DAY)
    with pytest.raises(NotEnoughCredits) as refusal:
        three.hold(111)
    assert refusal.value.details["available"] == 110
    assert three.paid(three.hold(110)) == [("month", 10), ("key-1", 100)]
    assert three.balance() == Balance(granted=135, captured=0, held=110, available=0, expired=25)
    assert three.lapse() == []


def test_a_hold_may_be_spent_after_its_grant_is_over(books: Books) -> None:
    books.top_up(20, key="day", lasts=DAY)
    hold = books.hold(20, lasts=3 * DAY)
    books.clock.advance(DAY)
    books.capture(books.claim(hold, 12), 12)
    assert books.balance() == Balance(granted=120, captured=12, held=8, available=100, expired=0)
    books.release(hold)
    assert books.balance() == Balance(granted=120, captured=12, held=0, available=100, expired=8)
    assert books.paid(hold) == [("day", 12)]
    assert books.grant("day").expired == 8


def test_what_returns_goes_to_the_grant_that_lasts_longest(three: Books) -> None:
    hold = three.hold(30)
    three.capture(three.claim(hold, 22), 22)
    three.release(hold)
    assert three.paid(hold) == [("day", 20), ("later", 2)]
    assert three.balance().available == 135 - 22
    assert (three.grant("later").left, three.grant("month").left) == (3, 10)


def test_of_what_returns_only_the_part_that_is_over_lapses(three: Books) -> None:
    hold = three.hold(30, lasts=3 * DAY)
    three.claim(hold, 4)
    three.clock.advance(2 * DAY)
    three.release(hold)
    # 26 return: 5 to the month, 5 and 16 to grants that are over.
    assert three.paid(hold) == [("day", 4)]
    assert three.balance() == Balance(granted=135, captured=0, held=4, available=110, expired=21)


@pytest.mark.parametrize("spent", [0, 3, None])
def test_claims_of_a_closing_hold_return_to_the_grants_too(books: Books, spent: int | None) -> None:
    books.top_up(20, key="day", lasts=DAY)
    hold = books.hold(25, lasts=3 * DAY)
    claim, other = books.claim(hold, 10), books.claim(hold, 15)
    books.release(hold)
    books.clock.advance(DAY)
    if spent is None:
        books.give_back(claim)
    else:
        books.capture(claim, spent)
    books.capture(other, 15)
    kept = 15 + (spent or 0)
    assert books.see(hold).state == "closed"
    assert books.paid(hold) == [("day", kept)]
    assert books.balance() == Balance(
        granted=120, captured=kept, held=0, available=100, expired=20 - kept
    )


def test_a_grant_lapses_as_often_as_something_returns_to_it(books: Books) -> None:
    books.top_up(20, key="day", lasts=DAY)
    holds = [books.hold(5, lasts=3 * DAY) for _ in range(3)]
    books.clock.advance(DAY)
    books.lapse()
    for hold in holds:
        books.release(hold)
    assert (books.grant("day").expired, books.balance().expired) == (20, 20)


def test_the_reaper_lets_no_more_lapse_than_its_limit(books: Books) -> None:
    for number in range(5):
        books.top_up(1, key=f"g{number}", lasts=(5 - number) * HOUR)
    books.clock.advance(DAY)
    assert {grant.key for grant in books.lapse(2)} == {"g4", "g3"}
    assert len(books.lapse(2)) == 2
    assert [grant.key for grant in books.lapse(2)] == ["g0"]


def test_grants_lapse_in_a_suspended_wallet_too(books: Books) -> None:
    books.top_up(5, key="day", lasts=DAY)
    books.suspend()
    books.clock.advance(DAY)
    assert [grant.key for grant in books.lapse()] == ["day"]


@pytest.mark.parametrize("lasts", [-HOUR, timedelta(0), LONGEST_GRANT + HOUR])
def test_credits_expire_neither_in_the_past_nor_in_another_age(
    books: Books, lasts: timedelta
) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        books.top_up(1, lasts=lasts)
    assert refusal.value.field == "expires_at"
    assert books.balance().granted == 100


def test_a_repeated_grant_is_answered_also_when_it_is_over(books: Books) -> None:
    first = books.top_up(5, key="day", lasts=DAY)
    books.clock.advance(2 * DAY)
    request = TopUpRequest("ada", "day", 5, "tester", "a test", START + DAY)
    again = books.one(ledger.top_up, request)
    assert (again, again.replayed) == (first, True)


@pytest.mark.parametrize(
    "other",
    [
        TopUpRequest("ada", "plain", 5, "tester", "a test", START + DAY),
        TopUpRequest("ada", "plain", 5, "tester", "a test", None, "period"),
        TopUpRequest("ada", "day", 5, "tester", "a test"),
        TopUpRequest("ada", "day", 5, "tester", "a test", START + 2 * DAY),
        TopUpRequest("ada", "day", 5, "tester", "a test", START + DAY, "period"),
    ],
)
def test_another_expiry_or_kind_under_the_same_key_is_a_conflict(
    books: Books, other: TopUpRequest
) -> None:
    books.top_up(5, key="plain")
    books.top_up(5, key="day", lasts=DAY)
    with pytest.raises(Conflict):
        books.one(ledger.top_up, other)


def test_a_hold_reads_no_more_grants_than_it_calls_on(books: Books) -> None:
    books.run(
        ledger.top_up,
        *(TopUpRequest("ada", f"g{n}", 2, "op", "many", START + DAY) for n in range(200)),
    )
    with books.database.read() as connection:
        turn, _ = next_grants(connection, [books.open().id], 7, books.clock())
    assert [part for _, part in turn.take(books.open().id, 7)] == [2, 2, 2, 1]
    with pytest.raises(LedgerDisagrees):  # of 200 grants, four were read
        turn.take(books.open().id, 2)


@pytest.mark.parametrize(
    ("sql", "work"),
    [
        ("UPDATE grants SET withdrawn = 71 - allocated", "hold"),
        ("UPDATE grants SET allocated = allocated - 1", "release"),
        ("UPDATE allocations SET amount = 9", "release"),
    ],
)
def test_grants_are_looked_at_again_when_they_are_written(
    books: Books, sql: str, work: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold = books.hold(10)
    sneak_in(monkeypatch, "allocations", sql)
    with pytest.raises(LedgerDisagrees):
        books.hold(30) if work == "hold" else books.release(hold)


def test_a_hold_that_no_grant_has_paid_for_cannot_return_anything(books: Books) -> None:
    hold = books.hold(10)
    with books.database.engine.connect() as connection:
        connection.execute(text("UPDATE allocations SET amount = 9"))
        with pytest.raises(LedgerDisagrees, match="gives back more"):
            ledger.release(connection, [ledger.ReleaseRequest("ada", hold.id)])
        connection.rollback()


def test_a_wallet_that_has_more_than_its_grants_places_no_hold(books: Books) -> None:
    with books.database.engine.connect() as connection:
        connection.execute(text("UPDATE grants SET withdrawn = 91"))
        request = HoldRequest("ada", "run", 10, books.clock() + HOUR, "a run")
        with pytest.raises(LedgerDisagrees, match="more than its grants"):
            ledger.hold(connection, [request])
        connection.rollback()


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("UPDATE wallets SET expired = expired + 1", {("wallets", "expired")}),
        ("UPDATE grants SET amount = amount + 1 WHERE key = 'day'", {("grants", "amount")}),
        (
            "UPDATE grants SET allocated = allocated - 1 WHERE key = 'day'",
            {("grants", "allocated")},
        ),
        ("UPDATE grants SET withdrawn = 1 WHERE amount = 100", {("grants", "withdrawn")}),
        ("UPDATE grants SET expired = expired - 1 WHERE key = 'day'", {("grants", "expired")}),
        (
            "UPDATE allocations SET amount = amount - 1 WHERE position = 0",
            {("grants", "allocated"), ("allocations", "amount")},
        ),
        ("DELETE FROM allocations", {("grants", "allocated"), ("allocations", "amount")}),
        (
            "UPDATE grants SET wallet_id = (SELECT id FROM wallets WHERE owner = 'bob')",
            {("allocations", "wallet_id"), ("grants", "wallet_id")},
        ),
    ],
)
def test_the_audit_finds_one_micro_credit_of_a_grant(
    books: Books, sql: str, found: set[tuple[str, str]]
) -> None:
    books.open("bob", grant=1)
    books.top_up(20, key="day", lasts=HOUR)
    hold = books.hold(17, lasts=3 * HOUR)
    books.clock.advance(2 * HOUR)
    books.lapse()
    books.capture(books.claim(hold, 10), 4)
    books.claim(hold, 2)
    undone = tried(books.database, sql, ledger.audit)
    assert {(each.what, each.field) for each in undone} == found
    assert all(each.recorded != each.derived for each in undone)


def test_what_lapses_for_one_wallet_of_a_group_is_not_missing_in_another(books: Books) -> None:
    books.open("bob", grant=20)
    books.top_up(30, key="soon", lasts=HOUR)
    books.clock.advance(HOUR)
    until = books.clock() + HOUR
    answers = books.run(
        ledger.hold,
        HoldRequest("ada", "run", 100, until, "a run"),
        HoldRequest("bob", "run", 20, until, "a run"),
    )
    assert [type(each).__name__ for each in answers] == ["Hold", "Hold"]
    assert books.balance().expired == 30
