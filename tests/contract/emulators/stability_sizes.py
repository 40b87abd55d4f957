"""How large the pictures are that Stability AI makes."""

from __future__ import annotations

import math

from tests.contract.emulators.base import read_picture
from tests.contract.emulators.stability_rules import Parts, text

_LIVE_SIZES = {
    ("core", "1:1"): (1_536, 1_536),
    ("ultra", "16:9"): (1_344, 768),
    ("sd3", "16:9"): (1_344, 768),
    ("style", "16:9"): (1_365, 768),
}
"""Sizes that were seen; the others follow from the megapixels."""


def size(path: str, parts: Parts) -> tuple[int, int]:
    """Return the pixels that come back."""
    end = path.rpartition("/")[2]
    if end in {"core", "ultra", "sd3", "style"} and text(parts, "mode") != "image-to-image":
        ratio = text(parts, "aspect_ratio", "1:1")
        wide, high = (int(side) for side in ratio.split(":"))
        area = (1.5 if end == "core" else 1) * 1_048_576
        return _LIVE_SIZES.get((end, ratio)) or _of_area(area, wide, high)
    first = next(parts[name] for name in ("image", "init_image", "subject_image") if name in parts)
    width, height = read_picture(first.data).size
    if end == "outpaint":
        left, right, up, down = (
            int(text(parts, name, "0")) for name in ("left", "right", "up", "down")
        )
        return width + left + right, height + up + down
    if end == "fast":
        return width * 4, height * 4
    if end in {"conservative", "creative"}:
        return _of_area(4_000_000, width, height)
    if end == "style-transfer":
        return _of_area(1_048_576, width, height)
    return width, height


def _of_area(area: float, wide: int, high: int) -> tuple[int, int]:
    width = math.sqrt(area * wide / high)
    return round(width), round(area / width)
