"""EfficientNet-Lite0 (Tan and Liu, Google 2020), which tells 1,000 kinds of things apart.

It runs in numpy straight from its published weights: 16 small blocks of three convolutions each,
0.4 billion multiplications, about 0.15 CPU s. A runtime would need the network in a format of its
own, and a converter to write it.

Arrays are (height, width, channels). Normalization is folded into the convolutions when the
weights are read.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from providers.local import weights as store
from providers.local.tags.checkpoint import read_checkpoint

Floats = NDArray[np.floating[Any]]

FILE = "efficientnet-lite0.pth"

_SIDE = 224
_ROUND = 256 / 224
"""The middle of a picture is looked at, as in training: 224 of 256 pixels of the shorter side."""
_MEAN, _SPAN = 127.0, 128.0
"""How Lite's pictures are brought to about -1..1 (``MEAN_RGB`` and ``STDDEV_RGB``, there)."""
_EPSILON = 1e-3
_HALVING = frozenset({1, 3, 5, 11})
"""Blocks that halve height and width."""
_BLOCKS = 16


@dataclass(frozen=True)
class _Layer:
    """A convolution and what is added after it.

    Attributes:
        weights: (in, out), (rows, columns, channels) or (rows, columns, in, out).
        bias: (out,).
    """

    weights: Floats
    bias: Floats


@dataclass(frozen=True)
class _Block:
    """Widened, looked around, narrowed; the first block is not widened."""

    expand: _Layer | None
    around: _Layer
    narrow: _Layer
    step: int


@dataclass(frozen=True)
class _Net:
    stem: _Layer
    blocks: tuple[_Block, ...]
    head: _Layer
    classes: _Layer


_nets: dict[tuple[int, Path], _Net] = {}
_lock = threading.Lock()


def recognize(rgb: NDArray[np.uint8], weights: Path) -> Floats:
    """Return how likely each of the 1,000 kinds is what the middle of the picture shows.

    Args:
        rgb: shape (height, width, 3).
        weights: the cache directory of ``weights.fetch``.

    Returns:
        (1000,), which sum to 1, in ImageNet's order.

    Raises:
        WeightsMissing: the network is not in the cache.
        SetupIncomplete: it cannot be read.
    """
    net = _net(store.path(FILE, weights))
    picture = (_middle(rgb).astype(np.float32) - _MEAN) / _SPAN
    values = _kept(_around(picture, net.stem, step=2))
    for block in net.blocks:
        values = _through(values, block)
    seen = _kept(values @ net.head.weights + net.head.bias).mean(axis=(0, 1))
    scores = seen @ net.classes.weights + net.classes.bias
    likely = np.exp(scores - scores.max())
    return np.asarray(likely / likely.sum())


def _middle(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the picture's middle as the network wants it, (224, 224, 3)."""
    side = round(min(rgb.shape[:2]) / _ROUND)
    top, left = (rgb.shape[0] - side) // 2, (rgb.shape[1] - side) // 2
    part = rgb[top : top + side, left : left + side]
    how = cv2.INTER_AREA if side > _SIDE else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(part, (_SIDE, _SIDE), interpolation=how), np.uint8)


def _through(values: Floats, block: _Block) -> Floats:
    wide = values
    if block.expand is not None:
        wide = _kept(values @ block.expand.weights + block.expand.bias)
    wide = _kept(_around(wide, block.around, block.step))
    narrow = np.asarray(wide @ block.narrow.weights + block.narrow.bias)
    return values + narrow if narrow.shape == values.shape else narrow


def _kept(values: Floats) -> Floats:
    """ReLU6."""
    return np.clip(values, 0, 6)


def _around(values: Floats, layer: _Layer, step: int) -> Floats:
    """Convolve, padded as TensorFlow does ("same"): what is odd goes to the right and below."""
    kernel = layer.weights.shape[0]
    rows, columns = (-(-length // step) for length in values.shape[:2])
    more = [
        max((count - 1) * step + kernel - length, 0)
        for count, length in zip((rows, columns), values.shape[:2], strict=True)
    ]
    padded = np.pad(values, (*((some // 2, some - some // 2) for some in more), (0, 0)))
    total: Floats = np.zeros((rows, columns, layer.bias.size), np.float32) + layer.bias
    for y, x in np.ndindex(kernel, kernel):
        part = padded[y : y + rows * step : step, x : x + columns * step : step]
        part = part[:rows, :columns]
        tap = layer.weights[y, x]
        total += part @ tap if tap.ndim == 2 else part * tap  # noqa: PLR2004 - mixes channels
    return total


def _net(file: Path) -> _Net:
    """Return this process's one network; it is never written to, so threads share it."""
    key = (os.getpid(), file)
    with _lock:
        if key not in _nets:
            _nets[key] = _read(read_checkpoint(file))
        return _nets[key]


def _read(tensors: Mapping[str, Floats]) -> _Net:
    """Put the tensors in order; names are those of the checkpoint."""
    blocks = []
    for number in range(_BLOCKS):
        name = f"_blocks.{number}."
        expand = f"{name}_expand_conv"
        blocks.append(
            _Block(
                _mixing(tensors, expand, f"{name}_bn0") if f"{expand}.weight" in tensors else None,
                _looking(tensors, f"{name}_depthwise_conv", f"{name}_bn1"),
                _mixing(tensors, f"{name}_project_conv", f"{name}_bn2"),
                2 if number in _HALVING else 1,
            )
        )
    stem = tensors["_conv_stem.weight"].transpose(2, 3, 1, 0)
    return _Net(
        _folded(stem, tensors, "_bn0"),
        tuple(blocks),
        _mixing(tensors, "_conv_head", "_bn1"),
        _Layer(np.ascontiguousarray(tensors["_fc.weight"].T), tensors["_fc.bias"]),
    )


def _mixing(tensors: Mapping[str, Floats], name: str, norm: str) -> _Layer:
    """A convolution of one pixel: all channels are mixed."""
    return _folded(tensors[f"{name}.weight"][..., 0, 0].T, tensors, norm)


def _looking(tensors: Mapping[str, Floats], name: str, norm: str) -> _Layer:
    """A convolution of each channel for itself."""
    return _folded(tensors[f"{name}.weight"][:, 0].transpose(1, 2, 0), tensors, norm)


def _folded(weights: Floats, tensors: Mapping[str, Floats], norm: str) -> _Layer:
    """Take the normalization that follows a convolution into it."""
    scale = tensors[f"{norm}.weight"] / np.sqrt(tensors[f"{norm}.running_var"] + _EPSILON)
    bias = tensors[f"{norm}.bias"] - tensors[f"{norm}.running_mean"] * scale
    return _Layer(np.ascontiguousarray(weights * scale), np.asarray(bias))
