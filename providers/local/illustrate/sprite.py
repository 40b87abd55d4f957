"""A subject as pixels: rasterised part by part, so that each part can be modelled with soft light.

A flat drawing placed in a lit scene looks pasted. Here every larger part of the drawing (a roof,
a wheel,
an ear) becomes a pillow: its blurred outline is read as a relief, lit from the scene's side, and
it throws
a soft shadow on the parts behind it.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass

import numpy as np
import resvg_py
from PIL import Image

from providers.local.illustrate.body import seated
from providers.local.illustrate.colour import Colour, from_lab, hexed, luma, to_lab
from providers.local.illustrate.fields import Field, blur, f32, shift, shrink_to, slope, stretch
from providers.local.illustrate.subjects import Subject

_DETAIL = 26
"""Parts covering fewer per mille of the box are drawn with their neighbours, unmodelled."""
_MAX_LAYERS = 9
_MODEL_SIZE = 320
_FILL = re.compile(r'fill="(#[0-9a-f]{3,6})"')


@dataclass
class Sprite:
    """Planes of one subject: ``rgb`` (3, h, w) and coverage ``alpha`` (h, w), both 0..1.

    ``foot`` is the row (pixels from the top) that meets the ground or the water.
    """

    rgb: Field
    alpha: Field
    foot: float

    def flipped(self) -> Sprite:
        """The mirror image."""
        return Sprite(self.rgb[:, :, ::-1].copy(), self.alpha[:, ::-1].copy(), self.foot)


def render(subject: Subject, size: float, light_x: float, colour: Colour | None = None) -> Sprite:
    """Draw a subject ``size`` pixels long on its longer side, lit from left (-1) .. right (+1)."""
    parts, shares, box = list(subject.parts), list(subject.shares), subject.box
    water = subject.water
    if colour is not None:
        parts = recolour(parts, shares, colour)
    if subject.anchor in {"face", "bust"}:
        parts, shares, box = seated(subject.name, parts, shares, box)
    x0, y0, x1, y1 = box
    if water:
        y1 = min(y1, water + 2.5)
    scale = size / max(x1 - x0, y1 - y0)
    pad = 2.0 / scale
    w, h = max(int((x1 - x0 + 2 * pad) * scale), 4), max(int((y1 - y0 + 2 * pad) * scale), 4)
    view = (x0 - pad, y0 - pad, w / scale, h / scale)
    flat = _raster([("".join(parts), True)], view, w, h)[0]
    layers = group(parts, shares)
    # The modelling is soft: it is computed at no more than 320 pixels and enlarged.
    shrink = min(1.0, _MODEL_SIZE / size)
    small_w, small_h = max(int(w * shrink), 4), max(int(h * shrink), 4)
    strip = _raster(layers, view, small_w, small_h)
    tone, dim = _model(strip, [modelled for _, modelled in layers], size * shrink, light_x)
    rgb = flat[:3]
    rgb *= stretch(dim, h, w, smooth=False)
    _tone(rgb, stretch(tone, h, w, smooth=False))
    return Sprite(np.clip(rgb, 0, 1), flat[3], (water - view[1]) * scale if water else h - 2.0)


def group(parts: list[str], shares: list[int]) -> list[tuple[str, bool]]:
    """Join neighbouring small parts.

    (svg, whether it is modelled), at most nine layers, order kept.
    """
    limit = _DETAIL
    while True:
        layers: list[tuple[str, bool]] = []
        for part, share in zip(parts, shares, strict=True):
            big = share >= limit
            if layers and not big and not layers[-1][1]:
                layers[-1] = (layers[-1][0] + part, False)
            else:
                layers.append((part, big))
        if len(layers) <= _MAX_LAYERS:
            return layers
        limit = int(limit * 1.6) + 1


def _raster(
    layers: list[tuple[str, bool]], view: tuple[float, float, float, float], w: int, h: int
) -> Field:
    """Rasterise all layers in one go, one below the other: (layers, 4, h, w) in 0..1."""
    x, y, vw, vh = view
    n = len(layers)
    tiles = "".join(
        f'<svg x="0" y="{i * h}" width="{w}" height="{h}"'
        f' viewBox="{x:.4f} {y:.4f} {vw:.4f} {vh:.4f}" preserveAspectRatio="none">{svg}</svg>'
        for i, (svg, _) in enumerate(layers)
    )
    document = f'<svg xmlns="http://www.w3.org/2000/svg" width="{w}" height="{h * n}">{tiles}</svg>'
    png = resvg_py.svg_to_bytes(svg_string=document, skip_system_fonts=True)
    with Image.open(io.BytesIO(bytes(png))) as picture:
        pixels = np.asarray(picture.convert("RGBA"))
    planes = pixels.reshape(n, h, w, 4).transpose(0, 3, 1, 2)
    out: Field = np.ascontiguousarray(planes).astype(np.float32) * f32(1 / 255)
    return out


def _model(strip: Field, modelled: list[bool], size: float, light_x: float) -> tuple[Field, Field]:
    """Stack the layers, each as a soft relief under a lamp above and beside.

    (light and shade, shadow factor).
    """
    _, _, h, w = strip.shape
    tone = np.zeros((h, w), np.float32)
    dim = np.ones((h, w), np.float32)
    alpha = np.zeros((h, w), np.float32)
    lx, ly = light_x * 0.72, -0.69
    drop = max(round(size * 0.012), 1)
    for layer, relief in zip(strip, modelled, strict=True):
        a = layer[3]
        if relief:
            shadow = shift(blur(a, size * 0.016), drop, -round(drop * light_x)) * (f32(1) - a)
            dim *= f32(1) - shadow * f32(0.3)
            shade = _relief(a, size * 0.022, lx, ly) * f32(0.5) + _relief(
                a, size * 0.06, lx, ly
            ) * f32(0.62)
            tone += (shade - tone) * a
            dim += (f32(1) - dim) * a
        alpha += (f32(1) - alpha) * a
    tone += _relief(alpha, size * 0.13, lx, ly) * f32(0.55)
    return tone, dim


def _relief(a: Field, sigma: float, lx: float, ly: float) -> Field:
    """Light (+) and shade (-), about -0.5..0.5, on the pillow whose outline is ``a``."""
    h, w = a.shape
    shrink = max(1, int(sigma / 2.5))
    small_h, small_w = max(h // shrink, 4), max(w // shrink, 4)
    small = shrink_to(a, small_h, small_w) if shrink > 1 else a
    narrow = sigma * small_h / h
    # The slope is taken before enlarging: the slope of an enlarged lattice would show its grid.
    dx, dy = slope(blur(small, narrow))
    # A step edge blurred by sigma has slope 0.4/sigma; scaled so that this becomes 0.5.
    light = (dx * f32(lx) + dy * f32(ly)) * f32(1.25 * narrow)
    light = np.clip(light, -0.5, 0.5)
    return stretch(light, h, w, smooth=False) if shrink > 1 else light


def _tone(rgb: Field, shade: Field) -> None:
    """Brighten towards white and darken towards the colour's own deep tone, in place."""
    up, down = np.clip(shade, 0, 1), np.clip(-shade, 0, 1)
    for c in range(3):
        plane = rgb[c]
        plane += (f32(1) - plane) * up * f32(0.62)
        plane *= f32(1) - down * f32((0.62, 0.7, 0.58)[c])


