"""Accounts under a random life: what the gate counts is what an oracle with lists counts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

import billing.accounts.tables  # noqa: F401 - puts the tables into the metadata
from billing.accounts.budgets import Budget, spent_of
from billing.accounts.limits import settle_closed, used_of
from billing.accounts.subscriptions import set_active
from billing.ledger import Hold
from studio.database import Database, metadata
from studio.errors import GateRefused, StudioUnavailable
from tests.support.accounts import PLANS, Accounts
from tests.support.books import StandingClock
from tests.support.faults import fail, struck

OPERATIONS = ("generate", "edit")
WORDS = {"author": "operator", "reason": "a test"}


@dataclass
class Run:
    """What the oracle remembers of a hold."""

    hold: Hold
    at: datetime
    operation: str
    count: int
    project: str
    bought: int = 0
    spent: int = 0
    open: bool = True

    @property
    def counts(self) -> int:
        return self.count if self.open else self.bought

    @property
    def costs(self) -> int:
        return self.hold.amount if self.open else self.spent


class Life(RuleBasedStateMachine):
    """One account; nothing is refused that fits, and nothing is let through that does not."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.folder = TemporaryDirectory()
        clock = StandingClock()
        self.patch.setattr("studio.clock.now", clock)
        self.patch.setattr("billing.accounts.plans._books", lambda _folder: (PLANS,))
        database = Database(f"sqlite:///{Path(self.folder.name) / 'studio.db'}", durable=False)
        metadata.create_all(database.engine)
        self.accounts = Accounts(database, clock)
        self.wallet = self.accounts.open(grant=100_000).id
        self.runs: list[Run] = []
        self.budgets: list[Budget] = [self.accounts.budget(10**9)]
        self.suspended = False

    def teardown(self) -> None:
        assert self.accounts.audit() == []
        self.accounts.database.close()
        self.patch.undo()
        self.folder.cleanup()

    @property
    def now(self) -> datetime:
        return self.accounts.clock()

    def since(self) -> datetime:
        return self.accounts.account().period(self.now).start

    def used(self, operation: str) -> int:
        mine = (each for each in self.runs if each.operation == operation)
        return sum(each.counts for each in mine if each.at >= self.since())

    def spent(self, budget: Budget) -> int:
        mine = (each for each in self.runs if budget.covers("ada", each.project))
        return sum(each.costs for each in mine if each.at >= self.since())

    def fits(self, amount: int, operation: str, count: int, project: str) -> bool:
        account = self.accounts.account().today(self.now)
        plan = account.terms
        if self.suspended or account.ended(self.now):
            return False
        if plan is not None:
            limit = plan.limit(operation)
            running = sum(each.open and each.hold.expires_at > self.now for each in self.runs)
            if limit is not None and self.used(operation) + count > limit:
                return False
            if plan.concurrency is not None and running >= plan.concurrency:
                return False
            if plan.largest_hold is not None and amount > plan.largest_hold:
                return False
        covering = [each for each in self.budgets if each.covers("ada", project)]
        return all(self.spent(each) + amount <= each.amount for each in covering)

    @rule(
        amount=st.integers(0, 60),
        operation=st.sampled_from(OPERATIONS),
        count=st.integers(1, 3),
        project=st.sampled_from(["", "spring"]),
    )
    def ask(self, amount: int, operation: str, count: int, project: str) -> None:
        expected = self.fits(amount, operation, count, project)
        try:
            hold = self.accounts.ask(amount, uses={operation: count}, project=project)
        except GateRefused:
            assert not expected
            return
        assert expected
        self.runs.append(Run(hold, self.now, operation, count, project))

    @rule(
        amount=st.integers(0, 60),
        operation=st.sampled_from(OPERATIONS),
        project=st.sampled_from(["", "spring"]),
        at=st.integers(1, 40),
    )
    def ask_and_crash(self, amount: int, operation: str, project: str, at: int) -> None:
        """Whether it was admitted before the crash or is now: it is admitted once."""
        expected = self.fits(amount, operation, 1, project)
        asked = {"key": f"crash-{len(self.runs)}", "uses": {operation: 1}, "project": project}
        with self.crash(at), suppress(GateRefused):
            self.accounts.ask(amount, **asked)
        try:
            hold = self.accounts.ask(amount, **asked)
        except GateRefused:
            assert not expected
            return
        assert expected
        self.runs.append(Run(hold, self.now, operation, 1, project))

    @precondition(lambda self: not self.suspended)
    @rule(name=st.sampled_from(["small", "large", "prepaid"]), at=st.integers(1, 40))
    def change_and_crash(self, name: str, at: int) -> None:
        before = self.accounts.account()
        with self.crash(at) as passed:
            self.accounts.plan(name)
        if "after COMMIT" not in passed:
            assert self.accounts.account() == before
        self.accounts.plan(name)

    @contextmanager
    def crash(self, at: int) -> Iterator[list[str]]:
        """Let the transaction fail at a point, if it comes by so many."""
        engine = self.accounts.database.engine
        with struck(engine, at, fail) as passed, suppress(StudioUnavailable):
            yield passed

    @precondition(lambda self: not self.suspended and any(each.open for each in self.runs))
    @rule(data=st.data(), amount=st.integers(0, 10))
    def buy(self, data: st.DataObject, amount: int) -> None:
        run = data.draw(st.sampled_from([each for each in self.runs if each.open]))
        fits = run.spent + amount <= run.hold.amount and run.bought < run.count
        if fits and run.hold.expires_at > self.now:
            self.accounts.buy(run.hold, run.operation, amount=amount)
            run.bought += 1
            run.spent += amount

    @precondition(lambda self: any(each.open for each in self.runs))
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        run = data.draw(st.sampled_from([each for each in self.runs if each.open]))
        self.accounts.release(run.hold)
        run.open = False

    @rule(hours=st.sampled_from([1, 30, 24 * 20, 24 * 45]))
    def wait(self, hours: int) -> None:
        self.accounts.clock.advance(timedelta(hours=hours))

    @rule()
    def reap(self) -> None:
        self.accounts.expire()
        for run in self.runs:
            run.open &= run.hold.expires_at > self.now

    @precondition(lambda self: not self.suspended)
    @rule(name=st.sampled_from(["small", "large", "prepaid"]))
    def change(self, name: str) -> None:
        self.accounts.plan(name)

    @rule(amount=st.integers(0, 200), scope=st.sampled_from(["workspace", "project"]))
    def budget(self, amount: int, scope: str) -> None:
        made = self.accounts.budget(amount, scope, "spring")
        self.budgets = [each for each in self.budgets if each.scope != scope] + [made]

    @rule()
    def suspend_or_resume(self) -> None:
        self.suspended = not self.suspended
        state = "suspended" if self.suspended else "active"
        self.accounts.database.write(lambda c: set_active(c, "ada", state, **WORDS))  # type: ignore[arg-type]

    @rule()
    def settle(self) -> None:
        self.accounts.database.write(lambda c: settle_closed(c, [self.wallet]))

    @invariant()
    def what_is_derived_is_what_happened(self) -> None:
        with self.accounts.database.read() as connection:
            used = used_of(connection, self.wallet, self.since())
            spent = spent_of(connection, self.wallet, self.since())
        assert {name: used.get(name, 0) for name in OPERATIONS} == {
            name: self.used(name) for name in OPERATIONS
        }
        recent = [each for each in self.runs if each.at >= self.since()]
        assert sum(each.amount for each in spent) == sum(each.costs for each in recent)


TestLife = Life.TestCase
TestLife.settings = settings(
    max_examples=6,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
