"""A template or a ratio named in a request: what it fills in, and what is kept of it."""

from __future__ import annotations

import pickle
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from batches import BatchSpec, check_batch
from providers.catalogue import all_offers
from studio.catalog import TEMPLATES, templates
from studio.errors import InvalidRequest
from studio.operations import Generate, create, parse_operation
from studio.operations.create import size_of

FIELDS = ("width", "height", "style", "quality")
LEFT: dict[str, Any] = {"width": 1_024, "height": 1_024, "style": "", "quality": "standard"}
OWN: dict[str, Any] = {"width": 800, "height": 333, "style": "anime", "quality": "draft"}
REEL = TEMPLATES["instagram_reel_cover"]
"""Differs from the defaults in every field."""


def asked(**values: Any) -> Generate:
    return Generate(prompt="a fox", **values)


def test_the_template_of_these_tests_tells_its_values_from_the_defaults() -> None:
    assert all(getattr(REEL, name) not in {LEFT[name], OWN[name]} for name in FIELDS)


@pytest.mark.parametrize("own", list(product([False, True], repeat=4)), ids=str)
@pytest.mark.parametrize("ratio", ["", "2:1"])
@pytest.mark.parametrize("rest", ["left out", "sent as defaults"])
def test_what_is_left_comes_from_the_template_and_what_is_given_wins(
    own: tuple[bool, ...], ratio: str, rest: str
) -> None:
    given = {name: OWN[name] for name, mine in zip(FIELDS, own, strict=True) if mine}
    defaults = LEFT if rest == "sent as defaults" else {}
    made = asked(template=REEL.id, ratio=ratio, **{**defaults, **given})
    for name in FIELDS:
        assert getattr(made, name) == given.get(name, getattr(REEL, name))
    assert (made.template, made.ratio) == ("", "")


@pytest.mark.parametrize(
    ("given", "size"),
    [
        ({}, (1_024, 512)),
        ({"width": 1_024, "height": 1_024}, (1_024, 512)),
        ({"width": 800}, (800, 1_024)),
        ({"height": 333}, (1_024, 333)),
        ({"width": 800, "height": 333}, (800, 333)),
        ({"template": "instagram_story"}, (1_080, 1_920)),
        ({"template": "instagram_story", "width": 800}, (800, 1_920)),
    ],
    ids=str,
)
def test_a_ratio_counts_only_where_nothing_else_gives_a_size(
    given: dict[str, Any], size: tuple[int, int]
) -> None:
    made = asked(ratio="2:1", **given)
    assert made.target(0, 0) == size
    assert (made.template, made.ratio) == ("", "")


def test_without_both_nothing_is_filled_in() -> None:
    assert {name: getattr(asked(), name) for name in FIELDS} == LEFT
    assert asked(template="", ratio="") == asked()
    assert asked(template=" ", ratio=" ") == asked()


@pytest.mark.parametrize(
    ("ratio", "size"),
    [
        ("1:1", (1_024, 1_024)),
        ("16:9", (1_024, 576)),
        ("9:16", (576, 1_024)),
        ("1920:1080", (1_024, 576)),
        ("1.91:1", (1_024, 536)),
        ("4:5", (819, 1_024)),
        ("3:2", (1_024, 683)),
        ("16:1", (1_024, 64)),
        ("1:16", (64, 1_024)),
        ("0.5:8", (64, 1_024)),
    ],
)
def test_the_longer_side_of_a_ratio_has_1024_pixels(ratio: str, size: tuple[int, int]) -> None:
    assert asked(ratio=f" {ratio} ").target(0, 0) == size == size_of(ratio)


