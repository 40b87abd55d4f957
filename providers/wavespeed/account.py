"""What WaveSpeed says of money: what a request would cost, and what is left in the account.

Both have an older and a newer end point; the newer one is asked first. Asking buys nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from providers.http import Transport
from providers.wavespeed.errors import GONE, NAME
from studio.errors import BadResponse, ProviderError

MICRO_CREDITS_PER_DOLLAR = 100_000_000
"""A credit is one US cent and has a million parts (studio/credits.py)."""

_CURRENCY = "USD"


@dataclass(frozen=True, slots=True)
class Quoted:
    """What a request would cost.

    Attributes:
        model: WaveSpeed's id of the model.
        cost: micro-credits, with the account's discount.
        list_price: micro-credits, without it.
    """

    model: str
    cost: int
    list_price: int


async def price(http: Transport, model: str, inputs: Mapping[str, Any]) -> Quoted:
    """Ask what a request would cost: the catalogue's own figures are only floors.

    Args:
        http: asks what buys nothing.
        model: WaveSpeed's id of the model.
        inputs: the request's body.

    Raises:
        ProviderError: it does not tell.
    """
    body = {"model_id": model, "inputs": dict(inputs)}
    try:
        told = _inner(await _post(http, "/api/v3/model/price", body))
        full = _amount(told.get("price"))
        reduced = told.get("discounted_price")
        cost = full if reduced is None else _amount(reduced)
    except ProviderError as error:
        if error.details.get("status") not in GONE:
            raise
        told = _inner(await _post(http, "/api/v3/model/pricing", body))
        full = cost = _amount(told.get("unit_price"))
    _check_currency(told)
    return Quoted(model, cost, full)


async def balance(http: Transport) -> int:
    """Return what is left in the account, in micro-credits at US$0.01 a credit.

    Raises:
        ProviderError: it does not tell.
    """
    try:
        reply = await http.read("/api/v3/balance")
    except ProviderError as error:
        if error.details.get("status") not in GONE:
            raise
        # One page of the documentation shows it here, with its currency.
        reply = await http.read("/api/v3/account/balance")
    told = _inner(reply.json())
    _check_currency(told)
    return _amount(told.get("balance"))


def in_dollars(micro_credits: int) -> str:
    """Return an amount in dollars and cents, rounded down, such as ``US$12.34``."""
    cents = micro_credits * 100 // MICRO_CREDITS_PER_DOLLAR
    return f"{'-' if cents < 0 else ''}US${abs(cents) // 100}.{abs(cents) % 100:02}"


async def _post(http: Transport, path: str, body: Mapping[str, Any]) -> Any:
    return (await http.read(path, method="POST", json=body)).json()


def _inner(body: Any) -> dict[str, Any]:
    """Return the values: in the envelope's ``data``, or without an envelope."""
    inner = body.get("data", body) if isinstance(body, dict) else None
    if not isinstance(inner, dict):
        raise _unreadable()
    return inner


def _amount(dollars: Any) -> int:
    """Return micro-credits, rounded up."""
    if isinstance(dollars, bool) or not isinstance(dollars, int | float | str):
        raise _unreadable()
    try:
        exact = Decimal(str(dollars)) * MICRO_CREDITS_PER_DOLLAR
        return int(exact.to_integral_value(rounding="ROUND_CEILING"))
    except (InvalidOperation, ValueError, OverflowError):
        raise _unreadable() from None


def _check_currency(told: Mapping[str, Any]) -> None:
    currency = told.get("currency", _CURRENCY)
    if currency != _CURRENCY:
        raise BadResponse(
            "WaveSpeed tells an amount in a currency that is not expected.",
            provider=NAME,
            given=currency,
            allowed=_CURRENCY,
        )


def _unreadable() -> BadResponse:
    return BadResponse("WaveSpeed tells no amount that can be read.", provider=NAME)
