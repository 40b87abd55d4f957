"""What a row is: its picture, its seed, its key, and what it waits for."""

from __future__ import annotations

import os
import re
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batches import BatchSpec, Problem, Reference, Row, check_batch, output_names, waves
from studio.operations import Generate, InputKind, RemoveBackground, SocialExport, Upscale
from tests.unit.batches.batch_files import HEAD, check, read

CHAIN = HEAD + (
    "fox,generate,a fox,,,,\n"
    "cut,remove_background,,@fox,,,\n"
    "posts,social_export,,@cut:1,instagram_story+twitter_post,,\n"
    "big,upscale,,@posts:2,,,\n"
    "tall,upscale,,@posts:instagram_story,,,\n"
    "owl,generate,an owl,,,,\n"
)


def by_name(batch: BatchSpec) -> dict[str, Row]:
    return {row.name: row for row in batch.rows}


# --- references ---------------------------------------------------------------------------------


def test_a_row_names_the_output_of_an_earlier_one_by_place_or_name() -> None:
    rows = by_name(read(CHAIN))
    assert rows["fox"].references == ()
    assert rows["cut"].references == (Reference("image", "fox", 0),)
    assert rows["posts"].references == (Reference("image", "cut", 0),)
    assert rows["big"].references == (Reference("image", "posts", 1),)
    assert rows["tall"].references == (Reference("image", "posts", 0),)
    assert rows["tall"].after == {"posts"}
    assert rows["owl"].after == frozenset()


@pytest.mark.parametrize(
    ("reference", "rule"),
    [
        ("@", "must be @row, @row:2"),
        ("@fox:", "must be @row, @row:2"),
        ("@fox:1:1", "must be @row, @row:2"),
        ("@fox:instagram_story", "row fox makes one output; allowed: @fox"),
        ("@fox:2", "row fox makes one output; allowed: @fox"),
        ("@posts:0", "row posts makes 2; allowed: @posts:1 to @posts:2, or @posts:instagram_story"),
        ("@posts:3", "row posts makes 2"),
        ("@posts:tiktok_video_cover", "row posts makes 2"),
        (
            "@wolf",
            "there is no row wolf; allowed: an earlier row, such as cut, posts, big, tall, owl",
        ),
        ("@x", "names its own row"),
        ("@after", "row after comes later, on line 9"),
    ],
)
def test_a_reference_that_leads_nowhere_says_what_is_allowed(reference: str, rule: str) -> None:
    text = CHAIN + f"x,upscale,,{reference},,,\nafter,generate,an elk,,,,\n"
    [problem] = check(text)
    assert (problem.line, problem.field, problem.value) == (8, "image", reference)
    assert rule in problem.rule


def test_a_circle_is_refused_and_named() -> None:
    rows = ["a,upscale,,@b", "b,upscale,,@c", "c,inpaint,x,@a:1", "d,upscale,,@e", "e,upscale,,x"]
    problems = check(HEAD + "".join(f"{row},,,\n" for row in rows))
    told = [it.rule.partition("circle: ")[2] for it in problems if it.field == "image"]
    assert told == ["a -> b -> c -> a", "b -> c -> a -> b", ""]


def test_a_long_way_round_is_found_quickly() -> None:
    rows = "".join(f"r{n},upscale,,@r{n + 1},,,\n" for n in range(300))
    problems = check(HEAD + rows + "r300,upscale,,@r0,,,\n")
    assert len(problems) == 300
    assert problems[0].rule.count(" -> ") == 10
    # Without a bound, this would be looked at half a billion times.
    rows = "".join(f"r{n},upscale,,@r{n + 1},,,\n" for n in range(30_000))
    started = time.process_time()
    assert len(check(HEAD + rows + "r30000,upscale,,@r0,,,\n")) == 30_000
    assert time.process_time() - started < 10


def test_the_first_row_has_no_earlier_one_to_name() -> None:
    [problem] = check(HEAD + "a,upscale,,@b,,,\n")
    assert problem.rule == "there is no row b; allowed: an earlier row, of which there is none"


