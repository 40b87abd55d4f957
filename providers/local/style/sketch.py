"""Sketch: the areas between its lines get colours of the prompt, light, brushwork, and ink."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from providers.contract import Delivery, Request
from providers.local import illustrate
from providers.local.illustrate.colour import Colour, gradient, mix
from providers.local.illustrate.fields import blur, f32, noise, ramp
from providers.local.illustrate.palettes import Palette
from providers.local.illustrate.styles.tools import relief
from providers.local.style import named, network
from providers.local.style.network import Pixels
from providers.local.style.parts import delivered, expect, opaque, opened
from providers.local.style.regions import Area, Labels, areas, fault, ink
from providers.local.style.tints import Tint, tints
from providers.offers import Offer
from studio.errors import ProviderRejected
from studio.operations import Sketch

_MOST_PIXELS = 1_000_000
"""Pixels at which areas are found and painted; the lines are drawn at full size."""
_BRUSH = 0.5
"""How much of the network's brushwork."""

Plane = NDArray[np.float32]


def sketch(offer: Offer, request: Request, _weights: Path) -> Delivery:
    """Paint a sketch in colours of the prompt; the size stays.

    Raises:
        ProviderRejected: it is no line drawing.
    """
    wanted = expect(Sketch, request.operation)
    original = np.asarray(opaque(opened(request, "image")))
    style, unknown = named.lookup(wanted.style)
    work = network.reduced(original, _MOST_PIXELS)
    lines = ink(work)
    given = fault(work, lines)
    if given:
        raise ProviderRejected(
            "This machine colours line drawings only. The operation structure keeps the forms of "
            "any picture here; stability or gemini with a key take anything for a sketch.",
            provider="local",
            field="image",
            given=given,
            allowed="a drawing of dark lines on light paper, or of light ones on dark",
        )
    gap = min(work.shape[:2]) * (0.008 + 0.016 * (1 - wanted.strength))
    labels, found = areas(lines, gap)
    paints, palette, brief, light = tints(found, wanted.prompt, wanted.negative_prompt, wanted.seed)
    rng = np.random.Generator(np.random.PCG64(wanted.seed))
    painted = filled(labels, found, paints, sun=palette.sun, rng=rng, loose=1 - wanted.strength)
    painted = _brushed(painted, wanted.prompt, wanted.seed)
    full = lines if work is original else ink(original)
    pixels = inked(network.enlarged(painted, original, 0.0), full, palette, wanted.strength)
    if style is not None:
        pixels = named.applied(pixels, style, palette, wanted.seed)
    told = f"; {named.told(style)}" if style else ""
    return delivered(
        offer,
        Image.fromarray(pixels),
        wanted.output_format,
        f"{len(found)} areas between the lines, filled with colours of the prompt, shaded, "
        f"repainted by a style network, inked{told}",
        seed=wanted.seed,
        not_done=("things that the sketch does not show are not added", *unknown),
        scene=brief.scene,
        palette=light,
        not_drawn=list(brief.ignored),
    )


def filled(
    labels: Labels,
    found: list[Area],
    paints: dict[int, Tint],
    *,
    sun: Colour,
    rng: np.random.Generator,
    loose: float,
) -> Pixels:
    """Paint the areas: each from its top colour to its bottom one, rounded by light from the left.

    Args:
        labels: the area of each pixel.
        found: the areas.
        paints: the paint of each.
        sun: colour of what glows.
        rng: chance.
        loose: how far borders may stray from the lines, 0 to 1.
    """
    h, w = labels.shape
    u = float(min(h, w))
    labels = _strayed(labels, rng, u * 0.03 * loose) if loose > 0 else labels
    image = np.zeros((3, h, w), np.float32)
    depth = np.zeros((h, w), np.float32)
    for area in found:
        paint = paints[area.label]
        y0, y1 = int(area.top * h), max(int(area.bottom * h), int(area.top * h) + 1)
        y0, y1 = max(y0 - int(u * 0.04), 0), min(y1 + int(u * 0.04), h)
        mask = labels[y0:y1] == area.label
        column = gradient([paint.top, paint.bottom], y1 - y0)
        for c in range(3):
            image[c, y0:y1] = np.where(mask, column[c][:, None], image[c, y0:y1])
        depth[y0:y1][mask] = 0.0 if paint.flat else 1.0
    height = _domes(labels, u * 0.05)
    wash = noise(rng, h, w, (u * 0.12, u * 0.12), 4, 0.6) - f32(0.5)
    grain = noise(rng, h, w, (max(u * 0.006, 2), u * 0.02), 2, 0.6) - f32(0.5)
    light = relief(height, u * 0.03) - f32(0.74)
    border = ramp(0.5, 0.0, height)
    shade = f32(1) + depth * (light * f32(0.5) - border * f32(0.16))
    shade = shade + wash * f32(0.2) + grain * f32(0.06)
    for c in range(3):
        image[c] *= shade
    for area in found:
        if paints[area.label].glows:
            _glow(image, area, sun)
    return np.ascontiguousarray(
        (np.clip(image, 0, 1) * 255 + f32(0.5)).astype(np.uint8).transpose(1, 2, 0)
    )


