"""Limits: what a plan allows, judged and reserved with the hold, derived from what was bought."""

from __future__ import annotations

from datetime import timedelta

import pytest

from billing.accounts.limits import settle_closed
from billing.ledger import ClaimRequest, claim
from studio.errors import LimitReached, NotInPlan
from studio.operations import OPERATIONS
from tests.support.accounts import Accounts
from tests.support.books import HOUR


@pytest.fixture(autouse=True)
def _small(accounts: Accounts) -> None:
    accounts.plan("small")


ONE = {"generate": 1}


def test_the_limit_is_what_may_be_done_and_not_one_more(accounts: Accounts) -> None:
    for _ in range(3):
        hold = accounts.ask(1, uses=ONE)
        accounts.buy(hold, "generate")
        accounts.release(hold)
    with pytest.raises(LimitReached) as refusal:
        accounts.ask(1, uses=ONE)
    details = refusal.value.details
    assert (details["limit_on"], details["used"], details["asked"], details["limit"]) == (
        "generate", 3, 1, 3,
    )  # fmt: skip
    assert details["resets_at"] == accounts.account().period(accounts.clock()).end.isoformat()
    accounts.ask(1, uses={"enhance_prompt": 5})  # another operation has its own


def test_what_is_under_way_counts_and_what_came_to_nothing_does_not(accounts: Accounts) -> None:
    hold = accounts.ask(3, uses={"generate": 3})
    assert accounts.used() == {"generate": 3}
    with pytest.raises(LimitReached):
        accounts.ask(1, uses=ONE)
    accounts.buy(hold, "generate")
    accounts.release(hold)
    assert accounts.used() == {"generate": 1}
    accounts.ask(2, uses={"generate": 2})


def test_one_whose_outcome_is_unknown_counts_until_somebody_knows(accounts: Accounts) -> None:
    hold = accounts.ask(2, uses={"generate": 2})
    unknown = accounts.one(claim, ClaimRequest("ada", hold.id, "job-1", 1, "generate"))
    accounts.release(hold)
    assert accounts.used() == {"generate": 1}
    accounts.give_back(unknown)
    assert accounts.used() == {"generate": 0}


def test_what_was_given_back_is_not_kept_as_done(accounts: Accounts) -> None:
    hold = accounts.ask(2, uses={"generate": 2})
    accounts.buy(hold, "generate")
    accounts.give_back(accounts.one(claim, ClaimRequest("ada", hold.id, "job-1", 1, "generate")))
    accounts.release(hold)
    accounts.ask(1)  # which makes it final
    assert accounts.used() == {"generate": 1}


def test_a_hold_that_expired_gives_back_what_it_reserved(accounts: Accounts) -> None:
    accounts.ask(1, uses={"generate": 3})
    accounts.clock.advance(timedelta(hours=2))
    accounts.expire()
    accounts.ask(1, uses={"generate": 3})


def test_keeping_the_result_changes_no_answer(accounts: Accounts) -> None:
    wallet = accounts.open().id
    bought, failed = accounts.ask(1, uses=ONE), accounts.ask(1, uses=ONE)
    accounts.buy(bought, "generate")
    accounts.release(bought)
    accounts.release(failed)
    running = accounts.ask(1, uses=ONE)
    before = accounts.used()
    for _ in range(2):
        accounts.database.write(lambda c: settle_closed(c, [wallet]))
        assert accounts.used() == before == {"generate": 2}
    accounts.release(running)
    assert accounts.used() == {"generate": 1}


def test_a_batch_counts_all_its_rows_at_once(accounts: Accounts) -> None:
    """Hole 3: ten pictures with one call left passed the original's check."""
    accounts.buy(hold := accounts.ask(1, uses=ONE), "generate")
    accounts.release(hold)
    with pytest.raises(LimitReached) as refusal:
        accounts.ask(10, uses={"generate": 3, "edit": 7}, rows=10)
    assert (refusal.value.details["used"], refusal.value.details["asked"]) == (1, 3)
    accounts.ask(9, uses={"generate": 2, "edit": 7}, rows=9)


