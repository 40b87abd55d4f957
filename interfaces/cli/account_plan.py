"""``studio account`` about plans: which there are, which one it is, what it allows and is used."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import App, Parameter
from rich.text import Text

from billing.accounts import plans as books
from billing.accounts.account import Account, account_of, wallet_id_of
from billing.accounts.events import Event, events_of
from billing.accounts.limits import runs_of, used_of
from billing.accounts.plans import Plan
from billing.accounts.subscriptions import cancel, change_plan, set_active
from billing.ledger import WalletRequest, open_wallets
from billing.ledger.words import WalletState
from interfaces.cli.exits import Exit
from interfaces.cli.opening import opened_database
from interfaces.cli.output import Fact, amount, in_credits, plain, show_facts, table
from interfaces.cli.session import Here, Session
from studio import clock
from studio.errors import InvalidRequest
from studio.operations import OPERATIONS

if TYPE_CHECKING:
    from rich.console import Console

_QUIET = Parameter(show_default=False)

Cycle = Literal["monthly", "yearly"]


def plans(*, session: Here) -> int:
    """List the plans that there are."""
    book = books.current(clock.now().date())
    document = {"version": book.version, "plans": [_plan_document(plan) for plan in book.plans]}
    session.out.result(document, lambda to: _show_plans(to, book.plans))
    return Exit.DONE


def plan(
    name: Annotated[str, _QUIET] = "",
    /,
    *,
    reason: Annotated[str, _QUIET] = "",
    cycle: Annotated[Cycle | None, _QUIET] = None,
    zone: Annotated[str, _QUIET] = "",
    anchor: Annotated[str, _QUIET] = "",
    until: Annotated[str, _QUIET] = "",
    author: Annotated[str, _QUIET] = "",
    session: Here,
) -> int:
    """Show the account's plan, or put it on another one.

    A larger plan holds at once, with credits for what is left of the period; a smaller one from
    the next period on. It is the operator's to decide, and no member's.

    Args:
        name: A plan (see `studio account plans`), or prepaid for none.
        reason: Why; kept with it for ever, and asked for with a plan.
        cycle: What is paid for at once: monthly or yearly. Credits come by the month either way.
        zone: By whose clock periods begin, such as Europe/Vienna; UTC, if not given.
        anchor: When the first period began, such as 2026-11-01; now, if not given.
        until: Until when it is agreed, such as 2027-11-01; until it is cancelled, if not given.
            never takes an end back.
        author: Who; kept with it. You, if not given.
    """
    with opened_database(session.config) as database:
        if name:
            agreed: dict[str, Any] = {
                "cycle": cycle or "",
                "zone": zone,
                "anchor": _moment(anchor, "anchor"),
                "ends_at": None if until == "never" else _moment(until, "until"),
                "endless": until == "never",
            }
            agreed |= {"author": author or getpass.getuser(), "reason": _why(reason)}
            database.write(lambda c: open_wallets(c, [WalletRequest(session.owner)]))
            database.write(lambda c: change_plan(c, session.owner, name, **agreed))
        with database.read() as connection:
            if not name:
                session.require(connection, "look")
            account = account_of(connection, session.owner).today(clock.now())
    session.out.result(account_document(account), lambda to: show_facts(to, account_facts(account)))
    return Exit.DONE


def end(
    *,
    reason: Annotated[str, _QUIET] = "",
    author: Annotated[str, _QUIET] = "",
    session: Here,
) -> int:
    """Cancel the account's plan: it ends when the month or year that was paid for is over.

    Args:
        reason: Why; kept with it for ever.
        author: Who; kept with it. You, if not given.
    """
    by = {"author": author or getpass.getuser(), "reason": _why(reason)}
    with opened_database(session.config) as database:
        account = database.write(lambda c: cancel(c, session.owner, **by))
    session.out.result(account_document(account), lambda to: show_facts(to, account_facts(account)))
    return Exit.DONE


def limits(*, session: Here) -> int:
    """Show what the plan allows, and what of it is used or under way in this period."""
    now = clock.now()
    with opened_database(session.config) as database, database.read() as connection:
        session.require(connection, "look")
        account = account_of(connection, session.owner).today(clock.now())
        wallet = wallet_id_of(connection, session.owner)
        used = used_of(connection, wallet, account.period(now).start)
        runs = runs_of(connection, wallet, now)
    rows = _limit_rows(account.terms, used, runs)
    document = {**account_document(account), "limits": rows}
    session.out.result(document, lambda to: _show_limits(to, account, rows))
    return Exit.DONE


def suspend(
    *, reason: Annotated[str, _QUIET] = "", author: Annotated[str, _QUIET] = "", session: Here
) -> int:
    """Suspend the account: nothing new is held or bought; what was bought is still filed.

    Args:
        reason: Why; whoever is refused is told.
        author: Who; kept with it. You, if not given.
    """
    return _set_state(session, "suspended", reason, author)


def resume(
    *, reason: Annotated[str, _QUIET] = "", author: Annotated[str, _QUIET] = "", session: Here
) -> int:
    """Make a suspended account active again.

    Args:
        reason: Why; kept with it for ever.
        author: Who; kept with it. You, if not given.
    """
    return _set_state(session, "active", reason, author)


def events(*, limit: int = 20, session: Here) -> int:
    """List what was done about the account, by whom and why, the newest first.

    Args:
        limit: How many, 1 to 500.
    """
    with opened_database(session.config) as database, database.read() as connection:
        session.require(connection, "look")
        found = events_of(connection, session.owner, limit=limit)
    document = {"owner": session.owner, "events": [_event_document(each) for each in found]}
    session.out.result(document, lambda to: _show_events(to, found))
    return Exit.DONE


def add_to(app: App) -> None:
    """Add these commands to ``studio account``."""
    for command in (plans, plan, limits, suspend, resume, events):
        app.command(command)
    app.command(end, name="cancel")


def _set_state(session: Session, state: WalletState, reason: str, author: str) -> int:
    by = {"author": author or getpass.getuser(), "reason": _why(reason)}
    with opened_database(session.config) as database:
        database.write(lambda c: set_active(c, session.owner, state, **by))
    session.out.result(
        {"owner": session.owner, "state": state, **by},
        lambda to: show_facts(to, [("wallet", session.owner), ("state", state), *by.items()]),
    )
    return Exit.DONE


def _why(reason: str) -> str:
    if reason:
        return reason
    raise InvalidRequest(
        "Say why; it is kept with the change.", field="reason", allowed="--reason and a few words"
    )


def _moment(text: str, name: str) -> datetime | None:
    """Return a moment that was typed; without a zone it is in UTC."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidRequest(
            "This is no moment.",
            field=name,
            given=text,
            allowed="a date such as 2027-11-01, or a moment such as 2027-11-01T09:00+01:00",
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def account_document(account: Account) -> dict[str, Any]:
    """Return an account as JSON values."""
    now = clock.now()
    period = account.period(now)
    return {
        "owner": account.owner,
        "plan": account.name,
        "plans": account.book,
        "next_plan": account.next_plan,
        "cycle": account.cycle,
        "zone": account.zone,
        "period_start": period.start.isoformat(),
        "period_end": period.end.isoformat(),
        "ends_at": account.ends_at.isoformat() if account.ends_at else None,
        "ended": account.ended(now),
    }


