"""Which of many names mean about what somebody's words say.

Short texts are all somewhat alike to the network: a kitten is as near to a frog as to a dog. What
all names have in common is therefore taken away first. A name counts half by how near it is to all
that is asked, and half by how near it is to the word of it that it fits best: a picture of a dog
is worth showing to who asks for a puppy in the snow.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

import numpy as np

from providers.local.meaning.network import Floats, vectors

LEAST = 0.24
"""What a name must come to, to be near: chosen by looking at some twenty searches."""
PART = 0.6
"""Part of what the nearest comes to: grey is near to brown, but not for who asks for brown."""
MOST = 24
"""Names that are near, the nearest of them."""

_WORD = re.compile(r"\w{3,}")
_EMPTY = frozenset(
    {
        *("the", "and", "with", "for", "from", "into", "onto", "over", "under", "some", "somebody"),
        *("someone", "something", "photo", "photos", "picture", "pictures", "image", "images"),
        *("showing", "shows"),
    }
)
"""Words that say nothing of what is shown."""
_COMMON = (
    *("dog", "bird", "fish", "snake", "insect", "monkey", "car", "boat", "airplane", "train"),
    *("house", "church", "bridge", "tower", "shop", "chair", "table", "lamp", "bed", "clock"),
    *("hat", "shoe", "dress", "suit", "bag", "cup", "bottle", "plate", "bread", "fruit"),
    *("vegetable", "soup", "ball", "guitar", "drum", "camera", "computer", "telephone", "screen"),
    *("tool", "knife", "machine", "wheel", "weapon", "tree", "flower", "mushroom", "mountain"),
    *("beach", "lake", "person", "face", "red", "blue", "grey"),
)
"""Names of all kinds of things, which stand for all names."""


def nearest(words: str, names: Sequence[str]) -> dict[str, int]:
    """Return the names that mean about what ``words`` say, in thousandths, the nearest first.

    Raises:
        SetupIncomplete: the extra ``search`` is not installed, or its file is not the pinned one.
    """
    if not names:
        return {}
    single = [each for each in _WORD.findall(words.lower()) if each not in _EMPTY]
    asked = _apart([words, *single])
    near = _apart(names) @ asked.T
    values = (near[:, 0] + near.max(axis=1)) / 2
    found = sorted(zip(values.tolist(), names, strict=True), key=lambda it: (-it[0], it[1]))
    least = max(LEAST, PART * found[0][0])
    kept = ((name, value) for value, name in found[:MOST] if value >= least)
    return {name: min(1_000, round(1_000 * value)) for name, value in kept}


def _apart(texts: Sequence[str]) -> Floats:
    """Return vectors of texts without what all names have in common, each of length 1."""
    away = vectors(texts) - _middle()
    return np.asarray(away / np.linalg.norm(away, axis=1, keepdims=True), np.float32)


@cache
def _middle() -> Floats:
    return np.asarray(vectors(_COMMON).mean(axis=0), np.float32)
