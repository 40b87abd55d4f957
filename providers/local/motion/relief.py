"""A solid model of what a picture shows: its outline inflated, its light and shade as relief.

Marching squares cut a grid along the outline, so that the outline is smooth at any fineness. Front
and back are the same grid, the back mirrored; both share the outline's vertices, so that the model
is closed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from providers.local.motion.depth import inflated

Floats = NDArray[np.floating[Any]]
Whole = NDArray[np.integer[Any]]

_SOLVE_SIDE = 256
"""Longest side, in pixels, at which the outline is inflated."""
_THICK = 0.62
"""Depth of the front by the height of a full ball of that outline."""
_BACK = 0.8
"""Depth of the back by that of the front."""
_DETAIL = 0.02
"""Height of the relief of light and shade, by the longer side of the thing."""
_FINEST = 150
"""Cells along the longer side where nothing limits the number of faces."""
_COARSEST = 3
_OFF_GRID = 0.08
"""Outlines keep this share of a cell away from its corners: no face is a mere sliver."""

# Corners of a cell: 0 top left, 1 top right, 2 bottom right, 3 bottom left. Points 4..7 lie on the
# edges 0-1, 1-2, 2-3, 3-0. For each set of corners inside (bit i is corner i): the polygons of it.
_CASES: tuple[tuple[tuple[int, ...], ...], ...] = (
    (),
    ((0, 4, 7),),
    ((1, 5, 4),),
    ((0, 1, 5, 7),),
    ((2, 6, 5),),
    ((0, 4, 7), (2, 6, 5)),
    ((1, 2, 6, 4),),
    ((0, 1, 2, 6, 7),),
    ((3, 7, 6),),
    ((0, 4, 6, 3),),
    ((1, 5, 4), (3, 7, 6)),
    ((0, 1, 5, 6, 3),),
    ((2, 3, 7, 5),),
    ((0, 4, 5, 2, 3),),
    ((1, 2, 3, 7, 4),),
    ((0, 1, 2, 3),),
)


@dataclass(frozen=True)
class Solid:
    """A closed mesh of triangles that run anticlockwise seen from outside.

    Attributes:
        positions: (vertices, 3); x right, y up, z towards the viewer; the middle is at the origin
            and the longer side of the thing is 1.
        normals: (vertices, 3), of length 1.
        places: (vertices, 2), where a vertex is in the picture, 0..1 from its top left.
        faces: (faces, 3), vertex numbers.
    """

    positions: Floats
    normals: Floats
    places: Floats
    faces: Whole

    def scaled(self, size: float) -> Solid:
        """Return the mesh with its longer side in the picture's plane ``size`` long."""
        return replace(self, positions=self.positions * size)


def solid(alpha: Floats, luma: Floats, *, most: tuple[str, int] = ("none", 0)) -> Solid:
    """Return the model of a cut-out thing.

    Args:
        alpha: its matte, (height, width), 0..1, cropped to the thing.
        luma: lightness of the picture, the same shape, 0..1.
        most: ``("vertex", n)`` or ``("face", n)`` for at most n of them; the grid is chosen as
            fine as that allows.
    """
    heights = _heights(alpha, luma)
    cells = _FINEST
    flat = _flat(alpha, cells)
    if most[0] != "none":
        coarse, fine = _COARSEST, _FINEST + 1
        while fine - coarse > 1:
            cells = (coarse + fine) // 2
            if _count(_flat(alpha, cells), most[0]) <= most[1]:
                coarse = cells
            else:
                fine = cells
        # What is finer need not have more faces everywhere: look from the found one down.
        flat = _flat(alpha, coarse)
        while _count(flat, most[0]) > most[1] and coarse > 1:
            coarse -= 1
            flat = _flat(alpha, coarse)
    return _closed(flat, heights, alpha.shape)


@dataclass(frozen=True)
class _Flat:
    """The outline's area as triangles; ``rim`` tells the vertices on the outline."""

    points: Floats
    faces: Whole
    rim: NDArray[np.bool_]


def _count(flat: _Flat, what: str) -> int:
    """Return how many vertices or faces the closed model will have."""
    if what == "face":
        return 2 * len(flat.faces)
    return 2 * len(flat.points) - int(flat.rim.sum())


