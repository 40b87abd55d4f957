"""The books: checked, written to a file, and compared with what providers say."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from prefect import State, flow
from prefect.runtime import flow_run as this_run
from prefect.states import Completed, Failed
from pydantic import Field

from engine.reconciling import Drift
from engine.studio import open_settings
from flows.forms import OWNER, USER
from studio import credits as money
from studio.operations.base import PROVIDERS
from tasks.artifacts import count
from tasks.books import Bill, compare_balance, compare_bill, show_faults, write_books
from tasks.upkeep import audit_books, preflight_free

PROVIDER = Annotated[
    str,
    Field(
        max_length=40,
        json_schema_extra={
            "title": "Provider",
            "description": "Whose bill or balance is compared with our books.",
            "enum": list(PROVIDERS),
        },
    ),
]
BILL = Annotated[
    str,
    Field(
        max_length=1_000,
        json_schema_extra={
            "title": "Bill",
            "description": "The provider's CSV file: its path on the machine where the studio "
            "runs, its https address, or an asset's id (ast_…). Empty: the provider is asked what "
            "is left in our account, and that is compared with when it was last asked.",
        },
    ),
]
COLUMNS = Annotated[
    str,
    Field(
        max_length=400,
        json_schema_extra={
            "title": "Columns",
            "description": "The bill's headers, as far as they are not found by themselves: "
            "id=HEADER,cost=HEADER,time=HEADER.",
        },
    ),
]
UNIT = Annotated[
    Literal["usd", "credits"],
    Field(
        json_schema_extra={
            "title": "Unit",
            "description": "In what the bill's amounts are; a credit is one US cent.",
        }
    ),
]
BILL_PERIOD = Annotated[
    str,
    Field(
        max_length=40,
        json_schema_extra={
            "title": "Period",
            "description": "A year (2026), a month (2026-11), a day or two days "
            "(2026-11-01..2026-11-15), in UTC. Empty: the days of the bill.",
        },
    ),
]
BOOKS_PERIOD = Annotated[
    str,
    Field(
        max_length=40,
        json_schema_extra={
            "title": "Period",
            "description": "A year (2026), a month (2026-11), a day, two days "
            "(2026-11-01..2026-11-15), this-month, last-month, or of the wallet's plan "
            "this-period, last-period; in UTC. Empty: everything.",
        },
    ),
]
FORMAT = Annotated[
    Literal["csv", "parquet"],
    Field(
        json_schema_extra={
            "title": "Format",
            "description": "CSV, whose cells no spreadsheet takes for formulas; or Parquet, which "
            "needs the extra image-studio[parquet].",
        }
    ),
]


@flow(
    name="check-books",
    description="Recompute every balance of every wallet from the journal.",
)
async def check_books() -> State[Any]:
    """Recompute every balance; the run fails where the books do not agree."""
    await preflight_free()
    faults = await audit_books()
    await show_faults(faults)
    if faults:
        return Failed(
            message=f"{count('fault', len(faults))} in the books. Stop buying, keep a copy of the "
            "database, and see the page of this run."
        )
    return Completed(message="every balance is what the journal says")


@flow(
    name="export-books",
    description="Write every entry of a wallet's books to a file, the oldest first.",
    flow_run_name=lambda: f"books: {this_run.parameters['period'] or 'everything'}",
)
async def export_books(
    period: BOOKS_PERIOD = "",
    format: FORMAT = "csv",  # noqa: A002 - it is what the form calls it
    owner: OWNER = "",
    user: USER = "",
) -> State[Any]:
    """Write every entry of a wallet's books to a ZIP that can be downloaded."""
    await preflight_free()
    config = open_settings()
    whose = owner or config.owner
    done = await write_books(whose, user or config.user, period, format)
    if isinstance(done, State):
        return Failed(message=done.message)
    return Completed(message=f"wallet {whose}: {done:,} entries")


@flow(
    name="reconcile",
    description="Compare what was bought of a provider with its bill, or with what is left in our "
    "account there.",
    flow_run_name=lambda: f"reconcile: {this_run.parameters['provider']}",
)
async def reconcile(
    provider: PROVIDER,
    bill: BILL = "",
    unit: UNIT = "usd",
    period: BILL_PERIOD = "",
    columns: COLUMNS = "",
) -> State[Any]:
    """Compare our books with a provider's; the run fails if anything differs."""
    await preflight_free()
    if not bill:
        told = await compare_balance(provider)
        return _drift(provider, told) if isinstance(told, Drift) else Failed(message=told.message)
    found = await compare_bill(provider, Bill(bill, columns, unit, period))
    if isinstance(found, State):
        return Failed(message=found.message)
    words = (
        f"{provider}: {len(found.matched)} the same, {len(found.different)} different, "
        f"{len(found.found)} unknown here and on the bill, {len(found.missing_there)} missing "
        f"there, {len(found.missing_here)} missing here"
    )
    return (Completed if found.agrees else Failed)(message=words)


def _drift(provider: str, told: Drift) -> State[Any]:
    words = f"{provider}: {money.show(told.now.amount)} credits are left"
    if told.before is None:
        return Completed(message=f"{words}; it is compared from the next time on")
    words += f", {money.show(told.spent)} are gone, {money.show(told.expense)} by our books"
    if told.unknown:
        words += f" and up to {money.show(told.unknown)} in unknown jobs"
    if told.explained:
        return Completed(message=words)
    return Failed(message=f"{words}: {money.show(told.difference)} are not explained")
