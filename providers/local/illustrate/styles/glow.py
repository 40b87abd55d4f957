"""Styles of screens and dreams: anime, fantasy, cyberpunk, vaporwave, glitch, melting forms."""

from __future__ import annotations

import numpy as np

from providers.local.illustrate.colour import gradient, hexed
from providers.local.illustrate.fields import Field, blur, f32, noise, ramp, shift
from providers.local.illustrate.stage import Stage
from providers.local.illustrate.styles.tools import (
    Pixels,
    curve,
    few,
    gray,
    lines,
    paint_of,
    pixels_of,
    planes,
    saturate,
    slanted,
    smooth,
    spread,
    vignette,
)


def _add(image: Field, light: Field, tint: str, power: float) -> None:
    """Screen a coloured light onto the picture, in place."""
    for c, part in enumerate(hexed(tint)):
        image[c] += (f32(1) - np.clip(image[c], 0, 1)) * light * f32(part * power)


def anime(pixels: Pixels, st: Stage) -> Pixels:
    """Cel paint: flat lights and shadows in clear colours, thin dark lines, a bright sky glow."""
    image = planes(smooth(pixels, st, 1.6))
    tone = gray(image)
    local = blur(tone, st.u * 0.05)
    steps = ramp(-0.03, 0.015, tone - local + f32(0.01))
    cel = np.floor(tone * f32(6) + f32(0.5)) * f32(1 / 6)
    flat = image * ((cel * f32(0.6) + tone * f32(0.4) + f32(0.05)) / (tone + f32(0.05)))
    shadow = np.clip(flat * paint_of("#9fa4e6"), 0, 1)
    flat = shadow + (flat - shadow) * (f32(0.35) + steps * f32(0.65))
    flat = saturate(np.clip(flat * f32(1.16) + f32(0.05), 0, 1), 1.5)
    ink = lines(planes(smooth(pixels, st, 0.9)), max(st.u * 0.0014, 0.7), 2.0)
    flat = flat + (paint_of("#2a1c3c") - flat) * ink * f32(0.92)
    _add(flat, blur(ramp(0.75, 1.0, tone), st.u * 0.03), "#fff4ff", 0.55)
    return pixels_of(np.clip(flat, 0, 1), st.rng)


def fantasy_art(pixels: Pixels, st: Stage) -> Pixels:
    """Enchanted light: violet shadows, a golden haze around the lights, drifting sparks."""
    image = curve(planes(smooth(pixels, st, 0.6)), 0.5)
    tone = gray(image)
    image = saturate(np.clip(image, 0, 1), 1.25)
    image = image + (paint_of("#2b1a6b") - image) * ramp(0.6, 0.0, tone) * f32(0.5)
    mist = noise(st.rng, st.h, st.w, (st.u * 0.25, st.u * 0.5), 5, 0.55)
    down = ramp(0.25, 1.0, (st.y * f32(1 / st.h)))[:, None]
    _add(image, ramp(0.45, 0.8, mist) * down, "#4fd6d8", 0.5)
    _add(image, blur(ramp(0.5, 1.0, tone), st.u * 0.045), "#ffc46b", 0.75)
    spark = np.zeros((st.h, st.w), np.float32)
    count = max(int(90 * st.w * st.h / (st.u * st.u)), 8)
    for a, b, c in st.rng.random((count, 3)).tolist():
        r = max(int(st.u * (0.001 + 0.0035 * c * c)), 1)
        y, x = int(a * (st.h - 1)), int(b * (st.w - 1))
        spark[max(y - r, 0) : y + r, max(x - r, 0) : x + r] = 1.0
    _add(image, np.clip(blur(spark, st.u * 0.008) * f32(5), 0, 1), "#ffe9a8", 0.9)
    _add(image, blur(spark, 0.9), "#ffffff", 1.0)
    return pixels_of(np.clip(image, 0, 1) * vignette(st, 0.45), st.rng)


def _parted(image: Field, by: int) -> Field:
    """Red to the left, blue to the right: a bad lens or a bad cable."""
    return np.stack([shift(image[0], 0, -by), image[1], shift(image[2], 0, by)])


