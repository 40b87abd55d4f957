"""Signed quotes: a price that is kept until it expires, whatever the price book says by then.

A quote goes out as a *token* (``tokens.py``) with its content as JSON. Only its owner can use it,
only for the request that it was made for, as often as it stands.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from billing.quotes import Quote, QuoteLine
from billing.tokens import check_standing, read_token, refused, unreadable, write_token
from studio.ids import new_id

_FORM = "sq1"


@dataclass(frozen=True, slots=True)
class SignedQuote:
    """A quote with what it is good for.

    Attributes:
        id: ``quo_`` and 26 characters.
        owner: who may use it.
        request: a fingerprint of what it was made for, inputs included.
        quote: the prices that are kept until its expiry.
    """

    id: str
    owner: str
    request: str
    quote: Quote


def sign(quote: Quote, *, owner: str, request: str, key: bytes) -> tuple[SignedQuote, str]:
    """Return the quote under an id of its own, and its token."""
    signed = SignedQuote(new_id("quo"), owner, request, quote)
    text = json.dumps(_document(signed), ensure_ascii=False, separators=(",", ":"))
    return signed, write_token(_FORM, text.encode(), key)


def read(token: str, *, owner: str, request: str, key: bytes, now: datetime) -> SignedQuote:
    """Return the quote in a token, if it stands and is good for this owner and this request.

    Raises:
        InvalidRequest: it is no token of ours, was changed, has expired, or is somebody else's or
            for something else.
    """
    signed = _read(token, key)
    check_standing(signed.id, signed.owner, signed.quote.expires_at, owner=owner, now=now)
    if signed.request != request:
        raise refused(
            "The quote was made for another request: it holds for the same fields and the same "
            "input files only.",
            signed.id,
            "a quote of this request",
        )
    return signed


def _read(token: str, key: bytes) -> SignedQuote:
    """Return what the token says, after its signature has been checked."""
    try:
        return _signed(json.loads(read_token(token, _FORM, key)))
    except (ValueError, TypeError, KeyError) as error:
        raise unreadable(token) from error


def _document(signed: SignedQuote) -> dict[str, Any]:
    quote = signed.quote
    return {
        "id": signed.id,
        "owner": signed.owner,
        "request": signed.request,
        "lines": [
            [line.key, line.offer, line.unit, line.quantity, line.unit_price]
            for line in quote.lines
        ],
        "book": [quote.book_version, quote.book_date.isoformat()],
        "made": quote.made_at.isoformat(),
        "expires": quote.expires_at.isoformat(),
    }


def _signed(told: dict[str, Any]) -> SignedQuote:
    lines = tuple(
        QuoteLine(key, offer, unit, quantity, price, quantity * price)
        for key, offer, unit, quantity, price in told["lines"]
    )
    version, day = told["book"]
    quote = Quote(
        lines=lines,
        total=sum(line.amount for line in lines),
        book_version=version,
        book_date=date.fromisoformat(day),
        made_at=datetime.fromisoformat(told["made"]),
        expires_at=datetime.fromisoformat(told["expires"]),
    )
    return SignedQuote(told["id"], told["owner"], told["request"], quote)
