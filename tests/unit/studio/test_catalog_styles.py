"""The catalogue of styles: complete, findable, and used by every kind of model."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from providers.words import styled
from studio.catalog import STYLES, LocalStyle, known_style, style
from studio.errors import InvalidRequest

PRESETS = {
    "enhance", "anime", "photographic", "digital-art", "comic-book", "fantasy-art", "line-art",
    "analog-film", "neon-punk", "isometric", "low-poly", "origami", "modeling-compound",
    "cinematic", "3d-model", "pixel-art", "tile-texture",
}  # fmt: skip
"""Of Stability's REST v2beta specification, read 2026-11-22."""


def test_all_presets_are_there_under_their_own_names() -> None:
    assert {each.stability for each in STYLES.values()} - {""} == PRESETS
    assert all(STYLES[preset].stability == preset for preset in PRESETS)


def test_there_are_as_many_others_as_promised() -> None:
    assert len(STYLES) >= 44
    assert sum(not each.stability for each in STYLES.values()) >= 27


def test_no_two_styles_are_said_alike() -> None:
    for words in ("name", "fragment", "description"):
        found = [getattr(each, words).casefold() for each in STYLES.values()]
        assert len(set(found)) == len(found), words
    assert len({each.local for each in STYLES.values()}) == len(STYLES)


@pytest.mark.parametrize("name", ["line-art", "Line Art", " LINE_ART ", "line  art"])
def test_a_style_is_found_however_it_is_written(name: str) -> None:
    assert style(name) is STYLES["line-art"]
    assert known_style(name) is STYLES["line-art"]


@pytest.mark.parametrize(
    ("name", "found"), [("watercolour", "watercolor"), ("Color Pencil", "colour-pencil")]
)
def test_other_spellings_are_known(name: str, found: str) -> None:
    assert style(name).id == found


def test_an_unknown_style_is_refused_with_the_nearest_names() -> None:
    with pytest.raises(InvalidRequest) as refusal:
        style("wood-cuts")
    assert refusal.value.field == "style"
    assert refusal.value.given == "wood-cuts"
    assert "woodcut" in (refusal.value.allowed or "")
    assert len((refusal.value.allowed or "").split(", ")) <= 5
    with pytest.raises(InvalidRequest) as refusal:
        style("§§§§")
    assert (refusal.value.allowed or "").split(", ") == list(STYLES)
    assert known_style("§§§§") is None


def test_nothing_is_no_style() -> None:
    assert known_style("") is None
    assert styled("a fox", "") == "a fox"


@pytest.mark.parametrize("each", STYLES.values(), ids=lambda each: each.id)
def test_its_words_go_behind_the_prompt(each: object) -> None:
    found = STYLES[each.id]  # type: ignore[attr-defined]
    assert styled("a fox.", found.id) == f"a fox, {found.fragment}"
    # What a picture is not belongs into `negative`: models read "no people" as people.
    assert not {"no", "without", "not"} & set(found.fragment.replace(",", "").split())


@pytest.mark.parametrize(
    "bad", [{}, {"painted": 26}, {"drawn": "x", "strength": 0.0}, {"drawn": "Line Art"}]
)
def test_a_way_of_doing_it_that_is_none_is_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        LocalStyle.model_validate(bad)
