"""What was bought of a provider, for comparing with its bill, or with what is left there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import BigInteger, ColumnElement, Connection, case, cast, func, insert, select

from billing.reports.bill import BillLine
from billing.reports.period import Period, parse_period
from billing.reports.reconciliation import NEAR, Purchase, Reconciliation, reconcile
from engine.jobs import Job
from engine.studio import Studio
from engine.tables import jobs, provider_balances
from providers.contract import Health
from studio.clock import now as present
from studio.errors import InvalidRequest, NotFound, StudioUnavailable

_ROWS_AT_ONCE = 1_000
_CHECK_SECONDS = 20


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


def named_columns(text: str) -> dict[str, str]:
    """Return the headers that ``text`` names: ``id=HEADER,cost=HEADER,time=HEADER``."""
    pairs = [pair.partition("=") for pair in text.split(",") if pair.strip()]
    return {name.strip(): header.strip() for name, _, header in pairs}


def period_of_bill(bill: Sequence[BillLine], text: str) -> Period:
    """Return the period that ``text`` says; if it says none, the days of the bill.

    Raises:
        InvalidRequest: it is no period, or empty although the bill has no times.
    """
    moments = [line.at for line in bill if line.at is not None]
    if text or not moments:
        return parse_period(text, present())
    return parse_period(f"{min(moments):%Y-%m-%d}..{max(moments):%Y-%m-%d}", present())


def known_provider(studio: Studio, name: str) -> str:
    """Return the name of a provider.

    Raises:
        NotFound: there is none of that name.
    """
    if name in studio.providers:
        return name
    raise NotFound(
        "There is no such provider.",
        field="provider",
        given=name,
        allowed=", ".join(studio.providers),
    )


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


def ask_balance(studio: Studio, provider: str) -> Drift:
    """Ask a provider what is left in our account, and compare it with when it was last asked.

    Raises:
        NotFound: there is no such provider.
        InvalidRequest: it does not tell.
        StudioUnavailable: it did not answer within 20 seconds.
    """
    asked = studio.providers[known_provider(studio, provider)]

    async def ask() -> Health:
        async with asyncio.timeout(_CHECK_SECONDS):
            return await asked.check()

    try:
        health = studio.loop.run(ask())
    except TimeoutError:
        raise StudioUnavailable(
            f"{provider} did not answer within {_CHECK_SECONDS} seconds."
        ) from None
    if health.left is None:
        raise InvalidRequest(
            f"{provider} does not tell what is left in an account ({health.says}).",
            field="provider",
            given=provider,
            allowed="a provider with a balance and a key: stability, wavespeed",
        )
    reading = Reading(present(), health.left)
    return studio.database.write(
        lambda connection: take_reading(connection, provider, asked.account or provider, reading)
    )


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
