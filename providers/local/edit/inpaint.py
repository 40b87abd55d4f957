"""Inpaint as far as it goes without a network that paints: by what the words ask for.

- "remove it", "continue the background": the gap is filled with what is around it, as by ``erase``;
- "plain white", "dark green": it is painted evenly in that colour;
- "a red balloon": it is filled, and a vector drawing of a known thing is put into it, lit as the
  picture is.

Whatever else is asked for is refused: nothing here can paint by a description.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from providers.contract import Delivery, Request
from providers.local.edit import colours, fill
from providers.local.edit.erase import emptied
from providers.local.edit.parts import (
    Mask,
    Pixels,
    delivery,
    expect,
    grown,
    joined,
    mask_of,
    picture,
    refused,
    split,
)
from providers.local.edit.placing import put
from providers.local.edit.relight import lamp_of
from providers.local.illustrate.prompt import Brief, understand
from providers.local.illustrate.subjects import subjects
from providers.local.illustrate.words import tokens
from providers.offers import Offer
from studio.errors import ProviderRejected
from studio.operations import Inpaint

_SOFT = 2.0
"""Pixels over which what is painted ends at the edge of the gap."""

_TAKE_OUT = {"remove", "erase", "delete", "clear", "clean", "empty", "nothing"}
"""Words that a wish for less begins with; what they name is what the mask covers."""
_GO_ON = {"continue", "extend", "fill", "restore", "heal", "match", "blend", "repair"}
_SURROUNDINGS = {
    "background", "surroundings", "surrounding", "rest", "same", "texture", "pattern", "around",
    "seamlessly", "seamless", "naturally", "natural", "outside", "edges",
}  # fmt: skip
_INSTEAD = {
    "replace", "put", "add", "paint", "draw", "insert", "place", "instead", "become", "into",
}  # fmt: skip
"""Words after which something new is wanted."""
_FILLER = {
    "a", "an", "the", "it", "this", "that", "please", "in", "with", "by", "to", "of", "and", "from",
    "up", "what", "is", "as", "away", "out", "there", "all", "make", "gap", "hole", "area",
    "region", "space", "spot", "mask", "masked", "part", "picture", "image", "photo", "photograph",
    "color", "colour", "paint", "painted", "solid", "plain", "flat", "even", "uniform", "fill",
    "surface", "completely", "just", "only",
}  # fmt: skip


def paint_in(offer: Offer, request: Request, weights: Path) -> Delivery:
    """Fill, colour or draw where the mask is white; nothing else changes.

    What is painted is solid, also where the picture was transparent.

    Raises:
        ProviderRejected: the words ask for something that cannot be painted here, there is no
            mask, or too little is left to fill the gap from.
    """
    wanted = expect(Inpaint, request.operation)
    words = [word for word in tokens(wanted.prompt) if word.isalnum() or word.startswith("#")]
    colour = _plain_colour(wanted.prompt)
    brief = understand(wanted.prompt, wanted.negative_prompt)
    fills = asks_to_fill(words)
    if not (fills or colour or brief.wanted):
        raise _cannot_paint(wanted.prompt)
    rgb, alpha = split(picture(request))
    mask = mask_of(request)
    hole = grown(mask, wanted.grow_mask)
    facts: dict[str, object] = {"painted_share": round(float(hole.mean()), 4)}
    not_done: list[str] = []
    if colour and not fills:
        painted, how = _evenly(rgb, colour), f"painted evenly in {colour.words}"
        facts["painted"] = "colour"
    else:
        painted, hole = emptied(rgb, alpha, mask, weights, grow=wanted.grow_mask, seed=wanted.seed)
        how, facts["painted"] = f"filled by {fill.METHOD}", "surroundings"
        if not fills:
            facts |= {"painted": "drawing", "subjects": _drawn(painted, brief, mask)}
            how += "; a vector drawing, lit as the picture is, put in its place"
            not_done = [f"prompt: {word}" for word in brief.ignored]
    if wanted.negative_prompt and facts["painted"] != "drawing":
        not_done.append(f"negative_prompt: {wanted.negative_prompt}")
    rgb = painted if facts["painted"] == "surroundings" else _inside(rgb, painted, hole)
    if alpha is not None:
        alpha = np.where(hole, np.uint8(255), alpha)
    return delivery(
        offer,
        joined(rgb, alpha),
        wanted.output_format,
        method=f"on this machine, where the mask is white: {how}",
        seed=wanted.seed,
        facts=facts,
        not_done=not_done,
    )


def asks_to_fill(words: list[str]) -> bool:
    """Whether the words ask for less, or for more of what is around."""
    said = set(words)
    if said & _INSTEAD:
        return False
    meant = [word for word in words if word not in _FILLER or word == "fill"]
    if meant and meant[0] in _TAKE_OUT:
        return True
    return bool(meant) and set(meant) <= _GO_ON | _SURROUNDINGS and meant != ["fill"]


def _plain_colour(prompt: str) -> colours.Colour | None:
    """Return the colour if the words name one, and nothing besides."""
    colour, others = colours.read(prompt)
    return None if {word for word in others if word.isalnum()} - _FILLER else colour


def _cannot_paint(prompt: str) -> ProviderRejected:
    return refused(
        "Nothing that can be painted here is named. Local work fills the gap with what is around "
        'it ("remove it"), paints it evenly ("plain white"), or puts a vector drawing of a known '
        'thing into it ("a red balloon"). stability and wavespeed, which need a key, paint '
        "anything; without one, erase takes out what a mask covers, and search_replace puts a "
        "drawing in the place of a thing that it finds by itself.",
        field="prompt",
        given=prompt,
        allowed=f"remove it, a colour, or one of {len(subjects())} things by its English name",
    )


def _evenly(rgb: Pixels, colour: colours.Colour) -> Pixels:
    """Return a picture of that size in one colour."""
    lab = np.array([[[colour.lightness, colour.a, colour.b]]], np.float32)
    value = np.clip(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)[0, 0], 0, 1)
    return np.broadcast_to(np.rint(value * 255).astype(np.uint8), rgb.shape).copy()


def _drawn(plate: Pixels, brief: Brief, mask: Mask) -> list[str]:
    """Draw what is wanted into ``plate``, in place, within the mask's box; return the names."""
    return put(plate, brief, mask, lamp_of(Image.fromarray(plate)), within=True)


def _inside(rgb: Pixels, painted: Pixels, hole: Mask) -> Pixels:
    """Return the picture with what was painted in the gap alone, softly ended at its edge."""
    # Beyond the picture's edge there is nothing to blend with.
    wide = cv2.copyMakeBorder(hole.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    depth = cv2.distanceTransform(wide, cv2.DIST_L2, 3)[1:-1, 1:-1]
    share = np.clip(depth / (_SOFT + 1), 0, 1)[..., None]
    mixed = rgb + (painted.astype(np.float32) - rgb) * share
    return np.asarray(np.rint(mixed), np.uint8)
