"""A persona in a request: what it adds, what it leaves alone, what it refuses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.errors import InvalidRequest
from studio.operations import (
    EnhancePrompt,
    Generate,
    Persona,
    RemoveBackground,
    without_words,
    worn,
)
from studio.operations.persona import has_word, spoken

ACME = Persona(
    name="acme",
    tone="calm and bold",
    palette="#1B2A49 #ff7f50",
    vocabulary=("sea salt", "linen"),
    avoid=("cheap", "neon light"),
    style="Line Art",
)


def test_its_words_join_the_prompt_and_its_rest_fills_what_is_open() -> None:
    done = worn(
        Generate(prompt="A table with Linen.", negative_prompt="dogs", persona="acme"), ACME
    )
    made = done.operation
    assert isinstance(made, Generate)
    assert made.prompt == "A table with Linen, calm and bold, sea salt"
    assert made.negative_prompt == "dogs, cheap, neon light"
    assert (made.palette, made.style, made.persona) == ("#1b2a49 #ff7f50", "line-art", "")
    assert done.notes == {"persona": "acme", "prompt_given": "A table with Linen."}


def test_what_the_request_says_wins() -> None:
    asked = Generate(prompt="x", palette="#000000", style="anime", persona="acme")
    made = worn(asked, ACME).operation
    assert isinstance(made, Generate)
    assert (made.palette, made.style) == ("#000000", "anime")


def test_a_template_has_its_style_before_a_persona() -> None:
    asked = Generate(prompt="x", template="instagram_story", persona="acme")
    made = worn(asked, ACME).operation
    assert isinstance(made, Generate)
    assert (made.style, made.width, made.height) == (asked.style, 1080, 1920)


def test_a_prompt_to_be_enhanced_has_its_words_too() -> None:
    made = worn(EnhancePrompt(prompt="a table", persona="acme"), ACME).operation
    assert isinstance(made, EnhancePrompt)
    assert made.prompt == "a table, calm and bold, sea salt, linen"
    assert made.style == "line-art"


@pytest.mark.parametrize("prompt", ["a CHEAP table", "cheap", "x, Neon  Light!", "neon\nlight"])
def test_a_word_to_avoid_is_refused_and_named(prompt: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        worn(Generate(prompt=prompt), ACME)
    assert caught.value.field == "prompt"
    assert caught.value.given in {"cheap", "neon light"}
    assert caught.value.allowed == "any other words than: cheap, neon light"


@pytest.mark.parametrize("prompt", ["a cheaper table", "neon and light", "uncheap", "cheap_one"])
def test_only_whole_words_count(prompt: str) -> None:
    assert worn(Generate(prompt=prompt), ACME).operation.model_dump()["prompt"].startswith(prompt)


def test_what_is_too_long_with_its_words_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="with the words of persona acme, prompt") as caught:
        worn(Generate(prompt="x" * 9_990), ACME)
    assert caught.value.field == "prompt"


def test_wearing_it_twice_changes_nothing() -> None:
    once = worn(Generate(prompt="a table", negative_prompt="dogs"), ACME).operation
    assert worn(once, ACME).operation == once


def test_an_empty_persona_changes_nothing_but_the_name() -> None:
    asked = Generate(prompt="a table.", seed=3)
    assert worn(asked, Persona(name="plain")).operation == asked


def test_words_are_taken_out_without_gaps() -> None:
    text = "A cheap, bright table in neon light, cheap. Cheapest."
    assert without_words(text, ACME.avoid) == "A, bright table in. Cheapest."


@given(st.text(max_size=60), st.lists(st.text("ab cß*(.", min_size=1, max_size=5), max_size=4))
def test_words_that_were_taken_out_are_gone(text: str, words: list[str]) -> None:
    words = [word.strip() for word in words if word.strip()]
    left = without_words(text, words[:1])
    assert len(left) <= len(text)
    if words and words[0].isalnum() and not has_word(text, words[0]):
        assert not has_word(left, words[0])


@given(st.text(max_size=40), st.lists(st.text("abc", min_size=1, max_size=4), max_size=4))
def test_every_word_is_there_once_it_was_spoken(text: str, words: list[str]) -> None:
    said = spoken(text, words)
    assert all(has_word(said, word) for word in words)
    assert spoken(said, words) == said


def test_colours_have_one_way_of_writing() -> None:
    assert Generate(prompt="x", palette=" #FF0000,#00ff00  #ff0000").palette == "#ff0000 #00ff00"


def test_only_what_is_made_of_words_has_a_persona() -> None:
    assert "persona" not in RemoveBackground.model_fields
