"""The stage: a picture in the making, and the few ways of putting paint on it.

Pictures are planar float32 (3, rows, columns), sRGB-encoded, 0..1: planes make blending with one
mask three fast array operations. Lengths are pixels; ``u`` is the unit that sizes of things
derive from, so that a picture of 191 x 1128 shows the same sizes as one of 1024 x 1024.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from providers.local.illustrate.colour import Colour, gradient
from providers.local.illustrate.fields import Field, Rng, axis, f32, fall, ramp
from providers.local.illustrate.palettes import Palette

Point = tuple[float, float]
Polygon = Sequence[Point]


@dataclass
class Stage:
    """A picture in the making and what the later steps must know about it.

    Attributes:
        light: where the light comes from, pixels (may lie outside the picture).
        horizon: row of the horizon. ground: row on which the main subject stands.
        surface: what it stands on: ground, water, table, air, deep (under water).
        mirror: 0..1, how strongly the surface reflects.
        front: paint that belongs before the subjects (grass, mist, waves), put on after them.
        calm: share of the width (from, to) where the scene leaves room for subjects.
    """

    w: int
    h: int
    rng: Rng
    pal: Palette
    image: Field = field(init=False)
    light: Point = (0.0, 0.0)
    horizon: float = 0.0
    ground: float = 0.0
    surface: str = "ground"
    mirror: float = 0.0
    front: list[Callable[[Stage], None]] = field(default_factory=list)
    lead: bool = False
    """Whether subjects will be placed: scenes then keep their own heroes (trees, suns) aside."""

    def __post_init__(self) -> None:
        self.image = np.zeros((3, self.h, self.w), np.float32)
        self.ground = self.h * 0.8
        self.horizon = self.h * 0.6

    @property
    def u(self) -> float:
        """Unit length: the short side, somewhat more for long formats."""
        short, long = min(self.w, self.h), max(self.w, self.h)
        return float(short * min(1.35, (long / short) ** 0.5))

    @property
    def x(self) -> Field:
        """Columns' centres, pixels."""
        return axis(self.w)

    @property
    def y(self) -> Field:
        """Rows' centres, pixels."""
        return axis(self.h)

    def pick(self, low: float, high: float) -> float:
        """A random number between ``low`` and ``high``."""
        return low + (high - low) * float(self.rng.random())

    # --- paint ----------------------------------------------------------------------------------

    def fill(
        self,
        stops: Sequence[Colour],
        top: float = 0,
        bottom: float | None = None,
        places: Sequence[float] | None = None,
    ) -> None:
        """A vertical gradient over the whole picture, its stops spread between two rows."""
        self.image[:] = self.rows(stops, top, self.h if bottom is None else bottom, places)[
            :, :, None
        ]

    def rows(
        self,
        stops: Sequence[Colour],
        top: float,
        bottom: float,
        places: Sequence[float] | None = None,
    ) -> Field:
        """(3, h): the colour of each row of a vertical gradient."""
        table = gradient(stops, 512, places)
        t = np.clip((self.y - f32(top)) * f32(511 / max(bottom - top, 1)), 0, 510.999)
        i = t.astype(np.intp)
        out: Field = table[:, i] + (table[:, i + 1] - table[:, i]) * (t - i.astype(np.float32))
        return out

    def over(self, mask: Field, colour: Colour | Field, top: int = 0, left: int = 0) -> None:
        """Blend ``colour``.

        A triple, or planes that broadcast to the mask where ``mask`` is, from a corner on.
        """
        mh, mw = mask.shape
        y0, x0 = max(top, 0), max(left, 0)
        y1, x1 = min(top + mh, self.h), min(left + mw, self.w)
        if y0 >= y1 or x0 >= x1:
            return
        cut = mask[y0 - top : y1 - top, x0 - left : x1 - left]
        for c in range(3):
            value = colour[c]
            if isinstance(value, np.ndarray) and value.ndim == 2:
                rows = slice(None) if value.shape[0] == 1 else slice(y0 - top, y1 - top)
                columns = slice(None) if value.shape[1] == 1 else slice(x0 - left, x1 - left)
                value = value[rows, columns]
            plane = self.image[c, y0:y1, x0:x1]
            plane += (np.asarray(value, np.float32) - plane) * cut

    def screen(self, mask: Field, colour: Colour, top: int = 0, left: int = 0) -> None:
        """Add light: 1 - (1-image)(1-mask*colour). Never overflows, keeps hues."""
        mh, mw = mask.shape
        y0, x0 = max(top, 0), max(left, 0)
        y1, x1 = min(top + mh, self.h), min(left + mw, self.w)
        if y0 >= y1 or x0 >= x1:
            return
        cut = mask[y0 - top : y1 - top, x0 - left : x1 - left]
        for c in range(3):
            plane = self.image[c, y0:y1, x0:x1]
            plane += (f32(1) - plane) * (cut * f32(colour[c]))

    def glow(
        self,
        x: float,
        y: float,
        radius: float,
        colour: Colour,
        strength: float = 1.0,
        power: int = 2,
    ) -> None:
        """A round glow around a point; ``radius`` is where it has lost about three quarters."""
        dx = (self.x - f32(x)) * f32(1 / radius)
        dy = (self.y - f32(y)) * f32(1 / radius)
        self.screen(fall((dx * dx)[None, :] + (dy * dy)[:, None], power) * f32(strength), colour)

    def disc(
        self,
        x: float,
        y: float,
        r: float,
        colour: Colour | Field,
        soft: float = 1.0,
        alpha: float = 1.0,
    ) -> None:
        """A filled circle with an edge ``soft`` pixels wide."""
        x0, y0 = int(x - r - soft - 2), int(y - r - soft - 2)
        n = int(2 * (r + soft) + 6)
        d = self.distance(x - x0, y - y0, n, n)
        self.over(
            np.clip((f32(r) - d) * f32(1 / soft) + f32(0.5), 0, 1) * f32(alpha), colour, y0, x0
        )

    @staticmethod
    def distance(x: float, y: float, h: int, w: int) -> Field:
        """Distance of every pixel of an ``h`` x ``w`` patch from (x, y)."""
        dx, dy = axis(w) - f32(x), axis(h) - f32(y)
        out: Field = np.sqrt((dx * dx)[None, :] + (dy * dy)[:, None])
        return out

    # --- shapes ---------------------------------------------------------------------------------

    def below(self, ridge: Field, soft: float = 1.0) -> tuple[Field, int]:
        """Mask of everything below a ridge line (a row per column), and the row it starts at."""
        top = int(max(min(float(ridge.min()) - soft - 1, self.h - 1), 0))
        mask = (self.y[top:, None] - ridge[None, :]) * f32(1 / soft) + f32(0.5)
        return np.clip(mask, 0, 1).astype(np.float32), top

    def layer(
        self, ridge: Field, colours: Sequence[Colour], depth: float = 0.0, soft: float = 1.0
    ) -> None:
        """Paint the land below a ridge with a vertical gradient ``depth`` pixels long."""
        mask, top = self.below(ridge, soft)
        start = float(ridge.min())
        paint = self.rows(colours, start, start + (depth or self.h - start))
        self.over(mask, paint[:, top:, None], top)

    def shapes(
        self, polygons: Sequence[Polygon], colour: Colour | Field, alpha: float = 1.0
    ) -> None:
        """Fill polygons with one paint."""
        mask, top, left = polygon_mask(polygons, self.h, self.w)
        if mask.size:
            if isinstance(colour, np.ndarray):
                colour = colour[:, top : top + mask.shape[0]]
            self.over(mask if alpha == 1.0 else mask * f32(alpha), colour, top, left)

    def veil(self, top: float, bottom: float, colour: Colour, strength: float) -> None:
        """Mist that grows from row ``top`` to ``bottom`` and stays below."""
        rows = ramp(top, bottom, self.y) * f32(strength)
        self.over(np.repeat(rows[:, None], self.w, 1), colour)


