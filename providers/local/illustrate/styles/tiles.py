"""Styles laid from pieces of one kind: glass, stones, cubes, stitches, and a seamless tile."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from providers.local.illustrate.colour import hexed
from providers.local.illustrate.fields import Field, blur, f32, noise, ramp
from providers.local.illustrate.stage import Stage
from providers.local.illustrate.styles.tools import (
    Pixels,
    borders,
    curve,
    few,
    gray,
    lines,
    paint_of,
    pixels_of,
    planes,
    saturate,
    smooth,
)


def stained_glass(pixels: Pixels, st: Stage) -> Pixels:
    """Panes of glowing glass cut along the picture's shapes, held by lead."""
    shapes, _ = few(pixels, st, 9, 2.6)
    cells = _cells(st, max(st.u / 13, 8.0))
    panes = cells.astype(np.int64) * 16 + shapes
    _, labels = np.unique(panes, return_inverse=True)
    labels = labels.reshape(st.h, st.w)
    image = planes(pixels)
    area = np.bincount(labels.ravel()).astype(np.float64)
    mean = np.stack([np.bincount(labels.ravel(), plane.ravel()) / area for plane in image])
    glass = saturate(curve(mean.astype(np.float32)[:, labels], 0.3), 1.75)
    each = st.rng.random(area.size, np.float32)[labels]
    ripple = noise(st.rng, st.h, st.w, (st.u * 0.02, st.u * 0.012), 3, 0.6)
    lead = borders(labels, max(round(st.u * 0.007), 3))
    middle = f32(1) - blur(lead, st.u * 0.014)
    glass = glass * (f32(0.55) + middle * f32(0.5) + each * f32(0.22) + ripple * f32(0.28))
    glass = np.clip(glass + f32(0.03), 0, 1)
    metal = paint_of("#15161a") + blur(lead, 1.5) * ripple * f32(0.14)
    return pixels_of(np.clip(glass + (metal - glass) * lead, 0, 1), st.rng)


