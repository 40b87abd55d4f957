"""Signed quotes of batches: read back as they were made, and refused whatever else is shown."""

from __future__ import annotations

import zlib
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from billing.signed_batch import SignedBatch, UnitPrice, read_batch, sign_batch
from billing.tokens import LONGEST_TOKEN, write_token
from studio.errors import InvalidRequest

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
KEY = b"k" * 32
SIGNED = SignedBatch(
    id="quo_" + "0" * 26,
    owner="ada",
    request="r" * 64,
    digest="d" * 64,
    prices=(UnitPrice("local/draw", "picture", 200_000), UnitPrice("local/cut", "picture", 0)),
    rows=3,
    total=400_000,
    book_version="v1",
    book_date=date(2026, 11, 1),
    made_at=NOW,
    expires_at=NOW + timedelta(minutes=30),
)


def shown(token: str, **changes: Any) -> SignedBatch:
    values = {"owner": "ada", "request": SIGNED.request, "key": KEY, "now": NOW, **changes}
    return read_batch(token, **values)


def test_it_is_read_as_it_was_signed() -> None:
    assert shown(sign_batch(SIGNED, KEY)) == SIGNED


def test_it_stands_until_its_last_microsecond() -> None:
    token = sign_batch(SIGNED, KEY)
    shown(token, now=SIGNED.expires_at - timedelta(microseconds=1))
    with pytest.raises(InvalidRequest, match="has expired"):
        shown(token, now=SIGNED.expires_at)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"owner": "bob"}, "another wallet"),
        ({"request": "x" * 64}, "other rows"),
        ({"key": b"x" * 32}, "changed, or was signed by another studio"),
    ],
)
def test_it_is_good_for_one_owner_and_the_same_rows(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidRequest, match=words) as caught:
        shown(sign_batch(SIGNED, KEY), **changes)
    assert (caught.value.field, bool(caught.value.allowed)) == ("quote", True)


@pytest.mark.parametrize("text", [b"{}", b"[]", b"no JSON", b"\xff", b'{"id": 1}'])
def test_what_is_signed_but_cannot_be_read_is_refused(text: bytes) -> None:
    for document in (text, zlib.compress(text)):
        with pytest.raises(InvalidRequest, match="cannot be read any more"):
            shown(write_token("bq1", document, KEY))


def test_prices_of_eighty_offers_fit_and_more_are_refused_with_the_reason() -> None:
    def priced(number: int) -> SignedBatch:
        prices = tuple(
            UnitPrice(f"wavespeed/vendor-{n % 7}/model-{n}/edit", "picture", 137_531 * n)
            for n in range(number)
        )
        return replace(SIGNED, prices=prices)

    token = sign_batch(priced(80), KEY)
    assert len(token) <= LONGEST_TOKEN
    assert shown(token) == priced(80)
    with pytest.raises(InvalidRequest, match="do not fit into a token") as caught:
        sign_batch(priced(1_000), KEY)
    assert caught.value.given == "1000 offers"


def test_a_quote_of_one_operation_is_none_of_a_batch() -> None:
    with pytest.raises(InvalidRequest, match="of a single operation, not of a batch"):
        shown(write_token("sq1", b"{}", KEY))
