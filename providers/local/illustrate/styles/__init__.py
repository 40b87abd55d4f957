"""Styles: classic image processing that really changes the picture. No style network here."""

from __future__ import annotations

from collections.abc import Callable

from providers.local.illustrate.stage import Stage
from providers.local.illustrate.styles import ink, paint, pieces
from providers.local.illustrate.styles.tools import Pixels

STYLES: dict[str, Callable[[Pixels, Stage], Pixels]] = {
    "line-art": ink.line_art,
    "comic-book": ink.comic_book,
    "neon-punk": ink.neon_punk,
    "watercolor": paint.watercolor,
    "digital-art": paint.digital_art,
    "enhance": paint.enhance,
    "cinematic": paint.cinematic,
    "analog-film": paint.analog_film,
    "pixel-art": pieces.pixel_art,
    "low-poly": pieces.low_poly,
    "poster": pieces.poster,
    "origami": pieces.origami,
}
"""All styles by name. Names are those of cloud presets where the look is close."""


def choose(style: str, said: str) -> tuple[str, str]:
    """(the style to apply, the unknown style to report).

    ``style`` comes before one ``said`` in the prompt.
    """
    name = "-".join(style.casefold().replace("_", " ").replace("-", " ").split())
    name = {"watercolour": "watercolor", "none": ""}.get(name, name)
    if name in STYLES:
        return name, ""
    return said, " ".join(style.split())[:80] if name else ""


def apply(name: str, pixels: Pixels, st: Stage) -> Pixels:
    """Apply one of ``STYLES``."""
    return STYLES[name](pixels, st)