def polygon_mask(polygons: Sequence[Polygon], h: int, w: int) -> tuple[Field, int, int]:
    """Anti-aliased coverage of filled polygons, cut to their box: (mask, top row, left column).

    Drawn at double size with OpenCV's integer rasteriser (1/16 pixel steps) and reduced.
    """
    flat = [np.asarray(p, np.float64) for p in polygons if len(p) > 2]
    if not flat:
        return np.zeros((0, 0), np.float32), 0, 0
    low = np.min([p.min(axis=0) for p in flat], axis=0)
    high = np.max([p.max(axis=0) for p in flat], axis=0)
    x0, y0 = max(int(low[0]) - 2, 0), max(int(low[1]) - 2, 0)
    x1, y1 = min(int(high[0]) + 3, w), min(int(high[1]) + 3, h)
    if x0 >= x1 or y0 >= y1:
        return np.zeros((0, 0), np.float32), 0, 0
    big: NDArray[np.uint8] = np.zeros(((y1 - y0) * 2, (x1 - x0) * 2), np.uint8)
    limit = 1 << 20
    for p in flat:
        fixed = np.clip(np.round((p - (x0, y0)) * 32.0) - 8, -limit, limit).astype(np.int32)
        cv2.fillPoly(big, [fixed], 255, cv2.LINE_AA, 4)
    quarter = big[::2, ::2].astype(np.float32)
    quarter += big[1::2, ::2]
    quarter += big[::2, 1::2]
    quarter += big[1::2, 1::2]
    return quarter * f32(1 / 1020), y0, x0
