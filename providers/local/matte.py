"""Cut a subject out of its background, offline.

Three steps, each with its source:

1. a small network says roughly where the subject is (U²-Net, Qin et al. 2020, the "p" size);
2. a guided filter with the picture's own colours as guide snaps that matte to the edges that are
   really there (He, Sun, Tang 2010; coefficients at reduced size as in the fast variant of 2015);
3. the colour of the old background is taken out of half-transparent pixels (Forte 2021, "blur
   fusion"), else hair keeps a fringe of it.

Arrays are float32 in 0..1, shape (height, width) for mattes and (height, width, 3) for RGB.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray
from PIL import Image

from providers.local import weights as store

Floats = NDArray[np.floating[Any]]

METHOD = "U²-Netp matte, colour guided filter, foreground colours estimated"
"""What ``cut_out`` did, for the result's metadata."""

_NET_SIDE = 320
"""The network's input is 320 x 320 pixels, whatever the picture's shape."""
_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
_DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)
"""Per-channel statistics of ImageNet that U²-Net was trained with (its own data_loader.py)."""

_WORK_SIDE = 1024
"""Longest side, in pixels, at which filters are computed; larger pictures reuse coefficients."""
_STRIP_ROWS = 512
"""Rows finished at a time, so that a picture of 60 million pixels needs no floats of that size."""

_SURE = 0.5
"""A matte that nowhere exceeds this is not stretched: there may be no subject at all."""
_LOW, _HIGH = 0.12, 0.92
"""Filtered values below and above become fully transparent and fully opaque."""

_PLATEAU = 13
"""Diameter, in the network's pixels, of the surroundings that tell an edge from a vague area."""
_EDGE_SPAN = 0.85
"""Difference of matte within those surroundings that surely is an edge."""

_sessions: dict[tuple[int, Path], Any] = {}
_sessions_lock = threading.Lock()
_room = threading.BoundedSemaphore(2)
"""At most two mattes at a time: each needs some hundred megabytes."""


def cut_out(image: Image.Image, weights: Path) -> Image.Image:
    """Return the picture's subject on transparency.

    Args:
        image: RGB or RGBA; transparency that is there already is kept.
        weights: the cache directory of ``weights.fetch``.

    Returns:
        RGBA of the same size. Fully transparent pixels are black, so that nothing of the removed
        background can be recovered.

    Raises:
        WeightsMissing: the network is not in the cache.
    """
    with _room:
        rgb, old_alpha = _flatten(image)
        coarse = saliency(rgb, weights)
        small = _reduced(rgb, _WORK_SIDE)
        matte = _resized(_decided(coarse), (small.shape[1], small.shape[0]))
        slope, offset = _guided_coefficients(small, matte)
        small_alpha = _levels(_apply(small, slope, offset))
        colours = _blur_fusion(small, small_alpha)
        return _finish(rgb, old_alpha, (slope, offset), colours)


def saliency(rgb: NDArray[np.uint8], weights: Path) -> Floats:
    """Return how much each spot belongs to the subject, shape (320, 320), values 0..1.

    Args:
        rgb: shape (height, width, 3).
        weights: the cache directory of ``weights.fetch``.

    Raises:
        WeightsMissing: the network is not in the cache.
    """
    session = _session(store.path("u2netp.onnx", weights))
    square = Image.fromarray(rgb).resize((_NET_SIDE, _NET_SIDE), Image.Resampling.LANCZOS)
    values = np.asarray(square, np.float32)
    values = (values / max(float(values.max()), 1.0) - _MEAN) / _DEVIATION
    batch = np.ascontiguousarray(values.transpose(2, 0, 1)[None])
    matte = session.run([session.get_outputs()[0].name], {session.get_inputs()[0].name: batch})[0][
        0, 0
    ]
    low, high = float(matte.min()), float(matte.max())
    if high <= _SURE:
        return np.asarray(np.clip(matte, 0, 1), np.float32)
    return np.asarray((matte - low) / (high - low), np.float32)