def cyberpunk(pixels: Pixels, st: Stage) -> Pixels:
    """Night rain under cyan and magenta signs; wet, hazy, colour-fringed."""
    image = curve(planes(smooth(pixels, st, 0.5)), 0.8) * f32(0.72)
    tone = gray(image)
    x = (st.x * f32(1 / st.w))[None, :]
    image = image + (paint_of("#071a2e") - image) * ramp(0.55, 0.0, tone) * f32(0.75)
    _add(image, ramp(0.75, 0.0, x) * (f32(0.25) + tone), "#00d9ff", 0.55)
    _add(image, ramp(0.25, 1.0, x) * (f32(0.25) + tone), "#ff1f8f", 0.6)
    _add(image, blur(ramp(0.45, 0.9, tone), st.u * 0.03), "#ff9de0", 0.8)
    rain = ramp(0.9, 0.99, slanted(st.rng, st, max(st.u * 0.004, 2), st.u * 0.06, 0.12))
    _add(image, rain, "#bfeaff", 0.45)
    rows = np.floor(st.y * f32(1 / max(st.u * 0.004, 2)))
    scan = f32(1) - (rows - np.floor(rows * f32(0.5)) * f32(2)) * f32(0.12)
    image = _parted(np.clip(image, 0, 1), max(round(st.u * 0.0035), 1)) * scan[:, None]
    return pixels_of(np.clip(image, 0, 1) * vignette(st, 0.5), st.rng)


def vaporwave(pixels: Pixels, st: Stage) -> Pixels:
    """Pink and cyan, a striped sun and a grid that runs to the horizon, an old video tape."""
    image = planes(smooth(pixels, st, 1.0))
    tone = spread(gray(image))
    table = gradient(
        [hexed(c) for c in ("#1b0f4b", "#5b2a9d", "#ff4fa3", "#ff9fce", "#a8fff4")], 256
    )
    out = table[:, (curve(tone, 0.3) * f32(255)).astype(np.intp)]
    out = out * f32(0.8) + saturate(image, 1.2) * f32(0.2)
    horizon = st.h * 0.72
    depth = np.maximum(st.y - f32(horizon), f32(1e-3))
    across = (st.x - f32(st.w / 2))[None, :] / (depth + f32(st.u * 0.05))[:, None]
    far = f32(st.u * 0.9) / (depth + f32(st.u * 0.05))
    columns = np.abs(across * f32(1.6) - np.floor(across * f32(1.6)) - f32(0.5))
    rows = np.abs(far - np.floor(far) - f32(0.5))
    grid = np.maximum(ramp(0.44, 0.49, columns), ramp(0.4, 0.48, rows)[:, None])
    grid = grid * ramp(horizon, horizon + st.h * 0.06, st.y)[:, None]
    _add(out, grid, "#6dfcff", 0.85)
    _add(out, blur(grid, st.u * 0.006), "#6dfcff", 0.5)
    lines_ = np.floor(st.y * f32(1 / max(st.u * 0.005, 2)))
    scan = f32(1) - (lines_ - np.floor(lines_ * f32(0.5)) * f32(2)) * f32(0.1)
    out = _parted(np.clip(out, 0, 1), max(round(st.u * 0.004), 1)) * scan[:, None]
    return pixels_of(np.clip(out, 0, 1), st.rng)


