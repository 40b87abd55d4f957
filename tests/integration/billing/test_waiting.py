"""Whoever waits for a wallet's lock is judged by the moment at which it has it, not before."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

import billing.accounts.admission
import billing.ledger.claims
from billing.ledger import ClaimRequest, claim
from studio.errors import AccountEnded, HoldRefused, LimitReached
from tests.support.accounts import Accounts
from tests.support.books import HOUR


def wait_in(module: Any, accounts: Accounts, monkeypatch: pytest.MonkeyPatch, until: Any) -> None:
    """Let the next one to lock a wallet wait until a moment."""
    lock = module.lock_wallets

    def slow(*arguments: Any) -> Any:
        found = lock(*arguments)
        accounts.clock.moment = max(accounts.clock.moment, until)
        return found

    monkeypatch.setattr(module, "lock_wallets", slow)


def test_who_waits_over_a_periods_end_is_in_the_next_period(
    accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts.plan("small")
    end = accounts.account().period(accounts.clock()).end
    accounts.clock.moment = end - timedelta(seconds=1)
    for _ in range(3):
        accounts.release(bought(accounts))
    with pytest.raises(LimitReached):
        accounts.ask(1, uses={"generate": 1})
    asked = accounts.admission(20, uses={"generate": 1})
    wait_in(billing.accounts.admission, accounts, monkeypatch, end)
    (held,) = accounts.ask_all(asked)
    # Its limits are those of the new period, and its credits have come.
    assert held.created_at == end
    assert accounts.account().granted_period == 1
    assert accounts.used(end) == {"generate": 1}


def bought(accounts: Accounts) -> Any:
    hold = accounts.ask(1, uses={"generate": 1})
    accounts.buy(hold, "generate")
    return hold


def test_who_waits_over_the_end_of_its_plan_is_refused(
    accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = accounts.clock() + HOUR / 2
    accounts.plan("small", ends_at=end)
    asked = accounts.admission(1)
    wait_in(billing.accounts.admission, accounts, monkeypatch, end)
    (refused,) = accounts.ask_all(asked)
    assert isinstance(refused, AccountEnded)


def test_a_hold_that_expires_while_its_purchase_waits_buys_nothing(
    accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold = accounts.hold(5)
    wait_in(billing.ledger.claims, accounts, monkeypatch, hold.expires_at)
    with pytest.raises(HoldRefused, match="expired"):
        accounts.one(claim, ClaimRequest("ada", hold.id, "job-1", 1, "generate"))