def test_requests_of_one_group_are_judged_one_after_the_other(accounts: Accounts) -> None:
    wanted = [accounts.admission(1, uses={"generate": 2}, key=f"run-{n}") for n in range(3)]
    wanted.append(accounts.admission(1, uses=ONE, key="run-3"))
    first, second, third, last = accounts.ask_all(*wanted)
    assert first.amount == last.amount == 1
    assert isinstance(second, LimitReached)
    assert isinstance(third, LimitReached)
    assert accounts.used() == {"generate": 3}


def test_a_repeated_request_is_not_judged_again(accounts: Accounts) -> None:
    hold = accounts.ask(1, uses={"generate": 3}, key="run-1")
    again = accounts.ask(1, uses={"generate": 3}, key="run-1")
    assert (again.id, again.replayed) == (hold.id, True)
    assert accounts.used() == {"generate": 3}


def test_a_new_period_begins_at_nothing(accounts: Accounts) -> None:
    accounts.ask(1, uses={"generate": 3})
    period = accounts.account().period(accounts.clock())
    accounts.clock.moment = period.end - timedelta(microseconds=1)
    accounts.expire()
    accounts.ask(1, uses={"generate": 3})
    with pytest.raises(LimitReached):
        accounts.ask(1, uses=ONE)
    accounts.clock.moment = period.end
    accounts.ask(1, uses={"generate": 3})


def test_every_operation_is_counted_as_itself_and_can_be_closed(accounts: Accounts) -> None:
    """Holes 10 and 13: avatars had no limit at all, and edits ate the pictures' counter."""
    small = accounts.account().terms
    assert small is not None
    for operation in OPERATIONS:
        before = accounts.used()
        if small.limit(operation) == 0:
            with pytest.raises(NotInPlan) as refusal:
                accounts.ask(1, uses={operation: 1})
            assert refusal.value.details["limit_on"] == operation
            assert accounts.used() == before
        else:
            hold = accounts.ask(1, uses={operation: 1})
            assert accounts.used() == {**before, operation: 1}
            accounts.release(hold)


def test_what_is_not_in_the_plan_is_never_told_as_used_up(accounts: Accounts) -> None:
    for asked in (
        {"amount": 1, "uses": {"upscale": 1}},
        {"amount": 1, "uses": {"face_swap": 1}},
        {"amount": 51},
        {"amount": 1, "rows": 11},
    ):
        with pytest.raises(NotInPlan):
            accounts.ask(**asked)
    accounts.ask(50)


def test_only_so_many_runs_at_once(accounts: Accounts) -> None:
    first, _ = accounts.ask(1), accounts.ask(1)
    with pytest.raises(LimitReached, match="under way") as refusal:
        accounts.ask(1)
    assert refusal.value.details["limit_on"] == "concurrency"
    assert refusal.value.details["resets_at"] is None
    accounts.release(first)
    accounts.ask(1)
    accounts.clock.advance(timedelta(hours=2))
    accounts.ask(1)  # holds that are over are no runs, also before the reaper has come


def test_only_so_many_runs_of_one_group(accounts: Accounts) -> None:
    answers = accounts.ask_all(*(accounts.admission(key=f"run-{n}") for n in range(3)))
    assert [isinstance(each, LimitReached) for each in answers] == [False, False, True]


def test_without_a_plan_there_are_no_limits_but_the_credits(accounts: Accounts) -> None:
    accounts.plan("prepaid")
    for operation in OPERATIONS:
        accounts.ask(1, uses={operation: 1_000}, rows=10_000)


def test_a_run_that_expires_this_moment_is_not_under_way(accounts: Accounts) -> None:
    accounts.plan("small")
    for _ in range(2):
        accounts.ask(1)
    with pytest.raises(LimitReached) as refusal:
        accounts.ask(1)
    told = refusal.value.details
    assert [told[name] for name in ("limit_on", "used", "asked")] == ["concurrency", 2, 1]
    accounts.clock.advance(HOUR)
    accounts.ask(1)
