"""Enhanced prompts: bought first, once, on a line of their own; and the picture from them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.batch import BatchRun
from engine.batch_files import manifest_rows
from engine.batch_plan import plan_batch, prompt_line, read_file
from engine.batch_start import start_batch
from engine.execute import Order
from engine.jobs import Job
from engine.quoting import sign_quote
from engine.single import hold_credits, orders_of, plan_one, release_hold, stages
from library import find_asset
from providers import Delivery, Output
from studio.errors import HoldRefused, NotFound, OutcomeUnknown, ProviderRejected, StudioError
from studio.operations import EnhancePrompt, Generate
from tests.support.providers import ENHANCED, PRICES
from tests.support.studios import OWNER, balance_of, execute, job_of, order_for
from tests.unit.engine.conftest import House

PICTURE, TEXT = PRICES["painter"], PRICES["writer"]
FOX = Generate(prompt="a fox", enhance="auto", seed=7)
ROWS = """\
row,operation,prompt,enhance,variations
fox,generate,a fox,auto,2
owl,generate,an owl,,
"""


def carry_out(house: House, orders: tuple[Order, ...]) -> list[Job]:
    return [execute(house.studio, order) for stage in stages(orders) for order in stage]


def planned(house: House, operation: Generate = FOX, attempt: int = 1) -> tuple[Order, ...]:
    wanted = plan_one(house.studio, operation, OWNER, "run")
    held = hold_credits(house.studio, OWNER, f"run/{attempt}", wanted.quote.total, "a test")
    return orders_of(wanted, owner=OWNER, key="run", hold_id=held.id, run="run")


def written(text: str) -> Delivery:
    data = json.dumps({"prompt": text}).encode()
    return Delivery((Output(data, "application/json"),), "writer", "made in memory")


def prompts(house: House) -> list[str]:
    calls = [*house.sure.calls, *house.dear.calls]
    return [call.operation.prompt for call in calls if isinstance(call.operation, Generate)]


def test_the_quote_has_a_line_for_the_prompt(house: House) -> None:
    wanted = plan_one(house.studio, FOX, OWNER, "run")
    lines = [(line.key, line.offer, line.amount) for line in wanted.quote.lines]
    assert lines == [("run#prompt", "sure/writer", TEXT), ("run", "sure/painter", PICTURE)]
    several = plan_one(house.studio, FOX.model_copy(update={"variations": 3}), OWNER, "run")
    assert several.quote.total == TEXT + 3 * PICTURE


def test_the_picture_is_made_from_the_text_and_says_so(house: House) -> None:
    text, picture = carry_out(house, planned(house))
    assert (text.state, picture.state, picture.key) == ("settled", "settled", "run")
    assert prompts(house) == [f"a fox, {ENHANCED}"]
    with house.studio.database.read() as connection:
        asset = find_asset(connection, OWNER, picture.asset_ids()[0])
    assert asset.request["prompt"] == f"a fox, {ENHANCED}"
    assert asset.request["enhance"] == "off"
    assert asset.facts["prompt_given"] == "a fox"
    assert asset.facts["prompt_by"] == "sure/writer"
    assert asset.facts["prompt_method"] == "made in memory"
    assert asset.facts["prompt_asset"] == text.asset_ids()[0]
    assert balance_of(house.studio).captured == TEXT + PICTURE


def test_all_variations_share_the_text(house: House) -> None:
    carry_out(house, planned(house, FOX.model_copy(update={"variations": 3})))
    assert prompts(house) == [f"a fox, {ENHANCED}"] * 3
    assert len(house.sure.calls) == 4


def test_a_run_that_was_cut_off_in_between_buys_neither_twice(house: House) -> None:
    first, _ = planned(house)
    execute(house.studio, first)
    release_hold(house.studio, OWNER, first.hold)
    jobs = carry_out(house, planned(house, attempt=2))
    again = carry_out(house, planned(house, attempt=3))
    assert [job.id for job in jobs] == [job.id for job in again]
    assert len(house.sure.calls) == 2
    assert balance_of(house.studio).captured == TEXT + PICTURE


@pytest.mark.parametrize("error", [ProviderRejected, OutcomeUnknown])
def test_without_its_text_no_picture_is_bought(house: House, error: Any) -> None:
    house.sure.script.append(error("no", provider="sure"))
    house.dear.script.append(ProviderRejected("no", provider="dear"))
    first, second = planned(house)
    assert execute(house.studio, first).state in {"failed", "unknown"}
    with pytest.raises(NotFound, match="no picture was bought") as caught:
        execute(house.studio, second)
    assert caught.value.field == "enhance"
    assert prompts(house) == []
    assert job_of(house.studio, "run") is None


def test_an_order_whose_prompt_nobody_writes_is_a_mistake(house: House) -> None:
    (_, order) = planned(house)
    broken = Order(**{name: getattr(order, name) for name in order.__slots__} | {"prompt_from": ""})
    with pytest.raises(ValueError, match="is to be enhanced"):
        execute(house.studio, broken)


def test_neither_spends_the_part_of_the_other(house: House) -> None:
    first, second = planned(house)
    assert (first.limit, second.limit) == (TEXT, PICTURE)
    dear = {name: getattr(second, name) for name in second.__slots__} | {"limit": PICTURE - 1}
    execute(house.studio, first)
    with pytest.raises(HoldRefused):
        execute(house.studio, Order(**dear))


def test_what_is_to_be_left_out_is_taken_out_of_the_text(house: House) -> None:
    house.sure.script.append(written("a fox in neon light, with dogs, calm"))
    asked = FOX.model_copy(update={"negative_prompt": "neon light, Dogs"})
    carry_out(house, planned(house, asked))
    assert prompts(house) == ["a fox in, with, calm"]


def test_a_text_that_the_quoted_offer_cannot_take_is_not_used_and_this_is_said(
    house: House,
) -> None:
    house.sure.script.append(written("x" * 10_001))
    _, picture = carry_out(house, planned(house))
    assert prompts(house) == ["a fox"]
    assert picture.state == "settled"
    assert "10000 characters" in picture.notes["prompt_not_used"]


def test_local_asks_this_machine_alone(house: House) -> None:
    with pytest.raises(StudioError, match="no such provider"):
        plan_one(house.studio, FOX.model_copy(update={"enhance": "local"}), OWNER, "run")


def test_a_signed_quote_keeps_the_price_of_both(house: House) -> None:
    wanted = plan_one(house.studio, FOX, OWNER, "quote")
    studio = house.studio
    _, token = sign_quote(studio.settings, wanted.quote, wanted.request, wanted.pictures, OWNER)
    kept = plan_one(studio, FOX, OWNER, "run", token=token)
    assert kept.prompt is not None
    assert isinstance(kept.prompt.operation, EnhancePrompt)
    assert (kept.prompt.first.price, kept.plan.first.price) == (TEXT, PICTURE)


def start(house: House, number: int = 1) -> BatchRun:
    studio, data = house.studio, ROWS.encode()
    spec = read_file(studio, data, source="rows.csv", owner=OWNER, folder=Path("/nowhere"))
    running = start_batch(studio, plan_batch(studio, spec), f"run-{number}")
    running.hold_for(running.quote(), f"run-{number}/1")
    return running


def finish(house: House, running: BatchRun) -> list[str]:
    for wave in running.waves():
        for orders in (running.prompts, running.orders):
            for order in orders(wave):
                try:
                    running.take(order, execute(house.studio, order))
                except StudioError as error:
                    running.take(order, error)
    running.finish()
    return [row.status for row in manifest_rows(running.view)]


def test_rows_with_one_prompt_share_its_text_and_its_line(house: House) -> None:
    running = start(house)
    quoted = running.quote().quote
    assert quoted is not None
    assert [line.key for line in quoted.lines] == ["fox-1.prompt", "fox-1", "fox-2", "owl"]
    assert quoted.lines[0].key == prompt_line(running.spec.rows[0])
    assert finish(house, running) == ["done"] * 3
    assert sorted(prompts(house)) == [f"a fox, {ENHANCED}"] * 2 + ["an owl"]
    assert balance_of(house.studio).captured == TEXT + 3 * PICTURE == running.view.spent
    again = start(house, 2)
    assert again.quote().total == 0
    assert finish(house, again) == ["done"] * 3
    assert balance_of(house.studio).captured == TEXT + 3 * PICTURE


def test_rows_whose_text_failed_say_so_and_a_resume_buys_what_is_missing(house: House) -> None:
    for provider in (house.sure, house.dear):
        provider.script.append(ProviderRejected("not this", provider=provider.name))
    running = start(house)
    assert finish(house, running) == ["failed", "failed", "done"]
    rows = manifest_rows(running.view)
    assert "not this" in rows[0].error
    assert balance_of(house.studio).captured == PICTURE
    again = start(house, 2)
    assert again.quote().total == TEXT + 2 * PICTURE
    assert finish(house, again) == ["done"] * 3


def test_a_text_that_is_there_is_not_bought_again_for_a_picture_that_failed(house: House) -> None:
    running = start(house)
    (text,) = running.prompts(running.spec.rows)
    running.take(text, execute(house.studio, text))
    running.finish()
    again = start(house, 2)
    quoted = again.quote().quote
    assert quoted is not None
    assert [line.key for line in quoted.lines] == ["fox-1", "fox-2", "owl"]
    assert again.prompts(again.spec.rows) == []
    assert finish(house, again) == ["done"] * 3


def test_the_key_of_a_row_does_not_depend_on_who_enhances(house: House) -> None:
    before = start(house).spec
    order_for(house.studio, Generate(prompt="x"), "other")
    house.sure.not_ready = lambda offer: "away" if offer.model == "writer" else ""  # type: ignore[method-assign]
    data = ROWS.encode()
    spec = read_file(house.studio, data, source="rows.csv", owner=OWNER, folder=Path("/nowhere"))
    assert spec == before
