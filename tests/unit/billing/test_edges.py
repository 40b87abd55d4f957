"""Edges that a mutant of the code passed over (``make mutation``), where no database is needed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from billing.accounts.admission import Admission
from billing.ledger import HoldRequest, TopUpRequest
from billing.ledger.grants import _fingerprint
from billing.ledger.words import fingerprint
from studio.database.bulk import microseconds
from studio.errors import InvalidRequest

ENDS = datetime(2027, 1, 1, tzinfo=UTC)


def test_a_top_up_of_the_first_books_is_known_again() -> None:
    plain = TopUpRequest("ada", "k", 5, "op", "paid")
    assert _fingerprint(plain) == fingerprint(5, "op", "paid")
    ending = replace(plain, expires_at=ENDS)
    assert _fingerprint(ending) == fingerprint(5, "op", "paid", "top_up", microseconds(ENDS))
    period = replace(plain, kind="period")
    assert _fingerprint(period) == fingerprint(5, "op", "paid", "period")


@pytest.mark.parametrize(
    "words", [{"user": ""}, {"user": "a\nb"}, {"project": "a\nb"}, {"most": -1}]
)
def test_who_asks_and_for_what_are_names(words: dict[str, Any]) -> None:
    request = HoldRequest("ada", "k", 1, ENDS, "a run")
    with pytest.raises(InvalidRequest) as refusal:
        Admission(request, **({"user": "ada"} | words))
    assert refusal.value.field == ("max_credits" if "most" in words else next(iter(words)))
