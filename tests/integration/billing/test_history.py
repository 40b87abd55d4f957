"""The books as people read them."""

from __future__ import annotations

import pytest

from billing.ledger.history import movements
from studio.errors import AccountRefused, InvalidRequest
from tests.support.books import Books


def test_movements_come_newest_first_each_with_its_reason(books: Books) -> None:
    hold = books.hold(30, purpose="a nightly batch")
    claim = books.claim(hold, 20)
    books.capture(claim, 15)
    books.release(hold)
    with books.database.read() as connection:
        found = movements(connection, "ada", 10)
    told = {each.kind: (each.available, each.held, each.spent, each.why) for each in found}
    assert told == {
        "top_up": (100, 0, 0, "a test"),
        "hold": (-30, 30, 0, "a nightly batch"),
        "claim": (0, 0, 0, "a nightly batch"),
        "capture": (0, -15, 15, "a nightly batch"),
        "release": (15, -15, 0, "a nightly batch"),
    }
    assert sum(each.available + each.held + each.spent for each in found) == 100


def test_a_page_has_a_size_and_an_owner(books: Books) -> None:
    books.hold(1)
    with books.database.read() as connection:
        assert len(movements(connection, "ada", 1)) == 1
        for limit in (0, 501):
            with pytest.raises(InvalidRequest):
                movements(connection, "ada", limit)
        with pytest.raises(AccountRefused):
            movements(connection, "nobody", 1)
