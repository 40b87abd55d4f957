"""Quotes: what an operation would cost, and who would do it. Nothing is held, nothing bought."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Body
from pydantic import Field

from engine.quoting import sign_quote
from engine.single import Planned, plan_one
from interfaces.api.answers import Amount, Answer
from interfaces.api.bodies import example_of, read_order
from interfaces.api.identity import Reader, StudioHere
from interfaces.api.key_first import KeyFirst
from interfaces.api.schema import body_of, refuses
from studio.errors import InvalidRequest
from studio.operations import OPERATIONS

router = APIRouter(route_class=KeyFirst, tags=["quotes"])

REQUEST = {
    "type": "object",
    "title": "QuoteRequest",
    "description": "The body of the operation's own route, and its name.",
    "required": ["operation"],
    "properties": {"operation": {"type": "string", "enum": list(OPERATIONS)}},
    "additionalProperties": True,
    "examples": [{"operation": "generate", **example_of("generate")}],
}


class QuoteLine(Answer):
    """A line: so many units of an offer."""

    offer: str
    unit: str
    quantity: int
    unit_price: Amount
    amount: Amount


class Choice(Answer):
    """An offer that can do it."""

    offer: str
    price: Amount
    reason: str


class Refusal(Answer):
    """An offer that cannot, and why."""

    offer: str
    reason: str


class Quote(Answer):
    """What it costs, exactly, and who does it; its price is kept for who sends its token."""

    id: str
    token: str = Field(description="Send it as `quote` with this very request.")
    total: Amount
    lines: list[QuoteLine]
    book_version: str
    book_date: date
    expires_at: datetime
    request: Mapping[str, Any] = Field(description="The request with every choice made.")
    offers: list[Choice]
    refusals: list[Refusal]
    losses: list[str] = Field(
        description="What is not used: all but one frame of an animation, an unknown style."
    )


@router.post(
    "/quotes",
    operation_id="quote",
    summary="Say what an operation would cost",
    responses=refuses(402, 404, 501, 502),
    openapi_extra=body_of(REQUEST),
)
def quote(who: Reader, studio: StudioHere, body: Annotated[dict[str, Any], Body()]) -> Quote:
    """Say what an operation would cost, and who would do it. Nothing is held."""
    name = body.get("operation")
    if not isinstance(name, str) or name not in OPERATIONS:
        raise InvalidRequest(
            "There is no such operation.",
            field="operation",
            given=name,
            allowed=", ".join(OPERATIONS),
        )
    order = read_order(name, body)
    planned = plan_one(studio, order.operation, who.owner, "quote", user=who.user)
    signed, token = sign_quote(
        studio.settings, planned.quote, planned.request, planned.pictures, who.owner
    )
    return _answer(planned, signed.id, token)


def _answer(planned: Planned, identifier: str, token: str) -> Quote:
    quoted, plan = planned.quote, planned.plan
    return Quote(
        id=identifier,
        token=token,
        total=Amount.of(quoted.total),
        lines=[
            QuoteLine(
                offer=line.offer,
                unit=line.unit,
                quantity=line.quantity,
                unit_price=Amount.of(line.unit_price),
                amount=Amount.of(line.amount),
            )
            for line in quoted.lines
        ],
        book_version=quoted.book_version,
        book_date=quoted.book_date,
        expires_at=quoted.expires_at,
        request=planned.request.model_dump(mode="json"),
        offers=[
            Choice(offer=each.offer.id, price=Amount.of(each.price), reason=each.reason)
            for each in plan.choices
        ],
        refusals=[Refusal(offer=each.offer, reason=each.reason) for each in plan.refusals],
        losses=list(planned.losses),
    )
