"""Signed quotes: read back as they were made, and refused whatever else is shown."""

from __future__ import annotations

import base64
import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from billing.quotes import Quote, QuoteLine
from billing.signed import SignedQuote, read, sign
from billing.tokens import LONGEST_TOKEN, encoded, mac, write_token
from studio.errors import InvalidRequest

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
KEY = b"k" * 32
LINES = (
    QuoteLine("a#1", "local/draw", "picture", 2, 200_000, 400_000),
    QuoteLine("a#2", "local/draw", "picture", 1, 200_000, 200_000),
)
QUOTE = Quote(LINES, 600_000, "v1", date(2026, 11, 1), NOW, NOW + timedelta(minutes=30))


def made(**changes: Any) -> str:
    values = {"owner": "ada", "request": "print", "key": KEY, **changes}
    return sign(QUOTE, **values)[1]


def shown(token: str, **changes: Any) -> SignedQuote:
    values = {"owner": "ada", "request": "print", "key": KEY, "now": NOW, **changes}
    return read(token, **values)


def test_it_is_read_as_it_was_signed() -> None:
    signed, token = sign(QUOTE, owner="ada", request="print", key=KEY)
    assert read(token, owner="ada", request="print", key=KEY, now=NOW) == signed
    assert signed.quote == QUOTE
    assert signed.id.startswith("quo_")


def test_owners_of_every_length_read_their_quotes() -> None:
    for length in range(1, 13):
        owner = "a" * length
        assert shown(made(owner=owner), owner=owner).owner == owner


def test_a_refusal_shows_the_end_of_the_token_and_no_more() -> None:
    token = made(key=b"x" * 32)
    with pytest.raises(InvalidRequest) as caught:
        shown(token)
    assert caught.value.given == token[-8:]


def test_two_quotes_have_ids_of_their_own() -> None:
    assert made() != made()


def test_every_changed_character_is_found_out() -> None:
    token = made()
    for place in range(len(token)):
        other = "A" if token[place] != "A" else "B"
        with pytest.raises(InvalidRequest) as caught:
            shown(token[:place] + other + token[place + 1 :])
        assert caught.value.field == "quote"


def test_a_lower_price_signed_by_somebody_else_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="changed, or was signed by another studio"):
        shown(made(key=b"x" * 32))


def test_it_stands_until_its_last_microsecond() -> None:
    end = QUOTE.expires_at
    shown(made(), now=end - timedelta(microseconds=1))
    with pytest.raises(InvalidRequest, match="has expired") as caught:
        shown(made(), now=end)
    assert caught.value.given is not None
    assert "2026-11-22T12:30:00+00:00" in caught.value.given


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"owner": "bob"}, "another wallet"), ({"request": "other"}, "another request")],
)
def test_it_is_good_for_one_owner_and_one_request(changes: dict[str, str], words: str) -> None:
    with pytest.raises(InvalidRequest, match=words) as caught:
        shown(made(), **changes)
    assert (caught.value.field, bool(caught.value.allowed)) == ("quote", True)


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "sq1",
        "sq1..",
        "sq1.e30.",
        "sq2.e30.AA",
        "sq1.\u00e9.AA",
        "sq1." + "A" * LONGEST_TOKEN,
        "sq1." + "A" * LONGEST_TOKEN + ".AA",
    ],
)
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(InvalidRequest, match="no quote of the studio") as caught:
        shown(token)
    assert caught.value.field == "quote"


@pytest.mark.parametrize("body", [b"{}", b"[]", b"no JSON", b"\xff", b'{"id": 1}'])
def test_what_is_signed_but_cannot_be_read_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest, match="cannot be read any more"):
        shown(write_token("sq1", body, KEY))


def test_what_is_signed_but_no_base64_is_refused() -> None:
    text = "sq1.A"  # one character is no byte
    with pytest.raises(InvalidRequest, match="cannot be read any more"):
        shown(f"{text}.{encoded(mac(text, KEY))}")


def test_it_holds_no_cost_of_the_operators() -> None:
    body = made().split(".")[1]
    told = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    assert set(told) == {"id", "owner", "request", "lines", "book", "made", "expires"}


def test_ten_variations_fit_into_a_form() -> None:
    line = QuoteLine("q#1", "provider/" + "m" * 100, "picture", 999_999, 10**15, 1)
    token = sign(
        Quote((line,) * 10, 10, "v1", date(2026, 1, 1), NOW, NOW), owner="o" * 80,
        request="f" * 64, key=KEY,
    )[1]  # fmt: skip
    assert len(token) <= LONGEST_TOKEN
