"""Styles of the printing press and the drawing board: woodcut to blueprint."""

from __future__ import annotations

import numpy as np

from providers.local.illustrate.colour import between, gradient, hexed
from providers.local.illustrate.fields import Field, blur, f32, noise, ramp, shift
from providers.local.illustrate.stage import Stage
from providers.local.illustrate.styles.tools import (
    Pixels,
    curve,
    dots,
    few,
    gray,
    lines,
    paint_of,
    paper,
    pixels_of,
    planes,
    saturate,
    shifted,
    slanted,
    smooth,
    spread,
)


def woodcut(pixels: Pixels, st: Stage) -> Pixels:
    """Black on cream: carved lines that swell with the dark and bend around forms."""
    image = planes(smooth(pixels, st, 1.2))
    tone = curve(spread(gray(image)), 0.35)
    pitch = max(st.u * 0.0125, 4.0)
    bend = blur(tone, st.u * 0.02) * f32(st.u * 0.05)
    wobble = noise(st.rng, st.h, st.w, (st.u * 0.05, st.u * 0.12), 3) * f32(pitch * 1.2)
    t = (st.y[:, None] + bend + wobble) * f32(1 / pitch)
    wave = np.abs(t - np.floor(t) - f32(0.5)) * f32(2)
    dark = f32(1) - tone
    ink = ramp(-0.12, 0.12, dark * f32(1.12) - f32(0.06) - wave)
    ink = np.maximum(ink, lines(image, max(st.u * 0.0028, 1.0), 1.4))
    ink = np.maximum(ink, ramp(0.84, 0.9, dark)) * ramp(0.07, 0.13, dark)
    grain = noise(st.rng, st.h, st.w, (st.u * 0.004, st.u * 0.09), 3, 0.7)
    ink *= f32(1) - ramp(0.66, 0.8, grain) * f32(0.4)
    page = between(hexed("#efe4cb"), hexed("#1a1512"), np.clip(ink, 0, 1))
    return pixels_of(np.clip(page * paper(st.rng, st, 0.06), 0, 1), st.rng)


def linocut(pixels: Pixels, st: Stage) -> Pixels:
    """Two inks, bold shapes, and the marks that the gouge left in the open parts."""
    image = planes(smooth(pixels, st, 2.4))
    tone = spread(gray(image))
    order = np.sort(tone[::7, ::7], axis=None)
    low, high = float(order[int(order.size * 0.36)]), float(order[int(order.size * 0.7)])
    gouge = slanted(st.rng, st, st.u * 0.07, st.u * 0.01, 0.35) - f32(0.5)
    dark = ramp(-0.012, 0.012, f32(low) - tone + gouge * f32(0.07))
    middle = ramp(-0.012, 0.012, f32(high) - tone + gouge * f32(0.16))
    chips = ramp(0.82, 0.88, slanted(st.rng, st, st.u * 0.06, st.u * 0.007, 0.35))
    dark = np.clip(np.maximum(dark, lines(image, max(st.u * 0.003, 1.0), 1.2)), 0, 1)
    speckle = ramp(0.7, 0.8, noise(st.rng, st.h, st.w, (2.5, 2.5), 2, 0.8))
    page = np.broadcast_to(paint_of("#f2ead8"), image.shape).copy()
    colour = paint_of("#d1512f")
    page += (colour - page) * middle * (f32(1) - chips * f32(0.75)) * (f32(1) - speckle * f32(0.3))
    ink = paint_of("#16283c")
    page += (ink - page) * dark * (f32(1) - speckle * f32(0.35))
    return pixels_of(np.clip(page * paper(st.rng, st, 0.06), 0, 1), st.rng)


def risograph(pixels: Pixels, st: Stage) -> Pixels:
    """Three spot inks (pink, blue, yellow) in halftone screens a little out of register."""
    image = saturate(curve(planes(smooth(pixels, st, 0.8)), 0.3), 1.35)
    page = np.broadcast_to(paint_of("#f6f1e4"), image.shape).copy()
    pitch = max(st.u * 0.0085, 3.6)
    slip = max(round(st.u * 0.004), 1)
    grain = noise(st.rng, st.h, st.w, (1.8, 1.8), 1)
    plates = (("#ffd932", 2, (0.26, 0.97), (0, slip)), ("#ff4c7b", 1, (0.97, 0.26), (-slip, 0)))
    for tint, channel, angle, (dy, dx) in (*plates, ("#1f6fd1", 0, (0.71, 0.71), (slip, -slip))):
        density = np.clip((f32(1) - image[channel]) * f32(1.05), 0, 1)
        screen = dots(st, density, pitch, angle)
        plate = shift(screen * (f32(0.72) + grain * f32(0.28)), dy, dx)
        page *= f32(1) - plate * (f32(1) - paint_of(tint))
    return pixels_of(np.clip(page * paper(st.rng, st, 0.05), 0, 1), st.rng)


