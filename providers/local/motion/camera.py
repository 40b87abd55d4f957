"""What a prompt says of the camera.

Only words about the camera can be followed here; ``read_camera`` also returns what it did not
understand, so that it can be said.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_NOT = r"(?:(?P<no>no|not|without|never|don'?t|do\s+not)\s+(?:any\s+|the\s+)?)?"
_HOW = (
    r"(?:(?:slow|slowly|gentle|gently|smooth|smoothly|subtle|subtly|quick|quickly|fast|dramatic|"
    r"dramatically)\s+){0,3}"
)
_MAY = rf"{_NOT}{_HOW}(?:the\s+)?(?:camera\s+)?(?:is\s+|then\s+)?{_HOW}"
"""Before a verb that only cameras have: zoom, pan, tilt, dolly, orbit."""
_MUST = rf"{_NOT}{_HOW}(?:the\s+)?camera\s+(?:is\s+|then\s+)?{_HOW}"
"""Before a verb that things in the picture have, too: a boat that moves left is not ours."""

_NEVER = r"(?P<no>no|without)\s+(?:any\s+)?"

_SIDE = r"(?:to\s+|towards?\s+)?(?:the\s+)?(?P<side>left|right|up|down)(?:wards?)?"
_IN, _OUT = r"(?:in|inwards?|closer|forwards?)", r"(?:out|outwards?|back|backwards?|away)"
_NO_OBJECT = r"(?!\s+(?:the|a|an|his|her|their|its|my)\b)"
_ROUND = (
    r"(?:\s+(?:shot|around|round|about))*(?:\s+the\s+subject)?"
    r"(?:\s+(?:to\s+)?(?:the\s+)?(?P<side>left|right))?"
)
_ZOOM = r"(?:zoom|dolly)(?:s|ing)?\s+(?:slowly\s+|gently\s+)?"
_RULES = tuple(
    (move, re.compile(rf"\b{before}(?:{words})\b", re.IGNORECASE))
    for move, before, words in (
        ("zoom_in", _MAY, _ZOOM + _IN),
        ("zoom_out", _MAY, _ZOOM + _OUT),
        ("zoom_in", _MAY, rf"push(?:es|ing)?[\s-]in{_NO_OBJECT}"),
        ("zoom_out", _MAY, rf"pull(?:s|ing)?[\s-](?:back|out){_NO_OBJECT}"),
        ("zoom_in", _MUST, rf"(?:mov|track|push|com|glid)(?:es?|s|ing)?\s+{_IN}"),
        ("zoom_out", _MUST, rf"(?:mov|track|pull|back|glid)(?:es?|s|ing)?\s+{_OUT}"),
        ("pan", _MAY, rf"(?:pan|tilt|truck|dolly|pedestal)(?:s|n?ing)?[\s:=-]+{_SIDE}"),
        ("pan", _MUST, rf"(?:mov|track|slid|glid|crane|ris)(?:es?|s|ing)?\s+{_SIDE}"),
        ("orbit", _MAY, rf"(?:orbit(?:s|ing)?|arc(?:ing)?\s+shot){_ROUND}"),
        ("orbit", _MUST, rf"(?:arc|circl|rotat|revolv|turn|mov)(?:es?|s|ing)?{_ROUND}"),
        ("still", _MAY, r"(?:static|still|fixed|locked(?:[\s-]off)?|stationary)\s+(?:camera|shot)"),
        ("still", _MUST, r"(?:stays?\s+|remains?\s+)?(?:static|still|fixed|locked|stationary)"),
        ("moving", _NEVER, r"(?:camera\s+)?(?:movement|motion|moves)"),
        ("zoom_in", _MAY, r"zoom(?:s|ing)?"),
        ("pan_right", _MAY, r"pan(?:s|ning)?"),
    )
)
_CLAUSES = re.compile(r"[,.;!?\n]+|\b(?:then|and|while|as|but)\b", re.IGNORECASE)
_FILLERS = frozenset(
    re.findall(
        r"\w+",
        "a an the keep let make to of on in into at it its with camera shot movement motion move "
        "effect view video slow slowly gentle gently smooth smoothly subtle subtly quick quickly "
        "fast dramatic dramatically cinematic parallax around about subject object scene picture "
        "image photo towards toward out from over across very little bit",
    )
)
_SPEEDS = (
    (0.6, re.compile(r"\b(?:slow|slowly|gentle|gently|subtle|subtly)\b", re.IGNORECASE)),
    (1.5, re.compile(r"\b(?:fast|quick|quickly|dramatic|dramatically)\b", re.IGNORECASE)),
)
_OPPOSITE = {
    "zoom_in": "zoom_out",
    "pan_left": "pan_right",
    "pan_up": "pan_down",
    "orbit_left": "orbit_right",
}
_OPPOSITE |= {two: one for one, two in _OPPOSITE.items()}
_CHOICES = (
    ("zoom_in",),
    ("orbit_left",),
    ("orbit_right",),
    ("zoom_in", "pan_left"),
    ("zoom_in", "pan_right"),
    ("zoom_out",),
)
"""What a seed chooses from when the prompt says nothing of the camera."""


@dataclass(frozen=True, slots=True)
class Camera:
    """Where the camera goes.

    Attributes:
        moves: any of zoom_in, zoom_out, pan_left, pan_right, pan_up, pan_down, orbit_left,
            orbit_right; or still alone.
        asked: whether the prompt named them; else the seed chose.
        amount: 1 is the usual distance.
        not_done: what the prompt says beyond the camera, in its own words.
    """

    moves: tuple[str, ...]
    asked: bool
    amount: float
    not_done: tuple[str, ...]


def read_camera(prompt: str, seed: int) -> Camera:
    """Return the camera's moves as the prompt has them, or else as the seed does."""
    found: list[str] = []
    banned: set[str] = set()
    not_done: list[str] = []
    for clause in _CLAUSES.split(prompt):
        rest = _take_moves(" ".join(clause.split()), found, banned)
        if any(word not in _FILLERS for word in re.findall(r"[^\W_]+", rest.lower())):
            not_done.append(" ".join(rest.split()))
    moves = _settled(found, banned)
    not_done += [move.replace("_", " ") for move in dict.fromkeys(found) if move not in moves]
    asked = bool(moves) or "moving" in banned
    if not moves:
        left = [choice for choice in _CHOICES if not banned.intersection(choice)]
        moves = left[seed % len(left)] if left and "moving" not in banned else ("still",)
    amount = next((size for size, words in _SPEEDS if words.search(prompt)), 1.0)
    return Camera(moves, asked=asked, amount=amount, not_done=tuple(not_done))


def _take_moves(clause: str, found: list[str], banned: set[str]) -> str:
    """Add the clause's moves to ``found`` or ``banned``; return what is left of its words."""
    for move, pattern in _RULES:
        match = pattern.search(clause)
        while match:
            groups = match.groupdict()
            side = (groups.get("side") or "right").lower()
            name = f"{move}_{side}" if move in {"pan", "orbit"} else move
            if not groups["no"]:
                found.append(name)
            elif move in {"pan", "pan_right", "orbit"}:
                kind = move.partition("_")[0]
                banned |= {each for each in _OPPOSITE if each.startswith(kind)}
            else:
                banned |= {name, _OPPOSITE.get(name, name)}
            clause = f"{clause[: match.start()]} {clause[match.end() :]}"
            match = pattern.search(clause)
    return clause


def _settled(found: list[str], banned: set[str]) -> tuple[str, ...]:
    """Return each move once; of two that undo each other only the first stays."""
    kept: list[str] = []
    for move in found:
        if move not in {*kept, *banned} and _OPPOSITE.get(move) not in kept:
            kept.append(move)
    return tuple(move for move in kept if move != "still" or len(kept) == 1)
