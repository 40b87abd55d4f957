"""Outpaint: a picture is continued beyond its edges with what it shows already."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from providers.contract import Delivery, Request
from providers.local import matte
from providers.local.edit import fill
from providers.local.edit.parts import Mask, Pixels, delivery, expect, grown, picture, refused, seen
from providers.offers import Offer
from studio.operations import Outpaint

_MOST_PIXELS = 24_000_000
"""Of the result: keeps the work within some 1.5 GB."""
_SUBJECT = 0.5
"""From this matte on a spot belongs to the subject."""
_MARGIN = 0.02
"""Kept clear around the subject, as a part of the longer side."""
_TOUCHES = 0.08
"""A subject on so much of a grown edge goes on beyond it."""
_BAND = 0.7
"""Of such a subject this much may be copied, as a part of the margin's width."""


def paint_on(offer: Offer, request: Request, weights: Path) -> Delivery:
    """Add the margins and fill them; the picture itself keeps its bytes.

    Transparency is laid on grey first: what is beyond a transparent edge cannot be told.

    Raises:
        ProviderRejected: a margin is longer than the picture itself, or the result too large.
    """
    wanted = expect(Outpaint, request.operation)
    image = picture(request)
    _check(wanted, image)
    rgb = seen(image)
    frame = (wanted.up, wanted.down, wanted.left, wanted.right)
    canvas = cv2.copyMakeBorder(rgb, *frame, cv2.BORDER_REPLICATE)
    hole = np.ones(canvas.shape[:2], np.bool_)
    inside = np.s_[wanted.up : wanted.up + image.height, wanted.left : wanted.left + image.width]
    hole[inside] = False
    avoid = np.zeros_like(hole)
    avoid[inside] = _subject(rgb, frame, weights)
    protected = bool(avoid.any())
    filled = fill.fill(canvas, hole, avoid=avoid if protected else None, seed=wanted.seed)
    how = "the subject was kept from being copied" if protected else "everything may be copied"
    return delivery(
        offer,
        Image.fromarray(filled),
        wanted.output_format,
        method=f"continued on this machine: {fill.METHOD}; {how}",
        seed=wanted.seed,
        facts={"subject_protected": protected},
    )


def _check(wanted: Outpaint, image: Image.Image) -> None:
    sides = {"left": image.width, "right": image.width, "up": image.height, "down": image.height}
    for name, most in sides.items():
        if getattr(wanted, name) > most:
            raise refused(
                "A margin longer than the picture cannot be filled with what the picture shows. "
                "stability, which needs a key, invents more.",
                field=name,
                given=getattr(wanted, name),
                allowed=f"0 to {most} for this picture",
            )
    width, height = wanted.target(image.width, image.height) or image.size
    if width * height > _MOST_PIXELS:
        raise refused(
            "The result would have too many pixels for this machine.",
            field="image",
            given=f"{width}x{height} with its margins",
            allowed=f"at most {_MOST_PIXELS} pixels",
        )


def _subject(rgb: Pixels, frame: tuple[int, int, int, int], weights: Path) -> Mask:
    """Return what must not be repeated in the margins.

    A subject that reaches a grown edge goes on beyond it: what lies near that edge may be copied.
    """
    height, width = rgb.shape[:2]
    coarse = matte.saliency(rgb, weights)
    found = np.asarray(cv2.resize(coarse, (width, height)) > _SUBJECT, np.bool_)
    up, down, left, right = (round(_BAND * margin) for margin in frame)
    edges = (found[0], found[-1], found[:, 0], found[:, -1])
    bands = (
        (slice(0, up), slice(None)),
        (slice(height - down, None), slice(None)),
        (slice(None), slice(0, left)),
        (slice(None), slice(width - right, None)),
    )
    kept = grown(found, max(2, round(_MARGIN * max(width, height) / 2)))
    for band, edge, margin in zip(bands, edges, frame, strict=True):
        if margin and edge.mean() > _TOUCHES:
            kept[band] = False
    return kept
