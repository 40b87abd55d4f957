"""Styles of the camera: light, lens and film that a photographer would choose."""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image

from providers.local.illustrate.colour import between, hexed
from providers.local.illustrate.fields import Field, blur, f32, fall, noise, ramp
from providers.local.illustrate.stage import Stage
from providers.local.illustrate.styles.tools import (
    Pixels,
    curve,
    gray,
    paint_of,
    pixels_of,
    planes,
    saturate,
    slanted,
    spread,
    vignette,
)


def _interest(pixels: Pixels, st: Stage) -> tuple[float, float]:
    """Where the eye goes, pixels (x, y): colour that differs from the whole, near the middle."""
    image = planes(pixels)
    wide = np.stack([blur(plane, st.u * 0.22) for plane in image])
    apart = blur(np.clip(np.abs(image - wide).sum(axis=0) * f32(0.8), 0, 1), st.u * 0.04)
    dx, dy = (st.x * f32(2 / st.w) - f32(1))[None, :], (st.y * f32(2 / st.h) - f32(1.2))[:, None]
    apart = apart * apart * apart * ramp(1.2, 0.1, dx * dx + dy * dy)
    total = float(apart.sum()) + 1e-6
    x = float((apart * st.x[None, :]).sum()) / total
    y = float((apart * st.y[:, None]).sum()) / total
    return x, y


def _focused(pixels: Pixels, st: Stage, sharp: float, soft: float) -> Field:
    """Sharp within an ellipse around what interests; else blurred with round highlights."""
    x, y = _interest(pixels, st)
    dx, dy = (st.x - f32(x))[None, :], (st.y - f32(y))[:, None]
    away = np.sqrt(dx * dx + dy * dy) * f32(1 / st.u)
    share = ramp(sharp, sharp * 2.1, away)
    image = planes(pixels)
    size = max(int(st.u * soft), 1) * 2 + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)).astype(np.float32)
    bright = (np.clip(image * image, 0, 1) * f32(65535)).astype(np.uint16)
    out = np.empty_like(image)
    for c in range(3):
        bokeh = cv2.filter2D(
            bright[c].astype(np.float32), -1, disc / disc.sum(), borderType=cv2.BORDER_REPLICATE
        )
        plane = np.sqrt(np.clip(bokeh, 0, 65535) * f32(1 / 65535))
        plane = np.floor(plane * f32(1023) + f32(0.5)) * f32(1 / 1023)
        out[c] = image[c] + (plane - image[c]) * share
    return out


def _grain(image: Field, st: Stage, strength: float) -> Field:
    size = max(st.u / 1000, 1.0) * 1.5
    grain = noise(st.rng, st.h, st.w, (size, size), 2, 0.7) - f32(0.5)
    return image + grain * f32(strength)


def photographic(pixels: Pixels, st: Stage) -> Pixels:
    """A natural print: shallow focus, soft contrast, restrained colours, fine grain."""
    image = _focused(pixels, st, 0.3, 0.008)
    image = saturate(curve(image, 0.55), 0.74) * f32(0.95)
    tone = gray(image)
    image = image + (paint_of("#fff2dc") * tone - image) * f32(0.12)
    glow = blur(ramp(0.65, 1.0, tone), st.u * 0.02)
    image = image + (f32(1) - np.clip(image, 0, 1)) * glow * f32(0.2)
    return pixels_of(np.clip(_grain(image, st, 0.09) * vignette(st, 0.5), 0, 1), st.rng)


def noir(pixels: Pixels, st: Stage) -> Pixels:
    """Black and white, hard light through blinds, deep shadow, grain."""
    tone = curve(curve(spread(gray(planes(pixels))), 0.8), 0.5)
    pitch = st.u * 0.085
    t = (st.y[:, None] - st.x[None, :] * f32(0.28)) * f32(1 / pitch)
    slat = np.abs(t - np.floor(t) - f32(0.5)) * f32(2)
    window = ramp(0.5, 0.62, slat)
    x = (st.x * f32(1 / st.w))[None, :]
    beam = ramp(0.02, 0.3, x) * ramp(1.0, 0.65, x)
    light = f32(0.3) + blur(window, st.u * 0.004) * beam * f32(0.85)
    image = between(hexed("#07080a"), hexed("#f1efe9"), np.clip(tone * light * f32(1.2), 0, 1))
    image = _grain(image, st, 0.16) * vignette(st, 0.75)
    return pixels_of(np.clip(image, 0, 1), st.rng)


