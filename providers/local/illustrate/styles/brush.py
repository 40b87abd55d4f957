"""Styles of single brush strokes: oil, impressionist, points, gouache, story book.

Strokes after Hertzmann, "Painterly rendering with curved brush strokes of multiple sizes" (1998):
coarse brushes first, finer ones only where the canvas is still far from the picture.
"""

from __future__ import annotations

import cv2
import numpy as np

from providers.local.illustrate.colour import hexed
from providers.local.illustrate.fields import Field, blur, f32, noise, ramp, slope
from providers.local.illustrate.stage import Stage
from providers.local.illustrate.styles.tools import (
    Pixels,
    curve,
    few,
    gray,
    lines,
    paint_of,
    paper,
    pixels_of,
    planes,
    relief,
    saturate,
    shifted,
    smooth,
)

_NEAR = 22
"""Levels of difference that a finer brush does not care about."""


def _strokes(
    pixels: Pixels, st: Stage, brushes: tuple[float, ...], long: float, loose: int
) -> Pixels:
    """Paint ``pixels`` with brushes (radius as a share of the unit length), coarse ones first.

    Args:
        pixels: what is painted.
        st: its stage.
        brushes: radii.
        long: length of a stroke in radii.
        loose: levels by which the colours of strokes differ.
    """
    canvas = smooth(pixels, st, 3.0)
    flow_x, flow_y = _flow(pixels, st)
    for number, share in enumerate(brushes):
        radius = max(st.u * share, 1.2)
        reference = cv2.GaussianBlur(pixels, (0, 0), radius * 0.7)
        step = max(radius * 1.1, 2.0)
        rows, columns = int(st.h / step) + 1, int(st.w / step) + 1
        ys, xs = np.mgrid[0:rows, 0:columns].reshape(2, -1)
        order = st.rng.permutation(ys.size)
        jitter = st.rng.random((ys.size, 2)) - 0.5
        y = np.clip(((ys + 0.5 + jitter[:, 0]) * step).astype(np.intp), 0, st.h - 1)
        x = np.clip(((xs + 0.5 + jitter[:, 1]) * step).astype(np.intp), 0, st.w - 1)
        change = st.rng.integers(-loose, loose + 1, (ys.size, 1)) + st.rng.integers(
            -loose // 2, loose // 2 + 1, (ys.size, 3)
        )
        colours = np.clip(reference[y, x].astype(np.int64) + change, 0, 255)
        far = np.abs(canvas[y, x].astype(np.int64) - reference[y, x]).max(axis=1)
        keep = order[(far[order] > _NEAR) | (number == 0)]
        half = radius * long / 2
        x0, y0 = x - flow_x[y, x] * half, y - flow_y[y, x] * half
        x1, y1 = x + flow_x[y, x] * half, y + flow_y[y, x] * half
        ends = np.round(np.stack([x0, y0, x1, y1], 1)).astype(np.int64).tolist()
        tints = colours.tolist()
        wide = max(round(radius * 1.5), 1)
        for k in keep.tolist():
            a, b, c, d = ends[k]
            cv2.line(canvas, (a, b), (c, d), tints[k], wide, cv2.LINE_8)
    return canvas


def _flow(pixels: Pixels, st: Stage) -> tuple[Field, Field]:
    """Unit vectors along which a painter would draw: along edges, else by a slow noise."""
    tone = blur(gray(planes(pixels)), st.u * 0.008)
    dx, dy = slope(tone)
    strength = np.sqrt(dx * dx + dy * dy)
    drift = noise(st.rng, st.h, st.w, (st.u * 0.4, st.u * 0.4), 2) * f32(2) - f32(1)
    share = ramp(0.0005, 0.004, strength)
    safe = np.maximum(strength, f32(1e-6))
    # The sign of an edge's direction means nothing; strokes to the right keep neighbours alike.
    side = np.where(dy <= 0, f32(1), f32(-1)).astype(np.float32)
    along_x, along_y = -dy / safe * side, dx / safe * side
    fx = along_x * share + (f32(1) - share) * f32(0.9)
    fy = along_y * share + (f32(1) - share) * drift
    size = np.sqrt(fx * fx + fy * fy) + f32(1e-6)
    return np.asarray(fx / size, np.float32), np.asarray(fy / size, np.float32)


def _impasto(painted: Pixels, st: Stage, depth: float) -> Field:
    """The light on thick paint: bristles are the differences between strokes."""
    image = planes(painted)
    weave = noise(st.rng, st.h, st.w, (2.4, 2.4), 1)
    light = relief(blur(gray(image), 0.8) * f32(0.8) + weave * f32(0.06), depth)
    return np.clip(image * (f32(0.45) + light * f32(0.75)), 0, 1)


