"""``studio templates``, and a template in a request."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from interfaces.cli.templates import _show
from studio.catalog import PLATFORMS, TEMPLATES, listed, recommend, search
from tests.unit.cli.conftest import Command


def test_list_has_all_or_those_of_a_platform_and_category(studio_command: Command) -> None:
    told = studio_command("templates", "list", "--json")
    assert told.code == 0
    assert [each["id"] for each in told.document["templates"]] == list(TEMPLATES)
    assert told.document["total"] == len(TEMPLATES)
    first = told.document["templates"][0]
    assert (first["width"], first["height"], first["ratio"]) == (1080, 1080, "1:1")
    assert first["checked"] == "2026-11-24"

    words = ("--platform", "linkedin", "--category", "advertising")
    told = studio_command("templates", "list", *words, "--json")
    assert [each["id"] for each in told.document["templates"]] == [
        each.id for each in listed("linkedin", "advertising")
    ]


def test_search_and_recommend_keep_their_order_and_say_why(studio_command: Command) -> None:
    told = studio_command("templates", "search", "instagram", "story", "--json")
    assert [each["id"] for each in told.document["templates"]] == [
        each.id for each in search("instagram story")
    ]
    told = studio_command("templates", "recommend", "product", "launch", "--json")
    assert [(each["id"], each["reason"]) for each in told.document["templates"]] == [
        (each.template.id, each.reason) for each in recommend("product launch")
    ]


def test_for_people_it_is_a_table(studio_command: Command) -> None:
    shown = studio_command("templates", "list").out
    assert all(f"\n{each} " in shown for each in TEMPLATES)
    assert "160x600" in shown
    assert "studio run generate --template" in shown
    shown = studio_command("templates", "recommend", "hiring").out
    assert "why" in shown
    assert "good for hiring" in shown
    assert "None;" in studio_command("templates", "search", "banana").out


def test_a_narrow_terminal_breaks_descriptions_and_no_id() -> None:
    narrow = Console(width=80, file=StringIO())
    _show(narrow, list(TEMPLATES.values()), None)
    lines = narrow.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert all(any(line.startswith(f"{each} ") for line in lines) for each in TEMPLATES)
    assert max(map(len, lines)) <= 80


def test_an_empty_choice_is_not_offered_in_words(studio_command: Command) -> None:
    shown = " ".join(studio_command("quote", "generate", "--help").out.replace("│", " ").split())
    assert "[choices: instagram_feed_square, instagram_feed_portrait," in shown


@pytest.mark.parametrize(
    ("words", "field"),
    [
        (["list", "--platform", "myspace"], "platform"),
        (["search", "story", "--category", "ad_creative"], "category"),
        (["search"], "query"),
        (["recommend", " "], "query"),
    ],
    ids=str,
)
def test_wrong_words_are_refused(words: list[str], field: str, studio_command: Command) -> None:
    told = studio_command("templates", *words, "--json")
    assert told.code == 2
    assert told.document["error"]["field"] == field
    if field == "platform":
        assert told.document["error"]["allowed"] == ", ".join(PLATFORMS)


def test_a_quote_is_for_what_the_template_stands_for(studio_command: Command) -> None:
    words = ("quote", "generate", "--prompt", "a fox", "--provider", "local", "--json")
    asked = studio_command(*words, "--template", "instagram_reel_cover").document["operation"]
    assert (asked["width"], asked["height"]) == (1080, 1920)
    assert (asked["style"], asked["quality"], asked["template"]) == ("cinematic", "premium", "")
    asked = studio_command(*words, "--template", "instagram_story", "--width", "540").document
    assert (asked["operation"]["width"], asked["operation"]["height"]) == (540, 1920)
    asked = studio_command(*words, "--ratio", "16:9").document["operation"]
    assert (asked["width"], asked["height"]) == (1024, 576)
    told = studio_command(*words, "--template", "instagram_stori")
    assert told.code == 2
    assert "instagram_story" in told.document["error"]["message"]
