"""Write docs/catalogue.md: templates, social formats and styles; a test sees to it."""

from __future__ import annotations

from pathlib import Path

from studio.catalog.social_formats import SOCIAL_FORMATS
from studio.catalog.styles import STYLES
from studio.catalog.templates import CATEGORIES, TEMPLATES

PATH = Path(__file__).parent.parent / "docs" / "catalogue.md"

HEAD = """\
# Templates, formats and styles

What may stand in the fields `template`, `formats` and `style`. This page is written from
`studio/catalog/` (`python -m scripts.write_docs`).

## Templates

A template says the size, style and quality for a purpose. `studio templates recommend "product
launch"` finds one by words.
"""

_FORMATS = """
## Social formats

What `social_export` makes. A safe zone is the part of a side, in percent, that the platform may
cover with its own buttons and texts.

| format | size | safe zone: top, bottom, left, right | largest file |
|---|---|---|---|
"""

_STYLES = """
## Styles

A look by name. Each kind of model is told of it in its own words; on this machine it is drawn.

| style | name | group |
|---|---|---|
"""


def text() -> str:
    """Return the document."""
    return HEAD + _templates() + _FORMATS + _formats() + _STYLES + _styles()


def _templates() -> str:
    parts = []
    for category in CATEGORIES:
        parts.append(
            f"\n### {category.replace('_', ' ').capitalize()}\n\n"
            "| template | for | size | style | quality |\n|---|---|---|---|---|\n"
        )
        parts += [
            f"| `{each.id}` | {each.name} | {each.width} x {each.height} | "
            f"{f'`{each.style}`' if each.style else ''} | {each.quality} |\n"
            for each in TEMPLATES.values()
            if each.category == category
        ]
    return "".join(parts)


def _formats() -> str:
    return "".join(
        f"| `{each.id}` | {each.width} x {each.height} | "
        f"{', '.join(f'{100 * edge:g}' for edge in each.safe_zone)} | "
        f"{each.max_bytes // 1_000_000} MB |\n"
        for each in SOCIAL_FORMATS.values()
    )


def _styles() -> str:
    return "".join(f"| `{each.id}` | {each.name} | {each.group} |\n" for each in STYLES.values())


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
    print(f"written: {PATH.name}")
