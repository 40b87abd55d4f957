"""Auto tags: what a small network, a face finder and a palette tell, put into the words of a tag.

Nothing here understands a picture. What is told is what was measured, and the caption is put
together from it; the delivery says so.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from providers.contract import Delivery, Output, Request
from providers.local.faces import find_faces
from providers.local.tags import lite
from providers.local.tags.tints import main_colours
from providers.local.tags.vocabulary import kinds, words
from providers.offers import Offer
from studio import imaging
from studio.operations import TagImage

METHOD = (
    "auto tags on this machine, not an AI caption: kinds by EfficientNet-Lite0 (1,000 of them), "
    "faces by BlazeFace, colours counted; the caption is put together from these"
)

_LEAST = 0.15
"""Likelihood from which on a kind is told (LOCAL.md, section 1)."""
_LEAST_BESIDE_FACES = 0.30
"""The same where faces are seen: the network has no kind for people and guesses at their things."""
_LEAST_GROUP = 0.30
"""The same for a group of kinds, whose likelihoods add up: many small doubts are no bird."""
_FACES_SIDE = 1_024
_SQUARE = 1.05
"""Sides that differ by less than this factor make a square."""
_GREY = (128, 128, 128)


@dataclass(frozen=True)
class Seen:
    """What was told of a picture.

    Attributes:
        things: kinds and groups of kinds with their likelihoods, the likeliest first.
        faces: how many.
        colours: names with their shares.
        format: square, horizontal or vertical.
    """

    things: Mapping[str, float]
    faces: int
    colours: Mapping[str, float]
    format: str


def tag(offer: Offer, request: Request, weights: Path) -> Delivery:
    """Tell what can be told of the picture.

    Raises:
        WeightsMissing: a network is not in the cache.
    """
    wanted = request.operation
    if not isinstance(wanted, TagImage):
        raise TypeError(f"{wanted.operation} came to an offer for tag")
    seen = look(imaging.open_picture(request.files["image"]), weights)
    told = {
        "caption": _caption(seen),
        "tags": _tags(seen)[: wanted.most_tags],
        "objects": [*seen.things, *_people(seen.faces)],
        "colors": list(seen.colours),
    }
    return Delivery(
        outputs=(Output(json.dumps(told, ensure_ascii=False).encode(), "application/json"),),
        model=offer.model,
        method=METHOD,
        facts={
            "kind": "auto tags",
            "likely": dict(seen.things),
            "faces": seen.faces,
            "color_shares": dict(seen.colours),
            "format": seen.format,
        },
    )


def look(image: Image.Image, weights: Path) -> Seen:
    """Return what can be told of a picture, RGB or RGBA."""
    rgb = np.asarray(imaging.flatten(image, _GREY))
    faces = len(find_faces(_small(rgb), weights))
    likely = lite.recognize(rgb, weights)
    least = _LEAST_BESIDE_FACES if faces else _LEAST
    return Seen(_things(likely, kinds(weights), least), faces, main_colours(image), _format(image))


def _small(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    scale = min(1.0, _FACES_SIDE / max(rgb.shape[:2]))
    size = (max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale)))
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)


def _things(
    likely: NDArray[np.floating[Any]], names: Sequence[str], least: float
) -> dict[str, float]:
    """Return what is likely enough: kinds, those of one name added up, then groups of kinds."""
    by_name: dict[str, float] = {}
    for kind in np.flatnonzero(likely > least / len(likely)).tolist():
        by_name[names[kind]] = by_name.get(names[kind], 0.0) + float(likely[kind])
    found = {name: value for name, value in by_name.items() if value > least}
    for name, members in words().groups.items():
        value = float(likely[list(members)].sum())
        if value > _LEAST_GROUP:
            found[name] = max(value, found.get(name, 0.0))
    ranked = sorted(found.items(), key=lambda pair: -pair[1])
    return {name: round(value, 3) for name, value in ranked}


def _format(image: Image.Image) -> str:
    """Return how the picture lies, in the words of picture libraries."""
    if max(image.size) < _SQUARE * min(image.size):
        return "square"
    return "horizontal" if image.width > image.height else "vertical"


def _people(faces: int) -> list[str]:
    """Return what faces mean for a search."""
    if not faces:
        return []
    return ["person", "face"] if faces == 1 else ["people", "faces"]


def _tags(seen: Seen) -> list[str]:
    """Return all words, each once, the most telling first."""
    found = [*seen.things, *_people(seen.faces), *seen.colours, seen.format]
    return list(dict.fromkeys(found))


def _caption(seen: Seen) -> str:
    """Return one sentence of what was told: "Tabby cat, 1 face; mostly grey and brown; square"."""
    shown = [*seen.things][:3]
    if seen.faces:
        shown.append("1 face" if seen.faces == 1 else f"{seen.faces} faces")
    what = ", ".join(shown) or "no thing that is known here"
    parts = [f"Auto tags: {what}"]
    if seen.colours:
        parts.append(f"mostly {' and '.join([*seen.colours][:2])}")
    return "; ".join([*parts, seen.format]) + "."