def test_a_row_without_a_name_is_named_by_its_line() -> None:
    batch = read("operation,prompt,image\ngenerate,a fox,\nupscale,,@2\n")
    assert batch.rows[1].references == (Reference("image", "2", 0),)


def test_a_name_may_not_be_that_of_a_line_that_has_none() -> None:
    text = "row,operation,prompt\n3,generate,a fox\n,generate,an owl\n"
    [problem] = check(text)
    assert (problem.line, problem.row, problem.field) == (3, "3", "row")
    assert "line 2 has the same name (3), so this one needs one" in problem.rule


def test_only_a_social_export_has_several_outputs() -> None:
    formats = ["twitter_post", "instagram_story"]
    assert output_names(SocialExport(image="x", formats=formats)) == tuple(formats)
    for operation in (Generate(prompt="x"), RemoveBackground(image="x"), Upscale(image="x")):
        assert output_names(operation) == ("",)


# --- pictures -----------------------------------------------------------------------------------


def pictures(*names: str) -> bytes:
    return ("operation,image\n" + "".join(f"upscale,{name}\n" for name in names)).encode()


def test_a_relative_path_starts_from_the_folder_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    data = pictures("a.png", "./a.png", str(tmp_path / "a.png"))
    spec, problems = check_batch(data, source="f.csv", owner="ada", folder=tmp_path)
    assert problems == []
    assert spec is not None
    assert {row.operation.model_dump()["image"] for row in spec.rows} == {str(tmp_path / "a.png")}
    assert [row.same_as for row in spec.rows] == ["", "2", "2"]


def test_without_a_folder_paths_stay_relative() -> None:
    assert read(pictures("b/../a.png")).rows[0].operation == Upscale(image="a.png")


def test_a_path_must_be_that_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    data = pictures("folder", "nothing.png", "n" * 300, "https://example.com/a.png", "~")
    _, problems = check_batch(data, source="f.csv", owner="ada", folder=tmp_path)
    assert [(problem.line, problem.rule) for problem in problems] == [
        (2, "is a folder; it must be a file"),
        (3, "there must be such a file"),
        (4, "is no path of a file"),
        (5, "there must be such a file"),
        (6, "there must be such a file"),
    ]
    assert problems[0].value == "folder"


def test_a_path_that_is_too_long_is_the_models_business_alone() -> None:
    data = pictures("n" * 1_001)
    _, problems = check_batch(data, source="f.csv", owner="ada", exists=_missing)
    assert [problem.rule for problem in problems] == ["must have at most 1000 characters"]


def _missing(_reference: str, _kind: InputKind) -> str:
    return "is missing"


def test_whoever_knows_the_pictures_is_asked_once_for_each(tmp_path: Path) -> None:
    asset = "ast_" + "0" * 26
    asked: list[str] = []

    def exists(reference: str, kind: InputKind) -> str:
        asked.append(reference)
        return "there is no such asset" if reference == asset else ""

    data = pictures("a.png", asset, "./a.png", asset)
    _, problems = check_batch(data, source="f.csv", owner="ada", folder=tmp_path, exists=exists)
    assert asked == [str(tmp_path / "a.png"), asset]
    assert problems == [
        Problem(line, str(line), "image", asset, "there is no such asset") for line in (3, 5)
    ]


def test_an_asset_passes_where_nobody_knows_the_library() -> None:
    data = pictures("ast_" + "0" * 26)
    spec, _ = check_batch(data, source="f.csv", owner="ada", folder=Path("anywhere"))
    assert spec is not None
    assert spec.rows[0].operation == Upscale(image="ast_" + "0" * 26)


# --- seeds --------------------------------------------------------------------------------------


def seeds(batch: BatchSpec) -> dict[str, int]:
    return {row.name: row.operation.model_dump()["seed"] for row in batch.rows}


FOUR = HEAD + (
    "a,generate,a fox,,,,\nb,generate,a fox,,,,-1\nc,generate,an owl,,,,\nd,generate,x,,,,7\n"
)


