"""What a run's page shows of what was made: pictures as such, texts by their words."""

from __future__ import annotations

from pathlib import Path

from studio.operations import EnhancePrompt, Generate
from tasks.artifacts import Gallery, Tile, gallery_markdown, gallery_of
from tests.support.studios import execute, opened_studio, order_for


def test_a_text_is_called_a_text_and_its_words_are_shown(tmp_path: Path) -> None:
    with opened_studio(tmp_path / "home") as studio:
        job = execute(studio, order_for(studio, EnhancePrompt(prompt="a red fox"), "text"))
        gallery = gallery_of(studio, [job])
    assert gallery.title == "1 text"
    (tile,) = gallery.tiles
    assert not tile.shown
    assert "- **prompt:** " in tile.words
    assert "fox" in tile.words
    shown = gallery_markdown(gallery)
    assert shown.startswith("## 1 text\n")
    assert tile.words in shown


def test_a_picture_is_called_a_picture_and_different_things_files(tmp_path: Path) -> None:
    with opened_studio(tmp_path / "home") as studio:
        text = execute(studio, order_for(studio, EnhancePrompt(prompt="a red fox"), "text"))
        request = Generate(prompt="a red fox", width=64, height=64)
        picture = execute(studio, order_for(studio, request, "picture"))
        assert gallery_of(studio, [picture]).title == "1 picture"
        assert gallery_of(studio, [picture]).tiles[0].shown
        assert gallery_of(studio, [picture, text]).title == "2 files"


def test_words_stay_words() -> None:
    tile = Tile("a*.json", "1 KB", "http://files/a", "data:x", shown=False, words="- **x:** y")
    assert "### a\\*.json\n\n- **x:** y" in gallery_markdown(Gallery(1, (tile,), "text"))