def oil_painting(pixels: Pixels, st: Stage) -> Pixels:
    """Thick strokes from broad to fine, lit from the side."""
    rich = pixels_of(saturate(curve(planes(pixels), 0.35), 1.2))
    painted = _strokes(rich, st, (0.018, 0.009, 0.0045), 5.0, 9)
    return pixels_of(_impasto(painted, st, 9.0), st.rng)


def impressionist(pixels: Pixels, st: Stage) -> Pixels:
    """Short dabs of broken, bright colour."""
    image = planes(pixels)
    light = saturate(np.clip(image * f32(0.84) + f32(0.17), 0, 1), 1.45)
    painted = _strokes(pixels_of(light), st, (0.013, 0.008), 2.6, 26)
    return pixels_of(_impasto(painted, st, 5.0), st.rng)


def pointillist(pixels: Pixels, st: Stage) -> Pixels:
    """Points of pure colour next to each other on a light ground."""
    image = saturate(np.clip(planes(smooth(pixels, st, 0.8)) * f32(0.95) + f32(0.05), 0, 1), 1.6)
    source = pixels_of(image)
    canvas = np.empty_like(source)
    canvas[:] = (236, 228, 210)
    radius = max(st.u * 0.0052, 1.4)
    count = int(st.w * st.h / (radius * radius) * 0.85)
    x = st.rng.integers(0, st.w, count)
    y = st.rng.integers(0, st.h, count)
    hue = st.rng.integers(-46, 47, (count, 3))
    size = st.rng.integers(70, 112, count)
    tints = np.clip(source[y, x].astype(np.int64) + hue, 0, 255).tolist()
    spots = np.stack([x, y, size], 1).tolist()
    for (cx, cy, share), tint in zip(spots, tints, strict=True):
        r16 = int(radius * share * 0.16)
        cv2.circle(canvas, (cx << 4, cy << 4), r16, tint, -1, cv2.LINE_AA, 4)
    return canvas


def gouache(pixels: Pixels, st: Stage) -> Pixels:
    """Flat, chalky, opaque areas with a dry brush at their edges."""
    wobbly = pixels_of(
        shifted(planes(smooth(pixels, st, 1.4)), st.rng, st, st.u * 0.005, st.u * 0.03)
    )
    labels, table = few(wobbly, st, 14, 2.0)
    image = planes(table[labels])
    image = saturate(np.clip(image * f32(0.78) + f32(0.17), 0, 1), 1.25)
    dry = noise(st.rng, st.h, st.w, (max(st.u * 0.004, 2), st.u * 0.05), 3, 0.7)
    broad = noise(st.rng, st.h, st.w, (st.u * 0.02, st.u * 0.14), 3, 0.6)
    image *= f32(1) + (dry - f32(0.5)) * f32(0.16) + (broad - f32(0.5)) * f32(0.22)
    return pixels_of(np.clip(image * paper(st.rng, st, 0.09), 0, 1), st.rng)


def storybook(pixels: Pixels, st: Stage) -> Pixels:
    """A page of a picture book: pale washes, brown pencil, fading into the paper."""
    image = planes(smooth(pixels, st, 1.6))
    wash = shifted(image, st.rng, st, st.u * 0.004, st.u * 0.04)
    wash = saturate(np.clip(wash * f32(0.62) + f32(0.38), 0, 1), 1.35)
    wash *= paint_of("#fff3da")
    cloud = noise(st.rng, st.h, st.w, (st.u * 0.15, st.u * 0.15), 4, 0.6)
    wash *= f32(1) + (cloud - f32(0.5)) * f32(0.28)
    grain = noise(st.rng, st.h, st.w, (2.2, 2.2), 2, 0.7)
    pencil = np.maximum(
        lines(image, max(st.u * 0.0013, 0.7), 1.7), lines(image, max(st.u * 0.003, 1.0)) * f32(0.7)
    )
    pencil = np.clip(pencil * (f32(0.4) + grain * f32(0.8)), 0, 0.85)
    brown = np.asarray(hexed("#5b3a24"), np.float32)[:, None, None]
    wash = wash + (brown - wash) * pencil
    dx, dy = (st.x * f32(2 / st.w) - f32(1))[None, :], (st.y * f32(2 / st.h) - f32(1))[:, None]
    rim = np.maximum(np.abs(dx), np.abs(dy)) + (cloud - f32(0.5)) * f32(0.25)
    page = paint_of("#fbf3e1") * paper(st.rng, st, 0.03)
    return pixels_of(np.clip(page + (wash - page) * ramp(0.98, 0.8, rim), 0, 1), st.rng)
