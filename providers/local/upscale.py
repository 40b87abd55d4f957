"""Make a picture larger, offline.

With its weights SPAN (Wan et al. 2024, 48 channels, x4) draws plausible detail; it was trained on
bicubically reduced pictures, so it sharpens but does not clean JPEG noise. Without weights the
classic way is used and said so: Lanczos and a little unsharp masking.

SPAN runs in ``ncnn`` straight from its published ``.param`` and ``.bin`` files. onnxruntime is no
faster for this network (LOCAL.md, section 2) and would need a converter of our own.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import cv2
import ncnn
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from providers.local import weights as store
from studio.errors import InvalidRequest, ProviderUnavailable, SetupIncomplete

Bytes = NDArray[np.uint8]

METHOD_SPAN = "SPAN x4 (neural)"
METHOD_CLASSIC = "Lanczos and unsharp mask (no weights)"

MAX_FACTOR = 4.0
MAX_PIXELS = 64_000_000
"""Largest result, in pixels: what the studio is willing to decode again."""

_NET_FACTOR = 4
_TILE = 192
"""Pixels of a tile's side that are kept; bounds memory whatever the picture's size."""
_OVERLAP = 8
"""Pixels around a tile that are computed and thrown away, so that no seams show."""

_VISIBLE = 1e-3
"""Mean opacity of surroundings that have a colour worth taking over."""

_nets: dict[tuple[int, Path], Any] = {}
_nets_lock = threading.Lock()
_room = threading.BoundedSemaphore(2)
"""At most two pictures at a time: each keeps two cores busy."""


def upscale(
    image: Image.Image, factor: float = 4, weights: Path | None = None
) -> tuple[Image.Image, str]:
    """Return the picture ``factor`` times as wide and high, and the name of the method used.

    Args:
        image: RGB or RGBA.
        factor: above 1, at most 4. SPAN always enlarges four times; less is reduced from that.
        weights: the cache directory of ``weights.fetch``, or ``None`` for the classic method.

    Raises:
        InvalidRequest: factor out of range, or a result of more than ``MAX_PIXELS``.
        WeightsMissing: a cache directory was given but the network is not in it.
        SetupIncomplete: the installed ncnn cannot read it.
        ProviderUnavailable: ncnn ran short of memory; another try may succeed.
    """
    size = _result_size(image, factor)
    colours = _without_holes(image)
    if weights is None:
        large, method = _classic(colours, size), METHOD_CLASSIC
    else:
        large, method = _neural(colours, size, weights)
    if image.mode == "RGBA":
        # The network knows no transparency, and a matte wants smooth edges, not invented ones.
        large.putalpha(image.getchannel("A").resize(size, Image.Resampling.LANCZOS))
    return large, method


def _result_size(image: Image.Image, factor: float) -> tuple[int, int]:
    """Return width and height of the result, or refuse."""
    if not 1 < factor <= MAX_FACTOR:
        raise InvalidRequest(
            "Pictures are enlarged up to four times.",
            field="factor",
            given=factor,
            allowed=f"above 1, at most {MAX_FACTOR:g}",
        )
    width, height = round(image.width * factor), round(image.height * factor)
    if width * height > MAX_PIXELS:
        raise InvalidRequest(
            "The enlarged picture would be too large.",
            field="factor",
            given=f"{factor:g}, giving {width} x {height} pixels",
            allowed=f"at most {MAX_PIXELS} pixels",
        )
    return width, height


def _classic(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Lanczos, then unsharp masking with a radius that follows the enlargement."""
    large = image.resize(size, Image.Resampling.LANCZOS)
    radius = 0.5 * size[0] / image.width
    return large.filter(ImageFilter.UnsharpMask(radius=radius, percent=60, threshold=2))


def _neural(image: Image.Image, size: tuple[int, int], weights: Path) -> tuple[Image.Image, str]:
    """Enlarge four times with SPAN, then reduce to ``size`` if less was asked for."""
    graph = store.path("spanx4_ch48.param", weights)
    parameters = store.path("spanx4_ch48.bin", weights)
    with _room:
        large = Image.fromarray(_tiled(np.asarray(image), _net(graph, parameters)))
    if large.size == size:
        return large, METHOD_SPAN
    reduced = large.resize(size, Image.Resampling.LANCZOS)
    return reduced, f"{METHOD_SPAN}, reduced to x{size[0] / image.width:g}"


