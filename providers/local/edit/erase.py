"""Erase: what a mask covers goes, and the gap is filled from around it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from providers.contract import Delivery, Request
from providers.local import matte
from providers.local.edit import fill
from providers.local.edit.parts import (
    Mask,
    Pixels,
    delivery,
    expect,
    grown,
    joined,
    mask_of,
    picture,
    split,
)
from providers.offers import Offer
from studio.operations import Erase

_SUBJECT = 0.5
"""From this matte on a spot belongs to the subject; a hole with so much of it is part of it."""
_BESIDE = 0.1
"""How near the hole the subject may be copied all the same, as a part of the hole's longer side:
where the hole borders on it, it goes on."""


def erase_masked(offer: Offer, request: Request, weights: Path) -> Delivery:
    """Take out what the mask covers; a subject beside it is not repeated in the gap.

    Where the picture's own transparency is the mask, what was transparent becomes solid; with a
    mask of its own the picture keeps its transparency, and nothing transparent is copied.
    """
    wanted = expect(Erase, request.operation)
    rgb, alpha = split(picture(request))
    filled, hole = emptied(
        rgb, alpha, mask_of(request), weights, grow=wanted.grow_mask, seed=wanted.seed
    )
    if alpha is not None and "mask" not in request.files:
        alpha = np.where(hole, np.uint8(255), alpha)
    return delivery(
        offer,
        joined(filled, alpha),
        wanted.output_format,
        method=f"erased on this machine: {fill.METHOD}",
        seed=wanted.seed,
        facts={"erased_share": round(float(hole.mean()), 4)},
    )


def emptied(
    rgb: Pixels, alpha: Pixels | None, mask: Mask, weights: Path, *, grow: int, seed: int
) -> tuple[Pixels, Mask]:
    """Return the picture with the gap filled from around it, and where that was.

    Args:
        rgb: the picture.
        alpha: its transparency; nothing that is not solid is copied.
        mask: what is to go.
        weights: the cache directory of ``weights.fetch``.
        grow: pixels by which the gap is wider; over these it blends with the rest.
        seed: another one gives another filling, eight in all.

    Raises:
        ProviderRejected: too little is left to fill the gap from.
    """
    hole = grown(mask, grow)
    avoid = _subject_beside(rgb, hole, weights)
    if alpha is not None:
        avoid |= alpha < 255  # noqa: PLR2004 - not solid
    seam = np.asarray(hole & ~mask, np.bool_)
    filled = fill.fill(rgb, hole, avoid=avoid if avoid.any() else None, seam=seam, seed=seed)
    return filled, hole


def _subject_beside(rgb: Pixels, hole: Mask, weights: Path) -> Mask:
    """Return the subject unless the hole is in it: nobody wants a second head."""
    height, width = hole.shape
    coarse = cv2.resize(matte.saliency(rgb, weights), (width, height))
    subject = np.asarray(coarse > _SUBJECT, np.bool_)
    if subject[hole].mean() > _SUBJECT:
        return np.zeros_like(hole)
    rows, columns = hole.any(axis=1).sum(), hole.any(axis=0).sum()
    # At reduced size: wide margins cost much at full size.
    scale = min(1.0, 512 / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(hole.astype(np.uint8), size, interpolation=cv2.INTER_AREA) > 0
    near = grown(np.asarray(small, np.bool_), round(_BESIDE * max(rows, columns) * scale))
    beside = cv2.resize(near.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
    return np.asarray(subject & (beside == 0), np.bool_)
