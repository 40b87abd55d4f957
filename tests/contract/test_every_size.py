"""Every size that a template or platform asks for can be had from every provider that generates."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine.single import hold_credits, order_of, plan_one
from studio.catalog import SOCIAL_FORMATS, TEMPLATES
from studio.operations import Generate
from tests.contract.world import World, opened_world
from tests.support.studios import OWNER, execute

EXTREMES = ((64, 64), (4096, 4096), (4096, 64), (64, 4096))
SIZES = sorted(
    {(each.width, each.height) for each in TEMPLATES.values()}
    | {(each.width, each.height) for each in SOCIAL_FORMATS.values()}
)
QUALITIES = ("draft", "standard", "premium")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with opened_world(tmp_path_factory.mktemp("world")) as opened:
        yield opened


@pytest.mark.parametrize("quality", QUALITIES)
def test_every_provider_has_an_offer_for_every_size(world: World, quality: str) -> None:
    for name in world.emulators:
        for width, height in (*SIZES, *EXTREMES):
            wanted = Generate(
                prompt="x",
                width=width,
                height=height,
                provider=name,
                quality=quality,
            )
            plan = plan_one(world.studio, wanted, OWNER, "key").plan
            assert {choice.offer.provider for choice in plan.choices} == {name}


def test_every_provider_has_an_offer_for_every_template_as_it_is(world: World) -> None:
    for name in world.emulators:
        for each in TEMPLATES:
            wanted = Generate(prompt="x", template=each, provider=name)
            plan = plan_one(world.studio, wanted, OWNER, "key").plan
            assert {choice.offer.provider for choice in plan.choices} == {name}, each


@pytest.mark.parametrize("size", [(1128, 191), (1080, 1920), (2560, 1080)], ids=str)
def test_what_comes_back_is_exactly_that_size(world: World, size: tuple[int, int]) -> None:
    for name in world.emulators:
        wanted = Generate(
            prompt=f"{name} {size}", width=size[0], height=size[1], provider=name, seed=size[0]
        )
        key = f"{name}-{size}"
        planned = plan_one(world.studio, wanted, OWNER, key)
        held = hold_credits(world.studio, OWNER, key, planned.quote.total, "a test")
        order = order_of(planned, owner=OWNER, key=key, hold_id=held.id, run="test")
        job = execute(world.studio, order)
        assert job.state == "settled", job.error
        (made,) = job.outputs()
        assert (made.width, made.height, made.media_type) == (*size, "image/png")
        assert job.delivery is not None
        assert job.delivery["facts"]["finished"]
