"""The wallet: what is in it, what moved it, what the plan allows, what was done with it."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import IO, Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.responses import Response

from billing.accounts.account import account_of, wallet_id_of
from billing.accounts.forecast import forecast
from billing.accounts.limits import runs_of, used_of
from billing.ledger import balance
from billing.ledger.history import movements
from billing.reports.chart import png, svg
from billing.reports.export import export_csv, export_parquet
from billing.reports.terms import period_of
from engine.reports import spend_chart, spending_csv, statement_csv, wallet_statement
from engine.studio import Studio
from engine.usage import usage as find_usage
from interfaces.api.answers import Amount, Answer
from interfaces.api.identity import Accountant, StudioHere
from interfaces.api.key_first import KeyFirst
from interfaces.api.schema import refuses
from interfaces.api.streams import Places
from studio import clock
from studio.errors import InvalidRequest
from studio.operations import OPERATIONS

router = APIRouter(route_class=KeyFirst, tags=["account"], prefix="/account")

_Period = Annotated[
    str,
    Query(
        max_length=40,
        description="A year, a month (2026-11), a day, two days (2026-11-01..2026-11-15), "
        "this-month or last-month, in UTC; this-period or last-period of the account's plan.",
    ),
]
_Format = Annotated[Literal["json", "csv"], Query(alias="format")]
_CHART: dict[str, Any] = {"content": {"image/svg+xml": {}, "image/png": {}}}
_TYPES = {"csv": "text/csv", "parquet": "application/vnd.apache.parquet"}
_ENTRIES = {"description": "The entries.", "content": {key: {} for key in _TYPES.values()}}
_PLACES = Places(4, "exports")
_CSV = {"content": {"application/json": {}, "text/csv": {"schema": {"type": "string"}}}}


class Limit(Answer):
    """A limit of the plan, and what is used of it in this period."""

    limit_on: str
    used: int
    limit: int | None = Field(description="Null where there is none but the credits.")


class Account(Answer):
    """A workspace's wallet and plan."""

    owner: str
    user: str
    plan: str
    granted: Amount
    captured: Amount
    held: Amount
    expired: Amount
    available: Amount
    period_begins: datetime
    period_ends: datetime
    ends_at: datetime | None
    limits: list[Limit]


class Movement(Answer):
    """What moved credits."""

    id: str
    at: datetime
    kind: str
    available: Amount
    held: Amount
    spent: Amount
    why: str


class History(Answer):
    """The newest movements."""

    movements: list[Movement]


class Use(Answer):
    """What was done and spent under one combination of what was asked by."""

    keys: dict[str, str]
    jobs: int
    spent: Amount
    refunded: Amount


class Usage(Answer):
    """What was done and spent in a period."""

    period: str
    begins: datetime
    ends: datetime
    spent: Amount
    usage: list[Use]


class Forecast(Answer):
    """How long the wallet lasts."""

    available: Amount
    spent: Amount
    captures: int
    days: int = Field(description="That were looked at.")
    a_day: Amount | None = Field(description="Null where there is too little to tell.")
    dry_at: datetime | None
    why: str = Field(description="Why there is no date; empty where there is one.")


class Line(Answer):
    """All movements of a kind."""

    kind: str
    count: int
    available: Amount
    held: Amount


class Statement(Answer):
    """From the opening to the closing balance of a period."""

    period: str
    begins: datetime
    ends: datetime
    opening: Amount
    closing: Amount
    spent: Amount
    agrees: bool = Field(description="Whether the movements lead from one to the other.")
    lines: list[Line]


@router.get("", operation_id="get_account", summary="Show the account", responses=refuses(501))
def show(who: Accountant, studio: StudioHere) -> Account:
    """Show what is in the wallet, and what the plan allows and is used of it in this period."""
    moment = clock.now()
    with studio.database.read() as connection:
        has = balance(connection, who.owner)
        account = account_of(connection, who.owner).today(moment)
        wallet = wallet_id_of(connection, who.owner)
        period = account.period(moment)
        used = used_of(connection, wallet, period.start)
        runs = runs_of(connection, wallet, moment)
    terms = account.terms
    limits = [
        Limit(limit_on=name, used=used.get(name, 0), limit=terms.limit(name) if terms else None)
        for name in OPERATIONS
    ]
    at_once = Limit(limit_on="concurrency", used=runs, limit=terms.concurrency if terms else None)
    return Account(
        owner=who.owner,
        user=who.user,
        plan=account.name,
        **{name: Amount.of(getattr(has, name)) for name in _BALANCE},
        period_begins=period.start,
        period_ends=period.end,
        ends_at=account.ends_at,
        limits=[*limits, at_once],
    )


_BALANCE = ("granted", "captured", "held", "expired", "available")


@router.get(
    "/history", operation_id="get_history", summary="What moved credits", responses=refuses()
)
def history(
    who: Accountant, studio: StudioHere, limit: Annotated[int, Query(ge=1, le=500)] = 50
) -> History:
    """List what moved credits, the newest first."""
    with studio.database.read() as connection:
        found = movements(connection, who.owner, limit)
    return History(
        movements=[
            Movement(
                id=each.id,
                at=each.at,
                kind=each.kind,
                available=Amount.of(each.available),
                held=Amount.of(each.held),
                spent=Amount.of(each.spent),
                why=each.why,
            )
            for each in found
        ]
    )