def _strayed(labels: Labels, rng: np.random.Generator, reach: float) -> Labels:
    """Let borders wander by up to ``reach`` pixels, as a hand does that does not look at them."""
    h, w = labels.shape
    cell = (max(reach * 3, 4.0),) * 2
    dy, dx = ((noise(rng, h, w, cell, 2) - f32(0.5)) * f32(2 * reach) for _ in range(2))
    rows = np.clip(np.arange(h)[:, None] + dy.astype(np.intp), 0, h - 1)
    columns = np.clip(np.arange(w)[None, :] + dx.astype(np.intp), 0, w - 1)
    return np.asarray(labels[rows, columns], np.int32)


def _domes(labels: Labels, reach: float) -> Plane:
    """A height that rises from the borders of the areas over ``reach`` pixels."""
    edge = np.ones(labels.shape, np.uint8)
    edge[:, 1:][labels[:, 1:] != labels[:, :-1]] = 0
    edge[1:][labels[1:] != labels[:-1]] = 0
    if edge.all():
        return np.ones(labels.shape, np.float32)
    far = cv2.distanceTransform(edge, cv2.DIST_L2, 5)
    t = np.clip(far * f32(1 / max(reach, 1.0)), 0, 1).astype(np.float32)
    return blur(np.asarray(np.sqrt(t * (f32(2) - t)), np.float32), max(reach * 0.08, 0.7))


def _glow(image: Plane, area: Area, colour: Colour) -> None:
    """Let a sun shine on what is around it, in place."""
    h, w = image.shape[1:]
    x, y = area.middle
    radius = max((area.right - area.left) * w, 2.0)
    dx = (np.arange(w, dtype=np.float32) - f32(x * w)) * f32(1 / radius)
    dy = (np.arange(h, dtype=np.float32) - f32(y * h)) * f32(1 / radius)
    fall = f32(0.95) / (f32(1) + (dx * dx)[None, :] + (dy * dy)[:, None])
    for c in range(3):
        image[c] += (f32(1) - np.clip(image[c], 0, 1)) * fall * fall * f32(colour[c])


def _brushed(pixels: Pixels, prompt: str, seed: int) -> Pixels:
    """Repaint with the brushwork of a digital painting of the prompt, colours kept."""
    sample = illustrate.compose(prompt, width=256, height=256, seed=seed, style="digital-art")
    style = network.vector(np.asarray(sample.image))
    made = network.repaint(pixels, style, 0.5)
    lab, ours = (cv2.cvtColor(each, cv2.COLOR_RGB2LAB) for each in (made, pixels))
    lab[:, :, 1:] = cv2.addWeighted(lab[:, :, 1:], 0.3, ours[:, :, 1:], 0.7, 0)
    made = np.asarray(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB), np.uint8)
    return network.blend(pixels, made, _BRUSH)


def inked(pixels: Pixels, lines: Plane, palette: Palette, strength: float) -> Pixels:
    """Draw the lines over the paint, in the darkest colour of the light; none at strength 0."""
    if strength <= 0:
        return pixels
    dark = np.asarray(mix(palette.shade, (0.05, 0.04, 0.08), 0.6), np.float32) * f32(255)
    share = (lines * f32(min(1.0, 1.25 * strength)))[:, :, None]
    return np.asarray(pixels + (dark - pixels) * share + f32(0.5), np.float32).astype(np.uint8)