def test_seeds_that_were_left_open_are_chosen_alike_each_time_and_differ() -> None:
    chosen = seeds(read(FOUR))
    assert chosen == seeds(read(FOUR))
    assert len(set(chosen.values())) == len(set(keys(read(FOUR)).values())) == 4
    assert not any(row.same_as for row in read(FOUR).rows)
    assert chosen["d"] == 7
    assert all(0 <= seed <= 4_294_967_294 for seed in chosen.values())


def test_another_owner_or_another_name_gets_other_seeds() -> None:
    chosen = seeds(read(FOUR))
    for other in (read(FOUR, owner="bob"), read(FOUR, name="again")):
        differing = [name for name, seed in seeds(other).items() if seed != chosen[name]]
        assert differing == ["a", "b", "c"]


def test_an_edited_row_leaves_the_seeds_of_the_others_alone() -> None:
    chosen = seeds(read(FOUR))
    edited = seeds(read(FOUR.replace("an owl", "a barn owl")))
    assert [name for name in chosen if chosen[name] != edited[name]] == ["c"]
    lines = FOUR.splitlines()
    moved = "\n".join([lines[0], "\nz,generate,new,,,,\n", lines[3], lines[1], lines[2], lines[4]])
    assert {name: seed for name, seed in seeds(read(moved)).items() if name != "z"} == chosen


# --- keys ---------------------------------------------------------------------------------------


def keys(batch: BatchSpec) -> dict[str, str]:
    return {row.name: row.key for row in batch.rows}


def changed(before: BatchSpec, after: BatchSpec) -> list[str]:
    old = keys(before)
    return [name for name, key in keys(after).items() if old[name] != key]


def test_an_edited_row_changes_the_keys_of_all_that_build_on_it_and_of_no_other() -> None:
    batch = read(CHAIN)
    assert all(re.fullmatch("[0-9a-f]{64}", row.key) for row in batch.rows)
    assert changed(batch, read(CHAIN)) == []
    fox = read(CHAIN.replace("a fox", "a red fox"))
    assert changed(batch, fox) == ["fox", "cut", "posts", "big", "tall"]
    posts = read(CHAIN.replace("+twitter_post", "+twitter_card"))
    assert changed(batch, posts) == ["posts", "big", "tall"]
    assert changed(batch, read(CHAIN.replace("@posts:2", "@posts:1"))) == ["big"]


def test_how_a_row_or_an_output_is_named_is_no_part_of_the_key() -> None:
    batch = read(CHAIN)
    renamed = read(CHAIN.replace("posts", "social").replace("@cut:1", "@cut"))
    assert [row.key for row in renamed.rows] == [row.key for row in batch.rows]
    by_number = read(CHAIN.replace("@posts:instagram_story", "@posts:1"))
    assert changed(batch, by_number) == []


def test_the_same_work_of_another_owner_has_another_key() -> None:
    seeded = HEAD + "a,generate,a fox,,,,7\n"
    assert keys(read(seeded)) == keys(read(seeded, name="again"))
    assert read(seeded).id != read(seeded, name="again").id
    assert keys(read(seeded)) != keys(read(seeded, owner="bob"))


def test_rows_of_equal_work_name_the_first_of_them() -> None:
    text = HEAD + (
        "a,generate,a fox,,,,7\n"
        "b,generate,a fox,,,,7\n"
        "c,generate,a fox,,,,8\n"
        "d,upscale,,@a,,,\n"
        "e,upscale,,@b,,,\n"
        "f,upscale,,@c,,,\n"
        "g,generate, a fox ,,,1024,7\n"
    )
    rows = by_name(read(text))
    assert {name: row.same_as for name, row in rows.items()} == {
        "a": "",
        "b": "a",
        "c": "",
        "d": "",
        "e": "d",
        "f": "",
        "g": "a",
    }
    assert rows["b"].key == rows["a"].key
    assert [len(wave) for wave in waves(rows.values())] == [4, 3]


