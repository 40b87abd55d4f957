"""The pages of modules: whatever they run gets a quote, from files of the kinds that they name."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from scripts.write_pictures import drawing, speech
from studio import imaging
from tests.unit.cli.conftest import Command, home, studio_command
from tests.unit.docs.test_pages import MODULES, lines

__all__ = ["home", "studio_command"]  # fixtures

_DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("page", MODULES)
def test_what_the_pages_of_modules_run_gets_a_quote(
    page: str, studio_command: Command, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _files(home.parent)
    monkeypatch.chdir(home.parent)
    if page == "create":
        told = studio_command("personas", "set", "acme", "--tone", "calm", "--avoid", "cheap")
        assert told.code == 0, told.err
    asked = 0
    for line in lines(_DOCS / f"{page}.md"):
        words = shlex.split(line)[1:]
        if words[0] in {"run", "quote"}:
            asked += 1
            told = studio_command("quote", *words[1:])
            lacks_extra = "image-studio[" in told.err
            assert told.code == 0 or lacks_extra, f"{line}: {told.err}"
    assert asked > 1


def _files(folder: Path) -> None:
    """Write the files that the pages name."""
    photo = Image.effect_noise((640, 480), 80).convert("RGB")
    for name in ("photo.jpg", "style.jpg"):
        (folder / name).write_bytes(imaging.encode(photo, "jpeg"))
    mask = Image.new("L", photo.size)
    ImageDraw.Draw(mask).ellipse((200, 150, 400, 300), fill=255)
    (folder / "mask.png").write_bytes(imaging.encode(mask.convert("RGB"), "png"))
    (folder / "sketch.png").write_bytes(drawing())
    (folder / "voice.wav").write_bytes(speech())
