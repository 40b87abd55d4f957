"""Make a picture larger, offline.

With its weights SPAN (Wan et al. 2024, 48 channels, x4) draws plausible detail; it was trained on
bicubically reduced pictures, so it sharpens but does not clean JPEG noise. Without weights the
classic way is used and said so: Lanczos and a little unsharp masking.

SPAN runs in ``ncnn`` straight from its published ``.param`` and ``.bin`` files. onnxruntime is no
faster for this network (LOCAL.md, section 2) and would need a converter of our own.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageFilter

from providers.local import weights as store
from providers.local.enlarge import Network, enlarge
from studio.errors import InvalidRequest

METHOD_SPAN = "SPAN x4 (neural)"
METHOD_CLASSIC = "Lanczos and unsharp mask (no weights)"

MAX_FACTOR = 4.0
MAX_PIXELS = 64_000_000
"""Largest result, in pixels: what the studio is willing to decode again."""

_TILE, _OVERLAP = 192, 8
"""Pixels (see ``Network``)."""

_VISIBLE = 1e-3
"""Mean opacity of surroundings that have a colour worth taking over."""


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
    if weights is None:
        large, method = _classic(_without_holes(image), size), METHOD_CLASSIC
    else:
        large, method = _neural(_without_holes(image), size, weights)
    return _as_opaque_as(image, large), method


def upscale_whole(image: Image.Image, network: Network) -> Image.Image:
    """Return the picture four times as wide and high, by a network of the caller's.

    Args:
        image: RGB or RGBA.
        network: what draws the detail.

    Raises:
        InvalidRequest: a result of more than ``MAX_PIXELS``.
        SetupIncomplete: the installed ncnn cannot read the network.
        ProviderUnavailable: ncnn ran short of memory; another try may succeed.
    """
    _result_size(image, MAX_FACTOR)
    large = enlarge(np.asarray(_without_holes(image)), network)
    return _as_opaque_as(image, Image.fromarray(large))


def _as_opaque_as(image: Image.Image, large: Image.Image) -> Image.Image:
    """Return ``large`` with the transparency of ``image``, if it has any."""
    if image.mode == "RGBA":
        # The network knows no transparency, and a matte wants smooth edges, not invented ones.
        large.putalpha(image.getchannel("A").resize(large.size, Image.Resampling.LANCZOS))
    return large


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
    network = Network("SPAN", graph, parameters, _TILE, _OVERLAP)
    large = Image.fromarray(enlarge(np.asarray(image), network))
    if large.size == size:
        return large, METHOD_SPAN
    reduced = large.resize(size, Image.Resampling.LANCZOS)
    return reduced, f"{METHOD_SPAN}, reduced to x{size[0] / image.width:g}"


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
