"""``studio templates``: what pictures are for, and the size, style and quality for it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from rich.text import Text

from interfaces.cli.exits import Exit
from interfaces.cli.groups import group
from interfaces.cli.output import plain, table
from interfaces.cli.session import Here
from studio import catalog

if TYPE_CHECKING:
    from rich.console import Console

    from studio.catalog import Template

app = group("templates", "Find the size, style and quality for a purpose.")

_WORDS = Parameter(name="WORDS", allow_leading_hyphen=False)
_PLATFORM = Parameter(show_default=False, help="Only of this platform, for example instagram.")
_CATEGORY = Parameter(
    show_default=False, help=f"Only of this category: {', '.join(catalog.CATEGORIES)}."
)


@app.command(name="list")
def list_(
    *,
    platform: Annotated[str, _PLATFORM] = "",
    category: Annotated[str, _CATEGORY] = "",
    session: Here,
) -> int:
    """List the templates, all of them or those of a platform or category."""
    return _tell(session, catalog.listed(platform, category))


@app.command
def search(
    *words: Annotated[str, _WORDS],
    platform: Annotated[str, _PLATFORM] = "",
    category: Annotated[str, _CATEGORY] = "",
    session: Here,
) -> int:
    """Find templates by words, a size (1080x1920) or a ratio (9:16), the best first.

    Args:
        words: What to look for.
    """
    return _tell(session, catalog.search(" ".join(words), platform, category))


@app.command
def recommend(
    *words: Annotated[str, _WORDS],
    platform: Annotated[str, _PLATFORM] = "",
    session: Here,
) -> int:
    """Say which templates suit a use case, and why, the best first.

    Args:
        words: What the picture is for.
    """
    found = catalog.recommend(" ".join(words), platform)
    reasons = [each.reason for each in found]
    return _tell(session, [each.template for each in found], reasons)


def _tell(session: Here, found: Iterable[Template], reasons: list[str] | None = None) -> int:
    templates = list(found)
    documents = [_document(each) for each in templates]
    for document, reason in zip(documents, reasons or (), strict=False):
        document["reason"] = reason
    session.out.result(
        {"templates": documents, "total": len(documents)},
        lambda to: _show(to, templates, reasons),
    )
    return Exit.DONE


def _document(of: Template) -> dict[str, Any]:
    return {**of.model_dump(mode="json"), "ratio": of.ratio}


def _show(to: Console, templates: list[Template], reasons: list[str] | None) -> None:
    if not templates:
        to.print(Text("None; `studio templates list` shows all.", style="dim"))
        return
    last = "description" if reasons is None else "why"
    rows = table("template", "pixels", "style", "quality", last, right=("pixels",))
    texts = [each.description for each in templates] if reasons is None else reasons
    for each, text in zip(templates, texts, strict=True):
        rows.add_row(each.id, f"{each.width}x{each.height}", each.style, each.quality, plain(text))
    # Ids are there to be typed again: whatever is too long, they are not broken.
    for column in rows.columns[:-1]:
        column.no_wrap = True
    to.print(rows)
    to.print(Text("Use one: studio run generate --template TEMPLATE --prompt ...", style="dim"))