_POP = (
    ("#23104f", "#e6277e", "#ffd400", "#fff6d6"),
    ("#0b2a4a", "#ff5a2a", "#19c3c9", "#fdf7e3"),
    ("#3a0d2e", "#12a35f", "#ff8fc7", "#fffbe8"),
    ("#101010", "#2b59ff", "#ff4538", "#ffe14a"),
)


def pop_art(pixels: Pixels, st: Stage) -> Pixels:
    """The same print four times in four loud sets of inks, with dots in the middle tones."""
    columns, rows = (4, 1) if st.w > st.h * 2 else (1, 4) if st.h > st.w * 2 else (2, 2)
    image = planes(smooth(pixels, st, 1.0))
    tone = spread(gray(image))
    edge = lines(image, max(st.u * 0.003, 1.0), 1.5)
    h, w = -(-st.h // rows), -(-st.w // columns)
    pick_y = np.minimum(np.arange(h) * st.h // h, st.h - 1)
    pick_x = np.minimum(np.arange(w) * st.w // w, st.w - 1)
    small, ink = (blur(f, max(rows, columns) * 0.35)[pick_y][:, pick_x] for f in (tone, edge))
    order = np.sort(small[::3, ::3], axis=None)
    cuts = [float(order[int(order.size * share)]) for share in (0.24, 0.52, 0.8)]
    out = np.empty((3, rows * h, columns * w), np.float32)
    for k in range(rows * columns):
        inks = [paint_of(tint) for tint in _POP[(k * 3 + k // 2) % 4]]
        panel = np.broadcast_to(inks[0], (3, h, w)).copy()
        for level, tint in zip(cuts, inks[1:], strict=True):
            panel += (tint - panel) * ramp(-0.02, 0.02, small - f32(level))
        screen = dots(st, ramp(cuts[0], cuts[2], small), max(st.u * 0.012, 4), (0.8, 0.6))[:h, :w]
        band = ramp(cuts[0], cuts[1], small) * ramp(cuts[2], cuts[1], small)
        panel += (inks[3] - panel) * screen * band * f32(0.8)
        panel += (inks[0] - panel) * np.clip(ink * f32(1.3), 0, 1)
        y, x = k // columns * h, k % columns * w
        out[:, y : y + h, x : x + w] = panel
    return pixels_of(np.clip(out[:, : st.h, : st.w], 0, 1), st.rng)


def blueprint(pixels: Pixels, st: Stage) -> Pixels:
    """White lines on blue, a grid, a border, dimension lines along the sides."""
    image = planes(smooth(pixels, st, 0.7))
    fine = np.maximum(
        lines(image, max(st.u * 0.0011, 0.7), 1.7), lines(image, max(st.u * 0.003, 1.0)) * f32(0.7)
    )
    tone = spread(gray(image))
    page = between(hexed("#0d3b78"), hexed("#1f5ea8"), tone * f32(0.8))
    grid = np.zeros((st.h, st.w), np.float32)
    step = max(round(st.u / 24), 8)
    grid[::step] = 0.16
    grid[:, ::step] = 0.16
    grid[:: step * 4] = 0.32
    grid[:, :: step * 4] = 0.32
    hatch = slanted(st.rng, st, st.u * 0.3, max(st.u * 0.004, 2), 1.0)
    shade = ramp(0.4, 0.1, tone) * ramp(0.6, 0.75, hatch) * f32(0.35)
    ink = np.maximum(np.maximum(fine, grid), shade)
    a, b, t = int(step * 0.5), int(step * 0.68), max(int(st.u * 0.002), 1)
    for d in (a, b):
        ink[d : d + t, d:-d] = ink[-d - t : -d, d:-d] = 0.85
        ink[d:-d, d : d + t] = ink[d:-d, -d - t : -d] = 0.85
    old = noise(st.rng, st.h, st.w, (st.u * 0.3, st.u * 0.3), 4, 0.6)
    page = page + (paint_of("#eaf3ff") - page) * np.clip(ink, 0, 1)
    return pixels_of(np.clip(page * (f32(0.88) + old * f32(0.24)), 0, 1), st.rng)


def flat_design(pixels: Pixels, st: Stage) -> Pixels:
    """Ten clean colours without texture, shadow or line."""
    labels, table = few(pixels, st, 10, 2.6)
    flat = saturate(curve(planes(table[labels]), 0.35), 1.45)
    clean = [blur(plane, 0.7) for plane in np.clip(flat * f32(0.94) + f32(0.05), 0, 1)]
    return pixels_of(np.stack(clean))


def minimalist(pixels: Pixels, st: Stage) -> Pixels:
    """Four quiet tints, large shapes, a wide margin."""
    whole = smooth(smooth(pixels, st, 4.0), st, 4.0)
    labels, table = few(whole, st, 5, 4.0)
    image = planes(table[labels])
    tint = gray(image)
    image = np.clip(tint + (image - tint) * f32(0.72), 0, 1)
    image = image * f32(0.55) + paint_of("#f4efe6") * f32(0.45)
    soft = np.stack([blur(plane, 0.8) for plane in image])
    edge = st.u * 0.12
    x, y = np.minimum(st.x, f32(st.w) - st.x)[None, :], np.minimum(st.y, f32(st.h) - st.y)[:, None]
    inside = ramp(edge - 0.7, edge + 0.7, np.minimum(x, y))
    page = paint_of("#f7f3ea")
    return pixels_of(page + (soft - page) * inside)


def art_deco(pixels: Pixels, st: Stage) -> Pixels:
    """Black, green-blue, gold and ivory in clean steps, rays from the light, a stepped frame."""
    image = planes(smooth(pixels, st, 1.8))
    tone = blur(spread(gray(image)), st.u * 0.002)
    lx, ly = st.light
    dx, dy = (st.x - f32(lx))[None, :], (st.y - f32(ly))[:, None]
    turn = np.abs(dx) / (np.abs(dx) + np.abs(dy) + f32(1))
    ray = turn * f32(14)
    rays = ramp(0.2, 0.3, np.abs(ray - np.floor(ray) - f32(0.5))) * f32(0.1)
    level = np.clip(tone + rays - f32(0.05), 0, 1)
    steps = np.floor(level * f32(6.99))
    table = np.asarray(
        [
            hexed(c)
            for c in ("#0b0d12", "#0f2f38", "#14565c", "#8a6a2f", "#c9a24a", "#e6cf8f", "#f7efd9")
        ],
        np.float32,
    )
    out = np.stack([blur(table[:, c][steps.astype(np.intp)], 0.8) for c in range(3)])
    gold = ramp(0.9, 1.0, lines(image, max(st.u * 0.002, 0.9), 1.8))
    out += (paint_of("#e2bd63") - out) * gold * f32(0.85)
    return pixels_of(np.clip(_deco_frame(out, st), 0, 1), st.rng)


def _deco_frame(out: Field, st: Stage) -> Field:
    """Two gold lines on black; the corners step inwards."""
    x, y = np.minimum(st.x, f32(st.w) - st.x)[None, :], np.minimum(st.y, f32(st.h) - st.y)[:, None]
    unit = st.u * 0.018
    cut = np.zeros((st.h, st.w), np.float32)
    for k in range(3):
        near = (x < f32(unit * (6 - 2 * k))) & (y < f32(unit * (2 + 2 * k)))
        cut = np.maximum(cut, near.astype(np.float32))
    depth = np.minimum(x, y) - cut * f32(unit * 1.2)
    out = np.where(depth < f32(unit * 1.6), paint_of("#0b0d12"), out)
    for at, wide in ((0.6, 0.3), (1.2, 0.14), (1.6, 0.2)):
        on = np.abs(depth - f32(unit * at)) < f32(max(unit * wide / 2, 0.6))
        out = np.where(on, paint_of("#d8b25a"), out)
    return out.astype(np.float32)


def art_nouveau(pixels: Pixels, st: Stage) -> Pixels:
    """Muted ochre and olive areas, strong brown contours, an arch with whiplash lines around it."""
    wobbly = pixels_of(
        shifted(planes(smooth(pixels, st, 1.6)), st.rng, st, st.u * 0.004, st.u * 0.06)
    )
    labels, table = few(wobbly, st, 12, 2.0)
    flat = planes(table[labels])
    ramp_of = gradient(
        [hexed(c) for c in ("#3a2a1c", "#6f6a3a", "#b98d4a", "#e3cf98", "#f6ecd0")], 256
    )
    tone = spread(gray(flat))
    muted = ramp_of[:, (tone * f32(255)).astype(np.intp)]
    out = saturate(flat, 0.85) * f32(0.5) + muted * f32(0.5)
    ink = np.maximum(
        lines(planes(wobbly), max(st.u * 0.0035, 1.1), 1.7),
        lines(planes(wobbly), max(st.u * 0.0014, 0.8), 1.4),
    )
    out = out + (paint_of("#3a2416") - out) * ink
    # The opening: straight below, a low arch above.
    x = np.abs(st.x * f32(2 / st.w) - f32(1))[None, :]
    top = f32(0.05 * st.u) + (x * x * x * x) * f32(0.24 * st.u)
    edge = np.minimum(np.minimum(st.x, f32(st.w) - st.x)[None, :], (f32(st.h) - st.y)[:, None])
    inside = np.minimum(edge - f32(0.055 * st.u), st.y[:, None] - top)
    field = noise(st.rng, st.h, st.w, (st.u * 0.16, st.u * 0.1), 2, 0.4) * f32(16)
    whip = ramp(0.3, 0.42, np.abs(field - np.floor(field) - f32(0.5)))
    border = paint_of("#c9a96a") + (paint_of("#77682f") - paint_of("#c9a96a")) * whip
    out = border + (out - border) * ramp(-0.8, 0.8, inside)
    rule = ramp(st.u * 0.009, st.u * 0.007, np.abs(inside))
    out = out + (paint_of("#3a2416") - out) * rule
    return pixels_of(np.clip(out * paper(st.rng, st, 0.06), 0, 1), st.rng)


_EDO = (
    "#1b2a4a",
    "#2f5d8a",
    "#7fa8b8",
    "#d9c7a0",
    "#c8503a",
    "#e8b05a",
    "#5f7a55",
    "#efe6cf",
    "#33302d",
)


def ukiyo_e(pixels: Pixels, st: Stage) -> Pixels:
    """Few vegetable colours, fine indigo lines, a shaded band along the top, a cartouche."""
    labels, table = few(pixels, st, 14, 1.8)
    inks = np.asarray([hexed(c) for c in _EDO], np.float32)
    found = table.astype(np.float32) * f32(1 / 255)
    apart = ((found[:, None] - inks[None]) ** 2).sum(axis=2)
    near = inks[apart.argmin(axis=1)]
    flat = np.ascontiguousarray((found * f32(0.38) + near * f32(0.62))[labels].transpose(2, 0, 1))
    band = ramp(st.h * 0.24, 0, st.y)[:, None] * f32(0.8)
    out = flat + (paint_of("#22406e") - flat) * band
    grain = noise(st.rng, st.h, st.w, (max(st.u * 0.003, 1.5), st.u * 0.3), 2, 0.7)
    out = out * (f32(0.93) + grain * f32(0.14))
    ink = lines(planes(smooth(pixels, st, 1.0)), max(st.u * 0.0017, 0.8), 2.0)
    out = out + (paint_of("#141c33") - out) * ink
    h, w, m = int(st.u * 0.2), int(st.u * 0.055), int(st.u * 0.04)
    out[:, m : m + h, m : m + w] = paint_of("#b8412f")
    t = max(w // 9, 1)
    out[:, m + t : m + h - t, m + t : m + w - t] = paint_of("#efe6cf")
    for k in range(4):
        y = m + int(h * (0.14 + 0.2 * k))
        out[:, y : y + t, m + 2 * t : m + w - 2 * t] = paint_of("#1b2a4a")
        out[:, y : y + 3 * t, m + w // 2 : m + w // 2 + t] = paint_of("#1b2a4a")
    return pixels_of(np.clip(out * paper(st.rng, st, 0.08), 0, 1), st.rng)
