"""What the composer understands, and that it owns up to what it does not."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

import providers.local.illustrate as package
from providers.local.illustrate import SCENES, STYLES, palettes
from providers.local.illustrate.colour import hexed
from providers.local.illustrate.prompt import CONTAINS, understand
from providers.local.illustrate.subjects import subjects
from providers.local.illustrate.words import MAX_WORDS_IN_PHRASE, lexicon

KEYWORDS = tomllib.loads(Path(package.__file__).with_name("keywords.toml").read_text("utf-8"))


def test_every_keyword_leads_somewhere() -> None:
    known = {
        "scenes": set(SCENES),
        "palettes": set(palettes()),
        "styles": set(STYLES),
        "subjects": set(subjects()),
        "weather": {"rain", "snowfall", "fog", "confetti", "fireflies"},
        "places": {"left", "right", "centre"},
        "others": {"grammar", "praise", "without"},
    }
    for phrase, meanings in lexicon().items():
        assert phrase == phrase.strip() == phrase.casefold(), phrase
        assert len(phrase.split()) <= MAX_WORDS_IN_PHRASE, phrase
        for meaning in meanings:
            if meaning.kind == "colours":
                assert all(0 <= v <= 1 for v in hexed(meaning.value))
            elif meaning.kind in {"counts", "sizes"}:
                assert float(meaning.value) > 0
            else:
                assert meaning.value in known[meaning.kind], (phrase, meaning)


def test_every_scene_palette_and_style_can_be_asked_for() -> None:
    assert set(KEYWORDS["scenes"]) == set(SCENES)
    assert set(KEYWORDS["palettes"]) == set(palettes())
    assert set(KEYWORDS["styles"]) == set(STYLES)
    for scene in SCENES.values():
        assert set(scene.palettes) <= set(palettes())
    assert set(CONTAINS) <= set(SCENES)


def test_every_subject_has_a_home_a_known_anchor_and_no_shared_word() -> None:
    words: dict[str, str] = {}
    for name, subject in subjects().items():
        assert subject.home in SCENES
        assert subject.anchor in {
            "ground", "item", "air", "boat", "swim", "face", "bust", "symbol",
        }  # fmt: skip
        assert len(subject.parts) == len(subject.shares) > 0
        x0, y0, x1, y1 = subject.box
        assert 0 <= x0 < x1 <= 32
        assert 0 <= y0 < y1 <= 32
        for word in subject.words:
            assert words.setdefault(word, name) == name, word


def test_the_data_file_is_small_and_its_licence_is_beside_it() -> None:
    folder = Path(package.__file__).parent
    assert (folder / "subjects.json.gz").stat().st_size <= 350 * 1024
    assert "MIT License" in (folder / "NOTICE").read_text("utf-8")


@pytest.mark.parametrize(
    ("prompt", "scene", "wanted"),
    [
        ("a fox in a misty forest at dawn", "forest", [("fox", 1)]),
        ("three balloons over the mountains", "mountains", [("balloon", 3)]),
        ("five hot air balloons", "sky", [("balloon", 5)]),
        ("two wolves and a mouse", "forest", [("wolf", 2), ("mouse", 1)]),
        ("coffee on a wooden table", "table", [("hot-beverage", 1)]),
        ("a pair of sneakers on a podium", "studio", [("running-shoe", 2)]),
        ("a woman chef in the kitchen", "table", [("cook", 1)]),
        ("cat at the sea", "beach", [("cat", 1)]),
        ("a house under a cloudy sky", "hills", [("house", 1)]),
        ("a sailboat", "sea", [("sailboat", 1)]),
        ("\N{FOX FACE} \N{SNOWFLAKE}\N{VARIATION SELECTOR-16}", "forest", None),
        ("children playing in the park", "meadow", None),
        ("sunset", "sea", []),
        ("blue gradient", "abstract", []),
    ],
)
def test_prompts(prompt: str, scene: str, wanted: list[tuple[str, int]] | None) -> None:
    brief = understand(prompt)
    assert brief.scene == scene
    if wanted is not None:
        assert [(w.name, w.count) for w in brief.wanted] == wanted


def test_colours_go_to_the_noun_that_follows_or_to_the_whole() -> None:
    car = understand("a pink car on a road")
    assert car.wanted[0].colour == hexed("#f277a6")
    assert car.tint is None
    whole = understand("abstract waves, teal")
    assert whole.tint == hexed("#12908e")
    fruit = understand("an orange on a table")
    assert [w.name for w in fruit.wanted] == ["tangerine"]
    assert fruit.tint is None


def test_two_lights_are_blended_and_a_third_is_reported() -> None:
    brief = understand("autumn hills at dusk, neon")
    assert brief.palettes == ["autumn", "dusk"]
    assert brief.ignored == ["neon"]


@pytest.mark.parametrize(
    ("prompt", "negative"),
    [("a dog and a cat in a meadow", "cats"), ("a dog in a meadow without a cat", "")],
)
def test_a_negative_removes_subjects(prompt: str, negative: str) -> None:
    brief = understand(prompt, negative)
    assert [w.name for w in brief.wanted] == ["dog"]


def test_a_negative_removes_scenes() -> None:
    assert understand("a fox in the forest", "forest").scene != "forest"
    assert understand("", ", ".join(KEYWORDS["scenes"])).scene in SCENES


@pytest.mark.parametrize(
    ("prompt", "ignored"),
    [
        ("a photorealistic fox in the forest", ["photorealistic"]),
        ("ein Hund im Wald", ["ein", "hund", "im", "wald"]),
        ("a beautiful fox, high quality", []),
        ("a fox riding a bicycle", ["riding"]),
        ("a fox, a cat, a dog and a horse", ["horse"]),
        ("a fox in the forest and the desert", ["desert"]),
    ],
)
def test_ignored_is_honest(prompt: str, ignored: list[str]) -> None:
    assert understand(prompt).ignored == ignored
