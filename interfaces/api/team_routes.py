"""People and their money: members, budgets, what they are told of, and what was done about it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from billing.accounts import plans as books
from billing.accounts.account import Account, account_of, wallet_id_of
from billing.accounts.alerts import set_approval, set_low_balance
from billing.accounts.budgets import (
    budgets_of,
    remove_budget,
    set_budget,
    spent_of,
    spent_under,
)
from billing.accounts.events import events_of
from billing.accounts.members import Member as Known
from billing.accounts.members import add_member, members_of, remove_member
from interfaces.api.answers import Amount, Answer
from interfaces.api.bodies import check_text
from interfaces.api.identity import Accountant, Admin, StudioHere
from interfaces.api.key_first import KeyFirst
from interfaces.api.schema import refuses
from studio import clock
from studio import credits as money

router = APIRouter(route_class=KeyFirst, tags=["account"], prefix="/account")

Role = Literal["viewer", "member", "admin"]
Scope = Literal["workspace", "user", "project"]

_Credits = Annotated[str, Field(max_length=20, examples=["250"])]
_User = Annotated[str, Path(min_length=1, max_length=80, examples=["ben"])]
_Which = Annotated[Scope, Query(description="Of the whole workspace, of a user or a project.")]
_Name = Annotated[str, Query(max_length=80, description="Which user or project.")]


class RoleRequest(BaseModel):
    """What a member may do."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"role": "member"}})

    role: Role = Field(description="A viewer looks, a member also spends, an admin manages.")


class Member(Answer):
    """Somebody who may act for the workspace."""

    user: str
    role: Role
    added_at: datetime

    @classmethod
    def of(cls, known: Known) -> Member:
        """Return a member as an answer."""
        return cls.model_validate(known, from_attributes=True)


class Members(Answer):
    """The workspace's members; a workspace without any belongs to the user of its own name."""

    members: list[Member]


class BudgetRequest(BaseModel):
    """The most that may be spent in a period."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"scope": "project", "name": "autumn", "most": "250"}},
    )

    scope: Scope
    name: str = Field(default="", max_length=80, description="Which user or project.")
    most: _Credits = Field(description="Credits a period; 0 allows only what is free.")


class Budget(Answer):
    """A budget, and what counts under it in this period."""

    scope: Scope
    name: str
    most: Amount
    spent: Amount = Field(description="Spent or held.")


class Budgets(Answer):
    """The workspace's budgets. At 50, 80, 95 and 100 percent people are told."""

    budgets: list[Budget]


class AlertsRequest(BaseModel):
    """When people are told of the wallet, or asked about a batch; null for never."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"low_balance": "50", "approval_above": "100", "approval_by_another": True}
        },
    )

    low_balance: _Credits | None = Field(description="Told when less is left.")
    approval_above: _Credits | None = Field(description="Batches that come to more wait.")
    approval_by_another: bool = Field(
        default=False, description="Whoever started a batch may not approve it."
    )


class Alerts(Answer):
    """When people are told of the wallet, or asked about a batch; null for never."""

    low_balance: Amount | None
    approval_above: Amount | None
    approval_by_another: bool

    @classmethod
    def of(cls, account: Account) -> Alerts:
        """Return an account's alerts as an answer."""
        low, above = account.low_balance, account.approval_above
        return cls(
            low_balance=None if low is None else Amount.of(low),
            approval_above=None if above is None else Amount.of(above),
            approval_by_another=account.approval_by_another,
        )


class Event(Answer):
    """Something that was done about the account."""

    id: str
    at: datetime
    kind: str
    author: str
    reason: str
    details: Mapping[str, Any]


class Events(Answer):
    """What was done, the newest first."""

    events: list[Event]


class Plan(Answer):
    """A plan. What is null has no limit; 0 allows nothing."""

    name: str
    title: str
    price_month: int = Field(description="US cents a month, for who pays by the month.")
    price_year: int = Field(description="US cents a year.")
    credits: Amount = Field(description="Granted each period; unused ones expire.")
    modules: list[str]
    limits: Mapping[str, int] = Field(description="How often an operation may be done.")
    largest_hold: Amount | None
    batch_rows: int | None
    concurrency: int | None


class Plans(Answer):
    """The plans that there are today, the smallest first."""

    version: str
    plans: list[Plan]


@router.get("/members", operation_id="list_members", summary="Members", responses=refuses())
def list_members(who: Accountant, studio: StudioHere) -> Members:
    """List who may act for the workspace, by name."""
    with studio.database.read() as connection:
        return Members(members=[Member.of(each) for each in members_of(connection, who.owner)])


