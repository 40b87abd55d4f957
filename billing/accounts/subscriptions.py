"""Subscriptions: beginning a plan, changing it, ending it, and the credits of each period.

Every change is a person's, with author and reason, and is kept among the account's events. A plan
that is agreed until a moment ends then: nothing moves that moment but a person.

- A larger plan holds at once. Its credits for the period, less those of the plan before, are
  granted for what is left of the period, rounded down to whole micro-credits.
- A smaller plan holds from the next period on.
- The credits of a period are granted once, whoever comes first: a pre-flight or upkeep. What is
  left of them expires with the period. Periods in which nobody came are not made up for.
- A new version of the plans holds for an account from its next period on.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Connection

from billing.accounts import plans
from billing.accounts.account import (
    Account,
    account_of,
    change_account,
    keep_account,
    with_plans,
)
from billing.accounts.events import events_of, note
from billing.accounts.periods import MONTHS, Cycle, Period
from billing.accounts.plans import PREPAID, Plan, PlanBook
from billing.ledger.grants import top_up
from billing.ledger.wallets import lock_wallets, require, set_state
from billing.ledger.words import (
    LONGEST_TEXT,
    Receipt,
    StateRequest,
    TopUpRequest,
    Wallet,
    WalletState,
    check_moment,
    check_text,
)
from studio import clock
from studio.errors import AccountSuspended, Conflict, InvalidRequest, StudioError

_STUDIO = "studio"
"""The author of what happens by itself."""

_NO_PLAN = ("plan", "book", "next_plan", "cycle", "anchor", "zone", "ends_at", "granted_period")


def change_plan(
    connection: Connection,
    owner: str,
    plan: str,
    *,
    author: str,
    reason: str,
    cycle: str = "",
    zone: str = "",
    anchor: datetime | None = None,
    ends_at: datetime | None = None,
    endless: bool = False,
) -> Account:
    """Put an account on a plan, from now on or from the next period on (see above).

    Args:
        plan: a plan's name, or ``prepaid``.
        cycle: ``monthly`` or ``yearly``; empty keeps what it is.
        zone: by whose clock periods begin; only for one that begins.
        anchor: when the first period began; only for one that begins. Now, if ``None``.
        ends_at: until when it is agreed. ``None``: until it is cancelled, or as it was.
        endless: takes an end back that was agreed or that a cancellation set.

    Raises:
        AccountRefused: there is no wallet, or it is suspended.
        InvalidRequest: there is no such plan, cycle or zone, or the moments make no sense.
    """
    wallet = require(lock_wallets(connection, [owner]), owner)
    now = clock.now()
    _check_words(cycle, anchor, ends_at, now)
    account = renew(connection, wallet, keep_account(connection, owner, now), now)
    if plan == PREPAID:
        return _end(connection, account, author, reason)
    rank = plans.current(now.date()).rank(plan)  # refuses a plan that is not there
    if account.plan is None or account.ended(now):
        return _begin(
            connection,
            wallet,
            account,
            plan=plan,
            begins=Cycle(anchor or now, zone or account.zone or "UTC"),
            cycle=cycle or "monthly",
            ends_at=ends_at,
            author=author,
            reason=reason,
        )
    if anchor is not None or zone:
        raise InvalidRequest(
            "The periods of a plan that is running cannot be moved.",
            field="anchor" if anchor is not None else "zone",
            given=zone or anchor,
            allowed="end the plan first (`studio account plan prepaid`)",
        )
    if cycle:
        account = change_account(connection, owner, cycle=cycle)
    if (ends_at is not None or endless) and ends_at != account.ends_at:
        account = change_account(connection, owner, ends_at=ends_at)
        note(
            connection,
            owner,
            "plan_prolonged",
            author=author,
            reason=reason,
            plan=account.plan,
            ends_at=ends_at.isoformat() if ends_at else None,
        )
    return _change(
        connection, wallet, account, now, plan=plan, rank=rank, author=author, reason=reason
    )


def _check_words(
    cycle: str, anchor: datetime | None, ends_at: datetime | None, now: datetime
) -> None:
    if cycle and cycle not in MONTHS:
        raise InvalidRequest(
            "There is no such billing cycle.", field="cycle", given=cycle, allowed=", ".join(MONTHS)
        )
    if anchor is not None:
        check_moment(anchor, "anchor")
    if ends_at is not None:
        check_moment(ends_at, "ends_at")
    if (anchor is not None and anchor > now) or (ends_at is not None and ends_at <= now):
        raise InvalidRequest(
            "A plan cannot begin or end then.",
            field="ends_at" if ends_at is not None and ends_at <= now else "anchor",
            given=ends_at if ends_at is not None and ends_at <= now else anchor,
            allowed="a beginning that has come, and an end that has not",
        )


def _begin(
    connection: Connection,
    wallet: Wallet,
    account: Account,
    *,
    plan: str,
    begins: Cycle,
    cycle: str,
    ends_at: datetime | None,
    author: str,
    reason: str,
) -> Account:
    now = clock.now()
    begun = change_account(
        connection,
        account.owner,
        plan=plan,
        book=plans.current(now.date()).version,
        next_plan=None,
        cycle=cycle,
        anchor=begins.anchor,
        zone=begins.zone,
        ends_at=ends_at,
        granted_period=begins.at(now).index - 1,
    )
    note(
        connection,
        account.owner,
        "plan_begun",
        author=author,
        reason=reason,
        plan=plan,
        cycle=cycle,
        zone=begins.zone,
        anchor=begins.anchor.astimezone(UTC).isoformat(),
        period=begins.at(now).index,
        ends_at=ends_at.isoformat() if ends_at else None,
    )
    return renew(connection, wallet, begun, now)


def _change(
    connection: Connection,
    wallet: Wallet,
    account: Account,
    now: datetime,
    *,
    plan: str,
    rank: int,
    author: str,
    reason: str,
) -> Account:
    period = account.period(now)
    book = plans.current(now.date())
    before = account.terms
    assert before is not None and account.plan is not None  # noqa: S101, PT018 - it has a plan
    if plan == account.plan:
        if account.next_plan is None:
            return account
        note(connection, account.owner, "plan_kept", author=author, reason=reason, plan=plan)
        return change_account(connection, account.owner, next_plan=None)
    names = [each.name for each in book.plans]
    if account.plan in names and rank < book.rank(account.plan):
        note(
            connection,
            account.owner,
            "plan_will_change",
            author=author,
            reason=reason,
            before=account.plan,
            plan=plan,
            at=period.end.isoformat(),
        )
        return change_account(connection, account.owner, next_plan=plan)
    more = max(book.plan(plan).credits - before.credits, 0)
    granted = _grant(
        connection,
        wallet,
        book.plan(plan),
        period,
        amount=period.share_left(more, now),
        why=f"change from {before.title}",
    )
    note(
        connection,
        account.owner,
        "plan_changed",
        author=author,
        reason=reason,
        before=account.plan,
        plan=plan,
        granted=granted,
    )
    return change_account(connection, account.owner, plan=plan, book=book.version, next_plan=None)


def cancel(connection: Connection, owner: str, *, author: str, reason: str) -> Account:
    """End a plan when the time that was paid for is over: its month, or its year.

    Raises:
        AccountRefused: there is no wallet.
        InvalidRequest: the account has no plan that could be cancelled.
    """
    wallet = require(lock_wallets(connection, [owner]), owner)
    now = clock.now()
    account = renew(connection, wallet, account_of(connection, owner), now)
    if account.plan is None or account.ended(now):
        raise InvalidRequest(
            "There is no plan to be cancelled.", field="owner", given=owner, allowed="a plan"
        )
    end = account.term(now).end
    if account.ends_at is not None:
        end = min(end, account.ends_at)
    note(
        connection,
        owner,
        "plan_cancelled",
        author=author,
        reason=reason,
        plan=account.plan,
        ends_at=end.isoformat(),
    )
    return change_account(connection, owner, ends_at=end, next_plan=None)


def _end(connection: Connection, account: Account, author: str, reason: str) -> Account:
    """Make an account prepaid. Credits that its plan granted stay until they expire."""
    if account.plan is None:
        return account
    note(connection, account.owner, "plan_ended", author=author, reason=reason, plan=account.plan)
    return change_account(connection, account.owner, **dict.fromkeys(_NO_PLAN))


def renew(connection: Connection, wallet: Wallet, account: Account, now: datetime) -> Account:
    """Bring an account into the period of ``now``: change its plan if that was put off, and grant.

    The wallet must be locked. Nothing happens to one that is over, prepaid or suspended: a
    suspended one gets its credits when it is active again, if the period has not passed.
    """
    if account.plan is None or account.granted_period is None or account.ended(now):
        return account
    period = account.period(now)
    if period.index <= account.granted_period or wallet.state != "active":
        return account
    name = account.next_plan or account.plan
    book = _book_with(name, period, account)
    plan = book.plan(name)
    granted = _grant(connection, wallet, plan, period, amount=plan.credits, why="its credits")
    if name != account.plan:
        note(
            connection,
            account.owner,
            "plan_changed",
            author=_STUDIO,
            reason="as it was put off",
            before=account.plan,
            plan=name,
            granted=granted,
        )
    # The trace of this period, which the auditor looks at: one without credits has no other.
    note(
        connection,
        account.owner,
        "period_begun",
        author=_STUDIO,
        period=period.index,
        plan=name,
        granted=granted,
        anchor=account.anchor.isoformat() if account.anchor else None,
        zone=account.zone,
    )
    return change_account(
        connection,
        account.owner,
        plan=name,
        book=book.version,
        next_plan=None,
        granted_period=period.index,
    )


def _book_with(name: str, period: Period, account: Account) -> PlanBook:
    """Return the plans of a period's beginning; those it has, if the plan is not sold any more."""
    newest = plans.current(period.start.date())
    if account.book is None or any(plan.name == name for plan in newest.plans):
        return newest
    return plans.version(account.book)


