"""Admission: pre-flight's judgement, in the transaction that places the hold.

Everything that has a say is asked under the wallet's lock, right before the credits are set aside:
whether the user is a member, whether the account is open, its plan, its limits, its budgets, the
ceiling that the caller gave, and last whether there are credits. What passes is taken down in the
same transaction, so that the next request comes after it, in this group or in another process.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection

from billing.accounts.account import Account, accounts_of, change_account
from billing.accounts.budgets import (
    Budget,
    Spent,
    budgets_of,
    check_budget,
    note_thresholds,
    spent_of,
    spent_under,
    thresholds_passed,
    told_of,
)
from billing.accounts.limits import check_limits, check_plan, runs_of, settle_closed, used_of
from billing.accounts.members import require_member
from billing.accounts.periods import Period
from billing.accounts.plans import Plan
from billing.accounts.subscriptions import renew, with_reason
from billing.accounts.tables import admissions, uses
from billing.ledger.holds import hold
from billing.ledger.wallets import lock_wallets
from billing.ledger.words import LONGEST_OWNER, Hold, HoldRequest, Wallet, check_text
from studio import clock
from studio import credits as money
from studio.database.bulk import insert_rows, microseconds
from studio.errors import AccountSuspended, BudgetReached, InvalidRequest, StudioError
from studio.operations import OPERATIONS

MOST_ROWS = 1_000_000
NOTHING: Mapping[str, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Admission:
    """A hold that is asked for, and for whom and what.

    Attributes:
        request: the hold; its owner is the workspace.
        user: who asks.
        project: what it is for; empty for nothing in particular.
        uses: how often each operation may be done with it.
        rows: rows of the batch that are left to buy; 1 for a single run.
        most: what it may come to at most, in micro-credits, as whoever asks said.
    """

    request: HoldRequest
    user: str
    project: str = ""
    uses: Mapping[str, int] = field(default_factory=dict)
    rows: int = 1
    most: int | None = None

    def __post_init__(self) -> None:
        """Refuse what no gate could judge."""
        check_text(self.user, "user", LONGEST_OWNER)
        if self.project:
            check_text(self.project, "project", LONGEST_OWNER)
        if self.most is not None:
            money.check(self.most, field="max_credits")
        for operation, count in self.uses.items():
            if operation not in OPERATIONS or not 1 <= count <= MOST_ROWS:
                raise InvalidRequest(
                    "Nobody can ask for this.",
                    field="uses",
                    given=f"{count} of {operation}",
                    allowed=f"operations of the studio, 1 to {MOST_ROWS} of each",
                )


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that a workspace has to be told, once; ``payload`` are JSON values."""

    owner: str
    event: str
    subject: str
    payload: Mapping[str, Any]


@dataclass(slots=True)
class _Standing:
    """Where an account stands, read once for a group and moved on by every hold that is placed."""

    account: Account
    plan: Plan | None
    period: Period
    used: dict[str, int] = field(default_factory=dict)
    runs: int = 0
    budgets: Sequence[Budget] = ()
    spent: list[Spent] = field(default_factory=list)
    told: dict[str, set[int]] = field(default_factory=dict)
    passed: list[tuple[Budget, int]] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)


class _Desk:
    """Judges holds; ``billing.ledger.hold`` asks it."""

    def __init__(self, standings: Mapping[str, _Standing], wanted: Sequence[Admission]) -> None:
        self._standings = standings
        self._wanted: dict[tuple[str, str], Admission] = {}
        for each in wanted:
            # The first one under a key is the one that is judged; the others are its repetitions.
            self._wanted.setdefault((each.request.owner, each.request.key), each)
        self.placed: list[tuple[Hold, Admission]] = []

    def check(self, request: HoldRequest) -> None:
        """Refuse what the account, its plan, its budgets or the caller's ceiling forbid."""
        admission = self._wanted[request.owner, request.key]
        standing = self._standings[request.owner]
        standing.account.check_open(clock.now())
        if standing.plan is not None:
            check_plan(
                standing.account, standing.plan, admission.uses, request.amount, admission.rows
            )
            check_limits(
                standing.plan, standing.period, standing.used, admission.uses, standing.runs
            )
        check_ceiling(request.amount, admission.most)
        for budget in _covering(standing, admission):
            spent = spent_under(budget, standing.spent)
            try:
                check_budget(budget, spent, request.amount, standing.period)
            except BudgetReached:
                _pass(standing, budget, spent, refused=True)
                raise

    def take(self, request: HoldRequest, made: Hold) -> None:
        """Move the standing on: the next request of this group comes after this one."""
        admission = self._wanted[request.owner, request.key]
        standing = self._standings[request.owner]
        standing.runs += 1
        for operation, count in admission.uses.items():
            standing.used[operation] = standing.used.get(operation, 0) + count
        standing.spent.append(Spent(admission.user, admission.project, request.amount))
        for budget in _covering(standing, admission):
            _pass(standing, budget, spent_under(budget, standing.spent))
        self.placed.append((made, admission))


