"""The peers of ``smart_crop``, run by whatever Python has smartcrop or pyvips.

Both place a window of exactly the size that is asked for: smartcrop.py is kept from trying smaller
ones, and steps half as far as usual.
"""

from __future__ import annotations

import json
import sys
import time
from importlib import import_module, util
from typing import Any

Box = list[int]


def smartcrop(file: str, sizes: list[list[int]]) -> list[Box]:
    """Place windows with smartcrop.py."""
    image = import_module("PIL.Image").open(file).convert("RGB")
    cropper = import_module("smartcrop").SmartCrop()
    boxes = []
    for width, height in sizes:
        asked = (100, round(100 * height / width))  # as its own command does
        crop = cropper.crop(image, *asked, min_scale=1.0, max_scale=1.0, step=4)["top_crop"]
        left, top = min(crop["x"], image.width - width), min(crop["y"], image.height - height)
        boxes.append([left, top, left + width, top + height])
    return boxes


def vips(file: str, sizes: list[list[int]]) -> list[Box]:
    """Place windows with libvips' strategy "attention"."""
    pyvips: Any = import_module("pyvips")
    boxes = []
    for width, height in sizes:
        image = pyvips.Image.new_from_file(file).colourspace("srgb")
        made = image.smartcrop(width, height, interesting="attention")
        left, top = -made.xoffset, -made.yoffset
        boxes.append([left, top, left + width, top + height])
    return boxes


def main() -> None:
    """Do the job of the first argument and print the boxes and CPU seconds of each peer."""
    job = json.loads(sys.argv[1])
    peers = {"smartcrop.py": ("smartcrop", smartcrop), "libvips attention": ("pyvips", vips)}
    answer = {}
    for name, (module, place) in peers.items():
        if util.find_spec(module) is None:
            continue
        place(*job[0])  # the first one imports
        began = time.process_time()
        boxes = [place(file, sizes) for file, sizes in job]
        answer[name] = {"boxes": boxes, "cpu": time.process_time() - began}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
