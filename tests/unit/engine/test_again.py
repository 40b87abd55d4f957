"""Running again: the exact request, by the same provider, as new work that is paid anew."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.again import again, read_changes
from engine.jobs import Job
from engine.single import hold_credits, orders_of, plan_one, release_hold, stages
from engine.studio import Studio
from library import VERSION_OF, find_asset, versions
from studio.errors import InvalidRequest, NoOffer, NotFound
from studio.operations import EnhancePrompt, Generate, Operation, RemoveBackground
from tests.support.paid_server import tiny_png
from tests.support.providers import PRICES, InstantProvider, book
from tests.support.studios import OWNER, balance_of, opened_studio

PRICE = PRICES["painter"]
FOX = Generate(prompt="a fox", negative_prompt="dogs", width=640, palette="#102030")


@pytest.fixture
def sure() -> InstantProvider:
    return InstantProvider("sure", repeatable=False)


@pytest.fixture
def studio(tmp_path: Path, sure: InstantProvider) -> Iterator[Studio]:
    dear = InstantProvider("dear", repeatable=False)
    prices = book(sure=1, dear=2)
    known = {"sure": sure, "dear": dear}
    with opened_studio(tmp_path / "home", providers=known, prices=prices) as opened:
        yield opened


def make(studio: Studio, operation: Operation, key: str, version_of: str = "") -> list[Job]:
    """Do all that a flow does, under the key of a run."""
    planned = plan_one(studio, operation, OWNER, key, version_of=version_of)
    held = hold_credits(studio, OWNER, f"{key}/1", planned.quote.total, "a test")
    orders = orders_of(planned, owner=OWNER, key=key, hold_id=held.id, run=key)
    jobs = [
        studio.loop.run(studio.executor.execute(order))
        for stage in stages(orders)
        for order in stage
    ]
    release_hold(studio, OWNER, held.id)
    assert [job.state for job in jobs] == ["settled"] * len(jobs)
    return jobs


def asset_of(jobs: list[Job]) -> str:
    return jobs[-1].asset_ids()[0]


def test_the_exact_request_is_made_again_and_bought_again(
    studio: Studio, sure: InstantProvider
) -> None:
    first = asset_of(make(studio, FOX, "run-1"))
    wanted = again(studio, OWNER, first, {})
    made = sure.calls[0].operation
    assert wanted.operation == made.model_copy(update={"provider": "sure", "model": "painter"})
    assert wanted.operation.model_dump()["seed"] != -1
    for key in ("run-2", "run-3"):
        make(studio, wanted.operation, key, **wanted.parameters())
    assert [call.operation for call in sure.calls[1:]] == [wanted.operation] * 2
    assert balance_of(studio).captured == 3 * PRICE
    with studio.database.read() as connection:
        found = versions(connection, OWNER, first)
    numbered = [(each.number, each.before) for each in found.versions]
    assert numbered == [(1, ""), (2, first), (3, first)]
    newest = found.current.asset
    assert VERSION_OF not in newest.facts


def test_a_cheaper_offer_or_a_changed_file_make_it_nothing_else(
    studio: Studio, sure: InstantProvider, tmp_path: Path
) -> None:
    file = tmp_path / "fox.png"
    file.write_bytes(tiny_png("before"))
    request = RemoveBackground(image=str(file), provider="dear")
    first = asset_of(make(studio, request, "run-1"))
    file.write_bytes(tiny_png("after"))
    wanted = again(studio, OWNER, first, {})
    make(studio, wanted.operation, "run-2")
    (_, second) = studio.providers["dear"].calls  # type: ignore[attr-defined]
    assert second.files["image"] == tiny_png("before")
    assert sure.calls == []


def test_changes_are_read_as_the_cells_of_a_batch_are(studio: Studio) -> None:
    first = asset_of(make(studio, FOX, "run-1"))
    changes = read_changes(["prompt=a = b", "seed=1", "seed=7.0", "palette="])
    wanted = again(studio, OWNER, first, changes).operation.model_dump()
    assert (wanted["prompt"], wanted["seed"], wanted["palette"]) == ("a = b", 7, "")
    assert (wanted["negative_prompt"], wanted["width"]) == ("dogs", 640)
    assert wanted["provider"] == "sure"


def test_another_provider_brings_its_own_model_and_a_new_seed_is_left_to_the_studio(
    studio: Studio,
) -> None:
    first = asset_of(make(studio, FOX, "run-1"))
    other = again(studio, OWNER, first, {"provider": "dear"}).operation
    assert (other.provider, other.model) == ("dear", "")
    assert plan_one(studio, other, OWNER, "run-2").quote.total == 2 * PRICE
    fresh = again(studio, OWNER, first, {}, new_seed=True).operation
    assert fresh.model_dump()["seed"] == -1
    seeds = {
        plan_one(studio, fresh, OWNER, key).plan.operation.model_dump()["seed"] for key in "abc"
    }
    assert len(seeds) == 3


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"colour": "red"}, "set"),
        ({"operation": "upscale"}, "set"),
        ({"width": "wide"}, "width"),
        ({"width": "9000"}, "width"),
        ({"prompt": " "}, "prompt"),
    ],
)
def test_a_wrong_change_is_refused_with_what_is_allowed(
    studio: Studio, changes: dict[str, str], field: str
) -> None:
    first = asset_of(make(studio, FOX, "run-1"))
    with pytest.raises(InvalidRequest) as refused:
        again(studio, OWNER, first, changes)
    assert refused.value.field == field
    assert refused.value.allowed


@pytest.mark.parametrize("given", ["prompt", "=x", ""])
def test_what_is_no_change_is_refused(given: str) -> None:
    with pytest.raises(InvalidRequest, match="no change"):
        read_changes([given])


def test_a_seed_is_not_both_given_and_left_to_the_studio(studio: Studio, tmp_path: Path) -> None:
    first = asset_of(make(studio, FOX, "run-1"))
    with pytest.raises(InvalidRequest, match="A seed is given"):
        again(studio, OWNER, first, {"seed": "3"}, new_seed=True)
    file = tmp_path / "fox.png"
    file.write_bytes(tiny_png("fox"))
    cut = asset_of(make(studio, RemoveBackground(image=str(file)), "run-2"))
    with pytest.raises(InvalidRequest, match="has no seed"):
        again(studio, OWNER, cut, {}, new_seed=True)


def test_what_came_from_outside_or_is_not_ones_own_is_refused(
    studio: Studio, tmp_path: Path
) -> None:
    file = tmp_path / "fox.png"
    file.write_bytes(tiny_png("fox"))
    picture = studio.inputs.find("image", str(file), OWNER)
    with pytest.raises(InvalidRequest, match="from outside"):
        again(studio, OWNER, picture.asset, {})
    first = asset_of(make(studio, FOX, "run-1"))
    with pytest.raises(NotFound):
        again(studio, "eve", first, {})
    with pytest.raises(NotFound) as refused:
        plan_one(studio, FOX, "eve", "run-2", version_of=first)
    assert refused.value.field == VERSION_OF


def test_an_offer_that_is_gone_is_told_and_another_provider_can_be_named(
    studio: Studio, sure: InstantProvider
) -> None:
    first = asset_of(make(studio, FOX, "run-1"))
    sure._offers = tuple(each for each in sure._offers if each.operation != "generate")
    with pytest.raises(NoOffer) as refused:
        again(studio, OWNER, first, {})
    assert (refused.value.field, refused.value.given) == ("provider", "sure/painter")
    assert again(studio, OWNER, first, {"provider": "auto"}).operation.provider == "auto"


def test_a_prompt_that_was_enhanced_is_not_enhanced_and_bought_again(
    studio: Studio, sure: InstantProvider
) -> None:
    jobs = make(studio, FOX.model_copy(update={"enhance": "auto"}), "run-1")
    wanted = again(studio, OWNER, asset_of(jobs), {})
    make(studio, wanted.operation, "run-2", **wanted.parameters())
    prompts = [getattr(call.operation, "prompt", "") for call in sure.calls]
    assert prompts[1] == prompts[2] != "a fox"
    assert sum(isinstance(call.operation, EnhancePrompt) for call in sure.calls) == 1
    text = again(studio, OWNER, jobs[0].asset_ids()[0], {"prompt": "an owl"})
    assert text.operation.operation == "enhance_prompt"
    with studio.database.read() as connection:
        assert find_asset(connection, OWNER, text.asset.id).media_type == "application/json"
