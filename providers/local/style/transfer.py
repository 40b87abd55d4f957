"""Style transfer: a picture repainted in the style of another, by the style network."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from providers.contract import Delivery, Request
from providers.local.style import network
from providers.local.style.network import Pixels
from providers.local.style.parts import delivered, expect, opaque, opened
from providers.offers import Offer
from studio.operations import StyleTransfer

METHOD = "repainted by Magenta's arbitrary style network (384 pixels a square)"


def style_transfer(offer: Offer, request: Request, _weights: Path) -> Delivery:
    """Repaint ``image`` in the style of ``style_image``; the size stays."""
    wanted = expect(StyleTransfer, request.operation)
    picture = opened(request, "image")
    made = transferred(
        np.asarray(opaque(picture)),
        np.asarray(opaque(opened(request, "style_image"))),
        style=wanted.style_strength,
        composition=wanted.composition_fidelity,
        change=wanted.change_strength,
    )
    image = Image.fromarray(made)
    if picture.mode == "RGBA":
        image.putalpha(picture.getchannel("A"))
    return delivered(
        offer,
        image,
        wanted.output_format,
        f"{METHOD}; lightness of the original added back",
        not_done=("seed: the network has no chance in it",),
    )


def transferred(
    original: Pixels, sample: Pixels, *, style: float, composition: float, change: float
) -> Pixels:
    """Return ``original`` in the style of ``sample``.

    Args:
        original: the picture; the result has its size.
        sample: the picture whose style is taken.
        style: how much of the style, 0 to 1; 0 gives the original.
        composition: how much of the original's forms comes back, 0 to 1: with little, strokes are
            broad; with much, the original's relief of lightness lies over them.
        change: how much may change, 0 to 1; 0 gives the original.
    """
    if style <= 0 or change <= 0:
        return original
    theirs, own = network.vector(sample), network.vector(original)
    # The weakest styles still repaint; below a third the original shines through instead.
    broad = int(384 + composition * 528)
    made = network.repaint(original, own + (theirs - own) * np.float32(style), 0.0, broad)
    made = toned(made, sample, 0.6 * style)
    made = relieved(made, original, composition * 0.75)
    return network.blend(original, network.blend(original, made, min(1.0, 3 * style)), change)


def toned(pixels: Pixels, sample: Pixels, share: float) -> Pixels:
    """Move colours, and half as far the lightness, to the mean and spread of a sample's."""
    lab = cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB)
    small = cv2.cvtColor(network.reduced(sample, 65_536), cv2.COLOR_RGB2LAB).astype(np.float64)
    for c, part in enumerate((0.5, 1.0, 1.0)):
        plane = network.reduced(lab, 65_536)[:, :, c].astype(np.float64)
        spread = min(max(float(small[:, :, c].std()) / max(float(plane.std()), 1.0), 0.5), 2.0)
        levels = (np.arange(256) - plane.mean()) * spread + small[:, :, c].mean()
        table = np.arange(256) + (levels - np.arange(256)) * share * part
        lab[:, :, c] = cv2.LUT(lab[:, :, c], np.clip(table + 0.5, 0, 255).astype(np.uint8))
    return np.asarray(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB), np.uint8)


def relieved(pixels: Pixels, original: Pixels, share: float) -> Pixels:
    """Give back the fine and middle relief of the original's lightness."""
    if share <= 0:
        return pixels
    ours, luma = (cv2.cvtColor(each, cv2.COLOR_RGB2GRAY) for each in (pixels, original))
    sigma = max(original.shape[:2]) * 0.012
    lost = cv2.subtract(luma, _soft(luma, sigma), dtype=cv2.CV_16S)
    there = cv2.subtract(ours, _soft(ours, sigma), dtype=cv2.CV_16S)
    change = cv2.addWeighted(lost, share, there, -0.6 * share, 0, dtype=cv2.CV_16S)
    planes = [cv2.add(plane, change, dtype=cv2.CV_8U) for plane in cv2.split(pixels)]
    return np.asarray(cv2.merge(planes), np.uint8)


def _soft(plane: Pixels, sigma: float) -> Pixels:
    """Blur by ``sigma`` pixels; a wide blur is done on a smaller picture, which looks the same."""
    scale = max(1.0, sigma / 3)
    h, w = plane.shape
    small = network.resized(plane, max(round(w / scale), 1), max(round(h / scale), 1))
    return network.resized(
        np.asarray(cv2.GaussianBlur(small, (0, 0), sigma / scale), np.uint8), w, h
    )
