"""``studio run enhance_prompt``: the prompt itself is told, beside the file that it is in."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from interfaces.cli.operations import show_made
from interfaces.cli.orders import Made, MadePicture, written_prompt


@pytest.mark.parametrize(
    ("data", "prompt"),
    [
        (b'{"prompt": "a fox at dawn", "added": ["at dawn"]}', "a fox at dawn"),
        (b'{"tags": ["fox"]}', ""),
        (b'["a fox"]', ""),
        (b'{"prompt": 7}', ""),
        (b"\xff{", ""),
    ],
)
def test_a_prompt_is_read_out_of_the_text_that_holds_it(data: bytes, prompt: str) -> None:
    assert written_prompt(data) == prompt


def test_a_prompt_that_was_written_is_shown_whole_and_before_its_file() -> None:
    prompt = "a fox [bold] " * 30
    text = MadePicture("ast_1", Path("a.json"), 0, 0, "application/json", 300, "0" * 64, prompt)
    made = Made("run", "link", (text,), None, "local/rules", "rules", None, 10_000, 0)
    told = StringIO()
    show_made(Console(file=told, width=80), made)
    shown = " ".join(told.getvalue().split())
    assert prompt.strip() in shown
    assert shown.index("a fox") < shown.index("a.json")
    assert made.as_dict()["assets"][0]["text"] == prompt
