"""Upscaling in mode auto: which way is taken, why, and what is said of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from billing.pricebook import current
from engine.batch_plan import plan_batch, read_file
from engine.deciding import Decision, decided
from engine.jobs import Picture
from engine.planning import Planner
from engine.quoting import sign_quote
from engine.single import plan_one
from library import find_asset
from providers import Provider
from providers.local import LocalProvider
from providers.stability import StabilityProvider
from providers.wavespeed import WaveSpeedProvider
from studio.clock import now
from studio.errors import BatchInvalid, InvalidRequest, NoOffer
from studio.operations import Operation, Upscale, UpscaleConservative, UpscaleCreative
from tests.support.paid_server import tiny_png
from tests.support.studios import OWNER, execute, job_of, order_for
from tests.unit.engine.conftest import House

KEY = SecretStr("a-key")


def planner(*names: str) -> Planner:
    made: dict[str, Provider] = {
        "stability": StabilityProvider(key=KEY, url="http://127.0.0.1:1"),
        "wavespeed": WaveSpeedProvider(key=KEY),
        "local": LocalProvider(Path("/nowhere"), width=1),
    }
    return Planner({name: made[name] for name in names}, current(now().date()))


def decide(width: int, height: int, *names: str, provider: str = "auto", **fields: Any) -> Decision:
    operation = Upscale.model_validate(
        {"image": "x.png", "mode": "auto", "provider": provider, **fields}
    )
    pictures = [Picture("image", "ast_x", "x.png", "0" * 64, width, height)]
    plan = planner(*(names or ("stability", "wavespeed")))
    return decided(lambda wanted: plan.plan(wanted, pictures), operation, pictures, "key")


def chose(decision: Decision) -> str:
    return str(decision.notes["auto"]["chose"])


@pytest.mark.parametrize(
    ("size", "fields", "way", "words"),
    [
        # A small step: fast.
        ((600, 400), {"factor": "2x"}, "fast", "2 times larger"),
        ((1500, 600), {"preset": "web"}, "fast", "longer side of 2048 pixels"),
        # 3000 pixels or more: with care.
        ((1000, 1000), {"factor": "4x"}, "conservative", "4000 pixels is 3000 or more"),
        ((800, 1200), {"preset": "print"}, "conservative", "3072 pixels is 3000 or more"),
        # More than four times: detail has to be invented, if it is known of what.
        ((300, 200), {"preset": "web", "prompt": "a boat"}, "creative", "more than 4"),
        ((300, 200), {"preset": "web"}, "conservative", "more than 4"),
        # Beyond a model's limits the next one is taken.
        ((3500, 1000), {"factor": "2x"}, "fast", "7000 pixels"),
        ((50, 40), {"preset": "social", "prompt": "a boat"}, "fast", "21.6 times"),
        # The budget.
        ((1000, 1000), {"factor": "4x", "budget": 48}, "conservative", "3000 or more"),
        ((1000, 1000), {"factor": "4x", "budget": 47.99}, "fast", "3000 or more"),
        ((300, 200), {"preset": "web", "prompt": "a boat", "budget": 50}, "conservative", "than 4"),
        ((300, 200), {"preset": "web", "prompt": "a boat", "budget": 5}, "fast", "more than 4"),
    ],
)
def test_the_rules(size: tuple[int, int], fields: dict[str, Any], way: str, words: str) -> None:
    decision = decide(*size, **fields)
    assert chose(decision) == way
    assert words in decision.notes["auto"]["because"]
    reason = decision.plan.first.reason
    assert reason.startswith(f"auto chose {way}: ")
    for other, why in decision.notes["auto"]["not"].items():
        assert f"not {other}, which {why}" in reason


def test_what_was_ruled_out_is_said_with_the_reason() -> None:
    against = decide(1000, 1000, factor="4x", budget=40).notes["auto"]["not"]
    assert against == {"conservative": "costs 48 credits, and the budget is 40"}
    against = decide(300, 200, preset="web").notes["auto"]["not"]
    assert against == {"creative": "needs a prompt, which is empty"}
    against = decide(3500, 1000, factor="2x").notes["auto"]["not"]
    assert "conservative" in against
    assert "2.5" in against["conservative"]


def test_no_offer_beyond_the_budget_is_left_in_the_plan() -> None:
    decision = decide(600, 400, factor="2x", budget=2)
    assert [choice.offer.id for choice in decision.plan.choices] == ["wavespeed/image-upscaler"]


def test_the_request_that_is_made_of_it_reaches_the_size() -> None:
    made = decide(1000, 500, factor="4x", output_format="webp").plan.operation
    assert isinstance(made, UpscaleConservative)
    assert made.target(1000, 500) == (4000, 2000)
    assert (made.output_format, made.prompt) == ("webp", "the picture as it is, sharp and detailed")
    assert made.seed >= 0
    creative = decide(300, 200, preset="web", prompt="a boat").plan.operation
    assert isinstance(creative, UpscaleCreative)
    assert creative.target(300, 200) == (2048, 1365)
    fast = decide(600, 400, factor="2x", prompt="a boat", budget=9).plan.operation
    assert fast == Upscale(image="x.png", factor="2x")


def test_a_substitute_is_taken_only_where_nothing_else_can_be_had() -> None:
    decision = decide(1000, 1000, "local", factor="4x")
    assert decision.plan.first.offer.id == "local/lanczos"
    assert chose(decision) == "fast"
    assert chose(decide(1000, 1000, "local", "stability", factor="2x")) == "fast"
    found = decide(1000, 1000, "local", "stability", factor="2x").plan.first.offer.id
    assert found == "stability/upscale-fast"


def test_a_picture_that_has_the_size_already_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="the picture has 2048") as caught:
        decide(2048, 100, preset="web")
    assert caught.value.field == "image"


def test_where_nothing_fits_every_way_is_named() -> None:
    with pytest.raises(NoOffer) as caught:
        decide(1000, 1000, factor="4x", budget=1)
    assert (caught.value.field, caught.value.given) == ("budget", "1 credits")
    for way in ("fast", "conservative", "creative"):
        assert f"{way}: " in caught.value.message


def test_a_provider_that_was_asked_for_is_kept_to() -> None:
    decision = decide(1000, 1000, provider="wavespeed", factor="4x")
    assert decision.plan.first.offer.provider == "wavespeed"
    assert chose(decision) == "fast"


@pytest.mark.parametrize("fields", [{"prompt": "a boat"}, {"budget": 3}])
def test_what_counts_only_with_auto_is_refused_without(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="only with mode auto"):
        Upscale.model_validate({"image": "x.png", **fields})


def test_nobody_plans_what_was_not_decided() -> None:
    with pytest.raises(ValueError, match="was not decided"):
        planner("stability").plan(Upscale(image="x.png", mode="auto"))


@pytest.mark.parametrize("cls", [UpscaleConservative, UpscaleCreative])
def test_a_longer_side_is_a_target_and_none_leaves_it_open(cls: type[Operation]) -> None:
    free = cls.model_validate({"image": "x", "prompt": "y"})
    assert (free.target(300, 200), free.problem(300, 200)) == (None, "")
    bound = cls.model_validate({"image": "x", "prompt": "y", "longer_side": 600})
    assert bound.target(300, 200) == (600, 400)
    assert bound.problem(300, 200) == ""
    assert "the picture has 600" in bound.problem(600, 200)


def photo(folder: Path) -> str:
    path = folder / "photo.png"
    path.write_bytes(tiny_png("photo"))
    return str(path)


def test_the_decision_is_filed_with_the_picture(house: House, tmp_path: Path) -> None:
    asked = Upscale(image=photo(tmp_path), mode="auto", factor="2x")
    execute(house.studio, order_for(house.studio, asked, "big"))
    job = job_of(house.studio, "big")
    assert job is not None
    assert job.state == "settled"
    with house.studio.database.read() as connection:
        asset = find_asset(connection, OWNER, job.asset_ids()[0])
    assert asset.facts["auto"]["chose"] == "fast"
    assert asset.reason.startswith("auto chose fast: ")
    assert asset.request["mode"] == "fast"


def test_a_signed_quote_keeps_what_was_decided(house: House, tmp_path: Path) -> None:
    asked = Upscale(image=photo(tmp_path), mode="auto", factor="2x")
    studio = house.studio
    wanted = plan_one(studio, asked, OWNER, "quote")
    _, token = sign_quote(studio.settings, wanted.quote, wanted.request, wanted.pictures, OWNER)
    kept = plan_one(studio, asked, OWNER, "run", token=token)
    assert kept.plan.operation == wanted.plan.operation
    assert kept.plan.first.offer.id == wanted.plan.first.offer.id


def test_a_row_decides_for_itself_unless_its_picture_is_yet_to_be_made(
    house: House, tmp_path: Path
) -> None:
    def plan(text: str) -> object:
        spec = read_file(
            house.studio, text.encode(), source="rows.csv", owner=OWNER, folder=tmp_path
        )
        return plan_batch(house.studio, spec).rows["big"].plan.first.reason

    photo(tmp_path)
    head = "row,operation,image,prompt,mode,factor\n"
    assert str(plan(f"{head}big,upscale,photo.png,,auto,2x\n")).startswith("auto chose fast")
    with pytest.raises(BatchInvalid) as caught:
        plan(f"{head}fox,generate,,a fox,,\nbig,upscale,@fox,,auto,2x\n")
    (problem,) = caught.value.details["problems"]
    assert (problem["line"], problem["field"], problem["value"]) == (3, "mode", "auto")