def glitch_art(pixels: Pixels, st: Stage) -> Pixels:
    """Torn rows, channels out of place, blocks of wrong data."""
    image = saturate(curve(planes(pixels), 0.4), 1.4)
    bands = max(int(st.h / max(st.u * 0.02, 2)), 4)
    jump = st.rng.random(bands)
    far = np.where(
        st.rng.random(bands) < 0.4, (jump - 0.5) * st.u * 0.22, (jump - 0.5) * st.u * 0.012
    )
    row_jump = far[np.minimum((np.arange(st.h) * bands // st.h), bands - 1)].astype(np.intp)
    columns = (np.arange(st.w)[None, :] + row_jump[:, None]) % st.w
    rows = np.arange(st.h)[:, None]
    slip = max(int(st.u * 0.014), 1)
    out = np.stack([image[c][rows, (columns + (c - 1) * slip) % st.w] for c in range(3)])
    for a, b, c, d in st.rng.random((26, 4)).tolist():
        h, w = max(int(st.u * 0.012 * (1 + 3 * c)), 2), max(int(st.u * 0.2 * (0.2 + d)), 3)
        y, x = int(a * max(st.h - h, 1)), int(b * max(st.w - w, 1))
        box = out[:, y : y + h, x : x + w]
        out[:, y : y + h, x : x + w] = (f32(1) - box)[[1, 2, 0]] if c < 0.6 else box[[2, 0, 1]]
    lines_ = np.floor(st.y * f32(0.5))
    scan = f32(1) - (lines_ - np.floor(lines_ * f32(0.5)) * f32(2)) * f32(0.14)
    return pixels_of(np.clip(out * scan[:, None], 0, 1), st.rng)


def surrealist(pixels: Pixels, st: Stage) -> Pixels:
    """Forms that melt downwards under an impossible sky, a dry and distant light."""
    image = planes(pixels)
    sway = (noise(st.rng, st.h, st.w, (st.u * 0.35, st.u * 0.35), 2) - f32(0.5)) * f32(st.u * 0.3)
    drip = noise(st.rng, 2, st.w, (2, st.u * 0.07), 2)[:1]
    down = ramp(st.h * 0.25, st.h * 0.95, st.y)[:, None]
    melt = drip * drip * down * f32(st.u * 0.42)
    rows = np.clip(st.y[:, None] - melt + sway * f32(0.35), 0, st.h - 1).astype(np.intp)
    columns = np.clip(st.x[None, :] + sway * (f32(0.3) + down), 0, st.w - 1).astype(np.intp)
    out = image[:, rows, columns]
    tone = gray(out)
    warm, cold = paint_of("#e8b46a"), paint_of("#1f5c6b")
    mixed = out * f32(0.55) + (cold + (warm - cold) * curve(tone, 0.6)) * f32(0.45)
    out = curve(np.asarray(np.clip(mixed, 0, 1), np.float32), 0.5)
    _add(out, blur(ramp(0.6, 1.0, tone), st.u * 0.03), "#ffe6b0", 0.4)
    return pixels_of(np.clip(out, 0, 1) * vignette(st, 0.35), st.rng)


def steampunk(pixels: Pixels, st: Stage) -> Pixels:
    """Brass, soot and copper: engraved contours, lamplight, steam."""
    image = planes(smooth(pixels, st, 0.8))
    tone = curve(spread(gray(image)), 0.45)
    table = gradient(
        [hexed(c) for c in ("#120b07", "#4a2a14", "#9a6a2c", "#d9a95a", "#f6e3b4")], 256
    )
    out = table[:, (tone * f32(255)).astype(np.intp)] * f32(0.82) + image * f32(0.18)
    pitch = max(st.u * 0.006, 3.0)
    t = (st.y[:, None] + blur(tone, st.u * 0.02) * f32(st.u * 0.08)) * f32(1 / pitch)
    groove = np.abs(t - np.floor(t) - f32(0.5)) * f32(2)
    out *= f32(1) - ramp(0.55, 0.9, groove) * ramp(0.85, 0.3, tone) * f32(0.4)
    out = out + (paint_of("#140c07") - out) * lines(image, max(st.u * 0.002, 0.9), 1.8)
    steam = noise(st.rng, st.h, st.w, (st.u * 0.3, st.u * 0.3), 5, 0.55)
    _add(out, ramp(0.55, 0.85, steam), "#e9d9bd", 0.5)
    _add(out, blur(ramp(0.7, 1.0, tone), st.u * 0.04), "#ffb14a", 0.7)
    return pixels_of(np.clip(out, 0, 1) * vignette(st, 0.65), st.rng)


def sticker(pixels: Pixels, st: Stage) -> Pixels:
    """Kawaii sticker sheet: candy colours, fat white outlines, soft shine."""
    labels, table = few(pixels, st, 9, 2.4)
    image = planes(table[labels])
    candy = saturate(np.clip(image * f32(0.6) + f32(0.42), 0, 1), 1.7)
    inner = lines(planes(smooth(pixels, st, 1.2)), max(st.u * 0.0022, 0.9), 2.0)
    outer = np.clip(lines(image, max(st.u * 0.008, 2.0), 2.0) * f32(1.4), 0, 1)
    out = candy + (f32(1) - candy) * outer
    out = out + (paint_of("#6a3b6e") - out) * inner
    return pixels_of(np.clip(out, 0, 1), st.rng)