def _cells(st: Stage, size: float) -> NDArray[np.int32]:
    """The number of the nearest of randomly placed points, for each pixel."""
    seeds = np.full((st.h, st.w), 255, np.uint8)
    rows, columns = max(int(st.h / size), 1), max(int(st.w / size), 1)
    place = st.rng.random((rows, columns, 2))
    y = ((np.arange(rows)[:, None] + place[:, :, 0]) * st.h / rows).astype(np.intp)
    x = ((np.arange(columns)[None, :] + place[:, :, 1]) * st.w / columns).astype(np.intp)
    seeds[np.minimum(y, st.h - 1), np.minimum(x, st.w - 1)] = 0
    _, labels = cv2.distanceTransformWithLabels(
        seeds, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    return np.asarray(labels, np.int32)


def mosaic(pixels: Pixels, st: Stage) -> Pixels:
    """Small stones, each a little turned, in light mortar."""
    source = pixels_of(saturate(curve(planes(smooth(pixels, st, 0.8)), 0.4), 1.3))
    size = max(st.u / 62, 5.0)
    rows, columns = int(st.h / size) + 2, int(st.w / size) + 2
    canvas = np.empty_like(source)
    canvas[:] = (205, 198, 186)
    turn = (st.rng.random((rows, columns)) - 0.5) * 0.5
    jitter = (st.rng.random((rows, columns, 2)) - 0.5) * size * 0.16
    tone = st.rng.integers(-20, 21, (rows, columns))
    half = size * 0.44
    for r in range(rows):
        for c in range(columns):
            x = (c + (0.5 if r % 2 else 0.0)) * size + jitter[r, c, 0]
            y = (r + 0.5) * size + jitter[r, c, 1]
            px, py = min(max(int(x), 0), st.w - 1), min(max(int(y), 0), st.h - 1)
            a, b = half, half * float(turn[r, c])
            corners = [(x - a - b, y - a + b), (x + a - b, y - a - b)]
            corners += [(x + a + b, y + a - b), (x - a + b, y + a + b)]
            fixed = np.round(np.asarray(corners) * 16).astype(np.int32)
            tint = [int(min(max(int(v) + tone[r, c], 0), 255)) for v in source[py, px]]
            cv2.fillConvexPoly(canvas, fixed, tint, cv2.LINE_AA, 4)
    image = planes(canvas)
    tones = gray(image)
    bevel = tones - np.roll(tones, (1, 1), (0, 1))
    bevel[0], bevel[:, 0] = 0, 0
    image = image + np.clip(bevel, -0.12, 0.12) * f32(0.8)
    gloss = noise(st.rng, st.h, st.w, (size * 0.7, size * 0.7), 2) - f32(0.5)
    return pixels_of(np.clip(image * (f32(1) + gloss * f32(0.16)), 0, 1), st.rng)


def isometric(pixels: Pixels, st: Stage) -> Pixels:
    """Cubes in isometric projection: each shows a light top, a middle and a dark side."""
    source = pixels_of(saturate(curve(planes(smooth(pixels, st, 1.0)), 0.3), 1.2))
    half = max(st.u / 56, 4.0)
    rise = half * 0.57735
    canvas = np.empty_like(source)
    rows, columns = int(st.h / (rise * 3)) + 3, int(st.w / (half * 2)) + 3
    jitter = st.rng.integers(-5, 6, (rows, columns))
    for r in range(rows):
        for c in range(columns):
            x = (c - 0.5 + (0.5 if r % 2 else 0.0)) * half * 2
            y = (r - 1) * rise * 3
            px, py = min(max(int(x), 0), st.w - 1), min(max(int(y + rise), 0), st.h - 1)
            base = source[py, px].astype(np.int64) + jitter[r, c]
            top = ((x, y - rise), (x + half, y), (x, y + rise), (x - half, y))
            left = ((x - half, y), (x, y + rise), (x, y + rise * 3), (x - half, y + rise * 2))
            right = ((x + half, y), (x, y + rise), (x, y + rise * 3), (x + half, y + rise * 2))
            for corners, gain, add in ((top, 255, 34), (left, 205, 0), (right, 138, 0)):
                fixed = np.round(np.asarray(corners) * 16).astype(np.int32)
                tint = np.clip(base * gain // 255 + add, 0, 255).tolist()
                cv2.fillConvexPoly(canvas, fixed, tint, cv2.LINE_8, 4)
    return canvas


def tile_texture(pixels: Pixels, st: Stage) -> Pixels:
    """A tile: mirrored in both directions, its opposite edges fit, so it can be laid endlessly."""
    h, w = -(-st.h // 2), -(-st.w // 2)
    small = cv2.resize(pixels, (w, h), interpolation=cv2.INTER_AREA)
    small = pixels_of(saturate(curve(planes(small), 0.3), 1.25))
    row = np.concatenate([small, small[:, ::-1]], 1)
    whole = np.concatenate([row, row[::-1]], 0)
    # Of an odd side the middle line is left out, never an edge.
    y = np.r_[0:h, 2 * h - st.h + h : 2 * h] if st.h % 2 else np.arange(st.h)
    x = np.r_[0:w, 2 * w - st.w + w : 2 * w] if st.w % 2 else np.arange(st.w)
    return np.ascontiguousarray(whole[y][:, x])


_SCHOOL = ("#d62d20", "#1f4fa3", "#f5c518", "#141414", "#f3ecdc", "#8a8f94", "#e07b39")


def bauhaus(pixels: Pixels, st: Stage) -> Pixels:
    """Squares, quarter circles, discs and triangles in primary colours: each cell the best fit."""
    cell = max(round(st.u / 26), 6)
    rows, columns = -(-st.h // cell), -(-st.w // cell)
    padded = np.pad(pixels, ((0, rows * cell - st.h), (0, columns * cell - st.w), (0, 0)), "edge")
    source = saturate(curve(planes(smooth(padded, st, 0.8)), 0.6), 1.7)
    inks = np.asarray([hexed(c) for c in _SCHOOL], np.float32)
    shapes = _shapes(cell)
    share = np.stack([shapes, f32(1) - shapes])
    total = np.maximum(share.sum(axis=(2, 3)), f32(1e-3))
    out = np.empty_like(source)
    for r in range(rows):
        for c in range(columns):
            box = np.s_[:, r * cell : (r + 1) * cell, c * cell : (c + 1) * cell]
            patch = source[box]
            means = np.einsum("skyx,pyx->skp", share, patch, optimize=False) / total[:, :, None]
            apart = ((means[:, :, None] - inks) ** 2).sum(axis=3)
            pick = apart.argmin(axis=2)
            # The best shape parts the cell into the two most different, still well-met colours.
            contrast = ((means[0] - means[1]) ** 2).sum(axis=1)
            best = int((contrast - apart.min(axis=2).sum(axis=0) * f32(0.1)).argmax())
            one, two = inks[pick[0, best]], inks[pick[1, best]]
            out[box] = two[:, None, None] + (one - two)[:, None, None] * shapes[best]
    return pixels_of(np.clip(out[:, : st.h, : st.w], 0, 1))


def _shapes(n: int) -> Field:
    """Masks of n x n: quarter circles, triangles, halves, a disc."""
    t = (np.arange(n, dtype=np.float32) + f32(0.5)) * f32(1 / n)
    x, y = t[None, :], t[:, None]
    soft = 0.7 / n
    found = [
        ramp(1 + soft, 1 - soft, np.sqrt((x - f32(cx)) ** 2 + (y - f32(cy)) ** 2))
        for cx, cy in ((0, 0), (1, 0), (0, 1), (1, 1))
    ]
    found += [ramp(-soft, soft, x - y + x * 0), ramp(-soft, soft, x + y - f32(1))]
    found += [np.broadcast_to(ramp(-soft, soft, v - f32(0.5)), (n, n)) for v in (x, y)]
    found += [ramp(0.42 + soft, 0.42 - soft, np.sqrt((x - f32(0.5)) ** 2 + (y - f32(0.5)) ** 2))]
    return np.stack(found).astype(np.float32)


def cross_stitch(pixels: Pixels, st: Stage) -> Pixels:
    """Crosses of thread in 24 colours on cloth."""
    block = max(4, round(min(st.u, 1400) / 84))
    rows, columns = -(-st.h // block), -(-st.w // block)
    padded = np.pad(pixels, ((0, rows * block - st.h), (0, columns * block - st.w), (0, 0)), "edge")
    small = cv2.resize(padded, (columns, rows), interpolation=cv2.INTER_AREA)
    labels, table = (
        few(small, Stage(columns, rows, st.rng, st.pal), 24, 0.1)
        if min(rows, columns) > 8
        else (np.zeros((rows, columns), np.uint8), small.reshape(-1, 3)[:1])
    )
    threads = saturate(curve(planes(table[labels]), 0.5), 1.6)
    t = (np.arange(block, dtype=np.float32) + f32(0.5)) * f32(1 / block)
    x, y = t[None, :], t[:, None]
    one, two = np.abs(x - y), np.abs(x + y - f32(1))
    over, under = ramp(0.42, 0.28, one), ramp(0.42, 0.28, two)
    shade = np.maximum(under * (f32(0.62) + two), over * (f32(0.8) + one))
    cover = np.maximum(over, under)
    big = threads.repeat(block, 1).repeat(block, 2)
    shades, covers = (np.tile(m, (rows, columns)) for m in (shade, cover))
    weave = noise(st.rng, rows * block, columns * block, (2.2, 2.2), 1) - f32(0.5)
    cloth = paint_of("#efe7d6") * (f32(0.94) + weave * f32(0.12))
    out = cloth + (big * (shades + weave * f32(0.25)) - cloth) * covers
    return pixels_of(np.clip(out[:, : st.h, : st.w], 0, 1), st.rng)


def shards(pixels: Pixels, st: Stage) -> Pixels:
    """Cubist: large facets, each seen from a slightly different place, in earthen colours."""
    cells = _cells(st, max(st.u / 7, 10.0))
    count = int(cells.max()) + 1
    move = (st.rng.random((count, 2), np.float32) - f32(0.5)) * f32(st.u * 0.09)
    light = st.rng.random((count, 3), np.float32)
    rows = np.clip(st.y[:, None] - f32(0.5) + move[cells, 0], 0, st.h - 1).astype(np.intp)
    columns = np.clip(st.x[None, :] - f32(0.5) + move[cells, 1], 0, st.w - 1).astype(np.intp)
    image = planes(smooth(pixels, st, 1.8))[:, rows, columns]
    across = (st.x * f32(2 / st.u))[None, :] * (light[cells, 1] - f32(0.5))
    down = (st.y * f32(2 / st.u))[:, None] * (light[cells, 2] - f32(0.5))
    facet = across + down
    wave = np.abs(facet * f32(0.5) - np.floor(facet * f32(0.5)) - f32(0.5)) * f32(2)
    shade = f32(0.62) + light[cells, 0] * f32(0.4) + wave * f32(0.3)
    tone = gray(image)
    earth = paint_of("#8f7a58")
    muted = tone + (image - tone) * f32(0.5)
    out = np.clip((muted * f32(0.72) + earth * (tone * f32(0.6) + f32(0.08))) * shade, 0, 1)
    edge = borders(cells, max(round(st.u * 0.003), 1))
    ink = np.maximum(edge * f32(0.75), lines(image, max(st.u * 0.003, 1.0), 1.2))
    return pixels_of(out + (paint_of("#221d19") - out) * ink, st.rng)