def test_a_picture_whose_content_changed_is_new_work(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    data = b"row,operation,image\na,upscale,a.png\nb,remove_background,@a\nc,upscale,a.png\n"

    looked_at: list[str] = []

    def identify(reference: str, kind: InputKind) -> str:
        looked_at.append(reference)
        return Path(reference).read_text(encoding="utf-8")

    def batch() -> BatchSpec:
        spec, _ = check_batch(data, source="f.csv", owner="ada", folder=tmp_path, identify=identify)
        assert spec is not None
        return spec

    path.write_text("one")
    before = batch()
    assert looked_at == [str(path)]
    assert batch() == before
    path.write_text("two")
    assert changed(before, batch()) == ["a", "b", "c"]
    assert batch().id != before.id


# --- the batch's id -----------------------------------------------------------------------------


def test_the_same_file_is_the_same_batch_until_owner_name_or_a_row_differs() -> None:
    batch = read(CHAIN)
    assert re.fullmatch("bat_[0-9a-f]{20}", batch.id)
    assert read(CHAIN) == batch
    others = {
        read(CHAIN, owner="bob").id,
        read(CHAIN, name="again").id,
        read(CHAIN.replace("owl", "elk")).id,
        read(CHAIN.replace("big,", "large,")).id,
        read(CHAIN + "elk,generate,an elk,,,,\n").id,
    }
    assert len(others | {batch.id}) == 6
    # What is no part of the work is no part of the id.
    lines = CHAIN.splitlines()
    spaced = read("\n".join([lines[0], "", *lines[1:]]))
    assert spaced.id == batch.id
    assert spaced.rows[0].line == batch.rows[0].line + 1


def test_values_given_and_values_left_to_their_defaults_are_the_same() -> None:
    given = read("row,operation,prompt,width,quality,seed\na,generate,x,1024,standard,7\n")
    left = read("row,operation,prompt,seed\na,generate,x,7\n")
    assert given == left
    assert given.rows[0].operation.model_fields_set == left.rows[0].operation.model_fields_set


# --- waves --------------------------------------------------------------------------------------


def names(layers: tuple[tuple[Row, ...], ...]) -> list[list[str]]:
    return [[row.name for row in layer] for layer in layers]


def test_a_row_sits_in_the_first_wave_that_has_all_it_needs() -> None:
    batch = read(CHAIN)
    assert names(waves(batch.rows)) == [["fox", "owl"], ["cut"], ["posts"], ["big", "tall"]]
    assert waves(()) == ()


def test_what_is_not_among_the_rows_is_taken_for_made() -> None:
    rows = [row for row in read(CHAIN).rows if row.name not in {"fox", "posts"}]
    assert names(waves(rows)) == [["cut", "big", "tall", "owl"]]


def test_a_row_before_one_that_it_needs_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="'cut' stands before a row that it needs"):
        waves(read(CHAIN).rows[1::-1])


@given(st.lists(st.lists(st.integers(0, 30), max_size=3), max_size=30))
@settings(deadline=None)
def test_waves_hold_every_row_once_after_all_it_needs_and_no_later_than_must_be(
    needs: list[list[int]],
) -> None:
    template = Row(2, "", "key", Generate(prompt="a fox"))
    rows = [
        replace(
            template,
            name=str(number),
            references=tuple(Reference(f"f{it}", str(it), 0) for it in wanted if it < number),
        )
        for number, wanted in enumerate(needs)
    ]
    layers = waves(rows)
    wave_of = {row.name: depth for depth, layer in enumerate(layers) for row in layer}
    assert sorted(row.name for layer in layers for row in layer) == sorted(it.name for it in rows)
    for row in rows:
        assert wave_of[row.name] == max((wave_of[it] + 1 for it in row.after), default=0)
    for layer in layers:
        assert [int(row.name) for row in layer] == sorted(int(row.name) for row in layer)


def test_a_folder_is_put_before_a_path_by_the_rules_of_this_machine(tmp_path: Path) -> None:
    batch = read(pictures("../b.png"), folder=tmp_path)
    assert batch.rows[0].operation == Upscale(image=os.fspath(tmp_path.parent / "b.png"))
