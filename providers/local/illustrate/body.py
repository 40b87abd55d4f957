"""A seated body for subjects of which Fluent Emoji has only the head (fox, bear, panda …).

A head without a body floating over a meadow is what makes such pictures look like stickers. The
body is a
few ellipses in the animal's own colours, drawn in icon units below the head.
"""

from __future__ import annotations

from dataclasses import dataclass

HEIGHT = 54.0
"""Height of the seated figure, icon units (the head alone has 32)."""


@dataclass(frozen=True)
class Coat:
    """Colours of fur, belly and paws, and the kind of tail.

    "", "brush", "tuft", "round", "ringed".
    """

    fur: str
    belly: str
    paws: str
    tail: str = ""
    tip: str = "#ffffff"
    legs: str = ""


SEATED: dict[str, Coat] = {
    "fox": Coat("#ff822d", "#ffdea7", "#4a2b20", "brush", "#ffdea7"),
    "bear": Coat("#8c5543", "#d99a74", "#6d4534", "round"),
    "wolf": Coat("#9b9b9b", "#e6e6e6", "#7a7a7a", "brush", "#636363"),
    "panda": Coat("#f4f4f4", "#ffffff", "#321b41", legs="#433b6b"),
    "koala": Coat("#9b9b9b", "#e6e6e6", "#7a7a7a"),
    "lion": Coat("#ffb02e", "#ffdea7", "#d3883e", "tuft", "#8c5543"),
    "tiger-face": Coat("#ff822d", "#fff1d6", "#e0661c", "ringed", "#212121"),
    "raccoon": Coat("#9b9b9b", "#d3d3d3", "#4a4a55", "ringed", "#4a4a55"),
    "frog": Coat("#00d26a", "#d9f5b0", "#00a855"),
    "boar": Coat("#6d4534", "#8c5543", "#4a2f25"),
    "polar-bear": Coat("#e6e6e6", "#ffffff", "#cfcfd6", "round"),
    "unicorn": Coat("#cdc4d6", "#e6dff0", "#a690b8"),
    "hamster": Coat("#ffb02e", "#fff1d6", "#f28b3c"),
    "dragon-face": Coat("#00a855", "#d9f5b0", "#007a3f"),
    "chicken": Coat("#f0f0f0", "#ffffff", "#ffb02e"),
}


HEADS: dict[str, str] = {
    "woman": "#f8312f",
    "man": "#0074ba",
    "person": "#00a6ed",
    "girl": "#f92f60",
    "boy": "#00d26a",
    "child": "#fcd53f",
    "baby": "#b4e1ff",
    "old-man": "#636363",
    "old-woman": "#8d65c5",
    "santa-claus": "#f8312f",
}
"""Shirts for the drawings of people that are heads only."""


Box = tuple[float, float, float, float]
Figure = tuple[list[str], list[int], Box]
"""Parts from back to front, the share of each, and the box of the whole."""

# (role, share in per mille, outline), from back to front, in icon units below the head.
_BODY: tuple[tuple[str, int, str], ...] = (
    (
        "fur",
        400,
        "M16 20C9.5 22 6.6 33 6.4 44C6.3 50 9 52.5 16 52.5S25.7 50 25.6 44C25.4 33 22.5 22 16 20",
    ),
    ("legs", 60, "M4.1 46a4.3 6 0 1 0 8.6 0a4.3 6 0 1 0-8.6 0"),
    ("legs", 60, "M19.3 46a4.3 6 0 1 0 8.6 0a4.3 6 0 1 0-8.6 0"),
    ("belly", 140, "M16 26c-4 2-5.6 9-5.4 15c.1 4 2.4 6 5.4 6s5.3-2 5.4-6c.2-6-1.4-13-5.4-15"),
    (
        "legs",
        130,
        "M10.3 36a2.7 2.7 0 0 1 5.4 0V51h-5.4zM16.3 36a2.7 2.7 0 0 1 5.4 0V51h-5.4z",
    ),
    ("paws", 40, "M9.7 53.5a3.1 3.4 0 0 1 6.2 0zM16.1 53.5a3.1 3.4 0 0 1 6.2 0z"),
    ("paws", 40, "M3.6 53.5a3.6 3.2 0 0 1 6.6 0zM21.8 53.5a3.6 3.2 0 0 1 6.6 0z"),
)
_BRUSH = (
    "M20 50C26 52 33 49 32.6 40.5C32.4 36 30.5 33 29 31.5C28 35 25 37 24 41C23.2 44.5 22 48 20 50"
)
_BRUSH_TIP = "M29 31.5c1.5 1.5 3 4 3.5 7c-2.2-.4-4.2.3-6.3-.9C27.2 35.5 28.4 33.8 29 31.5"
_CURL = "M22 50C29 51 30.5 46 30 41.5"


def seated(name: str, parts: list[str], shares: list[int], box: Box) -> Figure:
    """Put a head on its body; a drawing that is no bare head comes back as it is."""
    coat = SEATED.get(name)
    if coat is None:
        return _shoulders(name, parts, shares, box)
    tones = {"fur": coat.fur, "belly": coat.belly, "paws": coat.paws, "legs": coat.legs or coat.fur}
    body = _tail(coat) + [(_path(tones[role], d), share) for role, share, d in _BODY]
    head = [f'<g transform="translate(0.64 0.3) scale(0.96)">{part}</g>' for part in parts]
    right = 32.5 if coat.tail in {"brush", "tuft", "ringed"} else 29.0
    return (
        [svg for svg, _ in body] + head,
        [share for _, share in body] + shares,
        (min(box[0], 3.0), box[1], max(box[2], right), HEIGHT - 0.5),
    )


def _path(fill: str, d: str) -> str:
    return f'<path fill="{fill}" d="{d}"/>'


def _stroke(colour: str, d: str, more: str = 'stroke-linecap="round"') -> str:
    return f'<path fill="none" stroke="{colour}" stroke-width="3.2" {more} d="{d}"/>'


def _shoulders(name: str, parts: list[str], shares: list[int], box: Box) -> Figure:
    """Give a human head neck and shoulders: it then stands at the lower edge like a portrait."""
    shirt = HEADS.get(name)
    if shirt is None:
        return parts, shares, box
    torso = _path(shirt, "M-2 48C-2 37 3 33.5 11 32H21C29 33.5 34 37 34 48z")
    neck = _path("#f59f1e", "M11.5 25h9v6.5c0 5-9 5-9 0z")
    return [torso, neck, *parts], [400, 60, *shares], (-2.0, box[1], 34.0, 48.0)


def _tail(coat: Coat) -> list[tuple[str, int]]:
    """The tail at the figure's right side, behind the body."""
    if coat.tail == "brush":
        return [(_path(coat.fur, _BRUSH), 120), (_path(coat.tip, _BRUSH_TIP), 30)]
    if coat.tail == "ringed":
        rings = _stroke(coat.tip, _CURL, 'stroke-dasharray="1.6 3"')
        return [(_stroke(coat.fur, _CURL), 60), (rings, 20)]
    if coat.tail == "tuft":
        tuft = f'<ellipse fill="{coat.tip}" cx="30" cy="40.5" rx="2.3" ry="3.2"/>'
        return [(_stroke(coat.fur, _CURL), 60), (tuft, 27)]
    if coat.tail == "round":
        return [(f'<circle fill="{coat.fur}" cx="26" cy="47" r="3"/>', 27)]
    return []
