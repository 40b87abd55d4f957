"""What an account's people are told of or asked about: set, noted down, and taken back."""

from __future__ import annotations

import pytest

from billing.accounts.account import account_of
from billing.accounts.alerts import set_approval, set_low_balance
from billing.accounts.events import events_of
from studio.errors import AccountRefused
from tests.support.accounts import Accounts


def test_a_low_balance_is_told_anew_below_another_limit(accounts: Accounts) -> None:
    write = accounts.database.write
    assert write(lambda c: set_low_balance(c, "ada", 950, author="grace")).low_balance == 950
    accounts.buy(accounts.ask(100), "generate", amount=100)
    accounts.ask(1)
    assert [alert.event for alert in accounts.alerts] == ["balance.low"]
    assert accounts.account().low_told
    changed = write(lambda c: set_low_balance(c, "ada", 940, author="grace"))
    assert (changed.low_balance, changed.low_told) == (940, 0)
    accounts.ask(1)
    assert [alert.event for alert in accounts.alerts] == ["balance.low"] * 2
    assert write(lambda c: set_low_balance(c, "ada", None, author="grace")).low_balance is None
    with accounts.database.read() as connection:
        noted = events_of(connection, "ada", kind="low_balance_set")
    assert [(event.author, event.details["below"]) for event in noted] == [
        ("grace", None),
        ("grace", 940),
        ("grace", 950),
    ]


def test_approval_is_asked_above_a_limit_and_by_whom_is_kept(accounts: Accounts) -> None:
    write = accounts.database.write
    kept = write(lambda c: set_approval(c, "ada", 30, by_another=True, author="grace"))
    assert (kept.approval_above, kept.approval_by_another) == (30, 1)
    kept = write(lambda c: set_approval(c, "ada", None, by_another=False, author="grace"))
    with accounts.database.read() as connection:
        assert account_of(connection, "ada") == kept
        (last, first) = events_of(connection, "ada", kind="approval_set")
    assert (kept.approval_above, kept.approval_by_another) == (None, 0)
    assert first.details == {"approval_above": 30, "approval_by_another": 1}
    assert last.details == {"approval_above": None, "approval_by_another": 0}


def test_nobody_is_told_of_a_wallet_that_is_not_there(accounts: Accounts) -> None:
    for change in (
        lambda c: set_low_balance(c, "nobody", 1, author="grace"),
        lambda c: set_approval(c, "nobody", 1, by_another=False, author="grace"),
    ):
        with pytest.raises(AccountRefused):
            accounts.database.write(change)
