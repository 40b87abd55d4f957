"""Whoever types what the documents, the demo and the forms show gets a picture of all of it."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from providers.local.illustrate.prompt import understand
from scripts.write_pictures import SHEETS
from studio.operations import OPERATIONS

ROOT = Path(__file__).parents[3]
SPOKEN = re.compile(r'(?:(?:run|quote) (\w+) [^"`\n]*?)?--prompt[ =]"([^"]+)"')
"""The operation of a command, where one is named before, and its prompt."""
PROMPTS = ("prompt", "background_prompt")
NOT_DRAWN_FROM = {"edit", "image_to_video", "upscale_creative", "enhance_prompt"}
"""These read a prompt for wishes, movements or words; what a sheet shows of them is no drawing."""


def spoken() -> Iterator[tuple[str, str]]:
    """The file in which a command is shown, and its prompt."""
    shown = (ROOT / "README.md", *(ROOT / "docs").rglob("*.md"))
    for file in (*shown, *(ROOT / "interfaces").rglob("*.py")):
        for operation, prompt in SPOKEN.findall(file.read_text("utf-8")):
            if operation not in NOT_DRAWN_FROM:
                yield file.name, prompt


def examples() -> Iterator[tuple[str, str]]:
    """Where a prompt is shown, and the prompt."""
    for name, operation in OPERATIONS.items():
        for field in PROMPTS:
            if field in operation.example and name not in {"edit", "image_to_video"}:
                yield name, operation.example[field]
    yield from spoken()
    # What is wrong with the other sheet's rows is told; none of them can be bought.
    with (ROOT / "examples" / "campaign.csv").open(encoding="utf-8", newline="") as rows:
        for row in csv.DictReader(line for line in rows if not line.startswith("#")):
            yield f"campaign.csv, {row['row']}", row["prompt"]
    for name, tries in SHEETS.items():
        for each in tries if name not in NOT_DRAWN_FROM else ():
            for field in PROMPTS:
                yield f"sheet of {name}", str(each.values.get(field, ""))


def test_every_example_is_drawn_in_full() -> None:
    shown = [(where, prompt) for where, prompt in examples() if prompt]
    assert {"generate", "README.md", "showcase.py", "campaign.csv, hero"} <= {w for w, _ in shown}
    assert {each: ignored for each in shown if (ignored := understand(each[1]).ignored)} == {}


@pytest.mark.parametrize("word", ["lighthouse", "windmill", "mill", "bridge", "stone bridges"])
def test_what_is_drawn_here_is_found_by_its_words(word: str) -> None:
    (wanted,) = understand(f"a {word}").wanted
    assert wanted.name in {"lighthouse", "windmill", "bridge"}
