"""Search and replace: a thing found by name is erased, and a drawn subject takes its place."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from providers.contract import Delivery, Request
from providers.local import matte
from providers.local.edit import fill
from providers.local.edit.find import Found, find
from providers.local.edit.parts import (
    Mask,
    Pixels,
    delivery,
    expect,
    grown,
    joined,
    picture,
    refused,
    split,
)
from providers.local.edit.placing import put
from providers.local.edit.relight import lamp_of
from providers.local.illustrate.prompt import Brief, understand
from providers.local.illustrate.subjects import subjects
from providers.offers import Offer
from studio.operations import SearchReplace

_RIM = 0.008
"""Erased around what was found, as a part of the longer side: its edge and what it reflects."""
_MOST_OF_PICTURE = 0.6
"""A find that covers more than this cannot be erased: too little is left around it."""
_HALF_OF_SUBJECT = 0.4


def search_replace(offer: Offer, request: Request, weights: Path) -> Delivery:
    """Find the thing, erase it, and put the drawing where it was.

    Raises:
        ProviderRejected: the thing cannot be found, or what is wanted cannot be drawn.
    """
    wanted = expect(SearchReplace, request.operation)
    brief = _drawable(wanted)
    image = picture(request)
    found = find(image, wanted.search, weights)
    rgb, alpha = split(image)
    core = _whole(_core(rgb, found, weights))
    covered = float(core.mean())
    if covered > _MOST_OF_PICTURE:
        raise refused(
            "What is to be replaced fills most of the picture, so nothing around it can be copied "
            "into its place. stability and other providers with a key can do it.",
            field="search",
            given=f"{wanted.search} ({covered:.0%} of the picture)",
            allowed=f"something of at most {_MOST_OF_PICTURE:.0%} of the picture",
        )
    rim = max(2, round(_RIM * max(rgb.shape[:2])))
    hole = grown(core, rim + wanted.grow_mask)
    plate = fill.fill(rgb, hole, avoid=_hidden(alpha), seed=wanted.seed, field="search")
    names = put(plate, brief, core, lamp_of(Image.fromarray(plate)))
    unused = [f"prompt: {word}" for word in brief.ignored]
    return delivery(
        offer,
        joined(plate, alpha),
        wanted.output_format,
        method=f"found on this machine by {found.how}; erased by {fill.METHOD}; "
        "a vector drawing, lit as the picture is, put in its place",
        seed=wanted.seed,
        facts={"found": found.what, "found_share": round(covered, 4), "subjects": names},
        not_done=[*unused, *([f"search: {found.unsure}"] if found.unsure else [])],
    )


def _drawable(wanted: SearchReplace) -> Brief:
    brief = understand(wanted.prompt, wanted.negative_prompt)
    if not brief.wanted:
        raise refused(
            "Nothing that can be drawn here is named: local work puts a vector drawing of a known "
            "thing (a whale, a red balloon, a cat) in the place. stability, wavespeed and gemini, "
            "which need a key, paint anything.",
            field="prompt",
            given=wanted.prompt,
            allowed=f"one of {len(subjects())} things by its English name",
        )
    return brief


def _hidden(alpha: Pixels | None) -> Mask | None:
    return None if alpha is None else np.asarray(alpha == 0, np.bool_)


def _core(rgb: Pixels, found: Found, weights: Path) -> Mask:
    """Return what is to go.

    What was found by its colour alone, and is half of the subject, stands for all of it: with the
    red cup its white rim goes, too.
    """
    core = _main_part(np.asarray(found.share > 0.35, np.bool_))  # noqa: PLR2004 - somewhat
    if not found.unsure:
        return core
    salient = cv2.resize(matte.saliency(rgb, weights), (rgb.shape[1], rgb.shape[0]))
    subject = np.asarray(salient > 0.5, np.bool_)  # noqa: PLR2004 - rather than not
    if (core & subject).sum() > _HALF_OF_SUBJECT * max(int(subject.sum()), 1):
        return np.asarray(core | subject, np.bool_)
    return core


def _main_part(mask: Mask) -> Mask:
    """Return the largest part and those nearly as large; crumbs stay where they are."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    if count <= 2:  # noqa: PLR2004 - the ground and one part
        return mask
    areas = stats[1:, cv2.CC_STAT_AREA]
    large = 1 + np.flatnonzero(areas >= 0.05 * areas.max())
    return np.asarray(np.isin(labels, large), np.bool_)


def _whole(mask: Mask) -> Mask:
    """Return the mask with what it encloses: the coffee goes with the red cup."""
    outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = mask.astype(np.uint8)
    cv2.drawContours(filled, outlines, -1, 1, cv2.FILLED)
    return np.asarray(filled, np.bool_)
