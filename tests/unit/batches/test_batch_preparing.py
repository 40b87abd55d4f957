"""What is written short is written out: variables, chains, defaults, and rows left out."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from batches import BatchSpec, Given, Reference, check_batch, waves
from batches.chains import NO_PICTURE, read_chain
from batches.variables import fill
from providers.catalogue import all_offers
from studio.errors import InvalidRequest
from studio.operations import OPERATIONS, Generate, SocialExport, Upscale
from tests.unit.batches.batch_files import HEAD, check, read

DAY = dt.date(2026, 12, 24)


def prompts(batch: BatchSpec) -> list[str]:
    return [row.operation.model_dump()["prompt"] for row in batch.rows]


# --- the whole file -----------------------------------------------------------------------------


def test_one_operation_and_its_defaults_may_be_given_for_the_whole_file() -> None:
    whole = Given(operation="generate", defaults={"quality": "draft", "width": "512"})
    batch = read("prompt,width,seed\na fox,,1\nan owl,768,2\n", given=whole)
    assert [row.operation for row in batch.rows] == [
        Generate(prompt="a fox", width=512, quality="draft", seed=1),
        Generate(prompt="an owl", width=768, quality="draft", seed=2),
    ]
    written = "operation,prompt,quality,width,seed\ngenerate,a fox,draft,512,1\n"
    again = written + "generate,an owl,draft,768,2\n"
    assert [row.key for row in batch.rows] == [row.key for row in read(again).rows]


def test_what_a_row_says_itself_counts_and_a_default_is_no_fault_of_others() -> None:
    text = HEAD + "a,generate,a fox,,,,1\nb,upscale,,x.png,,,\n"
    batch = read(text, given=Given(operation="upscale", defaults={"quality": "draft"}))
    assert [row.operation for row in batch.rows] == [
        Generate(prompt="a fox", quality="draft", seed=1),
        Upscale(image="x.png"),
    ]


def test_what_is_given_for_the_whole_file_is_judged_at_once() -> None:
    for wrong, field in (
        ({"operation": "generat"}, "operation"),
        ({"operation": "generate | nothing"}, "operation"),
        ({"defaults": {"qualty": "draft"}}, "defaults"),
        ({"defaults": {"row": "a"}}, "defaults"),
    ):
        with pytest.raises(InvalidRequest) as caught:
            Given(**wrong)
        assert caught.value.field == field
        assert caught.value.allowed


def test_a_default_that_is_wrong_is_a_fault_of_its_rows() -> None:
    problems = check("prompt\na fox\n", Given(operation="generate", defaults={"width": "5"}))
    assert [(it.line, it.field, it.value) for it in problems] == [(2, "width", "5")]


# --- variables ----------------------------------------------------------------------------------


def test_columns_days_and_names_are_put_into_cells() -> None:
    text = (
        "row,operation,prompt,colour,my product,image\n"
        "a,generate,{colour} {my product} on {date},red,shoe,\n"
        ",upscale,,,shoe,photos/{my product}-{row}-{number}.png\n"
    )
    batch = read(text, given=Given(day=DAY.isoformat()))
    assert batch.rows[0].operation.model_dump()["prompt"] == "red shoe on 2026-12-24"
    assert batch.rows[1].operation == Upscale(image="photos/shoe-3-2.png")


def test_braces_that_are_meant_are_written_twice() -> None:
    assert prompts(read("operation,prompt\ngenerate,a {{real}} brace\n")) == ["a {real} brace"]
    for wrong in ("a { brace", "a } brace", "{}", "{ }", "{a{b}}"):
        [problem] = check(f"operation,prompt\ngenerate,{wrong}\n")
        assert problem.field == "prompt"
        assert "written twice" in problem.rule or "no variable" in problem.rule


def test_an_unknown_variable_names_those_there_are() -> None:
    text = "operation,prompt,colour\ngenerate,{color} and {colour},red\n"
    [problem] = check(text)
    assert (problem.line, problem.field, problem.value) == (2, "prompt", "{color} and {colour}")
    assert (
        "no variable {color}; allowed: date, time, row, number, operation, prompt, colour"
        in problem.rule
    )


def test_a_column_that_nobody_uses_is_a_fault_as_before() -> None:
    [problem] = check("operation,prompt,colour\ngenerate,a fox,red\n")
    assert (problem.line, problem.field) == (1, "colour")


@drawn(st.text(max_size=30), st.text(max_size=30))
@settings(deadline=None)
def test_what_is_put_in_is_never_looked_at_again(one: str, two: str) -> None:
    filled, names, fault = fill("{one}|{two}", {"one": one, "two": two})
    assert (filled, names, fault) == (f"{one}|{two}", frozenset({"one", "two"}), "")


def test_a_cell_that_grows_too_long_is_refused() -> None:
    text = f"operation,prompt,long\ngenerate,{'{long}' * 20},{'x' * 1_000}\n"
    [problem] = check(text)
    assert (problem.field, "at most" in problem.rule) == ("prompt", True)


# --- chains -------------------------------------------------------------------------------------

CHAIN = (
    "row,operation,prompt,seed,image\n"
    "fox,generate | remove_background | upscale fast 4x | "
    "social instagram_story+linkedin_feed_post,a fox,1,\n"
    "big,upscale,,,@fox.4:linkedin_feed_post\n"
    ",remove background | upscale factor=2x,,,photo.png\n"
)


def test_a_chain_is_a_row_for_each_step() -> None:
    batch = read(CHAIN)
    rows = {row.name: row for row in batch.rows}
    assert list(rows) == ["fox", "fox.2", "fox.3", "fox.4", "big", "4", "4.2"]
    assert [(row.line, row.part) for row in batch.rows][:5] == [
        (2, 0),
        (2, 100),
        (2, 200),
        (2, 300),
        (3, 0),
    ]
    assert rows["fox"].operation == Generate(prompt="a fox", seed=1)
    assert rows["fox.2"].references == (Reference("image", "fox", 0),)
    assert rows["fox.3"].operation == Upscale(image="@fox.2", factor="4x")
    assert isinstance(rows["fox.4"].operation, SocialExport)
    assert rows["fox.4"].operation.formats == ["instagram_story", "linkedin_feed_post"]
    assert rows["big"].references == (Reference("image", "fox.4", 1),)
    assert rows["4.2"].references == (Reference("image", "4", 0),)
    assert [[row.name for row in wave] for wave in waves(batch.rows)] == [
        ["fox", "4"],
        ["fox.2", "4.2"],
        ["fox.3"],
        ["fox.4"],
        ["big"],
    ]


def test_a_chain_is_the_same_work_as_its_rows_written_out() -> None:
    out = HEAD + (
        "fox,generate,a fox,,,,1\ncut,remove_background,,@fox,,,\n"
        "posts,social_export,,@cut,instagram_story,,\n"
    )
    chain = HEAD.replace("row,", "row,") + (
        "fox,generate | remove_background | social instagram_story,a fox,,,,1\n"
    )
    assert [row.key for row in read(chain).rows] == [row.key for row in read(out).rows]
    whole = Given(operation="generate | remove_background | social instagram_story")
    assert read("row,prompt,seed\nfox,a fox,1\n", given=whole).id == read(chain).id


@pytest.mark.parametrize(
    ("cell", "row", "rule"),
    [
        ("generate | nothing", "a.2", "nothing is no operation; allowed: generate"),
        ("generate | ", "a.2", "an empty step is no operation"),
        ("generate | upscale 9x", "a.2", "9x means nothing to upscale; allowed: field=value"),
        ("generate | upscale colour=2x", "a.2", "colour=2x means nothing to upscale"),
        ("generate | upscale factor=9x", "a.2", "factor: must be '2x' or '4x'"),
        ("generate | upscale 2x 4x", "a.2", "is given factor twice: 2x and 4x"),
        ("generate | social myspace", "a.2", "formats: is not a social format"),
        (
            "generate | enhance_prompt prompt=x",
            "a.2",
            "takes no picture, so it must be the first step",
        ),
        (" | ".join(["generate", *["upscale"] * 10]), "a", "may have 10 steps at most"),
    ],
)
def test_a_fault_of_a_chain_names_its_line_and_column(cell: str, row: str, rule: str) -> None:
    [problem] = check(f"row,operation,prompt\na,{cell},a fox\n")
    assert (problem.line, problem.row, problem.field) == (2, row, "operation")
    assert rule in problem.rule


def test_only_pictures_go_on_along_a_chain() -> None:
    kinds = {offer.operation: offer.kind for offer in all_offers()}
    made = {name for name, kind in kinds.items() if kind != "picture"}
    assert made == NO_PICTURE
    [problem] = check(HEAD + "a,image_to_3d | upscale,,x.png,,,\n")
    assert "makes no picture" in problem.rule


def test_variations_come_at_the_end_of_a_chain() -> None:
    [problem] = check("operation,prompt,variations\ngenerate | upscale,a fox,3\n")
    assert (problem.field, problem.value) == ("variations", "3")
    chain = "remove_background | generate variations=2"
    text = f"row,operation,image,prompt,variations\na,{chain},x.png,a fox,\n"
    assert [row.name for row in read(text).rows] == ["a", "a.2-1", "a.2-2"]


def test_a_cell_of_a_chain_is_the_first_steps_that_has_the_field() -> None:
    text = (
        "operation,prompt,output_format,image\nupscale | convert output_format=webp,,jpeg,x.png\n"
    )
    formats = [row.operation.model_dump()["output_format"] for row in read(text).rows]
    assert formats == ["jpeg", "webp"]
    [problem] = check("operation,image,width\nupscale | compress,x.png,64\n")
    assert (problem.field, problem.rule) == ("width", "is not a field of this operation")


def test_the_picture_of_a_later_step_is_the_one_before_it_and_no_cell() -> None:
    text = "operation,prompt,image,mask\ngenerate | inpaint prompt=sky,a fox,,m.png\n"
    assert [row.operation.model_dump().get("mask") for row in read(text).rows] == [None, "m.png"]
    [problem] = check("operation,prompt,image\ngenerate | upscale,a fox,x.png\n")
    assert (problem.field, problem.rule) == ("image", "is not a field of this operation")


def test_a_default_goes_where_a_cell_would_and_gives_way_to_the_chain() -> None:
    chain = Given(
        operation="generate | convert output_format=webp",
        defaults={"quality": "draft", "output_format": "jpeg", "factor": "4x"},
    )
    first, second = read("prompt,seed\na fox,1\n", given=chain).rows
    assert first.operation == Generate(
        prompt="a fox", seed=1, quality="draft", output_format="jpeg"
    )
    assert second.operation.model_dump()["output_format"] == "webp"
    alone = Given(operation="convert output_format=webp", defaults={"output_format": "jpeg"})
    [row] = read("image\nx.png\n", given=alone).rows
    assert row.operation.model_dump()["output_format"] == "webp"


def test_no_row_may_take_the_name_of_a_step() -> None:
    problems = check("row,operation,image\na.2,upscale,x.png\n")
    assert [problem.field for problem in problems] == ["row"]


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_may_be_written_in_words(name: str) -> None:
    [step] = read_chain(name.replace("_", " "))
    assert (step.operation, step.fault) == (name, "")


# --- faulty rows left out -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "faulty",
    ["fox,generate,a {x},2,\n", "fox,generate,a fox,2,\nfox-2,generate,an owl,,\n"],
)
def test_who_builds_on_a_variation_of_a_faulty_row_is_left_out_with_it(faulty: str) -> None:
    text = (
        f"row,operation,prompt,variations,image\n{faulty}big,upscale,,,@fox-1\nhill,generate,a,,\n"
    )
    given = Given(skip_invalid=True)
    spec, problems = check_batch(text.encode(), source="f", owner="ada", given=given)
    assert spec is not None
    assert [row.name for row in spec.rows if row.name != "fox-2"] == ["hill"]
    assert problems[-1].row == "big"
    assert problems[-1].rule == "row fox-1 is left out, so what it would make is not there"


def test_faulty_rows_are_left_out_only_when_asked_and_so_are_those_that_need_them() -> None:
    text = HEAD + (
        "a,generate,a fox,,,5,1\n"
        "b,upscale,,@a,,,\n"
        "c,upscale,,@b,,,\n"
        "d,generate,an owl,,,,1\n"
        "e,upscale,,@d,,,\n"
        "f,generate | upscale,,,,,\n"
        "g,generate | social nothing,x,,,,\n"
    )
    assert [it.line for it in check(text)] == [2, 7, 8]
    spec, problems = check_batch(
        text.encode(), source="f", owner="ada", given=Given(skip_invalid=True)
    )
    assert spec is not None
    assert [row.name for row in spec.rows] == ["d", "e"]
    assert spec.left_out == tuple(problems)
    assert [(it.row, it.field) for it in problems] == [
        ("a", "width"),
        ("b", "image"),
        ("c", "image"),
        ("f", "prompt"),
        ("f.2", "operation"),
        ("g", "operation"),
        ("g.2", "operation"),
    ]
    assert problems[1].rule == "row a is left out, so what it would make is not there"
    sound = HEAD + "d,generate,an owl,,,,1\ne,upscale,,@d,,,\n"
    assert spec.id == read(sound).id


def test_a_file_of_nothing_but_faults_is_refused_and_so_is_a_faulty_header() -> None:
    skip = Given(skip_invalid=True)
    assert check(HEAD + "a,generate,,,,,\n", skip)
    assert check("operation,prompt,colour\ngenerate,x,\n", skip)
    assert re.fullmatch("column.*|is not.*", check("operation,colour\nconvert,\n", skip)[0].rule)
