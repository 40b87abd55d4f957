"""A model that reads words is told of any style; the command line's tests have the local one."""

from __future__ import annotations

from engine.single import plan_one
from studio.operations import Generate
from tests.support.studios import OWNER
from tests.unit.engine.conftest import House


def test_a_model_that_reads_words_is_told_of_any_style(house: House) -> None:
    planned = plan_one(house.studio, Generate(prompt="a fox", style="a woodcut"), OWNER, "quote")
    assert planned.plan.first.offer.provider != "local"
    assert planned.losses == ()
