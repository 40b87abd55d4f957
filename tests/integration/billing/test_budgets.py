"""Budgets: the most for a run, a user, a project, a workspace and month; told of once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from billing.accounts.account import change_account
from billing.accounts.admission import admit
from billing.accounts.budgets import remove_budget, spent_of
from billing.accounts.events import events_of
from studio.errors import BudgetReached, InvalidRequest, NotEnoughCredits, NotFound, StudioError
from tests.support.accounts import Accounts


def test_thirty_two_at_once_under_a_cap_for_two_are_two(accounts: Accounts) -> None:
    """Hole 1, and LiteLLM #34732: check, then act, without anything set aside in between."""
    accounts.budget(100)
    wanted = [accounts.admission(50, key=f"run-{number}") for number in range(32)]
    barrier = threading.Barrier(32)

    def ask(position: int) -> object:
        barrier.wait()
        answers, _ = accounts.database.write(lambda c: admit(c, [wanted[position]]))
        return answers[0]

    with ThreadPoolExecutor(32) as threads:
        answers = list(threads.map(ask, range(32)))
    refused = [each for each in answers if isinstance(each, StudioError)]
    assert len(answers) - len(refused) == 2
    assert {type(each) for each in refused} == {BudgetReached}
    assert accounts.balance().held == 100


def test_a_ceiling_for_one_run_is_kept_and_raises_nothing(accounts: Accounts) -> None:
    with pytest.raises(BudgetReached, match="given as the most") as refusal:
        accounts.ask(11, most=10)
    assert refusal.value.field == "max_credits"
    assert refusal.value.details["used"] == 0
    # Hole 14: what the caller says about money can only lower what is held.
    assert accounts.ask(10, most=999).amount == 10
    assert accounts.ask(0, most=0).amount == 0


def test_every_budget_that_covers_a_run_has_a_say(accounts: Accounts) -> None:
    accounts.member("grace", "admin")
    accounts.member("bob")
    accounts.budget(100)
    accounts.budget(60, "user", "bob")
    accounts.budget(30, "project", "spring")
    accounts.ask(30, user="bob", project="spring")
    with pytest.raises(BudgetReached, match="project spring"):
        accounts.ask(1, user="grace", project="spring")
    with pytest.raises(BudgetReached, match="user bob"):
        accounts.ask(31, user="bob")
    accounts.ask(30, user="bob")
    with pytest.raises(BudgetReached, match="workspace ada") as refusal:
        accounts.ask(41, user="grace")
    assert (refusal.value.details["used"], refusal.value.details["asked"]) == (60, 41)
    accounts.ask(40, user="grace")


def test_spent_is_what_was_captured_and_what_is_held(accounts: Accounts) -> None:
    accounts.budget(100)
    hold = accounts.ask(80)
    accounts.buy(hold, "generate", amount=30)
    with pytest.raises(BudgetReached):
        accounts.ask(30)
    accounts.release(hold)
    accounts.ask(70)
    with accounts.database.read() as connection:
        (spent,) = spent_of(connection, accounts.open().id, accounts.clock() - timedelta(days=1))
    assert (spent.user, spent.project, spent.amount) == ("ada", "", 100)


def test_a_hold_that_waits_for_an_outcome_counts_with_what_it_keeps(accounts: Accounts) -> None:
    accounts.budget(100)
    hold = accounts.ask(90)
    accounts.claim(hold, 30)
    accounts.release(hold)
    with pytest.raises(BudgetReached) as refusal:
        accounts.ask(71)
    assert refusal.value.details["used"] == 30
    accounts.ask(70)


def test_each_threshold_is_told_once_in_a_period(accounts: Accounts) -> None:
    """Hole 12: the original wrote one alert per call beyond 80 %, and sent none."""
    accounts.budget(100)
    told = []
    for amount in (49, 1, 1, 29, 14, 1, 5):
        accounts.ask(amount)
        told.append([alert.payload["percent"] for alert in accounts.alerts])
        accounts.alerts.clear()
    assert told == [[], [50], [], [80], [], [95], [100]]
    for _ in range(3):
        with pytest.raises(BudgetReached):
            accounts.ask(1)
    assert accounts.alerts == []
    accounts.clock.moment = accounts.account().period(accounts.clock()).end
    accounts.ask(85)
    assert [alert.payload["percent"] for alert in accounts.alerts] == [80]  # the highest of two
    accounts.alerts.clear()
    with pytest.raises(BudgetReached):
        accounts.ask(16)
    with pytest.raises(BudgetReached):
        accounts.ask(16)
    assert [alert.payload["percent"] for alert in accounts.alerts] == [100]  # it stops work
    assert accounts.alerts[0].payload["refused"] is True


