"""Styles of the catalogue, applied on this machine to any picture."""

from __future__ import annotations

from providers.local.illustrate.palettes import Palette
from providers.local.illustrate.styles import apply_to
from providers.local.style import network
from studio.catalog import Style, known_style


def lookup(name: str) -> tuple[Style | None, tuple[str, ...]]:
    """Return the style that is meant by a name, and what of it could not be done."""
    found = known_style(name)
    unknown = bool(name.strip()) and found is None
    return found, (f"style: {' '.join(name.split())[:80]}",) if unknown else ()


def applied(pixels: network.Pixels, style: Style, palette: Palette, seed: int) -> network.Pixels:
    """Return the picture in a style of the catalogue: drawn, painted, or first one then the other.

    Args:
        pixels: the picture.
        style: of the catalogue.
        palette: the light that styles with colours of their own take them from.
        seed: of the style's own chance.
    """
    how = style.local
    if how.drawn:
        pixels = apply_to(how.drawn, pixels, palette, seed)
    return painted(pixels, style)


def painted(pixels: network.Pixels, style: Style) -> network.Pixels:
    """Return the picture with the painted part of a style; unchanged where it has none."""
    how = style.local
    return network.paint(pixels, how.painted, how.strength) if how.painted >= 0 else pixels


def told(style: Style | None) -> str:
    """Say how a style was done, for a method; empty without one."""
    if style is None:
        return ""
    how = []
    if style.local.drawn:
        how.append("drawn")
    if style.local.painted >= 0:
        how.append("repainted by a style network")
    return f"style {style.id} {' and '.join(how)}"