def golden_hour(pixels: Pixels, st: Stage) -> Pixels:
    """Low sun from the side: amber light, long flare, dust in the air."""
    image = curve(planes(pixels), 0.3)
    tone = gray(image)
    image = image * paint_of("#ffd9a0") * f32(1.05) + paint_of("#5a2408") * ramp(
        0.5, 0.0, tone
    ) * f32(0.3)
    dx, dy = (st.x - f32(st.w * 0.08)) * f32(1 / st.u), (st.y - f32(st.h * 0.2)) * f32(1 / st.u)
    d2 = (dx * dx)[None, :] * f32(1.6) + (dy * dy)[:, None] * f32(2.4)
    flare = fall(np.asarray(d2 * f32(3.2), np.float32), 1)
    for c, power in enumerate((0.95, 0.62, 0.2)):
        image[c] += (f32(1) - np.clip(image[c], 0, 1)) * flare * f32(power)
    dust = ramp(0.72, 0.85, noise(st.rng, st.h, st.w, (st.u * 0.02, st.u * 0.02), 2, 0.6))
    image = image + paint_of("#ffcf80") * blur(dust, st.u * 0.003) * flare * f32(0.3)
    return pixels_of(np.clip(image, 0, 1), st.rng)


def macro(pixels: Pixels, st: Stage) -> Pixels:
    """Close up: 1.7 times nearer, all but the point of interest far out of focus."""
    x, y = _interest(pixels, st)
    w, h = max(int(st.w / 1.7), 1), max(int(st.h / 1.7), 1)
    left = min(max(int(x - w / 2), 0), st.w - w)
    top = min(max(int(y - h / 2), 0), st.h - h)
    # Pillow's resampling is in integers, OpenCV's cubic one is not the same on every processor.
    crop = Image.fromarray(pixels[top : top + h, left : left + w])
    near = np.asarray(crop.resize((st.w, st.h), Image.Resampling.BICUBIC))
    image = saturate(curve(_focused(near, st, 0.2, 0.022), 0.3), 1.25)
    return pixels_of(np.clip(image * vignette(st, 0.35), 0, 1), st.rng)


def editorial(pixels: Pixels, st: Stage) -> Pixels:
    """A magazine page: cool, clean, bleached, with a white border."""
    image = planes(pixels)
    tone = gray(image)
    bleached = np.clip(image * f32(0.5) + tone * f32(0.5), 0, 1)
    bleached = curve(bleached, 0.95) * f32(0.93) + f32(0.06)
    cold = paint_of("#cfe0ee")
    bleached = bleached * (f32(1) + (cold - f32(1)) * ramp(0.75, 0.1, tone))
    edge = st.u * 0.05
    x, y = np.minimum(st.x, f32(st.w) - st.x)[None, :], np.minimum(st.y, f32(st.h) - st.y)[:, None]
    inside = ramp(edge - 0.7, edge + 0.7, np.minimum(x, y))
    return pixels_of(np.clip(f32(0.985) + (bleached - f32(0.985)) * inside, 0, 1), st.rng)


def product(pixels: Pixels, st: Stage) -> Pixels:
    """A light tent: surroundings fade to seamless white, the middle is crisp and evenly lit."""
    x, y = _interest(pixels, st)
    dx, dy = (st.x - f32(x))[None, :], (st.y - f32(y))[:, None]
    away = np.sqrt(dx * dx + dy * dy) * f32(1 / st.u)
    image = planes(pixels)
    tone = gray(image)
    local = tone - blur(tone, st.u * 0.03)
    image = np.clip(image + local * f32(0.4), 0, 1)
    image = saturate(np.clip(image * f32(1.12) + f32(0.06), 0, 1), 1.12)
    floor = (st.y * f32(1 / st.h))[:, None] * f32(-0.07) + f32(0.985)
    shade = ramp(0.2, 0.5, away) * f32(0.93)
    return pixels_of(np.clip(image + (floor - image) * shade, 0, 1), st.rng)


def vintage_photo(pixels: Pixels, st: Stage) -> Pixels:
    """A print from 1900: sepia, pale, spotted, scratched, on yellowed card."""
    tone = curve(spread(gray(planes(pixels))), 0.25) * f32(0.8) + f32(0.12)
    cloud = noise(st.rng, st.h, st.w, (st.u * 0.3, st.u * 0.3), 5, 0.6)
    tone = tone + (cloud - f32(0.5)) * f32(0.28)
    image = between(hexed("#2b1a0e"), hexed("#f1dfbd"), np.clip(tone, 0, 1))
    spots = ramp(0.8, 0.86, noise(st.rng, st.h, st.w, (st.u * 0.012, st.u * 0.012), 2))
    scratch = ramp(0.965, 0.985, slanted(st.rng, st, st.u * 0.02, st.u * 0.004, 1.9))
    image = image + (paint_of("#f7ecd2") - image) * np.maximum(spots * f32(0.4), scratch * f32(0.5))
    image = _grain(image, st, 0.1) * vignette(st, 0.6)
    edge = st.u * 0.045
    x, y = np.minimum(st.x, f32(st.w) - st.x)[None, :], np.minimum(st.y, f32(st.h) - st.y)[:, None]
    inside = ramp(edge - 1, edge + 1, np.minimum(x, y) + (cloud - f32(0.5)) * f32(edge * 0.25))
    card = paint_of("#e6d3a8") * (f32(0.92) + cloud * f32(0.16))
    return pixels_of(np.clip(card + (image - card) * inside, 0, 1), st.rng)
