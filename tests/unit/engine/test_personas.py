"""Personas on the path of a picture: quoted, keyed, bought and filed by what they say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from batches import BatchSpec
from engine.batch_plan import plan_batch, read_file
from engine.batch_start import start_batch
from engine.single import plan_one
from library import MOST_PERSONAS, find_asset, list_personas, remove_persona, save_persona
from studio.errors import BatchInvalid, InvalidRequest, NotFound
from studio.operations import EnhancePrompt, Generate, Persona
from tests.support.studios import OWNER, execute, job_of, order_for
from tests.unit.engine.conftest import House

ROWS = "row,operation,prompt,persona\nfox,generate,a fox,acme\nowl,generate,an owl,\n"


def keep(house: House, owner: str = OWNER, **values: Any) -> None:
    persona = Persona(name="acme", **values)
    house.studio.database.write(lambda connection: save_persona(connection, owner, persona))


def read(house: House, text: str = ROWS) -> BatchSpec:
    return read_file(
        house.studio, text.encode(), source="rows.csv", owner=OWNER, folder=Path("/nowhere")
    )


def test_its_content_is_bought_and_filed_and_the_given_prompt_is_kept(house: House) -> None:
    keep(house, tone="calm", avoid=["cheap"], palette="#1b2a49", style="line-art")
    execute(house.studio, order_for(house.studio, Generate(prompt="a fox", persona="acme"), "k"))
    (call,) = house.sure.calls
    assert isinstance(call.operation, Generate)
    assert call.operation.prompt == "a fox, calm"
    assert call.operation.negative_prompt == "cheap"
    job = job_of(house.studio, "k")
    assert job is not None
    with house.studio.database.read() as connection:
        asset = find_asset(connection, OWNER, job.asset_ids()[0])
    assert asset.request["palette"] == "#1b2a49"
    assert asset.name == "a-fox.png"
    assert asset.request["persona"] == ""
    assert asset.facts["persona"] == "acme"
    assert asset.facts["prompt_given"] == "a fox"


@pytest.mark.parametrize("cls", [Generate, EnhancePrompt])
def test_somebody_elses_persona_is_not_found(house: House, cls: Any) -> None:
    keep(house, owner="eve", tone="calm")
    with pytest.raises(NotFound) as caught:
        plan_one(house.studio, cls(prompt="a fox", persona="acme"), OWNER, "k")
    error = caught.value
    assert (error.field, error.given) == ("persona", "acme")
    assert "none yet" in str(error.allowed)


def test_an_unknown_name_is_answered_with_the_known_ones(house: House) -> None:
    keep(house, tone="calm")
    with pytest.raises(NotFound) as caught:
        plan_one(house.studio, Generate(prompt="a fox", persona="acne"), OWNER, "k")
    assert caught.value.allowed == "one of yours: acme"


def test_a_persona_that_was_not_put_in_is_never_planned(house: House) -> None:
    with pytest.raises(ValueError, match="was not put into the request"):
        house.studio.planner.plan(Generate(prompt="a fox", persona="acme"))


def test_a_changed_persona_makes_new_work_of_its_rows_and_of_no_others(house: House) -> None:
    keep(house, tone="calm")
    before = read(house)
    assert read(house) == before
    keep(house, tone="loud")
    after = read(house)
    keys = [(old.key == new.key) for old, new in zip(before.rows, after.rows, strict=True)]
    assert keys == [False, True]
    assert after.id != before.id


def test_a_row_with_a_persona_is_bought_with_its_content(house: House) -> None:
    keep(house, tone="calm")
    running = start_batch(house.studio, plan_batch(house.studio, read(house)), "run")
    running.hold_for(running.quote(), "hold")
    for order in running.orders(running.waves()[0]):
        running.take(order, execute(house.studio, order))
    running.finish()
    prompts = sorted(str(getattr(call.operation, "prompt", "")) for call in house.sure.calls)
    assert prompts == ["a fox, calm", "an owl"]
    fox = running.view.job_of(running.spec.rows[0])
    assert fox is not None
    assert fox.notes == {"persona": "acme", "prompt_given": "a fox"}


def test_rows_with_a_wrong_persona_or_word_are_all_reported(house: House) -> None:
    keep(house, avoid=["cheap"])
    text = "operation,prompt,persona\ngenerate,a cheap fox,acme\ngenerate,an owl,nobody\n"
    with pytest.raises(BatchInvalid) as caught:
        read(house, text)
    problems = caught.value.details["problems"]
    assert [(each["line"], each["field"], each["value"]) for each in problems] == [
        (2, "prompt", "cheap"),
        (3, "persona", "nobody"),
    ]
    assert problems[0]["rule"] == "any other words than: cheap"


def test_an_owner_has_so_many_and_may_change_each(house: House) -> None:
    def fill(connection: Any) -> None:
        for number in range(MOST_PERSONAS):
            save_persona(connection, OWNER, Persona(name=f"p{number}"))

    house.studio.database.write(fill)
    with pytest.raises(InvalidRequest, match="too many personas"):
        keep(house)
    keep(house, owner="eve")
    write = house.studio.database.write
    write(lambda c: save_persona(c, OWNER, Persona(name="p3", tone="calm")))
    write(lambda c: remove_persona(c, OWNER, "p4"))
    keep(house)
    with house.studio.database.read() as connection:
        assert len(list_personas(connection, OWNER)) == MOST_PERSONAS
    with pytest.raises(NotFound):
        write(lambda c: remove_persona(c, OWNER, "p4"))