def admit(
    connection: Connection, wanted: Sequence[Admission]
) -> tuple[list[Hold | StudioError], list[Alert]]:
    """Place the holds that may be placed, and say why the others may not.

    Beside the holds it returns what workspaces have to be told by now; the caller posts it in the
    same transaction. Statements are a fixed number, and some more for each account with a plan,
    members or budgets.

    Answers with:
        AccountRefused: no wallet, or the user is no member who may spend.
        AccountSuspended: with ``why`` and ``since``.
        AccountEnded: the plan was agreed until a moment that has passed.
        NotInPlan, LimitReached, BudgetReached, NotEnoughCredits: with the figures.
        Conflict: the key was used for another amount or purpose.
    """
    wallets = lock_wallets(connection, [each.request.owner for each in wanted])
    # Not before: whoever waited for the lock over a period's end comes into the next one.
    now = clock.now()
    accounts = accounts_of(connection, wallets)
    asked: dict[str, set[str]] = {owner: set() for owner in wallets}
    for each in wanted:
        asked.get(each.request.owner, set()).update(each.uses)
    standings = {
        owner: _standing(connection, wallet, accounts[owner], asked[owner], now)
        for owner, wallet in wallets.items()
    }
    answers: dict[int, Hold | StudioError] = {}
    for position, each in enumerate(wanted):
        refusal = _identity(connection, each, accounts.get(each.request.owner))
        if refusal is not None:
            answers[position] = refusal
    right = [position for position in range(len(wanted)) if position not in answers]
    desk = _Desk(standings, [wanted[position] for position in right])
    placed = hold(connection, [wanted[position].request for position in right], desk)
    for position, answer in zip(right, placed, strict=True):
        if isinstance(answer, AccountSuspended):
            answers[position] = with_reason(connection, answer)
        else:
            answers[position] = answer
    _take_down(connection, wallets, desk.placed)
    for standing in standings.values():
        note_thresholds(connection, standing.passed, standing.period)
    alerts = [alert for standing in standings.values() for alert in standing.alerts]
    return [answers[position] for position in range(len(wanted))], alerts


def _identity(
    connection: Connection, admission: Admission, account: Account | None
) -> StudioError | None:
    owner = admission.request.owner
    if account is not None and not account.kept and admission.user == owner:
        return None  # personal: who has members has a row
    try:
        require_member(connection, admission.user, owner, "spend")
    except StudioError as refusal:
        return refusal
    return None


def _standing(
    connection: Connection, wallet: Wallet, account: Account, asked: Iterable[str], now: datetime
) -> _Standing:
    """Return where an account stands, after bringing it into the present period.

    What nobody will ask about (no limit, no budget) is not looked up.
    """
    if not account.kept:
        return _Standing(account, None, account.period(now))
    renewed = renew(connection, wallet, account, now)
    if renewed is not account:
        account, wallet = renewed, lock_wallets(connection, [wallet.owner])[wallet.owner]
    settle_closed(connection, [wallet.id])
    period = account.period(now)
    standing = _Standing(account, account.terms, period)
    plan = standing.plan
    if plan is not None and any(plan.limit(operation) for operation in asked):
        standing.used = used_of(connection, wallet.id, period.start)
    if plan is not None and plan.concurrency is not None:
        standing.runs = runs_of(connection, wallet.id, now)
    standing.budgets = budgets_of(connection, [account.owner])[account.owner]
    if standing.budgets:
        standing.spent = spent_of(connection, wallet.id, period.start)
        standing.told = told_of(connection, standing.budgets, period)
    standing.alerts += low_balance(connection, account, wallet)
    return standing


def low_balance(connection: Connection, account: Account, wallet: Wallet) -> list[Alert]:
    """Tell once that a wallet has less than its owner wanted to be told of.

    Credits that runs under way hold count as there: a balance that comes and goes with every run
    would be told of again and again. Once it is above, the next time is told again.
    """
    if account.low_balance is None:
        return []
    left = wallet.available + wallet.held
    low = left < account.low_balance
    if low == account.low_told:
        return []
    change_account(connection, account.owner, low_told=int(low))
    if not low:
        return []
    figures = {"left": left, "threshold": account.low_balance}
    subject = f"{account.owner}/{microseconds(clock.now())}"
    return [Alert(account.owner, "balance.low", subject, figures)]


def check_ceiling(amount: int, most: int | None) -> None:
    """Refuse a run that comes to more than its caller said; ``None`` said nothing.

    Raises:
        BudgetReached: it does.
    """
    if most is None or amount <= most:
        return
    raise BudgetReached(
        f"This comes to {money.show(amount)} credits, and {money.show(most)} were given as the "
        "most. Nothing was held and nothing bought.",
        field="max_credits",
        given=money.show(most),
        allowed=f"at least {money.show(amount)}",
        budget="this run",
        used=0,
        asked=amount,
        limit=most,
        resets_at=None,
    )


def _covering(standing: _Standing, admission: Admission) -> list[Budget]:
    return [each for each in standing.budgets if each.covers(admission.user, admission.project)]


def _pass(standing: _Standing, budget: Budget, spent: int, *, refused: bool = False) -> None:
    """Note the thresholds that were passed just now, and tell of the highest of them."""
    told = standing.told.setdefault(budget.id, set())
    new = [each for each in thresholds_passed(budget, spent, refused=refused) if each not in told]
    if not new:
        return
    told.update(new)
    standing.passed += [(budget, percent) for percent in new]
    subject = f"{budget.id}/{standing.period.start.isoformat()}/{new[-1]}"
    payload = {
        "budget": str(budget),
        "percent": new[-1],
        "spent": spent,
        "amount": budget.amount,
        "refused": refused,
        "resets_at": standing.period.end.isoformat(),
    }
    standing.alerts.append(Alert(budget.owner, "budget.threshold", subject, payload))


def _take_down(
    connection: Connection,
    wallets: Mapping[str, Wallet],
    placed: Sequence[tuple[Hold, Admission]],
) -> None:
    """Write for whom each hold was placed, and what may be done with it."""
    insert_rows(
        connection,
        admissions,
        [
            (
                made.id,
                wallets[made.owner].id,
                each.user,
                each.project,
                None,
                microseconds(made.created_at),
            )
            for made, each in placed
        ],
    )
    insert_rows(
        connection,
        uses,
        [
            (made.id, operation, wallets[made.owner].id, count, 0, microseconds(made.created_at))
            for made, each in placed
            for operation, count in each.uses.items()
        ],
    )
