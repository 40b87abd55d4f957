"""Erase: what a mask covers goes, and the gap is filled from around it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from providers.contract import Delivery, Request
from providers.local.edit import fill
from providers.local.edit.parts import (
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


def erase_masked(offer: Offer, request: Request, _weights: Path) -> Delivery:
    """Take out what the mask covers.

    Where the picture's own transparency is the mask, what was transparent becomes solid; with a
    mask of its own the picture keeps its transparency, and nothing transparent is copied.
    """
    wanted = expect(Erase, request.operation)
    rgb, alpha = split(picture(request))
    mask = mask_of(request)
    hole = grown(mask, wanted.grow_mask)
    avoid = None if alpha is None else np.asarray(alpha < 255, np.bool_)  # noqa: PLR2004 - solid
    seam = np.asarray(hole & ~mask, np.bool_)
    filled = fill.fill(rgb, hole, avoid=avoid, seam=seam, seed=wanted.seed)
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