def recolour(parts: list[str], shares: list[int], colour: Colour) -> list[str]:
    """Give the drawing's main colour (and what is close to it) the hue of ``colour``."""
    areas: dict[str, int] = {}
    for part, share in zip(parts, shares, strict=True):
        for fill in _FILL.findall(part):
            areas[fill] = areas.get(fill, 0) + share
    # Skin-coloured and dark details are not what "a red car" speaks of.
    ranked = sorted(areas, key=lambda f: (-areas[f] * (0.35 if luma(_rgb(f)) < 0.2 else 1.0), f))
    if not ranked:
        return parts
    main = to_lab(_rgb(ranked[0]))
    target = to_lab(colour)
    table: dict[str, str] = {}
    for fill in areas:
        lab = to_lab(_rgb(fill))
        distance = ((lab[1] - main[1]) ** 2 + (lab[2] - main[2]) ** 2) ** 0.5
        if distance < 0.1 and abs(lab[0] - main[0]) < 0.35:
            light = min(max(target[0] + (lab[0] - main[0]) * 0.8, 0.08), 0.99)
            table[fill] = _hex(from_lab((light, target[1], target[2])))
    return [_FILL.sub(lambda m: f'fill="{table.get(m[1], m[1])}"', part) for part in parts]


def _rgb(text: str) -> Colour:
    return hexed(text if len(text) == 7 else "#" + "".join(c * 2 for c in text[1:4]))


def _hex(colour: Colour) -> str:
    return "#" + "".join(f"{round(v * 255):02x}" for v in colour)
