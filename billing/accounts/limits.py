"""Limits: how often an operation was done in a period, and what a plan makes of the next one.

What counts is derived: a hold that is open counts what it may still do, one that has ended what was
bought with it. There is no counter that could drift, and nothing to be given back after a failure.
A hold counts in the period in which it was placed, to its end.

It is the hold that is judged, and not each purchase out of it: the gate (``ledger/claims.py``) asks
whether the hold is open, its owner's and large enough, and does not count uses. What is bought out
of a hold are the orders that it was placed for, each at most once: what failed was given back
before it is tried at the next offer, and what was billed or is unknown is not tried again. So more
is never bought than was judged, and counting at the gate would be work for every purchase that
grows with its batch. The auditor counts it all the same (``audit.py``), so that whoever would
let a run buy something else one day is found out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Connection,
    ScalarSelect,
    Text,
    bindparam,
    case,
    cast,
    exists,
    func,
    select,
    union_all,
    update,
)

from billing.accounts.account import Account
from billing.accounts.periods import Period
from billing.accounts.plans import Plan
from billing.accounts.tables import admissions, uses
from billing.tables import claims, holds
from studio import credits as money
from studio.database import UtcDateTime
from studio.errors import LimitReached, NotInPlan
from studio.operations import OPERATIONS

_WALLET = bindparam("wallet", type_=Text)
_SINCE = bindparam("since", type_=UtcDateTime)


def _bought(*states: str) -> ScalarSelect[int]:
    """Count the claims of a hold and operation in these states."""
    return (
        select(func.count())
        .select_from(claims)
        .where(
            claims.c.hold_id == uses.c.hold_id,
            claims.c.operation == uses.c.operation,
            claims.c.state.in_(states),
        )
        .correlate(uses)
        .scalar_subquery()
    )


_OF_WALLET = (uses.c.wallet_id == _WALLET, uses.c.created_at >= _SINCE)

# Two halves: the many that are final by their index, the few that are not with their holds.
_FINAL = (
    select(uses.c.operation, func.sum(uses.c.count).label("count"))
    .where(*_OF_WALLET, uses.c.final == 1)
    .group_by(uses.c.operation)
)
_PENDING = (
    select(
        uses.c.operation,
        func.sum(
            case((holds.c.state == "open", uses.c.count), else_=_bought("active", "captured"))
        ).label("count"),
    )
    .join(holds, holds.c.id == uses.c.hold_id)
    .where(*_OF_WALLET, uses.c.final == 0)
    .group_by(uses.c.operation)
)
_BOTH = union_all(_FINAL, _PENDING).subquery("both")
_USED = select(_BOTH.c.operation, cast(func.sum(_BOTH.c.count), BigInteger)).group_by(
    _BOTH.c.operation
)


def used_of(connection: Connection, wallet_id: str, since: datetime) -> dict[str, int]:
    """Return how often each operation was done, or may still be done, since a moment."""
    rows = connection.execute(_USED, {"wallet": wallet_id, "since": since})
    return {row[0]: row[1] for row in rows}


_CLOSED = exists().where(holds.c.id == uses.c.hold_id, holds.c.state == "closed")

_SETTLE_USES = (
    update(uses)
    .where(uses.c.wallet_id.in_(bindparam("wallets", expanding=True)), uses.c.final == 0, _CLOSED)
    .values(count=_bought("captured"), final=1)
)

_SETTLE_ADMISSIONS = (
    update(admissions)
    .where(
        admissions.c.wallet_id.in_(bindparam("wallets", expanding=True)),
        admissions.c.spent.is_(None),
        exists().where(holds.c.id == admissions.c.hold_id, holds.c.state == "closed"),
    )
    .values(
        spent=select(holds.c.captured)
        .where(holds.c.id == admissions.c.hold_id)
        .correlate(admissions)
        .scalar_subquery()
    )
)


def settle_closed(connection: Connection, wallet_ids: Iterable[str]) -> None:
    """Keep what holds that are closed came to. It changes no answer, it makes them quicker."""
    wanted = sorted(wallet_ids)
    if wanted:
        connection.execute(_SETTLE_USES, {"wallets": wanted})
        connection.execute(_SETTLE_ADMISSIONS, {"wallets": wanted})


_OPEN_RUNS = select(func.count()).where(
    holds.c.wallet_id == _WALLET,
    holds.c.state == "open",
    holds.c.expires_at > bindparam("now", type_=UtcDateTime),
)


def runs_of(connection: Connection, wallet_id: str, now: datetime) -> int:
    """Return how many runs of a wallet are under way: its open holds."""
    return int(connection.execute(_OPEN_RUNS, {"wallet": wallet_id, "now": now}).scalar_one())


def check_plan(
    account: Account, plan: Plan, wanted: Mapping[str, int], amount: int, rows: int
) -> None:
    """Refuse what the plan never allows, however little was used.

    Args:
        wanted: how often each operation is asked for.
        amount: micro-credits to hold.
        rows: rows of the batch; 1 for a single run.

    Raises:
        NotInPlan: with ``plan`` and ``limit_on`` in its details.
    """
    for operation in wanted:
        if plan.limit(operation) == 0:
            raise NotInPlan(
                f"{OPERATIONS[operation].title} is not in the plan {plan.title} of "
                f"{account.owner!r}. A larger plan may have it (`studio account plans`).",
                field="operation",
                given=operation,
                owner=account.owner,
                plan=plan.name,
                limit_on=operation,
            )
    if plan.largest_hold is not None and amount > plan.largest_hold:
        raise NotInPlan(
            f"The plan {plan.title} sets aside at most {money.show(plan.largest_hold)} credits "
            f"for one run, and this comes to {money.show(amount)}. Ask for less at once.",
            owner=account.owner,
            plan=plan.name,
            limit_on="largest_hold",
            limit=plan.largest_hold,
            asked=amount,
        )
    if plan.batch_rows is not None and rows > plan.batch_rows:
        raise NotInPlan(
            f"The plan {plan.title} has batches of up to {plan.batch_rows} rows.",
            field="rows",
            given=rows,
            allowed=f"up to {plan.batch_rows}",
            owner=account.owner,
            plan=plan.name,
            limit_on="batch_rows",
            limit=plan.batch_rows,
            asked=rows,
        )


def check_limits(
    plan: Plan, period: Period, used: Mapping[str, int], wanted: Mapping[str, int], runs: int
) -> None:
    """Refuse what was used up, in this period or at this moment.

    Args:
        used: how often each operation was done in the period.
        wanted: how often each operation is asked for, all of it at once.
        runs: runs that are under way.

    Raises:
        LimitReached: with ``limit_on``, ``used``, ``asked``, ``limit`` and ``resets_at``.
    """
    if plan.concurrency is not None and runs >= plan.concurrency:
        raise LimitReached(
            f"{runs} runs are under way, as many as the plan {plan.title} has at once. "
            "Try again when one has ended.",
            limit_on="concurrency",
            used=runs,
            asked=1,
            limit=plan.concurrency,
            resets_at=None,
        )
    for operation, asked in wanted.items():
        limit, before = plan.limit(operation), used.get(operation, 0)
        if limit is not None and before + asked > limit:
            raise LimitReached(
                f"The plan {plan.title} has {limit} of {operation} in a period; {before} are used "
                f"or under way, and this asks for {asked}. The next period begins at "
                f"{period.end:%Y-%m-%d %H:%M} UTC.",
                field="operation",
                given=operation,
                limit_on=operation,
                used=before,
                asked=asked,
                limit=limit,
                resets_at=period.end.isoformat(),
            )
