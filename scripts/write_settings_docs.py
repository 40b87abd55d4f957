"""Write docs/settings.md from studio/settings.py; a test sees to it that this was done."""

from __future__ import annotations

from pathlib import Path

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
    shown = f"`{default}`" if default not in ("", ()) else "empty"
    limits = [str(rule).partition("(")[2].rstrip(")") for rule in field.metadata]
    bounds = f" ({', '.join(limits)})" if limits else ""
    return f"| `STUDIO_{name.upper()}` | {shown} | {field.description}{bounds} |\n"


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
    print(f"written: {PATH.name}")
