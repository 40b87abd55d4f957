"""Plain names of colours, for models that are told of them in words."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "black": "#000000",
        "charcoal": "#36454f",
        "grey": "#808080",
        "silver grey": "#c0c0c0",
        "white": "#ffffff",
        "ivory": "#fffff0",
        "cream": "#fff1d0",
        "beige": "#e8dcc0",
        "tan": "#d2b48c",
        "brown": "#7b4b2a",
        "dark brown": "#4a2c17",
        "maroon": "#800000",
        "crimson": "#dc143c",
        "red": "#ff0000",
        "brick red": "#b5402f",
        "coral": "#ff7f50",
        "salmon": "#fa8072",
        "orange": "#ff8c00",
        "terracotta": "#cc6b49",
        "amber": "#ffbf00",
        "gold": "#d4a017",
        "yellow": "#ffff00",
        "pale yellow": "#fff59d",
        "olive": "#808000",
        "lime green": "#7fd320",
        "green": "#1e9e3c",
        "forest green": "#1f5a2d",
        "sage green": "#9caf88",
        "mint green": "#98e8c1",
        "teal": "#008080",
        "turquoise": "#40e0d0",
        "sky blue": "#87ceeb",
        "cyan": "#00bcd4",
        "blue": "#1e6fe0",
        "royal blue": "#3448c5",
        "navy blue": "#14284b",
        "slate blue": "#5f7391",
        "indigo": "#4b0082",
        "purple": "#800080",
        "violet": "#8a4fd8",
        "lavender": "#c8b6f0",
        "magenta": "#ff00ff",
        "pink": "#ffc0cb",
        "hot pink": "#ff4f9a",
        "plum": "#8e4585",
    }
)
"""Names that the captions which such models learnt from are full of, and a colour for each."""


def colour_name(colour: str) -> str:
    """Return the plain name nearest to a colour.

    Args:
        colour: as ``#rrggbb``.

    Near is measured by "redmean", a weighting of red, green and blue that follows the eye well
    enough for names (T. Riemersma, https://www.compuphase.com/cmetric.htm, read 2026-11-29).
    """
    return min(_NAMES, key=lambda name: _distance(_parts(colour), _parts(_NAMES[name])))


def _parts(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _distance(one: tuple[int, int, int], other: tuple[int, int, int]) -> float:
    red = (one[0] + other[0]) / 2
    reds, greens, blues = ((a - b) ** 2 for a, b in zip(one, other, strict=True))
    return (2 + red / 256) * reds + 4 * greens + (2 + (255 - red) / 256) * blues
