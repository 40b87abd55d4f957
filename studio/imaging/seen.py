"""What a picture looks like in a few bytes: a perceptual hash, and the colours that stand out."""

from __future__ import annotations

import colorsys
from collections import Counter
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from studio.imaging.colour import flatten

_SIDE = 32
_KEPT = 8
_FLAT = 3.0
"""Grey levels, as the root of their variance: below, a picture has nothing to be known again by."""

_COLOUR_SIDE = 16
_SHARE = 0.12
"""Part of the pixels from which on a colour stands out."""

_MOST_COLOURS = 4
_LEVELS = 16
_PLACES = np.array([_LEVELS**2, _LEVELS, 1], dtype=np.uint16)
_HUES = (
    (15, "red"),
    (45, "orange"),
    (68, "yellow"),
    (160, "green"),
    (200, "cyan"),
    (255, "blue"),
    (310, "purple"),
    (345, "pink"),
    (361, "red"),
)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a picture looks like.

    Attributes:
        phash: 16 hexadecimal digits, of which few bits differ for pictures that look alike; empty
            for one without any structure.
        colours: the names of the colours that stand out, the most frequent first.
    """

    phash: str
    colours: tuple[str, ...]


def seen(image: Image.Image) -> Seen:
    """Return what a picture looks like; it is not changed."""
    small = flatten(image.resize((64, 64), Image.Resampling.BOX, reducing_gap=2.0))
    return Seen(_phash(small), _colours(small))


def distance(one: str, other: str) -> int:
    """Return in how many of their 64 bits two hashes differ."""
    return (int(one, 16) ^ int(other, 16)).bit_count()


def _phash(image: Image.Image) -> str:
    """Return the signs of the 64 slowest waves of a picture, against their median.

    The usual hash by cosine transform: neither size nor compression nor brightness change much.
    """
    grey = image.convert("L").resize((_SIDE, _SIDE), Image.Resampling.BOX)
    levels = np.asarray(grey, dtype=np.float64)
    if levels.std() < _FLAT:
        return ""
    waves = _waves()
    found = (waves @ levels @ waves.T).ravel()
    bits = np.packbits(found > np.median(found[1:]))
    return bits.tobytes().hex()


@cache
def _waves() -> NDArray[np.float64]:
    """Return the slowest waves of a cosine transform, one in each row."""
    place, wave = np.arange(_SIDE), np.arange(_KEPT)
    return np.cos(np.pi * np.outer(wave, 2 * place + 1) / (2 * _SIDE))


def _colours(image: Image.Image) -> tuple[str, ...]:
    small = image.convert("RGB").resize((_COLOUR_SIDE, _COLOUR_SIDE), Image.Resampling.BOX)
    # Sixteen levels of each light are told apart.
    levels = np.asarray(small).reshape(-1, 3) >> 4
    counted = Counter(_names()[levels @ _PLACES])
    least = _SHARE * _COLOUR_SIDE**2
    return tuple(name for name, number in counted.most_common(_MOST_COLOURS) if number >= least)


@cache
def _names() -> NDArray[np.object_]:
    """Return the names of all colours of sixteen levels, by the place of each."""
    levels = range(_LEVELS)
    names = [_named(red, green, blue) for red in levels for green in levels for blue in levels]
    return np.array(names, dtype=object)


def _named(red: int, green: int, blue: int) -> str:
    """Return the name of a colour, of each of whose lights sixteen levels are told apart."""
    hue, saturation, value = colorsys.rgb_to_hsv(red / 15, green / 15, blue / 15)
    degrees = hue * 360
    if value < 0.2:  # noqa: PLR2004 - of this rule alone
        return "black"
    if saturation < 0.15:  # noqa: PLR2004
        return "white" if value > 0.85 else "grey"  # noqa: PLR2004
    name = next(name for end, name in _HUES if degrees < end)
    if name == "red" and saturation < 0.6 and value > 0.65:  # noqa: PLR2004
        return "pink"
    dark = value < 0.65  # noqa: PLR2004
    return "brown" if dark and name in {"red", "orange", "yellow"} and degrees > 10 else name  # noqa: PLR2004
