"""What was bought of a provider, for comparing with its bill, or with what is left there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import BigInteger, ColumnElement, Connection, case, cast, func, insert, select

from billing.reports.bill import BillLine
from billing.reports.period import Period
from billing.reports.reconciliation import NEAR, Purchase, Reconciliation, reconcile
from engine.jobs import Job
from engine.tables import jobs, provider_balances

_ROWS_AT_ONCE = 1_000


def purchases(connection: Connection, provider: str, period: Period) -> Iterator[Purchase]:
    """Return what was asked of a provider in a period, and shortly before and after.

    What nobody knows the outcome of has the cost that it would have; what was surely not bought
    has none.
    """
    query = select(jobs).where(
        jobs.c.created_at >= period.start - NEAR,
        jobs.c.created_at < period.end + NEAR,
        *_of(provider),
    )
    streamed = connection.execution_options(yield_per=_ROWS_AT_ONCE)
    for row in streamed.execute(query.order_by(jobs.c.created_at, jobs.c.id)).mappings():
        yield _purchase(Job(**row))


def compare(
    connection: Connection, provider: str, period: Period, bill: Sequence[BillLine]
) -> Reconciliation:
    """Compare a provider's bill with our books, for a period.

    The bill's lines of other times are left out. Of purchases at the edges, which the two sides
    may count to different periods, only those within it are said to be missing.
    """
    lines = [line for line in bill if line.at is None or period.start <= line.at < period.end]
    found = reconcile(purchases(connection, provider, period), lines)
    missing = tuple(each for each in found.missing_there if period.start <= each.at < period.end)
    return replace(found, missing_there=missing)


def _of(provider: str) -> tuple[ColumnElement[bool], ...]:
    # "/" and the character after it: all offers that begin with the provider's name.
    return jobs.c.offer > f"{provider}/", jobs.c.offer < f"{provider}0"


def _purchase(job: Job) -> Purchase:
    unknown = job.state == "unknown"
    return Purchase(
        job=job.id,
        ids=tuple(dict.fromkeys(_ids(job))),
        cost=job.cost if unknown else job.expense,
        at=job.created_at,
        model=job.offer,
        unknown=unknown,
    )


def _ids(job: Job) -> Iterator[str]:
    """Return the provider's names for a job, as far as they were told."""
    facts = (job.delivery or {}).get("facts", {})
    told = (facts.get("request_id"), facts.get("generation"), (job.error or {}).get("request_id"))
    for each in (*told, job.remote_id, job.remote_id.partition("?")[0]):
        if each:
            yield str(each)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a provider said was left in our account, in micro-credits."""

    at: datetime
    amount: int


@dataclass(frozen=True, slots=True)
class Drift:
    """Two readings, and what was bought between them by our books.

    Attributes:
        before: the reading before; ``None`` at the first one.
        now: this one.
        expense: what our books say that the provider charged meanwhile, in micro-credits.
        unknown: what is in jobs whose outcome nobody knows, in micro-credits.
    """

    before: Reading | None
    now: Reading
    expense: int
    unknown: int

    @property
    def spent(self) -> int:
        """What is gone there, in micro-credits; below 0 after a top-up there."""
        return self.before.amount - self.now.amount if self.before else 0

    @property
    def difference(self) -> int:
        """What is gone there beyond what our books say, in micro-credits."""
        return self.spent - self.expense if self.before else 0

    @property
    def explained(self) -> bool:
        """Whether our books explain what is gone, unknown outcomes being bought or not."""
        return self.before is None or 0 <= self.difference <= self.unknown


def take_reading(connection: Connection, provider: str, account: str, now: Reading) -> Drift:
    """Keep what a provider says is left, and compare it with the reading before.

    Args:
        connection: within a transaction that may write.
        provider: whose jobs.
        account: which account there; another key is another account.
        now: what it says.
    """
    table = provider_balances.c
    query = (
        select(table.at, table.amount)
        .where(table.account == account, table.at < now.at)
        .order_by(table.at.desc())
        .limit(1)
    )
    row = connection.execute(query).first()
    before = Reading(row.at, row.amount) if row else None
    values = {"account": account, "at": now.at, "amount": now.amount}
    connection.execute(insert(provider_balances).values(values))
    expense, unknown = _between(connection, provider, before, now) if before else (0, 0)
    return Drift(before, now, expense, unknown)


def _between(
    connection: Connection, provider: str, before: Reading, now: Reading
) -> tuple[int, int]:
    """Return what jobs that ended between two readings cost, and what unknown ones may have."""
    is_unknown = jobs.c.state == "unknown"
    query = select(
        _sum(case((is_unknown, 0), else_=jobs.c.expense)), _sum(case((is_unknown, jobs.c.cost)))
    ).where(jobs.c.updated_at > before.at, jobs.c.updated_at <= now.at, *_of(provider))
    expense, unknown = connection.execute(query).one()
    return int(expense), int(unknown)


def _sum(amounts: ColumnElement[int]) -> ColumnElement[int]:
    return cast(func.coalesce(func.sum(amounts), 0), BigInteger)
