"""``studio account`` about people and their money: members, budgets, and how long it lasts."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import App, Parameter
from rich.text import Text

from billing.accounts.account import account_of, wallet_id_of
from billing.accounts.alerts import set_approval, set_low_balance
from billing.accounts.budgets import (
    Budget,
    budgets_of,
    remove_budget,
    set_budget,
    spent_of,
    spent_under,
)
from billing.accounts.forecast import Forecast, forecast
from billing.accounts.members import Member, add_member, members_of, remove_member
from interfaces.cli.exits import Exit
from interfaces.cli.opening import opened_database
from interfaces.cli.output import Fact, amount, in_credits, plain, show_facts, table
from interfaces.cli.session import Here, Session
from studio import clock
from studio import credits as money

if TYPE_CHECKING:
    from rich.console import Console
    from sqlalchemy import Connection

_QUIET = Parameter(show_default=False)

Action = Literal["list", "add", "remove"]
Kind = Literal["list", "workspace", "user", "project"]


def members(
    action: Annotated[Action, _QUIET] = "list",
    member: Annotated[str, _QUIET] = "",
    /,
    *,
    role: Literal["viewer", "member", "admin"] = "member",
    session: Here,
) -> int:
    """List who may act for the wallet, or add or remove somebody.

    A wallet without members belongs to the user of its own name.

    Args:
        action: list, add or remove.
        member: Whom to add or remove.
        role: viewer looks, member also spends, admin also sees to members and budgets.
    """

    def work(connection: Connection) -> list[Member]:
        session.require(connection, "look" if action == "list" else "manage")
        if action == "add":
            add_member(connection, session.owner, member, role, author=session.user)
        elif action == "remove":
            remove_member(connection, session.owner, member, author=session.user)
        return members_of(connection, session.owner)

    with opened_database(session.config) as database:
        found = database.write(work)
    document = {
        "owner": session.owner,
        "members": [
            {"user": each.user, "role": each.role, "added_at": each.added_at.isoformat()}
            for each in found
        ],
    }
    session.out.result(document, lambda to: _show_members(to, session.owner, found))
    return Exit.DONE


def budget(
    kind: Annotated[Kind, _QUIET] = "list",
    most: Annotated[str, _QUIET] = "",
    /,
    *,
    name: Annotated[str, _QUIET] = "",
    session: Here,
) -> int:
    """List the budgets with what is spent of them, or set or remove one.

    A budget is the most that may be spent or held in a period. You are told at 50, 80, 95 and
    100 percent.

    Args:
        kind: workspace, user or project sets one; list shows all.
        most: Credits a period, such as 250; none removes the budget.
        name: Which user or project.
    """

    def work(connection: Connection) -> list[dict[str, Any]]:
        session.require(connection, "look" if kind == "list" else "manage")
        if kind != "list" and most == "none":
            remove_budget(connection, session.owner, kind, name, author=session.user)
        elif kind != "list":
            micro = money.parse(most, field="most")
            set_budget(connection, session.owner, kind, name, micro, author=session.user)
        return _budget_rows(connection, session)

    with opened_database(session.config) as database:
        found = database.write(work)
    session.out.result(
        {"owner": session.owner, "budgets": found}, lambda to: _show_budgets(to, found)
    )
    return Exit.DONE


def low_balance(below: Annotated[str, _QUIET], /, *, session: Here) -> int:
    """Be told when less is left in the wallet.

    Args:
        below: Credits, such as 50; none tells nobody.
    """
    least = None if below == "none" else money.parse(below, field="below")

    def work(connection: Connection) -> None:
        session.require(connection, "manage")
        set_low_balance(connection, session.owner, least, author=session.user)

    with opened_database(session.config) as database:
        database.write(work)
    told = "never" if least is None else f"below {in_credits(least)}"
    document = {"owner": session.owner, "low_balance": least}
    session.out.result(document, lambda to: show_facts(to, [("told", told)]))
    return Exit.DONE


def approval(
    above: Annotated[str, _QUIET],
    /,
    *,
    by_another: Annotated[bool, Parameter(negative=())] = False,
    session: Here,
) -> int:
    """Have batches that come to more wait until an admin approves them.

    Args:
        above: Credits, such as 100; none has no batch wait.
        by_another: Whoever started the batch may not approve it.
    """
    limit = None if above == "none" else money.parse(above, field="above")

    def work(connection: Connection) -> None:
        session.require(connection, "manage")
        set_approval(connection, session.owner, limit, by_another=by_another, author=session.user)

    with opened_database(session.config) as database:
        database.write(work)
    asked = "never" if limit is None else f"above {in_credits(limit)}"
    document = {"owner": session.owner, "approval_above": limit, "by_another": by_another}
    session.out.result(document, lambda to: show_facts(to, [("approval", asked)]))
    return Exit.DONE


def forecast_(*, days: int = 30, session: Here) -> int:
    """Say when the wallet runs dry at the rate of the last days.

    Args:
        days: How many days to look at, 1 to 366.
    """
    with opened_database(session.config) as database, database.read() as connection:
        session.require(connection, "look")
        found = forecast(connection, session.owner, clock.now(), days)
    document = {
        **asdict(found),
        "owner": session.owner,
        "dry_at": found.dry_at.isoformat() if found.dry_at else None,
        **amount("available", found.available),
        **amount("spent", found.spent),
    }
    session.out.result(document, lambda to: show_facts(to, _forecast_facts(found)))
    return Exit.DONE


def add_to(app: App) -> None:
    """Add these commands to ``studio account``."""
    app.command(members)
    app.command(budget)
    app.command(low_balance)
    app.command(approval)
    app.command(forecast_, name="forecast")


def _budget_rows(connection: Connection, session: Session) -> list[dict[str, Any]]:
    wallet = wallet_id_of(connection, session.owner)
    period = account_of(connection, session.owner).period(clock.now())
    spent = spent_of(connection, wallet, period.start)
    found = budgets_of(connection, [session.owner])[session.owner]
    return [_budget_document(each, spent_under(each, spent)) for each in found]


def _budget_document(each: Budget, spent: int) -> dict[str, Any]:
    return {
        "scope": each.scope,
        "name": each.name,
        **amount("most", each.amount),
        **amount("spent", spent),
    }


def _show_members(to: Console, owner: str, found: list[Member]) -> None:
    rows = table("user", "role", "since")
    for each in found:
        rows.add_row(plain(each.user), each.role, f"{each.added_at:%Y-%m-%d}")
    to.print(rows if found else Text(f"None: it is {plain(owner)}'s own.", style="dim"))


def _show_budgets(to: Console, found: list[dict[str, Any]]) -> None:
    rows = table(
        "of", "credits a period", "spent or held", right=("credits a period", "spent or held")
    )
    for each in found:
        words = plain(f"{each['scope']} {each['name']}")
        rows.add_row(words, each["most_credits"], each["spent_credits"])
    to.print(rows if found else Text("None.", style="dim"))


def _forecast_facts(found: Forecast) -> list[Fact]:
    facts: list[Fact] = [
        ("available", in_credits(found.available)),
        ("spent", f"{in_credits(found.spent)} by {found.captures} purchases in {found.days} days"),
    ]
    if found.a_day is not None:
        facts.append(("a day", in_credits(found.a_day)))
    dry = f"{found.dry_at:%Y-%m-%d}" if found.dry_at else f"nobody can tell: {found.why}"
    return [*facts, ("runs dry", dry)]
