"""``studio personas``, and a persona in a request."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Command

_SET = ("personas", "set", "acme")


def test_a_persona_is_stored_changed_listed_and_removed(studio_command: Command) -> None:
    words = ("--tone", "calm and bold", "--palette", "#1B2A49, #ff7f50", "--vocabulary", "sea salt")
    told = studio_command(
        *_SET, *words, "linen", "--avoid", "cheap", "--style", "Line Art", "--json"
    )
    assert told.code == 0, told.err
    stored = told.document
    assert stored["palette"] == "#1b2a49 #ff7f50"
    assert (stored["vocabulary"], stored["avoid"]) == (["sea salt", "linen"], ["cheap"])
    assert stored["style"] == "line-art"

    changed = studio_command(*_SET, "--tone", "loud", "--avoid", "", "--json").document
    assert (changed["tone"], changed["avoid"]) == ("loud", [])
    assert changed["palette"] == stored["palette"]

    told = studio_command("personas", "list", "--json")
    assert [each["name"] for each in told.document["personas"]] == ["acme"]
    assert "acme" in studio_command("personas", "list").out
    assert "studio run generate --persona acme" in studio_command("personas", "show", "acme").out

    assert studio_command("personas", "remove", "acme").code == 0
    told = studio_command("personas", "show", "acme", "--json")
    assert told.code == 2
    assert "personas set" in told.document["error"]["allowed"]


def test_a_persona_is_nobody_elses(studio_command: Command) -> None:
    assert studio_command(*_SET, "--tone", "calm").code == 0
    for words in (("show", "acme"), ("remove", "acme")):
        told = studio_command("--owner", "eve", "personas", *words, "--json")
        assert (told.code, told.document["error"]["code"]) == (2, "not_found")
    quote = ("quote", "generate", "--prompt", "a fox", "--persona", "acme", "--json")
    told = studio_command("--owner", "eve", *quote)
    assert told.code == 2
    assert told.document["error"]["field"] == "persona"
    assert studio_command(*quote).code == 0


@pytest.mark.parametrize("kind", ["toml", "json"])
def test_a_persona_comes_from_a_file_and_the_line_wins(
    kind: str, studio_command: Command, tmp_path: Path
) -> None:
    values = {"tone": "calm", "palette": ["#1b2a49", "#ff7f50"], "avoid": ["cheap", "neon"]}
    text = json.dumps(values)
    if kind == "toml":
        text = "\n".join(f"{key} = {json.dumps(value)}" for key, value in values.items())
    file = tmp_path / f"brand.{kind}"
    file.write_text(text)
    stored = studio_command(*_SET, "--file", str(file), "--tone", "bold", "--json").document
    assert stored["tone"] == "bold"
    assert stored["palette"] == "#1b2a49 #ff7f50"
    assert stored["avoid"] == ["cheap", "neon"]


@pytest.mark.parametrize(
    ("words", "field"),
    [
        (("--palette", "red"), "palette"),
        (("--palette", " ".join(f"#00000{each}" for each in range(7))), "palette"),
        (("--tone", "x" * 201), "tone"),
        (("--style", "nothing-of-the-kind"), "style"),
        (("--vocabulary", *(f"word{each}" for each in range(21))), "vocabulary"),
        (("--avoid", "x" * 41), "avoid.0"),
        (("--avoid", "one, two"), "avoid.0"),
        (("--tone", "never Cheap", "--avoid", "cheap"), "row"),
        (("--file", "/nowhere.toml"), "file"),
    ],
)
def test_what_is_wrong_is_named(
    words: tuple[str, ...], field: str, studio_command: Command
) -> None:
    told = studio_command(*_SET, *words, "--json")
    assert told.code == 2
    assert told.document["error"]["field"] == field
    assert told.document["error"]["allowed"]
    assert studio_command("personas", "show", "acme").code == 2


def test_a_file_that_is_none_says_so(studio_command: Command, tmp_path: Path) -> None:
    for name, text in (("a.toml", "tone = "), ("b.json", "[1]"), ("c.toml", 'owner = "eve"')):
        (tmp_path / name).write_text(text)
        told = studio_command(*_SET, "--file", str(tmp_path / name), "--json")
        assert told.code == 2, name
    (tmp_path / "large.json").write_text(" " * 100_001)
    told = studio_command(*_SET, "--file", str(tmp_path / "large.json"), "--json")
    assert "too large" in told.document["error"]["message"]


def test_a_name_has_its_rule(studio_command: Command) -> None:
    for name in ("Acme", "a b", "x" * 41, ""):
        told = studio_command("personas", "set", name, "--tone", "calm", "--json")
        assert (told.code, told.document["error"]["field"]) == (2, "name"), name