def _flat(alpha: Floats, cells: int) -> _Flat:
    """Cut the area where alpha is above a half into the triangles of a grid."""
    height, width = alpha.shape
    step = max(height, width) / cells
    rows, columns = int(np.ceil(height / step)) + 2, int(np.ceil(width / step)) + 2
    blurred = cv2.GaussianBlur(alpha, (0, 0), max(0.6, step / 3))
    y, x = np.mgrid[:rows, :columns].astype(np.float32)
    x = (x - (columns - 1) / 2) * step + (width - 1) / 2
    y = (y - (rows - 1) / 2) * step + (height - 1) / 2
    values = cv2.remap(blurred, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    beyond = (x < 0) | (x > width - 1) | (y < 0) | (y > height - 1)
    values = np.where(beyond, np.minimum(values, 0.2), values).astype(np.float64)
    values[[0, -1], :] = values[:, [0, -1]] = 0
    inside = values > 0.5  # noqa: PLR2004 - half
    corners = np.arange(rows * columns).reshape(rows, columns)
    across, across_points = _crossings(x, y, values, (slice(None), slice(None, -1)), (0, 1))
    down, down_points = _crossings(x, y, values, (slice(None, -1), slice(None)), (1, 0))
    count = rows * columns
    across = np.where(across >= 0, across + count, -1)
    down = np.where(down >= 0, down + count + len(across_points), -1)
    points = np.concatenate([np.column_stack([x.ravel(), y.ravel()]), across_points, down_points])
    faces = _triangles(inside, corners, across, down)
    rim = np.arange(len(points)) >= count
    used = np.unique(faces)
    number = np.full(len(points), -1)
    number[used] = np.arange(len(used))
    return _Flat(points[used], number[faces], rim[used])


def _crossings(
    x: Floats, y: Floats, values: Floats, first: tuple[slice, slice], step: tuple[int, int]
) -> tuple[Whole, Floats]:
    """Return, for each edge of the grid, the number of the outline's point on it, and them."""
    rows, columns = values.shape
    second = (slice(step[0], rows), slice(step[1], columns))
    one, two = values[first], values[second]
    cut = (one > 0.5) != (two > 0.5)  # noqa: PLR2004 - half
    share = np.clip((0.5 - one) / np.where(cut, two - one, 1), _OFF_GRID, 1 - _OFF_GRID)[cut]
    numbers = np.full(cut.shape, -1)
    numbers[cut] = np.arange(int(cut.sum()))
    points = np.column_stack(
        [grid[first][cut] + share * (grid[second][cut] - grid[first][cut]) for grid in (x, y)]
    )
    return numbers, points


def _triangles(inside: NDArray[np.bool_], corners: Whole, across: Whole, down: Whole) -> Whole:
    """Return the triangles of all cells by the table of cases, clockwise on the screen."""
    kind = inside[:-1, :-1] * 1 + inside[:-1, 1:] * 2 + inside[1:, 1:] * 4 + inside[1:, :-1] * 8
    named = (
        corners[:-1, :-1], corners[:-1, 1:], corners[1:, 1:], corners[1:, :-1],
        across[:-1], down[:, 1:], across[1:], down[:, :-1],
    )  # fmt: skip
    found = [np.empty((0, 3), np.int64)]
    for case, polygons in enumerate(_CASES):
        here = kind == case
        for polygon in polygons:
            ring = [named[corner][here] for corner in polygon]
            found += [
                np.column_stack([ring[0], ring[i], ring[i + 1]]) for i in range(1, len(ring) - 1)
            ]
    return np.concatenate(found)


def _heights(alpha: Floats, luma: Floats) -> Floats:
    """Return how high the front is, in pixels of ``alpha``, at a reduced size."""
    height, width = alpha.shape
    scale = min(1.0, _SOLVE_SIDE / max(height, width))
    size = (max(4, round(width * scale)), max(4, round(height * scale)))
    small = np.asarray(cv2.resize(alpha, size, interpolation=cv2.INTER_AREA), np.float32)
    bulge = inflated(small) * _THICK
    light = np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), np.float32)
    light = cv2.GaussianBlur(light, (0, 0), 0.8)
    relief = light - cv2.GaussianBlur(light, (0, 0), max(size) / 24)
    room = np.clip(bulge / (0.06 * max(size)), 0, 1)
    tall = np.maximum(bulge + relief * room * _DETAIL * max(size) * 2, 0)
    return np.asarray(tall / scale, np.float32)


def _closed(flat: _Flat, heights: Floats, shape: tuple[int, int]) -> Solid:
    """Lift the flat triangles to a front and a back that share the outline."""
    height, width = shape
    rows, columns = heights.shape
    x = (flat.points[:, 0] + 0.5) * columns / width - 0.5
    y = (flat.points[:, 1] + 0.5) * rows / height - 0.5
    lifted = cv2.remap(
        heights,
        x.astype(np.float32)[None],
        y.astype(np.float32)[None],
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
    )[0]
    lifted = np.where(flat.rim, 0, np.maximum(lifted, 0.003 * max(shape)))
    count = len(flat.points)
    inner = np.flatnonzero(~flat.rim)
    mirrored = np.arange(count)
    mirrored[inner] = count + np.arange(len(inner))
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    plan = np.concatenate([flat.points, flat.points[inner]])
    z = np.concatenate([lifted, -_BACK * lifted[inner]])
    positions = np.column_stack([plan[:, 0] - centre[0], centre[1] - plan[:, 1], z])
    # Clockwise on the screen, where y is down, is the same seen from the front, where it is up.
    faces = np.concatenate([flat.faces[:, ::-1], mirrored[flat.faces]])
    least, most = positions.min(axis=0), positions.max(axis=0)
    positions = (positions - (least + most) / 2) / float((most - least)[:2].max())
    places = np.clip((plan + 0.5) / np.array([width, height]), 0, 1)
    return Solid(positions, _normals(positions, faces), places, faces)


def _normals(positions: Floats, faces: Whole) -> Floats:
    """Return the normals of the vertices: means of their faces', weighted by area."""
    a, b, c = (positions[faces[:, i]] for i in range(3))
    normals = np.zeros_like(positions)
    for i in range(3):
        np.add.at(normals, faces[:, i], np.cross(b - a, c - a))
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    ahead = np.array([0.0, 0.0, 1.0])
    return np.where(lengths > 1e-20, normals / np.maximum(lengths, 1e-20), ahead)  # noqa: PLR2004
