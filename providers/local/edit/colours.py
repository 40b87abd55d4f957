"""Colours in words: "dark green", "#ff8800", "light pink"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from providers.local.edit.parts import Floats
from providers.local.illustrate.words import lexicon, tokens

_HEX = re.compile(r"#([0-9a-f]{6}|[0-9a-f]{3})\b", re.IGNORECASE)

_SHADES = {
    "dark": -20.0, "deep": -16.0, "light": 20.0, "pale": 24.0, "bright": 8.0,
    "darker": -20.0, "lighter": 20.0,
}  # fmt: skip
"""What these words add to the lightness (L* of 0..100)."""
_VIVID = {"bright": 1.2, "vivid": 1.3, "deep": 1.1, "pale": 0.55, "pastel": 0.5, "dull": 0.5}
"""What they multiply the chroma by."""
_LONGEST = 2
"""Words in the name of a colour, as in "navy blue"."""


@dataclass(frozen=True)
class Colour:
    """A colour with the words that named it, in CIE L*a*b* (L 0..100)."""

    words: str
    lightness: float
    a: float
    b: float

    @property
    def chroma(self) -> float:
        """How far from grey; pure sRGB colours have 70 to 130."""
        return float(np.hypot(self.a, self.b))

    @property
    def hue(self) -> float:
        """Angle in degrees."""
        return float(np.degrees(np.arctan2(self.b, self.a)))


@cache
def names() -> dict[str, str]:
    """Return the names known, with their values: the same that illustrations know."""
    return {
        phrase: meaning.value
        for phrase, meanings in lexicon().items()
        for meaning in meanings
        if meaning.kind == "colours"
    }


def lab(rgb: Floats) -> Floats:
    """Return L*a*b* of RGB in 0..1, float32."""
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(rgb, np.float32), cv2.COLOR_RGB2LAB))


def read(text: str) -> tuple[Colour | None, list[str]]:
    """Return the first colour named in ``text``, and the words that belong to none.

    A colour with its shade ("dark green") is one. Further colours are among the other words.
    """
    match = _HEX.search(text)
    if match:
        return _of(match.group(), [], match.group(1)), tokens(text.replace(match.group(), " "))
    words = [word for word in tokens(text) if word.isalnum()]
    for first in range(len(words)):
        for count in range(_LONGEST, 0, -1):
            name = " ".join(words[first : first + count])
            if name in names():
                shades = _shades_before(words, first)
                rest = words[: first - len(shades)] + words[first + count :]
                return _of(" ".join([*shades, name]), shades, names()[name][1:]), rest
    return None, words


def _shades_before(words: Sequence[str], place: int) -> list[str]:
    found: list[str] = []
    while place > 0 and words[place - 1] in _SHADES.keys() | _VIVID.keys():
        place -= 1
        found.insert(0, words[place])
    return found


def _of(words: str, shades: Sequence[str], digits: str) -> Colour:
    if len(digits) == 3:  # noqa: PLR2004 - #f80 is #ff8800
        digits = "".join(2 * digit for digit in digits)
    rgb = np.array([[[int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]]], np.float32)
    lightness, a, b = (float(value) for value in lab(rgb)[0, 0])
    lightness = min(max(lightness + sum(_SHADES.get(shade, 0) for shade in shades), 4), 97)
    vivid = float(np.prod([_VIVID.get(shade, 1) for shade in shades]))
    return Colour(words, lightness, a * vivid, b * vivid)
