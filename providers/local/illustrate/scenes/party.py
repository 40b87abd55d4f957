"""A party: a stage with bunting, bokeh and confetti."""

from __future__ import annotations

from providers.local.illustrate.colour import mix
from providers.local.illustrate.fields import line
from providers.local.illustrate.scenes.studio import bokeh, drum, key, paint_floor, two_tones, wall
from providers.local.illustrate.stage import Polygon, Stage


def party(st: Stage) -> None:
    """A stage with bunting, bokeh and confetti."""
    u, pal = st.u, st.pal
    key(st)
    back, front = two_tones(st)
    floor = st.h * 0.72
    st.horizon = floor
    wall(st, mix(back, front, 0.35), floor)
    bokeh(st, floor, (*pal.accent, pal.sun), 22, 0.05)
    paint_floor(st, floor, mix(back, front, 0.6))
    top = max(st.h * 0.8, st.h - u * 0.2)
    drum(st, st.w * 0.5, top, u * 0.36, u * 0.08, mix(front, (1.0, 1.0, 1.0), 0.4))
    st.ground, st.surface, st.mirror = top + u * 0.012, "table", 0.12
    _bunting(st)
    st.front.append(confetti)


def _bunting(st: Stage) -> None:
    """Two garlands of pennants."""
    u = st.u
    for row in range(2):
        sag = u * (0.09 + 0.05 * row)
        step = u * 0.085
        count = int(st.w / step) + 2
        for i in range(count):
            t = i / max(count - 1, 1)
            y = u * (0.015 + 0.055 * row) + sag * 4 * t * (1 - t)
            x = t * st.w
            tone = (*st.pal.accent, (1.0, 0.98, 0.95))[(i + row) % 4]
            flag: Polygon = [(x - step * 0.36, y), (x + step * 0.36, y), (x, y + step * 0.82)]
            st.shapes([flag], st.pal.surface(tone))
            st.shapes([[(x, y), (x + step * 0.36, y), (x, y + step * 0.82)]], st.pal.shade, 0.12)


def confetti(st: Stage) -> None:
    """Falling paper: turned rectangles, near ones larger and out of focus."""
    u = st.u
    tones = (*st.pal.accent, (1.0, 0.98, 0.95), (1.0, 0.83, 0.3))
    sway = line(st.rng, 64, 8, 2)
    for a, b, c, d in st.rng.random((int(90 * st.w / u), 4)).tolist():
        x, y = a * st.w, b**1.2 * st.h
        s = u * (0.004 + 0.009 * c * c)
        cx, sx = d * 2 - 1, float(sway[int(a * 63)]) * 2 - 1
        quad: Polygon = [
            (x - s, y - s * cx),
            (x + s * cx, y - s * 0.7),
            (x + s, y + s * cx),
            (x - s * sx, y + s * 0.8),
        ]
        st.shapes([quad], st.pal.surface(tones[int(d * 977) % 5]), 0.9)
