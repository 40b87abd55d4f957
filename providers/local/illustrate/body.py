"""A seated body for subjects of which Fluent Emoji has only the head (fox, bear, panda …).

A head without a body floating over a meadow is what makes such pictures look like stickers. The body is a
few ellipses in the animal's own colours, drawn in icon units below the head.
"""

from __future__ import annotations

from dataclasses import dataclass

HEIGHT = 54.0
"""Height of the seated figure, icon units (the head alone has 32)."""


@dataclass(frozen=True)
class Coat:
    """Colours of fur, belly and paws, and the kind of tail ("", "brush", "tuft", "round", "ringed")."""

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


def seated(
    name: str, parts: list[str], shares: list[int], box: tuple[float, float, float, float]
) -> tuple[list[str], list[int], tuple[float, float, float, float]]:
    """Put a head on its body: parts, shares and box of the whole figure."""
    coat = SEATED.get(name)
    if coat is None:
        return _shoulders(name, parts, shares, box)
    body: list[tuple[str, int]] = _tail(coat)
    body += [
        (f'<path fill="{coat.fur}" d="M16 20C9.500 22 6.600 33 6.400 44C6.300 50 9 52.500 16 52.500S25.700 50 25.600 44C25.400 33 22.500 22 16 20"/>', 400),
        (f'<ellipse fill="{coat.legs or coat.fur}" cx="8.400" cy="46" rx="4.300" ry="6"/><ellipse fill="{coat.legs or coat.fur}" cx="23.600" cy="46" rx="4.300" ry="6"/>', 120),
        (f'<path fill="{coat.belly}" d="M16 26c-4 2-5.600 9-5.400 15c.1 4 2.400 6 5.400 6s5.300-2 5.400-6c.2-6-1.400-13-5.400-15"/>', 140),
        (f'<path fill="{coat.legs or coat.fur}" d="M10.300 36a2.700 2.700 0 0 1 5.400 0V51h-5.400zM16.300 36a2.700 2.700 0 0 1 5.400 0V51h-5.400z"/>', 130),
        (f'<path fill="{coat.paws}" d="M9.700 53.500a3.100 3.400 0 0 1 6.200 0zM16.100 53.500a3.100 3.400 0 0 1 6.200 0z"/>', 40),
        (f'<path fill="{coat.paws}" d="M3.600 53.500a3.600 3.200 0 0 1 6.600 0zM21.800 53.500a3.600 3.200 0 0 1 6.600 0z"/>', 40),
    ]
    head = [f'<g transform="translate(0.64 0.3) scale(0.96)">{part}</g>' for part in parts]
    x0, y0, x1, _ = box
    return (
        [svg for svg, _ in body] + head,
        [share for _, share in body] + shares,
        (min(x0, 3.0), y0, max(x1, 32.5 if coat.tail in {"brush", "tuft", "ringed"} else 29.0), HEIGHT - 0.5),
    )


def _shoulders(
    name: str, parts: list[str], shares: list[int], box: tuple[float, float, float, float]
) -> tuple[list[str], list[int], tuple[float, float, float, float]]:
    """Give a human head neck and shoulders, so that it can stand at the lower edge like a portrait."""
    shirt = HEADS.get(name)
    if shirt is None:
        return parts, shares, box
    body = [
        (f'<path fill="{shirt}" d="M-2 48C-2 37 3 33.500 11 32H21C29 33.500 34 37 34 48z"/>', 400),
        ('<path fill="#f59f1e" d="M11.500 25h9v6.500c0 5-9 5-9 0z"/>', 60),
    ]
    return [svg for svg, _ in body] + parts, [share for _, share in body] + shares, (-2.0, box[1], 34.0, 48.0)


def _tail(coat: Coat) -> list[tuple[str, int]]:
    """The tail at the figure's right side, behind the body."""
    if coat.tail == "brush":
        return [
            (f'<path fill="{coat.fur}" d="M20 50C26 52 33 49 32.600 40.500C32.400 36 30.500 33 29 31.500C28 35 25 37 24 41C23.200 44.500 22 48 20 50"/>', 120),
            (f'<path fill="{coat.tip}" d="M29 31.500c1.500 1.500 3 4 3.500 7c-2.200-.4-4.200.3-6.300-.9C27.200 35.500 28.400 33.800 29 31.500"/>', 30),
        ]
    if coat.tail in {"tuft", "ringed"}:
        curl = '<path fill="none" stroke="{}" stroke-width="{}" stroke-linecap="round" {} d="M22 50C29 51 30.500 46 30 41.500"/>'
        found = [(curl.format(coat.fur, 3.2, ""), 60)]
        if coat.tail == "ringed":
            found.append((curl.format(coat.tip, 3.2, 'stroke-dasharray="0.1 4.400"').replace("round", "butt").replace("0.1 4", "1.6 3"), 20))
        else:
            found.append((f'<ellipse fill="{coat.tip}" cx="30" cy="40.500" rx="2.300" ry="3.200"/>', 27))
        return found
    if coat.tail == "round":
        return [(f'<circle fill="{coat.fur}" cx="26" cy="47" r="3"/>', 27)]
    return []