@router.get(
    "/usage",
    operation_id="get_usage",
    summary="What was done and spent",
    responses={200: _CSV, **refuses()},
    response_model=Usage,
)
def usage(
    who: Accountant,
    studio: StudioHere,
    by: Annotated[
        str,
        Query(
            max_length=100, description="operation, provider, offer, template, day, user, project"
        ),
    ] = "operation",
    period: _Period = "this-month",
    format_: _Format = "json",
) -> Usage | Response:
    """Say what was done and spent in a period, by what is asked; without the operator's costs."""
    names = [name.strip() for name in by.split(",") if name.strip()]
    if "wallet" in names:
        raise InvalidRequest(
            "A key sees its own wallet.", field="by", given=by, allowed="other dimensions"
        )
    with studio.database.read() as connection:
        when = period_of(connection, who.owner, period, clock.now())
        rows = find_usage(connection, when, names, owner=who.owner)
    if format_ == "csv":
        return _csv(spending_csv(names, rows), "usage.csv")
    return Usage(
        period=when.name,
        begins=when.start,
        ends=when.end,
        spent=Amount.of(sum(row.spent for row in rows)),
        usage=[
            Use(
                keys=dict(zip(names, row.keys, strict=True)),
                jobs=row.jobs,
                spent=Amount.of(row.spent),
                refunded=Amount.of(row.refunded),
            )
            for row in rows
        ],
    )


@router.get(
    "/statement",
    operation_id="get_statement",
    summary="The books of a period",
    responses={200: _CSV, **refuses()},
    response_model=Statement,
)
def statement(
    who: Accountant, studio: StudioHere, period: _Period = "this-month", format_: _Format = "json"
) -> Statement | Response:
    """Show what the wallet had, what moved it, and what it has after a period."""
    with studio.database.read() as connection:
        when = period_of(connection, who.owner, period, clock.now())
        found = wallet_statement(connection, who.owner, when)
    if format_ == "csv":
        return _csv(statement_csv(found), "statement.csv")
    told = found.statement
    return Statement(
        period=when.name,
        begins=when.start,
        ends=when.end,
        opening=Amount.of(told.opening.total),
        closing=Amount.of(told.closing.total),
        spent=Amount.of(told.spent),
        agrees=told.agrees,
        lines=[
            Line(
                kind=line.kind,
                count=line.count,
                available=Amount.of(line.available),
                held=Amount.of(line.held),
            )
            for line in told.told
        ],
    )


@router.get(
    "/usage/chart",
    operation_id="get_usage_chart",
    summary="What was spent on each day, drawn",
    response_class=Response,
    responses={200: _CHART, **refuses()},
)
def chart(
    who: Accountant,
    studio: StudioHere,
    by: Annotated[str, Query(max_length=20)] = "operation",
    period: _Period = "this-month",
    format_: Annotated[Literal["svg", "png"], Query(alias="format")] = "svg",
) -> Response:
    """Draw what was spent on each day of a period, stacked by a dimension of usage."""
    if by in {"wallet", "day"}:
        raise InvalidRequest(
            "A chart of one wallet by day is stacked by something else.",
            field="by",
            given=by,
            allowed="operation, provider, offer, template, user, project",
        )
    with studio.database.read() as connection:
        when = period_of(connection, who.owner, period, clock.now())
        drawn = spend_chart(connection, when, by, clock.now(), owner=who.owner)
    if format_ == "png":
        return Response(png(drawn), media_type="image/png")
    return Response(svg(drawn), media_type="image/svg+xml")


@router.get(
    "/forecast", operation_id="get_forecast", summary="How long it lasts", responses=refuses()
)
def get_forecast(
    who: Accountant, studio: StudioHere, days: Annotated[int, Query(ge=1, le=366)] = 30
) -> Forecast:
    """Say when the wallet runs dry at the rate of the last days."""
    with studio.database.read() as connection:
        found = forecast(connection, who.owner, clock.now(), days)
    return Forecast(
        available=Amount.of(found.available),
        spent=Amount.of(found.spent),
        captures=found.captures,
        days=found.days,
        a_day=None if found.a_day is None else Amount.of(found.a_day),
        dry_at=found.dry_at,
        why=found.why,
    )


@router.get(
    "/ledger",
    operation_id="export_ledger",
    summary="Every entry of the books",
    response_class=Response,
    responses={200: _ENTRIES, **refuses(501)},
)
async def ledger(
    who: Accountant,
    studio: StudioHere,
    period: Annotated[
        str, Query(max_length=40, description="Only of this one; all, if empty.")
    ] = "",
    format_: Annotated[Literal["csv", "parquet"], Query(alias="format")] = "csv",
) -> Response:
    """Return every entry of the wallet's books, the oldest first, as a file for accountants."""
    return await asyncio.to_thread(_ledger, studio, who.owner, period, format_)


def _ledger(studio: Studio, owner: str, period: str, format_: str) -> Response:
    write = {"csv": export_csv, "parquet": export_parquet}[format_]

    def fill(file: IO[bytes]) -> None:
        with studio.database.read() as connection:
            when = period_of(connection, owner, period, clock.now()) if period else None
            write(connection, owner, when, file)

    return _PLACES.file(fill, f"ledger.{format_}", _TYPES[format_])


def _csv(data: bytes, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(data, media_type="text/csv", headers=headers)