@router.put(
    "/members/{member}",
    operation_id="set_member",
    summary="Add a member",
    responses=refuses(409),
)
def set_member(who: Admin, studio: StudioHere, member: _User, wanted: RoleRequest) -> Member:
    """Add a member, or give one who is there another role. The first one must be an admin."""
    check_text(member, "member")
    return Member.of(
        studio.database.write(
            lambda connection: add_member(
                connection, who.owner, member, wanted.role, author=who.user
            )
        )
    )


@router.delete(
    "/members/{member}",
    operation_id="remove_member",
    summary="Remove a member",
    status_code=HTTPStatus.NO_CONTENT,
    responses=refuses(404, 409),
)
def take_off(who: Admin, studio: StudioHere, member: _User) -> None:
    """Take a member off the workspace; their keys count no more, at once."""
    studio.database.write(
        lambda connection: remove_member(connection, who.owner, member, author=who.user)
    )


@router.get("/budgets", operation_id="list_budgets", summary="Budgets", responses=refuses())
def list_budgets(who: Accountant, studio: StudioHere) -> Budgets:
    """List the budgets, and what is spent or held under each in this period."""
    with studio.database.read() as connection:
        return _budgets(connection, who.owner)


@router.put("/budgets", operation_id="set_budget", summary="Set a budget", responses=refuses())
def put_budget(who: Admin, studio: StudioHere, wanted: BudgetRequest) -> Budgets:
    """Set a budget, in the place of one of the same scope and name."""
    check_text(wanted.model_dump())
    most = money.parse(wanted.most, field="most")

    def work(connection: Connection) -> Budgets:
        set_budget(connection, who.owner, wanted.scope, wanted.name, most, author=who.user)
        return _budgets(connection, who.owner)

    return studio.database.write(work)


@router.delete(
    "/budgets", operation_id="remove_budget", summary="Remove a budget", responses=refuses(404)
)
def take_budget(who: Admin, studio: StudioHere, scope: _Which, name: _Name = "") -> Budgets:
    """Take a budget away, and return those that are left."""
    check_text(name, "name")

    def work(connection: Connection) -> Budgets:
        remove_budget(connection, who.owner, scope, name, author=who.user)
        return _budgets(connection, who.owner)

    return studio.database.write(work)


def _budgets(connection: Connection, owner: str) -> Budgets:
    period = account_of(connection, owner).period(clock.now())
    spent = spent_of(connection, wallet_id_of(connection, owner), period.start)
    return Budgets(
        budgets=[
            Budget(
                scope=each.scope,
                name=each.name,
                most=Amount.of(each.amount),
                spent=Amount.of(spent_under(each, spent)),
            )
            for each in budgets_of(connection, [owner])[owner]
        ]
    )


@router.get("/alerts", operation_id="get_alerts", summary="Alerts", responses=refuses())
def get_alerts(who: Accountant, studio: StudioHere) -> Alerts:
    """Say when people are told of a low balance, and which batches wait for approval."""
    with studio.database.read() as connection:
        return Alerts.of(account_of(connection, who.owner))


@router.put("/alerts", operation_id="set_alerts", summary="Set the alerts", responses=refuses())
def put_alerts(who: Admin, studio: StudioHere, wanted: AlertsRequest) -> Alerts:
    """Say when people are to be told, and which batches wait; both in one transaction."""
    low = _micro(wanted.low_balance, "low_balance")
    above = _micro(wanted.approval_above, "approval_above")

    def work(connection: Connection) -> Account:
        set_low_balance(connection, who.owner, low, author=who.user)
        return set_approval(
            connection, who.owner, above, by_another=wanted.approval_by_another, author=who.user
        )

    return Alerts.of(studio.database.write(work))


def _micro(text: str | None, field: str) -> int | None:
    return None if text is None else money.parse(text, field=field)


@router.get("/events", operation_id="list_events", summary="What was done", responses=refuses())
def list_events(
    who: Accountant, studio: StudioHere, limit: Annotated[int, Query(ge=1, le=500)] = 50
) -> Events:
    """List what was done about the account, by whom and why, the newest first."""
    with studio.database.read() as connection:
        found = events_of(connection, who.owner, limit=limit)
    return Events(events=[Event.model_validate(each, from_attributes=True) for each in found])


@router.get("/plans", operation_id="list_plans", summary="Plans", responses=refuses())
def list_plans(_who: Accountant) -> Plans:
    """List the plans that there are. Which one it is is the operator's to decide."""
    book = books.current(clock.now().date())
    same = ("name", "title", "price_month", "price_year", "limits", "batch_rows", "concurrency")
    return Plans(
        version=book.version,
        plans=[
            Plan(
                **{name: getattr(plan, name) for name in same},
                credits=Amount.of(plan.credits),
                modules=sorted(plan.modules),
                largest_hold=None if plan.largest_hold is None else Amount.of(plan.largest_hold),
            )
            for plan in book.plans
        ],
    )
