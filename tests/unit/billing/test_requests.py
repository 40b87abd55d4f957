"""Requests are checked when they are made."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from billing.ledger import (
    AdjustRequest,
    CaptureRequest,
    ClaimRequest,
    ExtendRequest,
    GiveBackRequest,
    HoldRequest,
    RefundRequest,
    ReleaseRequest,
    StateRequest,
    TopUpRequest,
    WalletRequest,
)
from billing.ledger.words import Wallet, fingerprint
from studio import credits as money
from studio.errors import InvalidRequest

LATER = datetime(2026, 11, 22, tzinfo=UTC)

FINE: list[tuple[Callable[..., Any], dict[str, Any]]] = [
    (WalletRequest, {"owner": "ada"}),
    (StateRequest, {"owner": "ada", "state": "active"}),
    (TopUpRequest, {"owner": "ada", "key": "k", "amount": 1, "author": "a", "reason": "r"}),
    (AdjustRequest, {"owner": "ada", "key": "k", "amount": 1, "author": "a", "reason": "r"}),
    (
        RefundRequest,
        {"owner": "ada", "claim_id": "c", "key": "k", "amount": 1, "author": "a", "reason": "r"},
    ),
    (
        HoldRequest,
        {"owner": "ada", "key": "k", "amount": 0, "expires_at": LATER, "purpose": "p"},
    ),
    (ClaimRequest, {"owner": "ada", "hold_id": "h", "key": "k", "amount": 0}),
    (CaptureRequest, {"owner": "ada", "claim_id": "c", "amount": 0}),
    (GiveBackRequest, {"owner": "ada", "claim_id": "c"}),
    (ReleaseRequest, {"owner": "ada", "hold_id": "h"}),
    (ExtendRequest, {"owner": "ada", "hold_id": "h", "expires_at": LATER}),
]

TEXTS = ("owner", "key", "author", "reason", "purpose", "hold_id", "claim_id")
LONGEST = {"owner": 80, "author": 80, "reason": 500, "purpose": 500}


def bad_values(name: str) -> list[Any]:
    if name in TEXTS:
        too_long = "x" * (LONGEST.get(name, 200) + 1)
        return ["", too_long, "a\x00b", "a\nb", "\ud800", 5, None, b"ada"]
    if name == "amount":
        return [-1, money.MOST + 1, True, 1.0, float("nan"), "1", None]
    if name == "expires_at":
        return [datetime(2026, 11, 22), "2026-11-22", None]  # noqa: DTZ001 - naive on purpose
    return ["rich", "", None]


@pytest.mark.parametrize(
    ("make", "fields", "name", "value"),
    [
        (make, fields, name, value)
        for make, fields in FINE
        for name in fields
        for value in bad_values(name)
        if (make, value) != (AdjustRequest, -1)
    ],
)
def test_an_unlawful_value_is_refused_by_name(
    make: Callable[..., Any], fields: dict[str, Any], name: str, value: Any
) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        make(**{**fields, name: value})
    assert refusal.value.field == name
    assert refusal.value.given is not None
    assert refusal.value.allowed


@pytest.mark.parametrize(("make", "fields"), FINE)
def test_the_longest_lawful_values_are_taken(
    make: Callable[..., Any], fields: dict[str, Any]
) -> None:
    longest = {
        name: "é" * LONGEST.get(name, 200) if name in TEXTS else value
        for name, value in fields.items()
    }
    if "amount" in fields:
        longest["amount"] = money.MOST
    assert make(**longest) == make(**longest)


def test_a_grant_of_nothing_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        TopUpRequest("ada", "k", 0, "a", "r")


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: TopUpRequest("ada", "k", 1, "a", "r", datetime(2026, 1, 1)), "expires_at"),  # noqa: DTZ001 - naive on purpose
        (lambda: TopUpRequest("ada", "k", 1, "a", "r", None, "refund"), "kind"),  # type: ignore[arg-type]
        (lambda: AdjustRequest("ada", "k", 0, "a", "r"), "amount"),
        (lambda: AdjustRequest("ada", "k", -money.MOST - 1, "a", "r"), "amount"),
        (lambda: AdjustRequest("ada", "k", -1, "a", "r", LATER), "expires_at"),
        (lambda: RefundRequest("ada", "c", "k", 0, "a", "r"), "amount"),
        (lambda: ClaimRequest("ada", "h", "k", 1, "two\nlines"), "operation"),
    ],
)
def test_grants_and_corrections_that_cannot_be(make: Callable[[], Any], field: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        make()
    assert refusal.value.field == field


def test_an_adjustment_may_take() -> None:
    assert AdjustRequest("ada", "k", -money.MOST, "a", "r").amount == -money.MOST


def test_fingerprints_differ_when_any_parameter_does() -> None:
    marks = {
        fingerprint(*each)
        for each in [(1, "a", "b"), (1, "ab", ""), (1, "a"), (11, "a", "b"), (1, "b", "a")]
    }
    assert len(marks) == 5


def test_of_a_wallet_that_nothing_was_done_with_all_is_available() -> None:
    assert Wallet("w", "ada", "active", granted=10, held=0, captured=0).available == 10
