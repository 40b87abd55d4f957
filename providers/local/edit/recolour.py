"""Search and recolor: a thing found by name gets another colour; its light and shade stay."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from providers.contract import Delivery, Request
from providers.local.edit import colours
from providers.local.edit.find import find
from providers.local.edit.parts import (
    Floats,
    Pixels,
    delivery,
    expect,
    joined,
    picture,
    refused,
    split,
)
from providers.offers import Offer
from studio.operations import SearchRecolor

_STRIP = 512
"""Rows coloured at a time."""
_TOWARDS = 0.75
"""How far the thing's lightness goes to that of the new colour; its contrasts stay."""
_TOWARDS_GREY = 0.85
"""The same for black, white and grey, which are nothing but lightness."""
_GREY = 14.0
"""Chroma below which a colour has no hue to speak of."""
_ON_GREY = 0.75
"""How strongly a grey thing is coloured."""
_FILLER = {"make", "it", "the", "to", "in", "into", "color", "colour", "a", "and", "shade", "of"}


def search_recolor(offer: Offer, request: Request, weights: Path) -> Delivery:
    """Find the thing and give it the colour.

    Raises:
        ProviderRejected: no colour is named, or the thing cannot be found here.
    """
    wanted = expect(SearchRecolor, request.operation)
    colour, others = colours.read(wanted.prompt)
    if colour is None:
        raise refused(
            "No colour that is known here is named. stability, which needs a key, paints by any "
            "description.",
            field="prompt",
            given=wanted.prompt,
            allowed=f"a colour by name or as #rrggbb: {', '.join(sorted(colours.names()))}",
        )
    image = picture(request)
    found = find(image, wanted.search, weights, grow=wanted.grow_mask)
    rgb, alpha = split(image)
    painted = recoloured(rgb, found.share, colour)
    unused = [f"prompt: {word}" for word in others if word not in _FILLER and word.isalnum()]
    return delivery(
        offer,
        joined(painted, alpha),
        wanted.output_format,
        method=f"found on this machine by {found.how}; recoloured in L*a*b*",
        seed=wanted.seed,
        facts={
            "found": found.what,
            "found_share": round(float(found.share.mean()), 4),
            "colour": colour.words,
        },
        not_done=[*unused, *([f"search: {found.unsure}"] if found.unsure else [])],
    )


def recoloured(rgb: Pixels, share: Floats, colour: colours.Colour) -> Pixels:
    """Return the picture with its part ``share`` in another colour.

    Where the thing has a hue, each pixel gets the new one as strongly as it had the old: what was
    grey in it (a highlight, a spoon) stays grey. A grey thing is coloured evenly.
    """
    mean = _mean(rgb, share)
    result = rgb.copy()
    for top in range(0, rgb.shape[0], _STRIP):
        rows = slice(top, top + _STRIP)
        weight = share[rows][..., None]
        if not weight.any():
            continue
        values = _painted(colours.lab(rgb[rows].astype(np.float32) / 255), mean, colour)
        part = np.clip(cv2.cvtColor(values, cv2.COLOR_LAB2RGB), 0, 1) * 255
        blended = rgb[rows] + (part - rgb[rows]) * weight
        result[rows] = np.where(weight > 0, np.rint(blended), rgb[rows]).astype(np.uint8)
    return result


def _mean(rgb: Pixels, share: Floats) -> tuple[float, float]:
    """Return the thing's mean lightness and chroma, at reduced size."""
    scale = min(1.0, 512 / max(share.shape))
    size = (max(1, round(share.shape[1] * scale)), max(1, round(share.shape[0] * scale)))
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    weight = cv2.resize(share, size, interpolation=cv2.INTER_AREA)
    values = colours.lab(small.astype(np.float32) / 255)
    total = max(float(weight.sum()), 1e-6)
    chroma = np.hypot(values[..., 1], values[..., 2])
    light = float((values[..., 0] * weight).sum()) / total
    return light, float(np.sqrt((chroma**2 * weight).sum() / total))


def _painted(values: Floats, mean: tuple[float, float], colour: colours.Colour) -> Floats:
    mean_light, mean_chroma = mean
    light = values[..., 0]
    chroma = np.hypot(values[..., 1], values[..., 2])
    had = np.clip(mean_chroma / (2 * _GREY), 0, 1)  # whether the thing has a hue at all
    relative = np.clip(1.15 * chroma / max(mean_chroma, 1e-3), 0, 1.25)
    strength = (1 - had) * _ON_GREY + had * relative
    moved = min(1.0, float(had)) * np.clip(relative, 0, 1) + (1 - had)
    towards = _TOWARDS_GREY if colour.chroma < _GREY else _TOWARDS
    # Highlights keep their place at the upper end: the shift ends at white and at black.
    shift = (colour.lightness - mean_light) * towards * moved
    room = np.where(
        shift > 0,
        np.clip((100 - light) / max(100 - mean_light, 1), 0, 1.2),
        np.clip(light / max(mean_light, 1), 0, 1.2),
    )
    painted = np.empty_like(values)
    painted[..., 0] = np.clip(light + shift * room, 0, 100)
    painted[..., 1] = colour.a * strength
    painted[..., 2] = colour.b * strength
    return painted
