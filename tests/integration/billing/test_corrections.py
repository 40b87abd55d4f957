"""Adjustments and refunds: entries with author and reason, never a change of what is written."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from billing import ledger
from billing.ledger import (
    AdjustRequest,
    Balance,
    CaptureRequest,
    Claim,
    ClaimRequest,
    HoldRequest,
    LedgerDisagrees,
    RefundRequest,
)
from studio import credits as money
from studio.errors import (
    AccountRefused,
    Conflict,
    InvalidRequest,
    NotEnoughCredits,
    NotFound,
    StudioError,
)
from tests.integration.billing.test_journal import counted, tried
from tests.integration.billing.test_second_guard import sneak_in
from tests.support.books import HOUR, START, Books

DAY = timedelta(days=1)


def bought(books: Books, amount: int = 20, captured: int = 15) -> Claim:
    return books.capture(books.claim(books.hold(amount), amount), captured)


def test_an_adjustment_adds_a_grant_that_may_expire(books: Books) -> None:
    receipt = books.adjust(7, lasts=DAY)
    assert (receipt.amount, receipt.replayed) == (7, False)
    assert books.balance() == Balance(granted=107, captured=0, held=0, available=107)
    assert books.paid(books.hold(5))[0][1] == 5
    books.clock.advance(DAY)
    assert books.balance() == Balance(granted=107, captured=0, held=5, available=100, expired=2)


def test_an_adjustment_takes_what_would_be_spent_next(books: Books) -> None:
    books.top_up(10, key="day", lasts=DAY)
    books.hold(4)
    receipt = books.adjust(-9)
    assert (receipt.amount, receipt.grant_id) == (-9, None)
    assert books.balance() == Balance(granted=101, captured=0, held=4, available=97)
    day, first = books.grant("day"), books.grant("key-1")
    assert (day.allocated, day.withdrawn, day.left) == (4, 6, 0)
    assert (first.withdrawn, first.left) == (3, 97)


def test_an_adjustment_takes_nothing_that_is_held_spent_or_over(books: Books) -> None:
    books.top_up(10, key="day", lasts=DAY)
    bought(books, 20, 15)
    books.hold(5)
    books.clock.advance(DAY)
    with pytest.raises(NotEnoughCredits) as refusal:
        books.adjust(-86)
    details = refusal.value.details
    assert (details["needed"], details["available"], details["held"]) == (86, 85, 10)
    books.adjust(-85)
    assert books.balance() == Balance(granted=25, captured=15, held=10, available=0)


def test_adjustments_of_a_group_are_judged_one_after_the_other(books: Books) -> None:
    answers = books.run(
        ledger.adjust,
        AdjustRequest("ada", "a", -90, "op", "r"),
        AdjustRequest("ada", "b", -30, "op", "r"),
        AdjustRequest("ada", "c", -15, "op", "r"),
        AdjustRequest("ada", "d", 5, "op", "r"),
        AdjustRequest("bob", "e", 5, "op", "r"),
        AdjustRequest("bob", "f", -5, "op", "r"),
    )
    assert [each.amount for each in answers if not isinstance(each, StudioError)] == [-90, -15, 5]
    names = ["NotEnoughCredits", "AccountRefused", "AccountRefused"]
    assert [type(each).__name__ for each in answers if isinstance(each, StudioError)] == names
    assert books.balance().available == 0


def test_a_suspended_wallet_is_adjusted_and_refunded_too(books: Books) -> None:
    claim = bought(books)
    books.suspend()
    books.adjust(-10)
    books.adjust(3)
    books.refund(claim, 15)
    assert books.balance().granted == 108


def test_a_repeated_adjustment_happens_once(books: Books) -> None:
    for amount in (-7, 5):
        first = books.adjust(amount, key=f"case {amount}")
        again = books.adjust(amount, key=f"case {amount}")
        assert (again, first.replayed, again.replayed) == (first, False, True)
        request = AdjustRequest("ada", f"both {amount}", amount, "op", "r")
        first, again = books.run(ledger.adjust, request, request)
        assert (again, first.replayed, again.replayed) == (first, False, True)
    assert books.balance().granted == 100 - 14 + 10


@pytest.mark.parametrize(
    "other",
    [
        AdjustRequest("ada", "case", 6, "op", "r"),
        AdjustRequest("ada", "case", -5, "op", "r"),
        AdjustRequest("ada", "case", 5, "another", "r"),
        AdjustRequest("ada", "case", 5, "op", "another"),
        AdjustRequest("ada", "case", 5, "op", "r", START + DAY),
    ],
)
def test_another_adjustment_under_the_same_key_is_a_conflict(
    books: Books, other: AdjustRequest
) -> None:
    books.one(ledger.adjust, AdjustRequest("ada", "case", 5, "op", "r"))
    with pytest.raises(Conflict, match="adjustment"):
        books.one(ledger.adjust, other)


def test_a_wallet_is_not_adjusted_beyond_the_largest_amount(books: Books) -> None:
    with pytest.raises(InvalidRequest):
        books.adjust(money.MOST)
    with pytest.raises(InvalidRequest):
        books.adjust(5, lasts=-HOUR)


def test_a_refund_is_a_grant_and_the_capture_stands(books: Books) -> None:
    claim = bought(books)
    receipt = books.refund(claim, 15, key="case 1")
    assert books.grant("case 1").kind == "refund"
    assert books.grant("case 1").id == receipt.grant_id
    assert books.balance() == Balance(granted=115, captured=15, held=5, available=95)
    with books.database.read() as connection:
        assert ledger.refunded_of(connection, [claim.id, "none"]) == {claim.id: 15}
        assert ledger.refunded_of(connection, []) == {}


def test_no_more_is_refunded_than_was_spent(books: Books) -> None:
    claim = bought(books)
    books.refund(claim, 10, key="first")
    with pytest.raises(InvalidRequest, match="More would be refunded") as refusal:
        books.refund(claim, 6)
    assert "0.000005 credits" in str(refusal.value.allowed)
    first, second = books.run(
        ledger.refund,
        RefundRequest("ada", claim.id, "a", 3, "op", "r"),
        RefundRequest("ada", claim.id, "b", 3, "op", "r"),
    )
    assert first.amount == 3
    assert isinstance(second, InvalidRequest)
    assert books.balance().granted == 113


def test_a_repeated_refund_happens_once(books: Books) -> None:
    claim = bought(books)
    first = books.refund(claim, 10, key="case")
    again = books.refund(claim, 10, key="case")
    assert (again, first.replayed, again.replayed) == (first, False, True)
    request = RefundRequest("ada", claim.id, "other", 5, "op", "r")
    first, again = books.run(ledger.refund, request, request)
    assert (again, again.replayed) == (first, True)
    other = bought(books)
    for wrong in (
        RefundRequest("ada", claim.id, "other", 4, "op", "r"),
        RefundRequest("ada", other.id, "other", 5, "op", "r"),
        RefundRequest("ada", claim.id, "other", 5, "another", "r"),
        RefundRequest("ada", claim.id, "other", 5, "op", "another"),
    ):
        with pytest.raises(Conflict, match="refund"):
            books.one(ledger.refund, wrong)


def test_only_what_was_captured_is_refunded_and_only_to_its_owner(books: Books) -> None:
    hold = books.hold(20)
    active, returned = books.claim(hold, 5), books.give_back(books.claim(hold, 5))
    for claim in (active, returned):
        with pytest.raises(Conflict, match="Nothing was spent"):
            books.refund(claim, 1)
    free = books.capture(books.claim(hold, 0), 0)
    with pytest.raises(InvalidRequest):
        books.refund(free, 1)
    books.open("bob")
    with pytest.raises(NotFound):
        books.one(ledger.refund, RefundRequest("bob", active.id, "k", 1, "op", "r"))
    with pytest.raises(AccountRefused):
        books.one(ledger.refund, RefundRequest("cyd", active.id, "k", 1, "op", "r"))


@pytest.mark.parametrize(
    ("lasts", "passed", "expected"),
    [
        ([DAY], HOUR, START + DAY),
        ([DAY, 3 * DAY], HOUR, START + 3 * DAY),
        ([DAY, None], HOUR, None),
        ([DAY, 3 * DAY], 2 * DAY, START + 3 * DAY),
        ([DAY], DAY, START + DAY + 31 * DAY),
    ],
)
def test_a_refund_lasts_as_long_as_what_paid(
    books: Books, lasts: list[timedelta | None], passed: timedelta, expected: object
) -> None:
    books.adjust(-100)
    for number, each in enumerate(lasts):
        books.top_up(10, key=f"g{number}", lasts=each)
    claim = bought(books, 10 * len(lasts), 10 * len(lasts))
    books.clock.advance(passed)
    books.refund(claim, 3, key="case")
    assert books.grant("case").expires_at == expected


def test_corrections_come_between_what_is_returned_and_what_is_taken(books: Books) -> None:
    claim, old = books.claim(books.hold(20), 20), books.hold(80)
    until = books.clock() + HOUR
    answers = books.run(
        ledger.apply,
        HoldRequest("ada", "run", 11, until, "a run"),
        RefundRequest("ada", claim.id, "sorry", 20, "op", "r"),
        AdjustRequest("ada", "less", -90, "op", "r"),
        ledger.ReleaseRequest("ada", old.id),
        CaptureRequest("ada", claim.id, 20),
        AdjustRequest("ada", "more", 1, "op", "r"),
    )
    names = [type(each).__name__ for each in answers]
    assert names == ["Hold", "Receipt", "NotEnoughCredits", "Hold", "Claim", "Receipt"]
    assert books.balance() == Balance(granted=121, captured=20, held=11, available=90)


def test_corrections_take_as_many_statements_as_one(books: Books) -> None:
    books.top_up(10_000)
    used = []
    for size in (2, 100):
        hold = books.hold(3 * size)
        taken = books.run(
            ledger.claim, *(ClaimRequest("ada", hold.id, f"{size}-{n}", 3) for n in range(size))
        )
        books.run(ledger.capture, *(CaptureRequest("ada", each.id, 2) for each in taken))
        with counted(books.database) as statements:
            books.run(
                ledger.refund,
                *(RefundRequest("ada", each.id, each.key, 1, "op", "r") for each in taken),
            )
            books.run(
                ledger.adjust,
                *(AdjustRequest("ada", f"{size}+{n}", 1, "op", "r") for n in range(size)),
                *(AdjustRequest("ada", f"{size}-{n}", -1, "op", "r") for n in range(size)),
            )
        used.append(len(statements))
    assert used[0] == used[1]


@pytest.mark.parametrize("sql", ["UPDATE wallets SET held = 95", "UPDATE wallets SET granted = 4"])
def test_an_adjustment_is_weighed_again_when_it_is_written(
    books: Books, sql: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sneak_in(monkeypatch, "journal", sql)
    with pytest.raises(LedgerDisagrees):
        books.adjust(-10)


def test_grants_are_looked_at_again_when_an_adjustment_takes(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    sneak_in(monkeypatch, "allocations", "UPDATE grants SET allocated = 95")
    with pytest.raises(LedgerDisagrees):
        books.adjust(-10)


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        (
            "UPDATE withdrawals SET amount = amount + 1",
            {("grants", "withdrawn"), ("withdrawals", "amount")},
        ),
        ("DELETE FROM withdrawals", {("grants", "withdrawn"), ("withdrawals", "amount")}),
        (
            "UPDATE grants SET withdrawn = withdrawn - 1 WHERE withdrawn > 0",
            {("grants", "withdrawn")},
        ),
        ("UPDATE grants SET amount = amount + 1 WHERE kind = 'refund'", {("grants", "amount")}),
        ("UPDATE grants SET amount = amount + 1 WHERE kind = 'adjustment'", {("grants", "amount")}),
        (
            "UPDATE grants SET wallet_id = (SELECT max(id) FROM wallets) WHERE withdrawn > 0",
            {("allocations", "wallet_id"), ("withdrawals", "wallet_id"), ("grants", "wallet_id")},
        ),
    ],
)
def test_the_audit_finds_one_micro_credit_of_a_correction(
    books: Books, sql: str, found: set[tuple[str, str]]
) -> None:
    books.open("bob")
    books.refund(bought(books), 5)
    books.adjust(3)
    books.adjust(-9)
    undone = tried(books.database, sql, ledger.audit)
    assert {(each.what, each.field) for each in undone} == found
    assert all(each.recorded != each.derived for each in undone)


def test_a_claim_is_found_by_the_callers_key(books: Books) -> None:
    claim = books.claim(books.hold(5), 5, key="job-1")
    books.open("bob")
    books.hold(1)
    with books.database.read() as connection:
        assert ledger.claim_with_key(connection, "ada", "job-1") == claim
        assert ledger.claim_with_key(connection, "bob", "job-1") is None
        assert ledger.claim_with_key(connection, "ada", "job-2") is None


def test_withdrawals_are_of_something(books: Books) -> None:
    books.adjust(-9)
    with pytest.raises(Exception, match="ck_withdrawals_amount"):
        books.database.write(lambda c: c.execute(text("UPDATE withdrawals SET amount = 0")))


def test_refunds_of_a_group_may_come_to_all_that_was_captured(books: Books) -> None:
    claim = bought(books, 10, 10)
    four, six = (RefundRequest("ada", claim.id, str(n), n, "op", "r") for n in (4, 6))
    assert [each.amount for each in books.run(ledger.refund, four, six)] == [4, 6]
    with pytest.raises(InvalidRequest):
        books.refund(claim, 1)