def _session(model: Path) -> Any:
    """Return this process's one session for ``model``; running it is thread-safe.

    The process id is part of the key because a session's threads do not survive a fork.
    """
    key = (os.getpid(), model)
    with _sessions_lock:
        if key not in _sessions:
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = 2
            options.inter_op_num_threads = 1
            options.enable_cpu_mem_arena = False  # else the peak is kept for good
            options.log_severity_level = 3  # errors only
            _sessions[key] = onnxruntime.InferenceSession(
                str(model), options, providers=["CPUExecutionProvider"]
            )
        return _sessions[key]


def _flatten(image: Image.Image) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
    """Return RGB and, where the picture has transparency, its alpha; RGB is laid over grey."""
    if image.mode != "RGBA":
        return np.asarray(image.convert("RGB")), None
    alpha = image.getchannel("A")
    if alpha.getextrema() == (255, 255):
        return np.asarray(image.convert("RGB")), None
    flat = Image.new("RGB", image.size, (128, 128, 128))
    flat.paste(image, mask=alpha)
    return np.asarray(flat), np.asarray(alpha)


def _reduced(rgb: NDArray[np.uint8], side: int) -> Floats:
    """Return RGB as floats, made smaller so that its longest side is at most ``side``."""
    height, width = rgb.shape[:2]
    scale = min(1.0, side / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = rgb if scale >= 1 else cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32) / 255


def _resized(values: Floats, size: tuple[int, int]) -> Floats:
    """Return ``values`` at ``size`` (width, height), bicubic, kept in 0..1."""
    resized = cv2.resize(values, size, interpolation=cv2.INTER_CUBIC)
    return np.clip(np.asarray(resized, np.float32), 0, 1)


def _decided(matte: Floats) -> Floats:
    """Return the network's matte with its undecided areas decided.

    Next to an edge a middle value means a mixed pixel and stays. Spread over an area it means that
    the network does not know, and would show as a ghost: there the value is pushed to 0 or 1.
    Then faint islands go: what is nowhere surely subject and hangs on nothing that is.
    """
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_PLATEAU, _PLATEAU))
    span = np.asarray(cv2.dilate(matte, disc) - cv2.erode(matte, disc), np.float32)
    edge = np.clip(span / _EDGE_SPAN, 0, 1) ** 2
    pushed = np.clip((matte - 0.4) / 0.3, 0, 1)
    decided = edge * matte + (1 - edge) * pushed
    count, labels = cv2.connectedComponents((decided > _LOW).astype(np.uint8), connectivity=8)
    strongest = np.zeros(count, np.float32)
    np.maximum.at(strongest, labels.ravel(), decided.ravel())
    keep = strongest > _SURE
    if not keep[1:].any():  # label 0 is everything below the threshold
        return matte
    keep[0] = True
    return np.asarray(np.where(keep[labels], decided, 0), np.float32)


