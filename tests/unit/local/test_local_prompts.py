"""Prompts by rules: what was said stays, what was left open is filled in, and it is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from providers import Request
from providers.local.prompts import enhance, write
from providers.local.provider import local_offers
from studio.operations import EnhancePrompt

(OFFER,) = [offer for offer in local_offers() if offer.id == "local/prompt-rules"]


@pytest.mark.parametrize("prompt", ["a lighthouse", "a cup of coffee on a table", "ein Fuchs", "x"])
def test_the_words_come_first_and_more_is_added(prompt: str) -> None:
    made, added = write(prompt)
    assert made.startswith(prompt)
    assert len(added) >= 3
    assert all(part in made for part in added)
    assert write(prompt) == (made, added), "the same words gave another prompt"


def test_what_is_said_is_not_said_otherwise() -> None:
    made, _ = write("a portrait of a fox at night, lit by lamps")
    for word in ("golden hour", "morning", "overcast", "eye level", "wide view"):
        assert word not in made


def test_a_table_stands_in_the_light_of_a_room() -> None:
    inside, _ = write("a cup of coffee on a table")
    assert any(word in inside for word in ("window", "lamp", "studio"))


def test_different_words_do_not_all_get_the_same() -> None:
    added = {tuple(write(f"a house no. {number}")[1]) for number in range(40)}
    assert len(added) > 5


def test_the_answer_is_json_and_says_what_made_it() -> None:
    delivery = enhance(OFFER, Request(EnhancePrompt(prompt="a boat", style="anime")), Path())
    answer = json.loads(delivery.outputs[0].data)
    assert answer["prompt"].startswith("a boat")
    assert "anime" in answer["prompt"]
    assert answer["added"] == delivery.facts["added"]
    assert "not a language model" in delivery.method
