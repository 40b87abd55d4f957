"""Signed quotes of batches: the price of a unit of each offer that does rows of it, kept.

A batch has up to 100,000 rows and its token 4,000 characters, so a token has the rows' digest and
not the rows: whoever shows it reads the file again, prices it by the token, and must come to the
same digest.
"""

from __future__ import annotations

import datetime as dt
import json
import zlib
from dataclasses import dataclass
from typing import Any

from billing.tokens import (
    LONGEST_TOKEN,
    check_standing,
    read_token,
    refused,
    unreadable,
    write_token,
)

_FORM = "bq1"


@dataclass(frozen=True, slots=True)
class UnitPrice:
    """What one unit of an offer costs, in micro-credits."""

    offer: str
    unit: str
    price: int


@dataclass(frozen=True, slots=True)
class SignedBatch:
    """The prices of a batch, and what they are good for.

    Attributes:
        id: ``quo_`` and 26 characters.
        owner: who may use it.
        request: a fingerprint of the rows as the file has them, inputs included.
        digest: a fingerprint of the rows with who does each, by how many units and at what price.
        prices: of each offer that does any of them.
        rows: how many there are.
        total: what was left to buy of them, in micro-credits.
        book_version: of the price book that the prices are of.
        book_date: its date.
        made_at: when.
        expires_at: until when the prices are kept.
    """

    id: str
    owner: str
    request: str
    digest: str
    prices: tuple[UnitPrice, ...]
    rows: int
    total: int
    book_version: str
    book_date: dt.date
    made_at: dt.datetime
    expires_at: dt.datetime


def sign_batch(signed: SignedBatch, key: bytes) -> str:
    """Return the token of a batch's prices.

    Raises:
        InvalidRequest: so many offers do its rows that their prices do not fit into a token.
    """
    text = json.dumps(_document(signed), ensure_ascii=False, separators=(",", ":"))
    # Ids of offers have much in common, so a token has room for four times as many.
    token = write_token(_FORM, zlib.compress(text.encode(), 9), key)
    if len(token) > LONGEST_TOKEN:
        raise refused(
            f"The rows of this batch are done by so many offers that their prices do not fit into "
            f"a token of {LONGEST_TOKEN} characters. Quote parts of the file by themselves.",
            f"{len(signed.prices)} offers",
            "fewer offers in one batch",
        )
    return token


def read_batch(
    token: str, *, owner: str, request: str, key: bytes, now: dt.datetime
) -> SignedBatch:
    """Return the prices in a token, if they stand and are good for this owner and these rows.

    Raises:
        InvalidRequest: it is no token of ours, was changed, has expired, or is somebody else's or
            for other rows.
    """
    signed = _read(token, key)
    check_standing(signed.id, signed.owner, signed.expires_at, owner=owner, now=now)
    if signed.request != request:
        raise refused(
            "The quote was made for other rows: it holds for the same file with the same options, "
            "batch name and input files only.",
            signed.id,
            "a quote of these rows",
        )
    return signed


def _read(token: str, key: bytes) -> SignedBatch:
    """Return what the token says, after its signature has been checked."""
    try:
        return _signed(json.loads(zlib.decompress(read_token(token, _FORM, key))))
    except (ValueError, TypeError, KeyError, zlib.error) as error:
        raise unreadable(token) from error


def _document(signed: SignedBatch) -> dict[str, Any]:
    return {
        "id": signed.id,
        "owner": signed.owner,
        "request": signed.request,
        "digest": signed.digest,
        "prices": [[each.offer, each.unit, each.price] for each in signed.prices],
        "rows": signed.rows,
        "total": signed.total,
        "book": [signed.book_version, signed.book_date.isoformat()],
        "made": signed.made_at.isoformat(),
        "expires": signed.expires_at.isoformat(),
    }


def _signed(told: dict[str, Any]) -> SignedBatch:
    version, day = told["book"]
    return SignedBatch(
        id=told["id"],
        owner=told["owner"],
        request=told["request"],
        digest=told["digest"],
        prices=tuple(UnitPrice(*each) for each in told["prices"]),
        rows=told["rows"],
        total=told["total"],
        book_version=version,
        book_date=dt.date.fromisoformat(day),
        made_at=dt.datetime.fromisoformat(told["made"]),
        expires_at=dt.datetime.fromisoformat(told["expires"]),
    )