def _tiled(rgb: Bytes, net: Any) -> Bytes:
    """Enlarge tile by tile; the picture's rim is repeated outwards so that it has neighbours."""
    height, width = rgb.shape[:2]
    rim = cv2.copyMakeBorder(rgb, *(_OVERLAP,) * 4, cv2.BORDER_REPLICATE)
    large = np.empty((height * _NET_FACTOR, width * _NET_FACTOR, 3), np.uint8)
    for top in range(0, height, _TILE):
        for left in range(0, width, _TILE):
            rows, columns = min(_TILE, height - top), min(_TILE, width - left)
            tile = rim[top : top + rows + 2 * _OVERLAP, left : left + columns + 2 * _OVERLAP]
            inside = slice(_OVERLAP * _NET_FACTOR, -_OVERLAP * _NET_FACTOR)
            y, x = top * _NET_FACTOR, left * _NET_FACTOR
            target = large[y : y + rows * _NET_FACTOR, x : x + columns * _NET_FACTOR]
            target[:] = _enlarged(tile, net)[inside, inside]
    return large


def _enlarged(tile: Bytes, net: Any) -> Bytes:
    """Run the network on one tile, (height, width, 3) to four times that."""
    values = np.ascontiguousarray(tile.transpose(2, 0, 1), np.float32)
    values /= 255
    # ncnn.Mat shares the array's memory, and the array must live until it has been copied:
    # a temporary here, or a missing clone, gives garbage in the tile's first pixels.
    copied = ncnn.Mat(values).clone()
    extractor = net.create_extractor()
    extractor.input("data", copied)
    status, output = extractor.extract("output")
    if status != 0:
        raise ProviderUnavailable(
            f"ncnn could not enlarge a tile (status {status}); memory may be short.",
            provider="local",
        )
    drawn = np.array(output).transpose(1, 2, 0)
    return np.asarray(np.rint(np.clip(drawn, 0, 1) * 255), np.uint8)


def _net(graph: Path, parameters: Path) -> Any:
    """Return this process's one network; extractors made from it are independent.

    Half precision is off: it gives nothing on x86 and other results on ARM.
    """
    key = (os.getpid(), parameters)
    with _nets_lock:
        if key not in _nets:
            net = ncnn.Net()
            net.opt.num_threads = 2
            net.opt.use_vulkan_compute = False
            net.opt.use_fp16_storage = False
            net.opt.use_fp16_packed = False
            net.opt.use_fp16_arithmetic = False
            if net.load_param(str(graph)) != 0 or net.load_model(str(parameters)) != 0:
                raise SetupIncomplete("The installed ncnn cannot read SPAN.", field="weights")
            _nets[key] = net
        return _nets[key]


def _without_holes(image: Image.Image) -> Image.Image:
    """Return RGB in which transparent pixels have the colour of what is near and visible.

    Cut-outs are black where they are transparent; enlarged as it is, that black would creep into
    the edge of the subject.
    """
    if image.mode != "RGBA":
        return image.convert("RGB")
    rgba = np.asarray(image, np.float32)
    colours, alpha = rgba[..., :3], rgba[..., 3:] / 255
    visible = float(alpha.sum())
    filled = (colours * alpha).sum(axis=(0, 1)) / visible if visible else np.zeros(3)
    result = np.broadcast_to(filled, colours.shape).astype(np.float32)
    for radius in (16, 4, 1):  # from afar to near: the nearest visible colour has the last word
        side = (2 * radius + 1, 2 * radius + 1)
        weight = cv2.blur(alpha, side)[..., None]
        near = cv2.blur(colours * alpha, side) / np.maximum(weight, 1e-6)
        result = np.where(weight > _VISIBLE, near, result)
    result = np.where(alpha > 0, colours, result)
    return Image.fromarray(np.rint(np.clip(result, 0, 255)).astype(np.uint8))