def account_facts(account: Account) -> list[Fact]:
    """Return an account for people."""
    now = clock.now()
    period = account.period(now)
    facts: list[Fact] = [
        ("account", account.owner),
        ("plan", Text(account.name, style="bold")),
        ("period", f"{period.start:%Y-%m-%d %H:%M} to {period.end:%Y-%m-%d %H:%M} UTC"),
    ]
    if account.next_plan:
        facts.append(("then", f"{account.next_plan}, from the next period on"))
    if account.ends_at:
        word = "ended" if account.ended(now) else "ends"
        facts.append((word, f"{account.ends_at:%Y-%m-%d %H:%M} UTC"))
    return facts


def _plan_document(plan: Plan) -> dict[str, Any]:
    known = plan.model_dump(mode="json", exclude={"credits", "largest_hold"})
    largest = plan.largest_hold
    return {
        **known,
        "modules": sorted(plan.modules),
        **amount("granted", plan.credits),
        **({} if largest is None else amount("largest_hold", largest)),
    }


def _show_plans(to: Console, found: tuple[Plan, ...]) -> None:
    rows = table("plan", "US$ a month", "a year", "credits a month", "at once", "modules",
                 right=("US$ a month", "a year", "credits a month", "at once"))  # fmt: skip
    for each in found:
        rows.add_row(
            each.name,
            f"{each.price_month / 100:.2f}",
            f"{each.price_year / 100:.2f}",
            in_credits(each.credits).split(" ")[0],
            "" if each.concurrency is None else str(each.concurrency),
            ", ".join(sorted(each.modules)),
        )
    to.print(rows)


def _limit_rows(terms: Plan | None, used: dict[str, int], runs: int) -> list[dict[str, Any]]:
    """Return every limit with what is used of it; ``limit`` is ``None`` where there is none."""
    rows = [
        {
            "limit_on": operation,
            "used": used.get(operation, 0),
            "limit": terms.limit(operation) if terms else None,
        }
        for operation in OPERATIONS
    ]
    at_once = {"limit_on": "concurrency", "used": runs, "limit": terms and terms.concurrency}
    return [*rows, at_once]


def _show_limits(to: Console, account: Account, found: list[dict[str, Any]]) -> None:
    rows = table("what", "used", "limit", right=("used", "limit"))
    for each in found:
        limit = {None: "none", 0: "not in the plan"}.get(each["limit"], str(each["limit"]))
        if each["used"] or each["limit"] is not None:
            rows.add_row(each["limit_on"], str(each["used"]), limit)
    show_facts(to, account_facts(account))
    to.print(rows)
    to.print(Text("What is not listed has no limit but the credits.", style="dim"))


def _event_document(event: Event) -> dict[str, Any]:
    return {
        "id": event.id,
        "at": event.at.isoformat(),
        "kind": event.kind,
        "author": event.author,
        "reason": event.reason,
        "details": dict(event.details),
    }


def _show_events(to: Console, found: list[Event]) -> None:
    rows = table("when", "what", "who", "why", "details")
    for each in found:
        details = ", ".join(f"{name} {_told(name, it)}" for name, it in each.details.items())
        rows.add_row(
            f"{each.at:%Y-%m-%d %H:%M}",
            each.kind.replace("_", " "),
            plain(each.author),
            plain(each.reason),
            plain(details),
        )
    to.print(rows if found else Text("Nothing yet.", style="dim"))


_AMOUNTS = frozenset({"amount", "approval_above", "below", "granted"})
"""Details that are micro-credits."""


def _told(name: str, value: Any) -> str:
    """Return a detail of an event in words."""
    if value is None:
        return "none"
    return in_credits(value) if name in _AMOUNTS and isinstance(value, int) else str(value)
