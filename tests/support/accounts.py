"""Shorthand for tests of accounts: plans of a test's own, and admissions in few words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from billing.accounts.account import Account, account_of
from billing.accounts.admission import Admission, Alert, admit
from billing.accounts.budgets import Budget, set_budget
from billing.accounts.limits import used_of
from billing.accounts.members import add_member
from billing.accounts.plans import MODULES, Plan, PlanBook
from billing.accounts.subscriptions import change_plan
from billing.ledger import Hold, HoldRequest
from tests.support.books import HOUR, Books

SMALL = Plan(
    name="small",
    title="Small",
    price_month=0,
    price_year=0,
    credits=100,
    modules=frozenset({"create", "edit"}),
    limits={"generate": 3, "face_swap": 0},
    largest_hold=50,
    batch_rows=10,
    concurrency=2,
)
LARGE = Plan(
    name="large",
    title="Large",
    price_month=0,
    price_year=0,
    credits=1_000,
    modules=MODULES,
    limits={"generate": 30},
)
PLANS = PlanBook(version="tests", date=date(2026, 1, 1), plans=(SMALL, LARGE))


@dataclass
class Accounts(Books):
    """The books, and what stands before them."""

    alerts: list[Alert] = field(default_factory=list)

    def admission(
        self,
        amount: int = 1,
        *,
        key: str | None = None,
        owner: str | None = None,
        user: str | None = None,
        project: str = "",
        uses: Mapping[str, int] | None = None,
        rows: int = 1,
        most: int | None = None,
    ) -> Admission:
        whose = owner or self.owner
        request = HoldRequest(whose, key or self._key(), amount, self.clock() + HOUR, "a run")
        return Admission(request, user or whose, project, uses or {}, rows, most)

    def ask(self, amount: int = 1, **asked: Any) -> Hold:
        """Ask for one hold; raise what it is refused with."""
        (answer,) = self.ask_all(self.admission(amount, **asked))
        if isinstance(answer, Exception):
            raise answer
        hold: Hold = answer
        return hold

    def ask_all(self, *wanted: Admission) -> list[Any]:
        answers, alerts = self.database.write(lambda connection: admit(connection, wanted))
        self.alerts += alerts
        return list(answers)

    def buy(self, hold: Hold, operation: str, *, amount: int = 1, key: str | None = None) -> None:
        """Claim and capture one piece."""
        from billing import ledger

        request = ledger.ClaimRequest(hold.owner, hold.id, key or self._key(), amount, operation)
        claim = self.one(ledger.claim, request)
        self.capture(claim, amount, owner=hold.owner)

    def plan(self, name: str, *, owner: str | None = None, **agreed: Any) -> Account:
        words = {"author": "operator", "reason": "a test", **agreed}
        return self.database.write(
            lambda connection: change_plan(connection, owner or self.owner, name, **words)
        )

    def account(self, owner: str | None = None) -> Account:
        with self.database.read() as connection:
            return account_of(connection, owner or self.owner)

    def member(self, user: str, role: str = "member", *, owner: str | None = None) -> None:
        self.database.write(
            lambda connection: add_member(
                connection, owner or self.owner, user, role, author="operator"
            )
        )

    def budget(self, amount: int, scope: str = "workspace", name: str = "") -> Budget:
        return self.database.write(
            lambda connection: set_budget(
                connection, self.owner, scope, name, amount, author="operator"
            )
        )

    def used(self, since: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> dict[str, int]:
        wallet = self.open().id
        with self.database.read() as connection:
            return used_of(connection, wallet, since)
