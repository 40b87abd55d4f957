"""The peer of ``derivatives`` with pyvips, run by whatever Python has it.

Decoded once, cropped, reduced with Lanczos: faster than its thumbnail, which decodes each time.
"""

from __future__ import annotations

import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

os.environ.setdefault("VIPS_CONCURRENCY", "1")  # the cores are used by formats side by side

pyvips: Any = import_module("pyvips")  # no dependency: only this process has it


def one(image: Any, size: tuple[int, int]) -> int:
    """Write the middle of one size; return its bytes."""
    width, height = size
    scale = min(image.width / width, image.height / height)
    wide, high = round(width * scale), round(height * scale)
    part = image.crop((image.width - wide) // 2, (image.height - high) // 2, wide, high)
    part = part.resize(width / wide, vscale=height / high, kernel="lanczos3")
    return len(part.jpegsave_buffer(Q=85, subsample_mode="on", keep="none"))


def main() -> None:
    """Do the job of the first argument and print the figures."""
    job = json.loads(sys.argv[1])
    pyvips.cache_set_max(0)  # else the second round is read from its cache
    data = Path(job["file"]).read_bytes()
    total = 0
    with ThreadPoolExecutor(job["cores"]) as pool:
        for number in range(job["rounds"] + 1):
            if number == 1:  # the first one warms up
                cpu, began = time.process_time(), time.perf_counter()
            image = pyvips.Image.new_from_buffer(data, "").autorot().copy_memory()
            total = sum(pool.map(partial(one, image), job["sizes"]))
    wall, cpu = time.perf_counter() - began, time.process_time() - cpu
    rounds = job["rounds"]
    print(json.dumps({"wall": wall / rounds, "cpu": cpu / rounds, "bytes": total}))


if __name__ == "__main__":
    main()