def test_a_budget_set_anew_counts_what_was_spent_and_tells_anew(accounts: Accounts) -> None:
    first = accounts.budget(10)
    accounts.ask(10)
    second = accounts.budget(20)
    assert first.id != second.id
    with pytest.raises(BudgetReached):
        accounts.ask(11)
    accounts.alerts.clear()
    accounts.ask(1)
    assert [alert.payload["percent"] for alert in accounts.alerts] == []  # 100 was told just now
    accounts.database.write(lambda c: remove_budget(c, "ada", "workspace", "", author="operator"))
    accounts.ask(500)
    with pytest.raises(NotFound):
        accounts.database.write(
            lambda c: remove_budget(c, "ada", "workspace", "", author="operator")
        )


def test_a_budget_of_nothing_allows_only_what_is_free(accounts: Accounts) -> None:
    accounts.budget(0, "project", "spring")
    assert accounts.ask(0, project="spring").amount == 0
    with pytest.raises(BudgetReached):
        accounts.ask(1, project="spring")


def test_a_budget_gives_no_credits(accounts: Accounts) -> None:
    accounts.budget(1_000_000)
    with pytest.raises(NotEnoughCredits) as refusal:
        accounts.ask(1_001)
    assert refusal.value.details["available"] == 1_000
    assert accounts.alerts == []


def test_a_low_balance_is_told_once_until_it_was_above_again(accounts: Accounts) -> None:
    accounts.budget(10_000)  # keeps the account
    accounts.database.write(lambda c: change_account(c, "ada", low_balance=950))
    hold = accounts.ask(100)
    accounts.buy(hold, "generate", amount=100)
    assert accounts.alerts == []  # as it stood before this run
    for _ in range(2):
        accounts.release(accounts.ask(1))
    assert [(alert.event, alert.payload["left"]) for alert in accounts.alerts] == [
        ("balance.low", 900)
    ]
    accounts.top_up(100)
    accounts.release(accounts.ask(1))
    accounts.buy(accounts.ask(100), "generate", amount=100)
    accounts.clock.advance(timedelta(seconds=1))
    accounts.ask(1)
    assert len(accounts.alerts) == 2


@pytest.mark.parametrize(
    ("scope", "name", "amount"),
    [("galaxy", "x", 1), ("user", "", 1), ("project", "a\nb", 1), ("workspace", "", -1)],
)
def test_a_budget_that_is_none_is_refused(
    scope: str, name: str, amount: int, accounts: Accounts
) -> None:
    with pytest.raises(InvalidRequest):
        accounts.budget(amount, scope, name)


def test_a_threshold_is_passed_at_its_micro_credit_and_told_once_in_a_group(
    accounts: Accounts,
) -> None:
    accounts.budget(1_000)
    accounts.ask(499)
    assert accounts.alerts == []
    accounts.ask_all(accounts.admission(1), accounts.admission(1), accounts.admission(1))
    assert [alert.payload["percent"] for alert in accounts.alerts] == [50]


def test_a_new_account_has_not_been_told_of_a_low_balance(accounts: Accounts) -> None:
    accounts.plan("small")
    assert not accounts.account().low_told


def test_what_runs_hold_counts_as_there_and_the_balance_is_low_below_its_bound(
    accounts: Accounts,
) -> None:
    accounts.budget(10_000)  # keeps the account
    accounts.database.write(lambda c: change_account(c, "ada", low_balance=1_000))
    accounts.ask(600)
    accounts.ask(1)
    assert accounts.alerts == []
    hold = accounts.ask(1)
    accounts.buy(hold, "generate", amount=1)
    accounts.ask(1)
    assert [alert.payload["left"] for alert in accounts.alerts] == [999]


def test_a_budget_that_was_set_is_written_down(accounts: Accounts) -> None:
    accounts.budget(70, "project", "spring")
    with accounts.database.read() as connection:
        (newest,) = events_of(connection, "ada", kind="budget_set")
    assert newest.details == {"scope": "project", "name": "spring", "amount": 70}
