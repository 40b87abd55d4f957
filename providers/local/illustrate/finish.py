"""The last steps: weather before the camera, bloom, vignette, grain and dithering to 8 bits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from providers.local.illustrate.fields import blur, f32, ramp
from providers.local.illustrate.scenes.air import mist, st_halo
from providers.local.illustrate.scenes.party import confetti
from providers.local.illustrate.scenes.wide import flakes
from providers.local.illustrate.stage import Polygon, Stage


def weather(st: Stage, kinds: set[str]) -> None:
    """Rain, snow, fog, confetti, fireflies: in this order, each once."""
    if "fog" in kinds:
        mist(st, st.h * 0.3, st.h * 0.8, 0.5)
        mist(st, st.h * 0.62, st.h * 1.05, 0.45)
    if "rain" in kinds:
        _rain(st)
    if "snowfall" in kinds:
        flakes(st, 260)
    if "confetti" in kinds:
        confetti(st)
    if "fireflies" in kinds:
        for a, b, c in st.rng.random((int(46 * st.w / st.u), 3)).tolist():
            r = st.u * (0.012 + 0.03 * c * c)
            st_halo(st, a * st.w, st.h * (0.25 + 0.7 * b), r, (1.0, 0.9, 0.55), 0.75)
            st.disc(a * st.w, st.h * (0.25 + 0.7 * b), max(r * 0.12, 0.7), (1.0, 0.97, 0.8))


def _rain(st: Stage) -> None:
    """Slanting streaks in two depths."""
    for count, long, wide, alpha in ((420, 0.045, 0.0011, 0.22), (90, 0.1, 0.002, 0.3)):
        polygons: list[Polygon] = []
        for a, b, c in st.rng.random((int(count * st.w / st.u), 3)).tolist():
            n, t = st.u * long * (0.5 + c), max(st.u * wide, 0.5)
            x, y = a * st.w * 1.1, b * st.h * 1.1 - n
            polygons.append([(x, y), (x + t, y), (x + t - n * 0.2, y + n), (x - n * 0.2, y + n)])
        st.shapes(polygons, (0.86, 0.92, 0.97), alpha)


def develop(st: Stage) -> NDArray[np.uint8]:
    """Bloom, a gentle vignette, fine grain.

    Rounded with triangular noise so that gradients do not band.
    """
    image = st.image
    np.clip(image, 0, 1, out=image)
    bright = ramp(0.72, 1.0, image[0] * f32(0.3) + image[1] * f32(0.5) + image[2] * f32(0.2))
    soft = blur(bright, st.u * 0.022) * f32(0.15)
    dx = (st.x - f32(st.w / 2)) * f32(1.0 / st.w)
    dy = (st.y - f32(st.h / 2)) * f32(1.0 / st.h)
    shade = f32(1) - ramp(0.18, 0.62, (dx * dx)[None, :] + (dy * dy)[:, None]) * f32(0.22)
    grain = st.rng.integers(0, 256, (2, st.h, st.w), np.uint8)
    # The difference of two uniform bytes is triangular: +-1 level of dither, a little more for
    # the grain.
    noise = (grain[0].astype(np.float32) - grain[1].astype(np.float32)) * f32(1.55 / 255)
    out = np.empty((st.h, st.w, 3), np.uint8)
    for c in range(3):
        plane = image[c]
        plane += (f32(1) - plane) * soft * f32(st.pal.sun[c])
        plane *= shade
        out[:, :, c] = np.clip(plane * f32(255) + noise + f32(0.5), 0, 255.49).astype(np.uint8)
    return out
