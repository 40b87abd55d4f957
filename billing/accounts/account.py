"""An account: what was agreed for a workspace, and the period that it is in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite

from billing.accounts import plans
from billing.accounts.periods import CALENDAR, MONTHS, Cycle, Period
from billing.accounts.plans import PREPAID, Plan
from billing.accounts.tables import accounts
from billing.tables import wallets
from studio.errors import AccountEnded, AccountRefused


@dataclass(frozen=True, slots=True)
class Account:
    """What was agreed for a workspace.

    Attributes:
        plan: the plan's name; ``None`` for a prepaid account.
        book: the version of the plans that it has.
        next_plan: what it changes to when its next period begins.
        cycle: ``monthly`` or ``yearly``: what is paid for at once. Periods are months either way.
        anchor: when its first period began.
        zone: by whose clock its periods begin.
        ends_at: until when it was agreed; ``None`` until it is cancelled.
        granted_period: the index of the last period whose credits were granted.
        low_balance: below how many micro-credits its owner is told; ``None`` for never.
        low_told: whether that was told since the balance last was above.
        approval_above: above how many micro-credits a batch waits for approval; ``None`` for never.
        approval_by_another: whether who started the batch may not approve it.
        kept: whether the database has a row of it; without one it is personal and prepaid.
    """

    owner: str
    plan: str | None = None
    book: str | None = None
    next_plan: str | None = None
    cycle: str | None = None
    anchor: datetime | None = None
    zone: str | None = None
    ends_at: datetime | None = None
    granted_period: int | None = None
    low_balance: int | None = None
    low_told: bool = False
    approval_above: int | None = None
    approval_by_another: bool = False
    kept: bool = False

    @property
    def name(self) -> str:
        """The plan's name, or ``prepaid``."""
        return self.plan or PREPAID

    @property
    def terms(self) -> Plan | None:
        """The plan that holds now; ``None`` for a prepaid account.

        Raises:
            SetupIncomplete: the file of its plans is gone.
        """
        if self.plan is None or self.book is None:
            return None
        return plans.version(self.book).plan(self.plan)

    @property
    def months(self) -> Cycle:
        """How its time is cut into periods; by the calendar, in UTC, without a plan."""
        if self.anchor is None or self.zone is None:
            return CALENDAR
        return _cycle(self.anchor, self.zone)

    def period(self, now: datetime) -> Period:
        """Return the period that it is in."""
        return self.months.at(now)

    def today(self, now: datetime) -> Account:
        """Return it as the next pre-flight will find it: a change that was put off may be due."""
        due = self.granted_period is not None and self.period(now).index > self.granted_period
        if self.next_plan is None or not due or self.ended(now):
            return self
        return replace(self, plan=self.next_plan, next_plan=None)

    def term(self, now: datetime) -> Period:
        """Return the stretch that was paid for together."""
        return self.months.term(now, MONTHS[self.cycle or "monthly"])

    def ended(self, now: datetime) -> bool:
        """Whether the time that was agreed is over. Nothing prolongs it but a person's word."""
        return self.ends_at is not None and self.ends_at <= now

    def check_open(self, now: datetime) -> None:
        """Refuse what is over.

        Raises:
            AccountEnded: it is.
        """
        if self.ends_at is not None and self.ended(now):
            raise AccountEnded(
                f"The plan {self.name} of {self.owner!r} ended at {self.ends_at:%Y-%m-%d %H:%M} "
                "UTC. Renew it with `studio account plan`, or make the account prepaid.",
                owner=self.owner,
                plan=self.name,
                ended_at=self.ends_at.isoformat(),
            )


@cache
def _cycle(anchor: datetime, zone: str) -> Cycle:
    return Cycle(anchor, zone)


_FIND = select(accounts).where(accounts.c.owner.in_(bindparam("owners", expanding=True)))


def accounts_of(connection: Connection, owners: Iterable[str]) -> dict[str, Account]:
    """Return the accounts of these owners; one without a row is personal and prepaid."""
    wanted = sorted(set(owners))
    found = {owner: Account(owner) for owner in wanted}
    if wanted:
        rows = connection.execute(_FIND, {"owners": wanted}).mappings()
        found |= {row["owner"]: _account(row) for row in rows}
    return found


def account_of(connection: Connection, owner: str) -> Account:
    """Return the account of an owner."""
    return accounts_of(connection, [owner])[owner]


def wallet_id_of(connection: Connection, owner: str) -> str:
    """Return the id of an owner's wallet, without its lock; for who only looks.

    Raises:
        AccountRefused: there is no wallet.
    """
    query = select(wallets.c.id).where(wallets.c.owner == owner)
    found: str | None = connection.execute(query).scalar()
    if found is None:
        raise AccountRefused(f"There is no wallet for {owner!r}.", owner=owner, reason="missing")
    return found


def with_plans(connection: Connection) -> list[Account]:
    """Return every account that has a plan, by owner."""
    query = select(accounts).where(accounts.c.plan.is_not(None)).order_by(accounts.c.owner)
    return [_account(row) for row in connection.execute(query).mappings()]


def with_alerts(connection: Connection) -> list[str]:
    """Return the owners who want to be told of a low balance."""
    query = select(accounts.c.owner).where(accounts.c.low_balance.is_not(None))
    return list(connection.execute(query.order_by(accounts.c.owner)).scalars())


def keep_account(connection: Connection, owner: str, now: datetime) -> Account:
    """Return the account, with a row in the database from now on. The wallet must be locked."""
    make = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    row = {"owner": owner, "low_told": 0, "created_at": now}
    connection.execute(make(accounts).on_conflict_do_nothing(index_elements=["owner"]), [row])
    return account_of(connection, owner)


def change_account(connection: Connection, owner: str, **values: Any) -> Account:
    """Change what is kept of an account. The wallet must be locked."""
    connection.execute(update(accounts).where(accounts.c.owner == owner).values(**values))
    return account_of(connection, owner)


def _account(row: RowMapping) -> Account:
    values = {name: row[name] for name in row if name != "created_at"}
    flags = {name: bool(row[name]) for name in ("low_told", "approval_by_another")}
    return Account(**{**values, **flags}, kept=True)