@pytest.mark.parametrize(
    "ratio",
    [
        "16", "16x9", "16:9:1", ":", "16:", ":9", "0:1", "1:0", "0:0", "0.0:0.00", "-16:9",
        "16 : 9", "17:1", "1:17", "16.01:1", "1:16.01", "99999:9999", "1.234:1", "1e1:1", "nan:1",
        "square", "1\uff1a1", "\u0661\u0666:9",
    ],
)  # fmt: skip
def test_what_is_no_ratio_is_refused(ratio: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_operation({"operation": "generate", "prompt": "x", "ratio": ratio})
    assert caught.value.field == "ratio"
    assert caught.value.given == ratio
    assert caught.value.allowed == "must be width:height such as 16:9 or 1.91:1, from 1:16 to 16:1"


def test_a_wrong_ratio_is_refused_also_where_it_would_not_count() -> None:
    with pytest.raises(ValidationError, match="must be width:height"):
        asked(ratio="wide", template="instagram_story", width=800, height=600)


@pytest.mark.parametrize("wrong", ["instagram_stori", "Instagram Story", "instagram-story"])
def test_an_unknown_template_is_refused_with_the_nearest_names(wrong: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_operation({"operation": "generate", "prompt": "x", "template": wrong})
    assert (caught.value.field, caught.value.given) == ("template", wrong)
    assert "allowed: instagram_story" in caught.value.message


@given(
    st.sampled_from(["", *TEMPLATES]),
    st.sampled_from(["", "1:1", "16:9", "9:16", "1.91:1"]),
    st.fixed_dictionaries(
        {},
        optional={
            "width": st.sampled_from([64, 1_024, 1_080, 4_096]),
            "height": st.sampled_from([64, 1_024, 1_920, 4_096]),
            "style": st.sampled_from(["", "anime", "photographic"]),
            "quality": st.sampled_from(["draft", "standard", "premium"]),
        },
    ),
)
def test_what_is_kept_reads_back_as_the_same(name: str, ratio: str, given: dict[str, Any]) -> None:
    made = asked(template=name, ratio=ratio, **given)
    for mode in ("json", "python"):
        again = parse_operation(made.model_dump(mode=mode))
        assert again == made
        assert again.fingerprint() == made.fingerprint()
    assert Generate.model_validate_json(made.model_dump_json()) == made
    assert parse_operation({**made.model_dump(exclude_defaults=True), "operation": "generate"}) == (
        made
    )
    # The same picture is the same request, however it was asked for.
    assert asked(**{field: getattr(made, field) for field in FIELDS}) == made


def test_the_local_provider_makes_every_template_as_it_is() -> None:
    offers = [each for each in all_offers() if each.provider == "local"]
    for name in TEMPLATES:
        made = asked(template=name)
        assert any(not offer.refusal(made) for offer in offers), name


def test_the_request_cannot_be_changed_afterwards() -> None:
    made = asked(template="instagram_story")
    with pytest.raises(ValidationError, match="frozen"):
        made.width = 1  # type: ignore[misc]
    assert made.model_copy(update={"seed": 3}).target(0, 0) == (1_080, 1_920)


# --- a catalogue that changes -------------------------------------------------------------------


def batch(*cells: str) -> BatchSpec:
    head = "row,operation,prompt,template,ratio,width,height,style,quality,seed\n"
    text = head + "".join(f"{line}\n" for line in cells)
    spec, problems = check_batch(text.encode(), source="f.csv", owner="ada")
    assert spec is not None, problems
    return spec


def resized(monkeypatch: pytest.MonkeyPatch, **change: Any) -> None:
    other = {**TEMPLATES, REEL.id: REEL.model_copy(update=change)}
    monkeypatch.setattr(create, "TEMPLATES", other)
    monkeypatch.setattr(templates, "TEMPLATES", other)


def test_a_row_with_a_template_has_the_key_of_one_that_says_the_same_in_full() -> None:
    (short, full, other) = batch(
        "a,generate,a fox,instagram_reel_cover,,,,,,7",
        "b,generate,a fox,,,1080,1920,cinematic,premium,7",
        "c,generate,a fox,instagram_story,,,,,,7",
    ).rows
    assert short.key == full.key != other.key
    assert full.same_as == "a"
    assert short.operation == full.operation


@pytest.mark.parametrize(
    "change", [{"width": 1_024}, {"height": 1_024}, {"style": ""}, {"quality": "standard"}], ids=str
)
def test_a_template_that_changes_makes_a_new_key_and_leaves_what_is_kept_alone(
    change: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    row = "a,generate,a fox,instagram_reel_cover,,,,,,7"
    before = batch(row).rows[0]
    kept = before.operation.model_dump(mode="json")
    resized(monkeypatch, **change)
    after = batch(row).rows[0]
    assert after.key != before.key
    ((name, value),) = change.items()
    assert getattr(after.operation, name) == value
    assert parse_operation(kept) == before.operation
    # And back: what fell on a default by the template does not follow the catalogue either.
    kept = after.operation.model_dump(mode="json")
    monkeypatch.undo()
    assert parse_operation(kept) == after.operation


def test_what_is_kept_outlives_its_template(monkeypatch: pytest.MonkeyPatch) -> None:
    made = asked(template=REEL.id)
    kept = made.model_dump(mode="json")
    monkeypatch.setattr(create, "TEMPLATES", {})
    assert parse_operation(kept) == made
    with pytest.raises(InvalidRequest):
        parse_operation({"operation": "generate", "prompt": "x", "template": REEL.id})


def test_rows_without_template_and_ratio_keep_their_keys() -> None:
    rows = batch("a,generate,a fox,,,,,,,7", "b,generate,a fox,,16:9,,,,,7").rows
    # Written down before the two fields were there: a change of it buys everything anew.
    assert rows[0].key == "dc2b6e9301a7b4e83dc81d6a6eecf5aaf582c86a39dacbd3fd50c93e6ac4686b"
    assert rows[1].key != rows[0].key
    assert batch("b,generate,a fox,,,1024,576,,,7").rows[0].key == rows[1].key


def test_a_faulty_template_and_ratio_are_problems_of_their_columns() -> None:
    text = "operation,prompt,template,ratio\ngenerate,x,instagram_stori,wide\n"
    spec, problems = check_batch(text.encode(), source="f.csv", owner="ada")
    assert spec is None
    assert [(each.field, each.value) for each in problems] == [
        ("template", "instagram_stori"),
        ("ratio", "wide"),
    ]
    assert "instagram_story" in problems[0].rule


def test_the_template_is_remembered_and_makes_no_request_another_one() -> None:
    by_name = asked(template=REEL.id, seed=3, variations=2)
    by_hand = asked(**{name: getattr(REEL, name) for name in FIELDS}, seed=3, variations=2)
    assert (by_name.asked_template, by_hand.asked_template) == (REEL.id, "")
    assert by_name == by_hand
    assert hash(by_name) == hash(by_hand)
    assert by_name.canonical() == by_hand.canonical()
    assert by_name.model_dump() == by_hand.model_dump()
    copies = [*by_name.pieces(), by_name.model_copy(update={"seed": 5})]
    copies.append(Generate.model_validate(by_name.again()))
    assert copies[-1] == by_name
    copies.append(pickle.loads(pickle.dumps(by_name)))  # noqa: S301 - our own
    assert {each.asked_template for each in copies} == {REEL.id}
