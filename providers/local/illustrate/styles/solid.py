"""Styles with a third dimension: clay, modelling compound, a rendered model, layered paper."""

from __future__ import annotations

import cv2
import numpy as np

from providers.local.illustrate.colour import gradient, luma, mix
from providers.local.illustrate.fields import Field, blur, f32, noise, ramp, shift
from providers.local.illustrate.stage import Stage
from providers.local.illustrate.styles.tools import (
    Pixels,
    borders,
    curve,
    few,
    gray,
    paint_of,
    paper,
    pixels_of,
    planes,
    relief,
    saturate,
    shifted,
    smooth,
    spread,
    vignette,
)


def _domes(pixels: Pixels, st: Stage, colours: int, reach: float) -> tuple[Field, Field]:
    """Flat colours, and a height 0..1 that rises from their borders over ``reach`` pixels."""
    labels, table = few(pixels, st, colours, 2.2)
    away = np.where(borders(labels, 1) > 0.3, np.uint8(0), np.uint8(255))
    far = cv2.distanceTransform(away, cv2.DIST_L2, 5)
    t = np.clip(far * f32(1 / reach), 0, 1).astype(np.float32)
    height = np.sqrt(t * (f32(2) - t))
    return planes(table[labels]), blur(height, max(reach * 0.12, 0.8))


def _shine(light: Field, above: float) -> Field:
    """The glossy spot: only what faces the light."""
    t = ramp(above, 1.0, light)
    return t * t * t


def clay(pixels: Pixels, st: Stage) -> Pixels:
    """Matt clay under warm studio light, pressed by thumbs."""
    wobbly = pixels_of(shifted(planes(pixels), st.rng, st, st.u * 0.008, st.u * 0.05))
    colour, height = _domes(wobbly, st, 11, st.u * 0.03)
    thumb = noise(st.rng, st.h, st.w, (st.u * 0.05, st.u * 0.05), 3, 0.5)
    ridge = noise(st.rng, st.h, st.w, (st.u * 0.25, st.u * 0.25), 2) * f32(st.u * 0.09)
    print_ = np.abs(ridge * f32(0.25) - np.floor(ridge * f32(0.25)) - f32(0.5))
    form = height * f32(0.72) + thumb * f32(0.22) + print_ * ramp(0.5, 0.75, thumb) * f32(0.025)
    light = relief(form, st.u * 0.032)
    dark = blur(height, st.u * 0.012)
    tinted = saturate(colour * f32(0.86) + f32(0.06), 0.92) * paint_of("#ffe9cf")
    out = tinted * (f32(0.3) + light * f32(1.1)) * (f32(0.68) + dark * f32(0.42))
    return pixels_of(np.clip(out, 0, 1) * vignette(st, 0.35), st.rng)


def modeling_compound(pixels: Pixels, st: Stage) -> Pixels:
    """Bright, shiny plasticine: rolled flat, rounded at its edges."""
    colour, height = _domes(pixels, st, 9, st.u * 0.014)
    bump = noise(st.rng, st.h, st.w, (st.u * 0.015, st.u * 0.015), 2)
    light = relief(height * f32(0.6) + bump * f32(0.05), st.u * 0.022)
    vivid = saturate(curve(np.clip(colour * f32(0.9) + f32(0.1), 0, 1), 0.3), 1.75)
    out = vivid * (f32(0.3) + light * f32(0.92))
    out = out + (f32(1) - np.clip(out, 0, 1)) * _shine(light, 0.8) * f32(0.55)
    gap = ramp(0.32, 0.0, height)
    out = out * (f32(1) - gap * f32(0.55))
    return pixels_of(np.clip(out, 0, 1), st.rng)


def model_3d(pixels: Pixels, st: Stage) -> Pixels:
    """A render: forms blown up by their tone, cold fill light, gloss, soft occlusion."""
    image = planes(smooth(pixels, st, 1.3))
    colour, height = _domes(pixels, st, 12, st.u * 0.045)
    tone = blur(gray(image), st.u * 0.006)
    light = relief(height * f32(0.8) + tone * f32(0.5), st.u * 0.045)
    base = colour * f32(0.55) + image * f32(0.45)
    base = base * f32(0.8) + paint_of("#b9c2d0") * f32(0.2)
    near, far = blur(height, st.u * 0.01), blur(height, st.u * 0.04)
    occlusion = np.clip(f32(0.5) + (height - far) * f32(0.5) + near * f32(0.45), 0.25, 1.1)
    out = base * (f32(0.16) + light * f32(1.05)) * occlusion
    out += paint_of("#31507f") * ramp(0.65, 0.2, light) * f32(0.35)
    out = out + (f32(1) - np.clip(out, 0, 1)) * _shine(light, 0.86) * f32(0.8)
    return pixels_of(np.clip(out, 0, 1) * vignette(st, 0.3), st.rng)


def paper_cut(pixels: Pixels, st: Stage) -> Pixels:
    """A light box: sheets of one hue after another, each throwing a soft shadow on the next."""
    image = planes(smooth(pixels, st, 3.4))
    tone = blur(spread(gray(image)), st.u * 0.006)
    order = np.sort(tone[::7, ::7], axis=None)
    inks = sorted([*st.pal.accent[:2], st.pal.shade, st.pal.haze], key=luma)
    inks = [mix(inks[0], (0.05, 0.04, 0.1), 0.3), *inks[1:], mix(inks[-1], (1.0, 0.98, 0.94), 0.6)]
    levels = 7
    table = gradient(inks, levels)
    out = np.broadcast_to(table[:, levels - 1, None, None], image.shape).copy()
    for k in range(levels - 1, 0, -1):
        level = 0.55 * float(order[int(order.size * k / levels)]) + 0.45 * k / levels
        sheet = ramp(0.006, -0.006, tone - f32(level))
        d = max(int(st.u * 0.006), 1)
        shadow = blur(shift(sheet, d * 2, d), st.u * 0.013) * (f32(1) - sheet)
        out *= f32(1) - shadow * f32(0.5)
        leaf = table[:, k - 1, None, None] * paper(st.rng, st, 0.1)
        out = out + (leaf - out) * sheet
        out += (sheet - shift(sheet, 2, 1) * sheet) * f32(0.1)
    hue = saturate(image, 1.2)
    out += (hue - out) * f32(0.14)
    return pixels_of(np.clip(out, 0, 1), st.rng)
