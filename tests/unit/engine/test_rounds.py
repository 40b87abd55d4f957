"""What is not to be had at the moment is tried again, for some time, and bought once."""

from __future__ import annotations

import pytest

import engine.execute
from studio.errors import OutcomeUnknown, ProviderRejected, ProviderUnavailable, RateLimited
from studio.operations import Generate
from tests.support.providers import PRICES
from tests.support.studios import balance_of, execute, order_for
from tests.unit.engine.conftest import House

PRICE = PRICES["painter"]
FOX = Generate(prompt="a fox", seed=1)


@pytest.fixture(autouse=True)
def _two_more_rounds(monkeypatch: pytest.MonkeyPatch, _one_round: None) -> None:
    monkeypatch.setattr(engine.execute, "_ROUNDS", (0.01, 0.01))


def absent() -> ProviderUnavailable:
    return ProviderUnavailable("cannot be reached", provider="sure", again=True)


@pytest.mark.parametrize(
    "failure", [absent(), RateLimited("slowly", provider="sure", retry_after=0.01)]
)
def test_it_comes_in_a_later_round(house: House, failure: Exception) -> None:
    house.sure.script += [failure, failure]
    job = execute(house.studio, order_for(house.studio, FOX, "fox"))
    assert (job.state, job.attempt, len(house.sure.calls)) == ("settled", 3, 3)
    assert balance_of(house.studio).captured == PRICE


def test_it_does_not_come_at_all(house: House) -> None:
    house.sure.script += [absent()] * 5
    job = execute(house.studio, order_for(house.studio, FOX, "fox"))
    assert (job.state, len(house.sure.calls)) == ("failed", 3)
    assert balance_of(house.studio).captured == 0


@pytest.mark.parametrize(
    "failure",
    [
        OutcomeUnknown("cut off", provider="sure"),
        ProviderRejected("no", provider="sure"),
        ProviderUnavailable("the input is gone", provider="sure"),
        RateLimited("no quota today", provider="sure", again=False),
    ],
)
def test_what_waiting_does_not_mend_is_tried_once(house: House, failure: Exception) -> None:
    house.sure.script.append(failure)
    execute(house.studio, order_for(house.studio, FOX, "fox"))
    assert len(house.sure.calls) == 1
