"""Our jobs beside a provider's bill and balance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from billing.reports.bill import BillLine
from billing.reports.period import Period, parse_period
from engine.reconciling import Reading, compare, purchases, take_reading
from engine.studio import Studio
from providers import Request
from studio.clock import now
from studio.errors import OutcomeUnknown, ProviderRejected
from studio.operations import Generate
from tests.support.providers import PRICES, InstantProvider, book
from tests.support.studios import execute, opened_studio, order_for

COST = PRICES["painter"] // 4


@pytest.fixture
def near() -> InstantProvider:
    return InstantProvider("near", repeatable=False)


@pytest.fixture
def studio(tmp_path: Path, near: InstantProvider) -> Iterator[Studio]:
    prices = book(near=1)
    lines = [line.model_copy(update={"provider_cost": line.price // 4}) for line in prices.lines]
    prices = prices.model_copy(update={"lines": tuple(lines)})
    with opened_studio(tmp_path / "home", providers={"near": near}, prices=prices) as made:
        yield made


@pytest.fixture
def today() -> Period:
    return parse_period(f"{now():%Y-%m-%d}", now())


def buy(studio: Studio, near: InstantProvider, name: str, error: Exception | None = None) -> str:
    operation = Generate(prompt=name, seed=1)
    made = near.delivery(near.offer("painter"), Request(operation))
    near.script.append(error or replace(made, facts={"request_id": f"req-{name}"}))
    return execute(studio, order_for(studio, operation, name)).id


def test_jobs_are_compared_by_the_ids_that_the_provider_told(
    studio: Studio, near: InstantProvider, today: Period
) -> None:
    same, dearer, gone = (buy(studio, near, name) for name in ("same", "dearer", "gone"))
    refused = buy(studio, near, "refused", ProviderRejected("no", provider="near", request_id="r"))
    lost = buy(studio, near, "lost", OutcomeUnknown("?", provider="near", request_id="req-lost"))
    lines = [
        BillLine(2, "req-same", COST, now(), "painter"),
        BillLine(3, "req-dearer", COST + 1, now(), "painter"),
        BillLine(4, "req-lost", COST, now(), "painter"),
        BillLine(5, "elsewhere", 7, now(), "painter"),
        BillLine(6, "long ago", 7, now() - timedelta(days=40), "painter"),
    ]
    with studio.database.read() as connection:
        found = compare(connection, "near", today, lines)
        everything = list(purchases(connection, "near", today))
        nothing = list(purchases(connection, "nea", today))
    assert [each.purchase.job for each in found.matched] == [same]
    assert [(each.purchase.job, each.difference) for each in found.different] == [(dearer, 1)]
    assert [each.purchase.job for each in found.found] == [lost]
    assert [each.job for each in found.missing_there] == [gone]
    assert [each.line for each in found.missing_here] == [5]
    assert {each.job: each.cost for each in everything}[refused] == 0
    assert (len(everything), nothing) == (5, [])


def test_what_was_bought_at_the_edge_is_matched_and_not_missed(
    studio: Studio, near: InstantProvider, today: Period
) -> None:
    buy(studio, near, "edge")
    with studio.database.read() as connection:
        (bought,) = purchases(connection, "near", today)
        after = Period("after", bought.at + timedelta(seconds=1), today.end + timedelta(days=9))
        line = BillLine(2, "req-edge", COST, bought.at + timedelta(seconds=2), "painter")
        assert compare(connection, "near", after, [line]).agrees
        assert compare(connection, "near", after, []).agrees


def test_a_balance_is_explained_by_what_was_bought(studio: Studio, near: InstantProvider) -> None:
    def reading(amount: int, account: str = "near:1") -> tuple[int, int, bool]:
        drift = studio.database.write(
            lambda c: take_reading(c, "near", account, Reading(datetime.now(UTC), amount))
        )
        return drift.spent, drift.difference, drift.explained

    buy(studio, near, "before")
    assert reading(100 * COST) == (0, 0, True)
    buy(studio, near, "one")
    buy(studio, near, "two")
    assert reading(98 * COST) == (2 * COST, 0, True)
    assert reading(97 * COST) == (COST, COST, False)
    buy(studio, near, "lost", OutcomeUnknown("?", provider="near"))
    # Bought or not, the unknown one explains it; more than that it does not.
    assert reading(96 * COST) == (COST, COST, True)
    assert reading(196 * COST) == (-100 * COST, -100 * COST, False)
    # Another key is another account.
    assert reading(5, "near:2") == (0, 0, True)
