"""Putting a sprite into a scene.

The scene's light on it, its shadow or reflection on what it stands on.
"""

from __future__ import annotations

import numpy as np

from providers.local.illustrate.colour import Colour, mix
from providers.local.illustrate.fields import Field, axis, blur, f32, fall, line, ramp, shift
from providers.local.illustrate.sprite import Sprite
from providers.local.illustrate.stage import Stage


def lit(st: Stage, sprite: Sprite, side: float, depth: float) -> Field:
    """The sprite's colours under the palette.

    Key light, ambient shade, haze by ``depth``, a rim of light.
    """
    pal = st.pal
    h, w = sprite.alpha.shape
    keep = 0.58 + 0.42 * pal.local
    ambient = mix(pal.shade, pal.haze, 0.35)
    out = np.empty_like(sprite.rgb)
    down = (axis(h) * f32(1 / h))[:, None]
    for c in range(3):
        plane = sprite.rgb[c] * f32(0.45 + 0.55 * pal.key[c])
        # Lower parts see less sky and more ground: they take more of the ambient colour.
        share = f32(1 - keep) * (f32(0.55) + f32(0.65) * down)
        plane = plane + (f32(ambient[c]) - plane) * np.clip(share, 0, 1)
        out[c] = plane + (f32(pal.haze[c]) - plane) * f32(depth)
    size = max(h, w)
    rim = _rim(sprite.alpha, size, side)
    power = 0.35 + 0.5 * (1 - pal.local)
    for c in range(3):
        out[c] += (f32(1) - out[c]) * rim * f32(power * pal.sun[c])
    return np.clip(out, 0, 1)


def _rim(alpha: Field, size: float, side: float) -> Field:
    """A thin bright border on the side of the light."""
    s = max(round(size * 0.011), 1)
    inner = shift(alpha, s, -round(s * side))
    edge = np.clip(alpha - blur(inner, size * 0.007), 0, 1)
    return ramp(0.1, 0.75, edge)


def contact(st: Stage, x: float, y: float, width: float, strength: float = 0.55) -> None:
    """The soft dark line where a thing touches the ground."""
    colour = mix(st.pal.shade, (0.0, 0.0, 0.0), 0.25)
    for wide, tall, power in ((0.6, 0.075, 0.55), (0.42, 0.028, 0.85)):
        rx, ry = width * wide, max(width * tall, 1.2)
        n_x, n_y = int(rx * 5), int(ry * 8) + 2
        dx = (axis(n_x) - f32(n_x / 2)) * f32(1 / rx)
        dy = (axis(n_y) - f32(n_y / 2)) * f32(1 / ry)
        d2 = (dx * dx)[None, :] + (dy * dy)[:, None]
        st.over(
            fall(d2 * d2, 2) * f32(strength * power), colour, int(y - n_y / 2), int(x - n_x / 2)
        )


def cast(
    st: Stage, sprite: Sprite, left: int, foot: float, side: float, strength: float = 0.4
) -> None:
    """The silhouette laid on the ground, away from the light; longer when the light is low."""
    rows = int(sprite.foot)
    source = sprite.alpha[:rows][::-1]
    squash = 0.2 + 0.16 * (1 - st.pal.height)
    n = max(int(rows * squash), 2)
    lean = -side * (0.45 + 0.7 * (1 - st.pal.height))
    margin = int(abs(lean) * rows * 0.75) + 6
    h, w = source.shape
    pick = np.minimum((axis(n) * f32(1 / squash)).astype(np.intp), h - 1)
    shadow = np.zeros((n + 8, w + 2 * margin), np.float32)
    shift = (pick.astype(np.float32) * f32(lean * 0.62)).astype(np.intp) + margin
    for i in range(n):
        shadow[i + 2, shift[i] : shift[i] + w] = source[pick[i]]
    soft = blur(shadow, max(rows * 0.018, 0.8))
    fade = ramp(n * 1.15, 0, axis(n + 8))[:, None]
    st.over(
        soft * fade * f32(strength),
        mix(st.pal.shade, (0.0, 0.0, 0.0), 0.15),
        int(foot) - 3,
        left - margin,
    )


def mirrored(
    st: Stage, rgb: Field, sprite: Sprite, left: int, foot: float, strength: float, waves: bool
) -> None:
    """The reflection below the foot line: upside down, fading, broken by waves on water."""
    rows = int(sprite.foot)
    reach = min(rows, int(st.h - foot))
    if reach < 3:
        return
    take = np.clip(
        rows - 1 - (axis(reach) * f32(1.0 if not waves else 1.15)).astype(np.intp), 0, rows - 1
    )
    alpha, colours = sprite.alpha[take], rgb[:, take]
    t = axis(reach) * f32(1 / rows)
    if waves:
        wobble = (line(st.rng, reach, max(rows * 0.05, 3), 3) - f32(0.5)) * (
            f32(0.02 * rows) + t * f32(rows * 0.22)
        )
        columns = np.clip(
            np.arange(alpha.shape[1])[None, :] + wobble.astype(np.intp)[:, None],
            0,
            alpha.shape[1] - 1,
        )
        alpha = np.take_along_axis(alpha, columns, 1)
        colours = np.stack([np.take_along_axis(p, columns, 1) for p in colours])
    fade = ramp(0.85 if waves else 0.42, 0.0, t)[:, None]
    tone = np.asarray(st.pal.water[0] if waves else st.pal.haze, np.float32)[:, None, None]
    st.over(alpha * fade * f32(strength), colours + (tone - colours) * f32(0.3), int(foot), left)


def ripples(st: Stage, x: float, y: float, width: float) -> None:
    """Foam and rings around a hull at the water line."""
    bright = mix(st.pal.haze, (1.0, 1.0, 1.0), 0.55)
    for k in range(4):
        rx, ry = width * (0.5 + 0.1 * k), max(width * (0.022 + 0.016 * k), 1.2)
        n_x, n_y = int(rx * 2.3) + 4, int(ry * 3) + 6
        dx = (axis(n_x) - f32(n_x / 2)) * f32(1 / rx)
        dy = (axis(n_y) - f32(n_y / 2)) * f32(1 / ry)
        e = np.sqrt((dx * dx)[None, :] + (dy * dy)[:, None])
        ring = ramp(0.82, 0.97, e) * ramp(1.1, 0.99, e)
        broken = ramp(0.35, 0.7, line(st.rng, n_x, max(width * 0.06, 2), 3))[None, :]
        lower = ramp(-0.6, 0.3, dy)[:, None]
        st.over(
            ring * broken * lower * f32(0.6 - 0.12 * k), bright, int(y - n_y / 2), int(x - n_x / 2)
        )


def halo(
    st: Stage, x: float, y: float, size: float, colour: Colour | None = None, strength: float = 0.22
) -> None:
    """A faint glow behind a subject that hovers, to part it from a busy background."""
    st.glow(x, y, size, colour or st.pal.sun, strength, power=3)
