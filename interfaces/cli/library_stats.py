"""``studio library stats``: how often pictures were looked at, downloaded and shared."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from rich.text import Text

from billing.reports.period import Period, parse_period
from interfaces.cli.exits import Exit
from interfaces.cli.opening import opened_database
from interfaces.cli.output import plain, table
from interfaces.cli.session import Here
from library import Statistics, statistics
from studio.clock import now

if TYPE_CHECKING:
    from rich.console import Console

_KINDS = ("view", "download", "share")
_HEADS = ("views", "downloads", "shares")


def stats(
    period: Annotated[str, Parameter(show_default=True)] = "this-month",
    /,
    *,
    top: int = 10,
    session: Here,
) -> int:
    """See how often pictures were delivered: looked at, downloaded, and seen through a share.

    Args:
        period: A year (2026), a month (2026-11), a day, two days (2026-11-01..2026-11-15),
            this-month or last-month; in UTC.
        top: How many of the most used pictures to name, 0 to 100.
    """
    when = parse_period(period, now())
    with opened_database(session.config) as database, database.read() as connection:
        session.require(connection, "look")
        found = statistics(
            connection, session.owner, when.days[0], when.days[-1] + timedelta(days=1), top=top
        )
    document = {
        "period": when.name,
        "uses": found.uses,
        "assets": found.assets,
        "days": [{"day": each.day.isoformat(), **each.uses} for each in found.days],
        "top": [{"asset": each.asset, "name": each.name, **each.uses} for each in found.top],
    }
    session.out.result(document, lambda to: _show(to, when, found))
    return Exit.DONE


def _show(to: Console, when: Period, found: Statistics) -> None:
    if not found.days:
        to.print(Text(f"{when.name}: nothing was delivered.", style="dim"))
        return
    rows = table("day", *_HEADS, right=_HEADS)
    for each in found.days:
        rows.add_row(each.day.isoformat(), *_cells(each.uses))
    rows.add_row("together", *_cells(found.uses), style="bold")
    to.print(rows)
    names = table("asset", "name", *_HEADS, right=_HEADS)
    names.columns[0].no_wrap = True
    for asset in found.top:
        names.add_row(asset.asset, plain(asset.name), *_cells(asset.uses))
    if found.top:
        to.print(names)


def _cells(uses: dict[str, int]) -> list[str]:
    return [f"{uses[kind]:,}" for kind in _KINDS]