def _grant(
    connection: Connection, wallet: Wallet, plan: Plan, period: Period, *, amount: int, why: str
) -> int:
    """Grant a period's credits, and return how many; the key says which, so that it is once.

    Raises:
        StudioError: the ledger refused; the caller's transaction must be rolled back.
    """
    if not amount:
        return 0
    request = TopUpRequest(
        wallet.owner,
        f"plan/{period.start.isoformat()}/{plan.name}",
        amount,
        _STUDIO,
        f"plan {plan.title}, {period.start:%Y-%m-%d} to {period.end:%Y-%m-%d}: {why}",
        expires_at=period.end,
        kind="period",
    )
    (answer,) = top_up(connection, [request])
    if isinstance(answer, Receipt):
        return 0 if answer.replayed else amount
    # A conflict: of this plan and period something was granted before, under an agreement that was
    # ended and begun anew with the same anchor. Nobody gets it twice.
    if not isinstance(answer, Conflict):
        raise answer
    return 0


def set_active(
    connection: Connection, owner: str, state: WalletState, *, author: str, reason: str
) -> Account:
    """Suspend an account, or make it active again.

    What is bought already is still paid and filed; nothing new is held or bought while suspended.

    Raises:
        AccountRefused: there is no wallet.
    """
    check_text(reason, "reason", LONGEST_TEXT)
    (answer,) = set_state(connection, [StateRequest(owner, state)])
    if isinstance(answer, StudioError):
        raise answer
    kind = "suspended" if state == "suspended" else "resumed"
    note(connection, owner, kind, author=author, reason=reason)
    return renew(connection, answer, account_of(connection, owner), clock.now())


def with_reason(connection: Connection, refusal: AccountSuspended) -> AccountSuspended:
    """Return the refusal with what is known of the suspension: since when, and why."""
    owner = str(refusal.details["owner"])
    known = events_of(connection, owner, kind="suspended", limit=1)
    if not known:
        return refusal
    event = known[0]
    return AccountSuspended(
        f"The account of {owner!r} is suspended since {event.at:%Y-%m-%d %H:%M} UTC: "
        f"{event.reason}. Nothing new can be held or bought with it.",
        owner=owner,
        reason="suspended",
        why=event.reason,
        since=event.at.isoformat(),
    )


def due_for_renewal(connection: Connection, now: datetime) -> list[str]:
    """Return the owners whose account has come into a period that was not granted yet."""
    return [
        account.owner
        for account in with_plans(connection)
        if account.granted_period is not None
        and not account.ended(now)
        and account.period(now).index > account.granted_period
    ]


def renew_one(connection: Connection, owner: str, now: datetime) -> Account:
    """Bring one account into the period of ``now``, in a transaction of its own; for upkeep."""
    wallet = require(lock_wallets(connection, [owner]), owner)
    return renew(connection, wallet, account_of(connection, owner), now)
