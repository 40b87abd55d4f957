"""Structure: the forms of a picture in the light, colours and brushwork of a prompt.

Nothing new is drawn into it: the composer paints the prompt once, and from that picture come the
colours (for each lightness, and for each part of the frame), the broad distribution of light, and
the style in which the network repaints the whole.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from providers.contract import Delivery, Request
from providers.local import illustrate
from providers.local.illustrate.compose import MAX_SIDE, MIN_SIDE
from providers.local.illustrate.palettes import palettes
from providers.local.style import named, network
from providers.local.style.network import Pixels
from providers.local.style.parts import delivered, expect, opaque, opened
from providers.local.style.transfer import relieved
from providers.offers import Offer
from studio.operations import Structure

_MOST_PIXELS = 1_200_000
"""Pixels at which forms and colours are joined; fine relief is added at full size."""
_TABLE_PIXELS = 65_536
_WIDEST = 15
"""Radius in pixels of the widest median."""
_NO_BLUR = 0.5

Plane = NDArray[np.float32]


def structure(offer: Offer, request: Request, _weights: Path) -> Delivery:
    """Give the forms of ``image`` the light and colours of the prompt; the size stays."""
    wanted = expect(Structure, request.operation)
    original = np.asarray(opaque(opened(request, "image")))
    style, unknown = named.lookup(wanted.style)
    work = network.reduced(original, _MOST_PIXELS)
    h, w = work.shape[:2]
    light = illustrate.compose(
        wanted.prompt,
        width=min(max(w, MIN_SIDE), MAX_SIDE),
        height=min(max(h, MIN_SIDE), MAX_SIDE),
        seed=wanted.seed,
        negative_prompt=wanted.negative_prompt,
    )
    pixels = restructured(original, work, np.asarray(light.image), wanted.strength)
    if style is not None:
        palette = palettes()[light.palette.split("+", maxsplit=1)[0]]
        pixels = named.applied(pixels, style, palette, wanted.seed)
    method = "forms of the picture in light and colours of a composed illustration"
    how = ["repainted by a style network", *([named.told(style)] if style else [])]
    return delivered(
        offer,
        Image.fromarray(pixels),
        wanted.output_format,
        f"{method} (scene: {light.scene}); {', '.join(how)}",
        seed=wanted.seed,
        not_done=("new things of the prompt are not drawn into the picture", *unknown),
        scene=light.scene,
        palette=light.palette,
        not_drawn=list(light.ignored),
    )


def restructured(original: Pixels, work: Pixels, light: Pixels, strength: float) -> Pixels:
    """Return the original's forms in the light of an illustration.

    Args:
        original: the picture; the result has its size.
        work: the same, at the size for working.
        light: the illustration.
        strength: how closely forms are kept, 0 to 1; 0 gives the illustration.
    """
    h, w = work.shape[:2]
    light = network.resized(light, w, h)
    kept = min(1.0, 2 * strength)
    ours = _lab(_simplified(work, 1 - strength))
    theirs = _lab(light)
    u = min(h, w)
    broad = _blurred(theirs, 0.09 * u * kept)
    forms = ours[:, :, 0] - _blurred(ours, 0.35 * u)[:, :, 0]
    tone = broad[:, :, 0] + forms * min(1.1, 1.8 * strength)
    # The light of the illustration must leave room for forms on both sides.
    tone = tone + (128 - tone.mean()) * 0.35 * kept
    table = _tints(theirs)
    by_tone = table[np.clip(tone, 0, 255).astype(np.intp)]
    hue = broad[:, :, 1:] + (by_tone - broad[:, :, 1:]) * 0.6 * kept
    own = (ours[:, :, 1:] - 128) * 0.22 * kept
    joined = np.dstack([tone[:, :, None], hue + own])
    colours = cv2.cvtColor(np.clip(joined + 0.5, 0, 255).astype(np.uint8), cv2.COLOR_LAB2RGB)
    painted = network.repaint(colours, network.vector(light), 0.5)
    small = network.blend(colours, painted, 0.55)
    return relieved(network.enlarged(small, original, strength), original, 0.45 * strength)


def _lab(pixels: Pixels) -> Plane:
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB), np.float32)


def _simplified(pixels: Pixels, by: float) -> Pixels:
    """Drop small forms but keep edges: the more, the less structure is wanted."""
    reach = min(int(min(pixels.shape[:2]) * 0.02 * by), _WIDEST)
    return np.asarray(cv2.medianBlur(pixels, 2 * reach + 1), np.uint8) if reach else pixels


def _blurred(planes: Plane, sigma: float) -> Plane:
    """Blur by ``sigma`` pixels, on a smaller picture where that looks the same."""
    if sigma < _NO_BLUR:
        return planes
    h, w = planes.shape[:2]
    scale = max(1.0, sigma / 4)
    small = cv2.resize(
        planes, (max(round(w / scale), 1), max(round(h / scale), 1)), interpolation=cv2.INTER_AREA
    )
    soft = cv2.GaussianBlur(small, (0, 0), sigma / scale, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(soft, (w, h), interpolation=cv2.INTER_LINEAR), np.float32)


def _tints(lab: Plane) -> Plane:
    """Return the colour (a, b) that the illustration has at each lightness, smoothly: (256, 2)."""
    step = max(1, int((lab.shape[0] * lab.shape[1] / _TABLE_PIXELS) ** 0.5))
    sample = lab[::step, ::step].reshape(-1, 3)
    level = sample[:, 0].astype(np.intp)
    near = cv2.getGaussianKernel(129, 18).ravel()
    count = np.convolve(np.bincount(level, minlength=256), near, "same") + 1e-6
    found = [
        np.convolve(np.bincount(level, sample[:, c], 256), near, "same") / count for c in (1, 2)
    ]
    middle = sample[:, 1:].mean(axis=0)
    # Lightnesses that hardly occur in it take the mean of the whole.
    trust = np.clip(count / (count.max() * 0.02), 0, 1)[:, None]
    return np.asarray(middle + (np.stack(found, 1) - middle) * trust, np.float32)
