"""Budgets: the most that a workspace, a user or a project may spend in a period.

Spent is what its holds keep set aside and what was captured of them, so that runs under way count.
It is derived from the holds themselves. A hold counts in the period in which it was placed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

from sqlalchemy import (
    BigInteger,
    Connection,
    Text,
    bindparam,
    cast,
    delete,
    func,
    insert,
    select,
    union_all,
)

from billing.accounts.account import keep_account
from billing.accounts.events import note
from billing.accounts.periods import Period
from billing.accounts.tables import admissions, budget_alerts, budgets
from billing.ledger.wallets import lock_wallets, require
from billing.ledger.words import LONGEST_OWNER, check_text
from billing.tables import holds
from studio import clock
from studio import credits as money
from studio.database import UtcDateTime
from studio.errors import BudgetReached, InvalidRequest, NotFound
from studio.ids import new_id

Scope = Literal["workspace", "user", "project"]

THRESHOLDS = (50, 80, 95, 100)
"""Percent of a budget at which its workspace is told."""

MOST_BUDGETS = 1_000
"""Budgets of one workspace."""


@dataclass(frozen=True, slots=True)
class Budget:
    """The most that may be spent in a period: by the workspace, or by one user or project of it."""

    id: str
    owner: str
    scope: Scope
    name: str
    amount: int

    def covers(self, user: str, project: str) -> bool:
        """Whether what this user spends for this project counts here."""
        mine = {"workspace": self.owner, "user": user, "project": project}
        return mine[self.scope] == self.name

    def __str__(self) -> str:
        """What it is the budget of."""
        return f"{self.scope} {self.name}"


@dataclass(frozen=True, slots=True)
class Spent:
    """What was spent or is held for one user and project, in micro-credits."""

    user: str
    project: str
    amount: int


_OF_WALLET = (
    admissions.c.wallet_id == bindparam("wallet", type_=Text),
    admissions.c.created_at >= bindparam("since", type_=UtcDateTime),
)
_CLOSED = select(
    admissions.c.user, admissions.c.project, func.sum(admissions.c.spent).label("amount")
).where(*_OF_WALLET, admissions.c.spent.is_not(None))
# amount = free + claimed + captured + released, of which only the last has returned.
_PENDING = (
    select(
        admissions.c.user,
        admissions.c.project,
        func.sum(holds.c.amount - holds.c.released).label("amount"),
    )
    .join(holds, holds.c.id == admissions.c.hold_id)
    .where(*_OF_WALLET, admissions.c.spent.is_(None))
)
_BOTH = union_all(
    *(half.group_by(admissions.c.user, admissions.c.project) for half in (_CLOSED, _PENDING))
).subquery("both")
_SPENT = select(_BOTH.c.user, _BOTH.c.project, cast(func.sum(_BOTH.c.amount), BigInteger)).group_by(
    _BOTH.c.user, _BOTH.c.project
)


def spent_of(connection: Connection, wallet_id: str, since: datetime) -> list[Spent]:
    """Return what was spent or is held since a moment, for each user and project."""
    rows = connection.execute(_SPENT, {"wallet": wallet_id, "since": since})
    return [Spent(row[0], row[1], row[2]) for row in rows]


def spent_under(budget: Budget, spent: Iterable[Spent]) -> int:
    """Return what counts under a budget."""
    return sum(each.amount for each in spent if budget.covers(each.user, each.project))


def budgets_of(connection: Connection, owners: Iterable[str]) -> dict[str, list[Budget]]:
    """Return the budgets of these owners, those of the workspace first."""
    wanted = sorted(set(owners))
    query = (
        select(budgets)
        .where(budgets.c.owner.in_(wanted))
        .order_by(budgets.c.scope.desc(), budgets.c.name)
    )
    found: dict[str, list[Budget]] = {owner: [] for owner in wanted}
    for row in connection.execute(query):
        found[row.owner].append(Budget(row.id, row.owner, row.scope, row.name, row.amount))
    return found


def set_budget(
    connection: Connection, owner: str, scope: str, name: str, amount: int, *, author: str
) -> Budget:
    """Set the most that may be spent in a period; what was spent in this one counts already.

    A budget that is set anew tells of its thresholds anew.

    Args:
        scope: ``workspace``, ``user`` or ``project``.
        name: the user or project; not asked for a workspace.
        amount: micro-credits; 0 allows only what is free.

    Raises:
        AccountRefused: there is no wallet.
        InvalidRequest: there is no such scope, or the name or the amount cannot be used.
    """
    name = _name(owner, scope, name)
    money.check(amount, field="amount")
    require(lock_wallets(connection, [owner]), owner)
    keep_account(connection, owner, clock.now())
    present = budgets_of(connection, [owner])[owner]
    others = [each for each in present if (each.scope, each.name) != (scope, name)]
    if len(others) >= MOST_BUDGETS:
        raise InvalidRequest(
            "The workspace has as many budgets as one can have.",
            field="name",
            given=name,
            allowed=f"up to {MOST_BUDGETS} budgets",
        )
    _delete(connection, owner, scope, name)
    row: dict[str, Any] = {
        "id": new_id("budget"),
        "owner": owner,
        "scope": scope,
        "name": name,
        "amount": amount,
    }
    connection.execute(insert(budgets), [{**row, "created_at": clock.now()}])
    note(connection, owner, "budget_set", author=author, scope=scope, name=name, amount=amount)
    return Budget(**row)


def remove_budget(
    connection: Connection, owner: str, scope: str, name: str, *, author: str
) -> None:
    """Take a budget away.

    Raises:
        AccountRefused: there is no wallet.
        NotFound: there is no such budget.
    """
    name = _name(owner, scope, name)
    require(lock_wallets(connection, [owner]), owner)
    if not _delete(connection, owner, scope, name):
        raise NotFound("There is no such budget.", field="name", given=f"{scope} {name}")
    note(connection, owner, "budget_removed", author=author, scope=scope, name=name)


def _name(owner: str, scope: str, name: str) -> str:
    if scope not in get_args(Scope):
        raise InvalidRequest(
            "There is no budget of this kind.",
            field="scope",
            given=scope,
            allowed=", ".join(get_args(Scope)),
        )
    if scope == "workspace":
        return owner
    check_text(name, "name", LONGEST_OWNER)
    return name


def _delete(connection: Connection, owner: str, scope: str, name: str) -> int:
    return connection.execute(
        delete(budgets).where(
            budgets.c.owner == owner, budgets.c.scope == scope, budgets.c.name == name
        )
    ).rowcount


def check_budget(budget: Budget, spent: int, amount: int, period: Period) -> None:
    """Refuse what goes beyond a budget.

    Raises:
        BudgetReached: with ``budget``, ``used``, ``asked``, ``limit`` and ``resets_at``.
    """
    if spent + amount <= budget.amount:
        return
    raise BudgetReached(
        f"The budget of {budget} is {money.show(budget.amount)} credits a period; "
        f"{money.show(spent)} are spent or held, and this comes to {money.show(amount)}. Raise it "
        f"with `studio account budget`, or wait until {period.end:%Y-%m-%d %H:%M} UTC.",
        budget=str(budget),
        used=spent,
        asked=amount,
        limit=budget.amount,
        resets_at=period.end.isoformat(),
    )


def thresholds_passed(budget: Budget, spent: int, *, refused: bool = False) -> list[int]:
    """Return the thresholds that were passed; the last one also by a run that was refused."""
    if not spent and not refused:
        return []
    return [
        percent
        for percent in THRESHOLDS
        if spent * 100 >= budget.amount * percent or (refused and percent == THRESHOLDS[-1])
    ]


def told_of(
    connection: Connection, wanted: Sequence[Budget], period: Period
) -> dict[str, set[int]]:
    """Return the thresholds that were passed before in a period, by the budget's id."""
    told: dict[str, set[int]] = {budget.id: set() for budget in wanted}
    query = select(budget_alerts.c.budget_id, budget_alerts.c.threshold).where(
        budget_alerts.c.budget_id.in_(list(told)), budget_alerts.c.period_start == period.start
    )
    for row in connection.execute(query):
        told[row.budget_id].add(row.threshold)
    return told


def note_thresholds(
    connection: Connection, passed: Iterable[tuple[Budget, int]], period: Period
) -> None:
    """Note that thresholds were passed, so that nobody is told again in this period."""
    rows: list[dict[str, Any]] = [
        {
            "budget_id": budget.id,
            "period_start": period.start,
            "threshold": percent,
            "at": clock.now(),
        }
        for budget, percent in passed
    ]
    if rows:
        connection.execute(insert(budget_alerts), rows)
