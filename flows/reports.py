"""Reports: what a period came to, told once it is over."""

from __future__ import annotations

from typing import Annotated, Any

from prefect import State, flow
from prefect.runtime import flow_run as this_run
from prefect.states import Completed, Failed
from pydantic import Field

from billing.reports.period import parse_period
from studio import credits as money
from studio.clock import now
from studio.errors import StudioError
from tasks.artifacts import count
from tasks.reports import make_report
from tasks.states import refused
from tasks.upkeep import preflight_free

PERIOD = Annotated[
    str,
    Field(
        max_length=40,
        json_schema_extra={
            "title": "Period",
            "description": "A year (2026), a month (2026-11), a day, two days "
            "(2026-11-01..2026-11-15), this-month or last-month; all in UTC.",
        },
    ),
]
WALLET = Annotated[
    str,
    Field(
        max_length=80,
        json_schema_extra={
            "title": "Wallet",
            "description": "Whose usage and statement; empty means all wallets of the studio.",
        },
    ),
]


@flow(
    name="report",
    description="Tell what a period came to: usage by operation and provider, a statement of each "
    "wallet, and a chart of what was spent on each day.",
    flow_run_name=lambda: f"report: {this_run.parameters['period']}",
)
async def report(period: PERIOD = "last-month", owner: WALLET = "") -> State[Any]:
    """Tell what a period came to: usage, statements and a chart."""
    await preflight_free()
    try:
        when = parse_period(period, now())
        made = await make_report(owner, when)
    except StudioError as error:
        return refused(error)
    told = count("statement", len(made.statements))
    words = f"{when.name}: {money.show(made.spent)} credits spent, {told}"
    if made.faults:
        return Failed(message=f"{words}; the books do not agree: {', '.join(made.faults)}")
    return Completed(message=words)
