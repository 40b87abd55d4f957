"""Write docs/settings.md from studio/settings.py; a test sees to it that this was done."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import SecretStr

from studio.rules import PATTERNS
from studio.settings import Settings

PATH = Path(__file__).parent.parent / "docs" / "settings.md"

HEAD = """\
# Settings

Each is an environment variable, or a line in a file `.env` in the folder where a command is run.
This table is written from `studio/settings.py` (`python -m scripts.write_settings_docs`).

| variable | default | meaning |
|---|---|---|
"""


def text() -> str:
    """Return the document."""
    return HEAD + "".join(_line(name) for name in Settings.model_fields)


def _line(name: str) -> str:
    field = Settings.model_fields[name]
    default = field.default
    empty = default in ("", (), None) or default == SecretStr("")
    shown = "empty" if empty else f"`{_as_given(default)}`"
    choices = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
    limits = ", ".join(choices) or _limits(field.metadata)
    bounds = f" ({limits})" if limits else ""
    return f"| `STUDIO_{name.upper()}` | {shown} | {field.description}{bounds} |\n"


def _as_given(default: object) -> str:
    return json.dumps(default) if isinstance(default, tuple) else str(default)


def _limits(metadata: Sequence[Any]) -> str:
    """Say what a value may be, from annotated-types' and pydantic's rules."""
    found = {
        name: getattr(each, name)
        for each in metadata
        for name in ("ge", "le", "min_length", "max_length", "pattern")
        if getattr(each, name, None) is not None
    }
    words = []
    if "ge" in found:
        words.append(f"{found['ge']:,} to {found['le']:,}")
    if "min_length" in found:
        words.append("not empty")
    if "pattern" in found:
        words.append(PATTERNS[found["pattern"]])
    return ", ".join(words)


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
    print(f"written: {PATH.name}")
