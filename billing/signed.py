"""Signed quotes: a price that is kept until it expires, whatever the price book says by then.

A quote goes out as a *token*: its content as JSON and an HMAC-SHA256 of it (RFC 2104), both in
base64url. Nothing is kept of it here. The token is no secret: it holds prices, and only its owner
can use it, only for the request that it was made for, as often as it stands.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from billing.quotes import Quote, QuoteLine
from studio.errors import InvalidRequest
from studio.ids import new_id

LONGEST_TOKEN = 4_000
"""Characters; a quote of ten variations has some 1,500."""

_FORM = "sq1"
"""The form of a token: whoever changes it lets tokens of the old form be refused, not misread."""

_AGAIN = "a token as `studio quote` gave it"


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
    body = f"{_FORM}.{_encoded(text.encode())}"
    return signed, f"{body}.{_encoded(_mac(body, key))}"


def read(token: str, *, owner: str, request: str, key: bytes, now: datetime) -> SignedQuote:
    """Return the quote in a token, if it stands and is good for this owner and this request.

    Raises:
        InvalidRequest: it is no token of ours, was changed, has expired, or is somebody else's or
            for something else.
    """
    signed = _read(token, key)
    quote = signed.quote
    if signed.owner != owner:
        raise _refused(
            "The quote was made for another wallet.", owner, "the wallet it was made for"
        )
    if now >= quote.expires_at:
        raise _refused(
            "The quote has expired; ask for a new one.",
            f"{signed.id}, which stood until {quote.expires_at.isoformat(timespec='seconds')}",
            "a quote that still stands",
        )
    if signed.request != request:
        raise _refused(
            "The quote was made for another request: it holds for the same fields and the same "
            "input files only.",
            signed.id,
            "a quote of this request",
        )
    return signed


def _read(token: str, key: bytes) -> SignedQuote:
    """Return what the token says, after its signature has been checked."""
    form, _, rest = token.partition(".")
    text, _, mac = rest.partition(".")
    if form != _FORM or not mac or len(token) > LONGEST_TOKEN or not token.isascii():
        raise _refused("This is no quote of the studio.", token, _AGAIN)
    body = f"{form}.{text}"
    if not hmac.compare_digest(_encoded(_mac(body, key)), mac):
        raise _refused(
            "The quote was changed, or was signed by another studio.", token[-8:], _AGAIN
        )
    try:
        return _signed(json.loads(_decoded(text)))
    except (ValueError, TypeError, KeyError, binascii.Error) as error:
        # Signed by us and yet not readable: by another version.
        raise _refused("This quote cannot be read any more.", token[-8:], _AGAIN) from error


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


def _mac(body: str, key: bytes) -> bytes:
    return hmac.new(key, body.encode(), hashlib.sha256).digest()


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _refused(message: str, given: str, allowed: str) -> InvalidRequest:
    return InvalidRequest(message, field="quote", given=given, allowed=allowed)