def _blur(values: Floats, radius: int) -> Floats:
    """Return the mean over squares of side ``2 * radius + 1``; edges repeat."""
    side = 2 * radius + 1
    blurred = cv2.blur(values, (side, side), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(blurred, np.float32)


def _guided_coefficients(rgb: Floats, matte: Floats) -> tuple[Floats, Floats]:
    """Return slope (height, width, 3) and offset (height, width) of the guided filter.

    In every square the matte is fitted as a linear function of the three colours; the radius
    follows the size of the network's own pixels, which is how far off its edges can be.
    """
    radius = max(2, round(max(matte.shape) / 110))
    regular = 1e-3
    mean_rgb, mean_matte = _blur(rgb, radius), _blur(matte, radius)
    covariance = _blur(rgb * matte[..., None], radius) - mean_rgb * mean_matte[..., None]
    sigma = np.empty((*matte.shape, 3, 3), np.float32)
    for i in range(3):
        for j in range(i, 3):
            product = _blur(rgb[..., i] * rgb[..., j], radius)
            sigma[..., i, j] = sigma[..., j, i] = product - mean_rgb[..., i] * mean_rgb[..., j]
    sigma += np.eye(3, dtype=np.float32) * regular
    slope: Floats = np.linalg.solve(sigma, covariance[..., None])[..., 0]
    offset: Floats = mean_matte - np.sum(slope * mean_rgb, axis=2)
    return _blur(slope, radius), _blur(offset, radius)


def _apply(rgb: Floats, slope: Floats, offset: Floats) -> Floats:
    """Return the matte that these coefficients give for these colours."""
    return np.asarray(np.sum(slope * rgb, axis=2) + offset, np.float32)


def _levels(matte: Floats) -> Floats:
    """Stretch the matte so that what is nearly clear is clear, and nearly solid is solid."""
    return np.asarray(np.clip((matte - _LOW) / (_HIGH - _LOW), 0, 1), np.float32)


def _blur_fusion(rgb: Floats, alpha: Floats) -> tuple[Floats, Floats]:
    """Return estimated foreground and background colours, each (height, width, 3)."""
    side = max(alpha.shape)
    foreground, background = _fuse(rgb, rgb, rgb, alpha, max(2, side // 11))
    return _fuse(rgb, foreground, background, alpha, max(1, side // 170))


def _fuse(
    rgb: Floats, foreground: Floats, background: Floats, alpha: Floats, radius: int
) -> tuple[Floats, Floats]:
    """One pass of blur fusion: weighted means of both colours, then the foreground corrected."""
    weight = alpha[..., None]
    solid = _blur(alpha, radius)[..., None]
    front = _blur(foreground * weight, radius) / (solid + 1e-5)
    back = _blur(background * (1 - weight), radius) / (1 - solid + 1e-5)
    front = front + weight * (rgb - weight * front - (1 - weight) * back)
    return np.clip(front, 0, 1), np.clip(back, 0, 1)


def _finish(
    rgb: NDArray[np.uint8],
    old_alpha: NDArray[np.uint8] | None,
    coefficients: tuple[Floats, Floats],
    colours: tuple[Floats, Floats],
) -> Image.Image:
    """Apply filter and colours at full size, strip by strip."""
    height, width = rgb.shape[:2]
    result = np.empty((height, width, 4), np.uint8)
    for top in range(0, height, _STRIP_ROWS):
        rows = slice(top, min(top + _STRIP_ROWS, height))
        part = np.asarray(rgb[rows], np.float32) / 255
        strip = (top, part.shape[0])
        slope, offset, front, back = (
            _strip_of(values, strip, (width, height)) for values in (*coefficients, *colours)
        )
        alpha = _levels(_apply(part, slope, offset))
        if old_alpha is not None:
            alpha = alpha * (np.asarray(old_alpha[rows], np.float32) / 255)
        weight = alpha[..., None]
        clean = front + weight * (part - weight * front - (1 - weight) * back)
        opacity = np.rint(alpha * 255).astype(np.uint8)
        clean[opacity == 0] = 0
        result[rows, :, :3] = np.rint(np.clip(clean, 0, 1) * 255)
        result[rows, :, 3] = opacity
    return Image.fromarray(result)


def _strip_of(values: Floats, strip: tuple[int, int], size: tuple[int, int]) -> Floats:
    """Return rows ``strip`` (first, count) of ``values`` as if enlarged to ``size`` as a whole."""
    height, width = values.shape[:2]
    first, count = strip
    if (width, height) == size:
        return values[first : first + count]
    across, down = width / size[0], height / size[1]
    # Pixel centres are at +0.5: the same mapping that a resize of the whole would use.
    mapping = np.array(
        [[across, 0, across / 2 - 0.5], [0, down, (first + 0.5) * down - 0.5]], np.float64
    )
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    strip_values = cv2.warpAffine(
        values, mapping, (size[0], count), flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(strip_values, np.float32)
