"""What is paid in the end: the price, the part that was used, or what was billed for nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from engine.batch import BatchRun
from engine.batch_plan import plan_batch, read_file
from engine.batch_start import start_batch
from providers import Request
from studio.errors import ContentBlocked, ProviderUnavailable
from studio.operations import Generate
from tests.support.providers import PRICES
from tests.support.studios import OWNER, balance_of, execute, job_of, order_for
from tests.unit.engine.conftest import House

PRICE = PRICES["painter"]
COST = 3_000_000
FOX = Generate(prompt="a fox", seed=1)


def _used(house: House, cost: int | None) -> None:
    """Let the next delivery tell what it cost."""
    offer = house.sure.offer("painter")
    house.sure.script.append(replace(house.sure.delivery(offer, Request(FOX)), cost=cost))


@pytest.mark.parametrize(
    ("cost", "charged"),
    [
        (None, PRICE),
        (COST, PRICE),
        (COST // 2, PRICE // 2),
        (1, 2),  # 4/3 of a micro-credit, rounded up
        (0, 0),
        (COST * 5, PRICE),  # never above what was held
        (-7, 0),
    ],
)
def test_usage_is_settled_in_proportion_and_never_above_the_hold(
    house: House, cost: int | None, charged: int
) -> None:
    before = balance_of(house.studio)
    _used(house, cost)
    order = order_for(house.studio, FOX, "fox")
    choice = replace(order.plan.first, cost=COST)
    order = replace(order, plan=replace(order.plan, choices=(choice,)))
    job = execute(house.studio, order)
    assert (job.state, job.charged, job.credits) == ("settled", charged, charged)
    kept = job_of(house.studio, "fox")
    assert kept is not None
    assert kept.charged == charged
    after = balance_of(house.studio)
    assert after.captured - before.captured == charged


def test_what_was_blocked_and_billed_is_paid_and_not_bought_again(house: House) -> None:
    before = balance_of(house.studio)
    house.sure.script.append(ContentBlocked("blurred", provider="sure", billed=True))
    first = execute(house.studio, order_for(house.studio, FOX, "fox"))
    assert (first.state, first.charged) == ("failed", PRICE)
    assert first.error is not None
    assert first.error["billed"] is True
    assert not house.dear.calls, "the next offer was tried although this one was bought"
    again = execute(house.studio, order_for(house.studio, FOX, "fox", hold_key="second"))
    assert (again.id, again.state) == (first.id, "failed")
    assert len(house.sure.calls) == 1
    assert balance_of(house.studio).captured - before.captured == PRICE


def test_a_row_that_was_blocked_and_billed_is_held_for_no_more(house: House) -> None:
    """Nothing would be bought with it, and a wallet that lacks it would be refused the others."""

    def start(number: int) -> BatchRun:
        rows = b"operation,prompt\ngenerate,a fox\n"
        spec = read_file(house.studio, rows, source="b.csv", owner=OWNER, folder=Path())
        return start_batch(house.studio, plan_batch(house.studio, spec), f"run-{number}")

    running = start(1)
    running.hold_for(running.quote(), "run-1/1")
    house.sure.script.append(ContentBlocked("blurred", provider="sure", billed=True))
    (order,) = running.orders(running.waves()[0])
    running.take(order, execute(house.studio, order))
    running.finish()
    again = start(2).quote()
    assert (again.total, dict(again.uses)) == (0, {})
    assert list(again.free.values()) == [
        "it failed and was billed all the same; it is not bought again by itself"
    ]


def test_a_billed_block_costs_what_the_provider_says_that_it_cost(house: House) -> None:
    blocked = ContentBlocked("no", provider="sure", billed=True, cost=COST // 4)
    house.sure.script.append(blocked)
    order = order_for(house.studio, FOX, "fox")
    choice = replace(order.plan.first, cost=COST)
    job = execute(house.studio, replace(order, plan=replace(order.plan, choices=(choice,))))
    assert (job.state, job.charged) == ("failed", PRICE // 4)
    assert balance_of(house.studio).captured == PRICE // 4


def test_what_was_blocked_and_not_billed_is_free(house: House) -> None:
    before = balance_of(house.studio)
    house.sure.script.append(ContentBlocked("no", provider="sure", billed=False))
    house.dear.script.append(ContentBlocked("no", provider="dear", billed=False))
    order = order_for(house.studio, FOX, "fox", amount=PRICE * 3)
    assert execute(house.studio, order).state == "failed"
    assert balance_of(house.studio).captured == before.captured


def test_nobody_knows_whether_it_was_billed(house: House) -> None:
    house.sure.script.append(ContentBlocked("?", provider="sure", billed=None))
    job = execute(house.studio, order_for(house.studio, FOX, "fox"))
    assert (job.state, job.charged) == ("unknown", 0)
    assert not house.dear.calls


def test_a_dearer_fallback_pays_its_own_price_within_the_hold(house: House) -> None:
    house.sure.script.append(ProviderUnavailable("busy", provider="sure"))
    job = execute(house.studio, order_for(house.studio, FOX, "fox", amount=PRICE * 3))
    assert (job.state, job.offer, job.charged) == ("settled", "dear/painter", PRICE * 3)
