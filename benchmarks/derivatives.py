"""One picture to every social format: a 1024-pixel picture, and a photograph of 12 megapixels.

What is measured is what comes after the map of what matters (a row of its own): decoding, choosing
the parts, resampling, JPEG of quality 85. The peers crop the middle instead; each decodes once and
uses both cores, which was the fastest way of theirs. Formats that look the same are made once by
us, so the peers are measured for that, too.

pyvips and sharp are no dependencies. Their rows are there when `BENCH_VIPS` names a Python that has
pyvips, and `BENCH_SHARP` a folder in which `npm install sharp` was run.

Usage: python -m benchmarks.derivatives [--rounds 5] [--json]
"""

from __future__ import annotations

import argparse
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.common import show
from providers.local import focus, social
from providers.local.export import target, write
from studio import imaging
from studio.catalog import SOCIAL_FORMATS
from studio.operations import SocialExport
from studio.settings import settings

CORES = 2
FORMATS = list(SOCIAL_FORMATS.values())
SIZES = [(each.width, each.height) for each in FORMATS]
WANTED = SocialExport(image="x", formats=list(SOCIAL_FORMATS))
HERE = Path(__file__).parent

Figures = dict[str, float]


def ours(data: bytes, map_: focus.Importance) -> int:
    """Make every format as the studio does; return the bytes."""
    image = imaging.open_picture(data)
    rendered = social.render(image, [target(each, WANTED) for each in FORMATS], map_)
    return sum(len(file.data) for file in write(rendered, FORMATS, "jpeg"))


def plain(data: bytes, sizes: Sequence[tuple[int, int]] = SIZES) -> int:
    """Make the middle of every size with Pillow's Lanczos, decoded once."""
    image = imaging.open_picture(data)
    total = 0
    for width, height in sizes:
        scale = min(image.width / width, image.height / height)
        left = (image.width - width * scale) / 2
        top = (image.height - height * scale) / 2
        box = (left, top, image.width - left, image.height - top)
        part = image.resize((width, height), Image.Resampling.LANCZOS, box=box)
        total += len(imaging.encode(part, "jpeg"))
    return total


def measured(work: Callable[[], int], rounds: int) -> Figures:
    """Do the work once to warm up, then ``rounds`` times on every core."""
    work()
    count = rounds * CORES
    with ThreadPoolExecutor(CORES) as pool:
        cpu, began = time.process_time(), time.perf_counter()
        sizes = list(pool.map(lambda _: work(), range(count)))
        wall, cpu = time.perf_counter() - began, time.process_time() - cpu
    return {"wall": wall / count, "cpu": cpu / count, "bytes": sizes[0]}


def peer(command: Sequence[str], data: bytes, sizes: list[tuple[int, int]], rounds: int) -> Figures:
    """Have a peer's own process do it; it answers in the same words."""
    with tempfile.NamedTemporaryFile(suffix=".picture") as file:
        file.write(data)
        file.flush()
        job = json.dumps({"file": file.name, "sizes": sizes, "rounds": rounds, "cores": CORES})
        answer = subprocess.run([*command, job], check=True, capture_output=True, text=True)
    figures: Figures = json.loads(answer.stdout)
    return figures


def peers() -> dict[str, list[str]]:
    """Return the commands of those peers that are here."""
    found = {}
    if os.environ.get("BENCH_VIPS"):
        found["pyvips"] = [os.environ["BENCH_VIPS"], str(HERE / "derivatives_vips.py")]
    if os.environ.get("BENCH_SHARP"):
        modules = str(Path(os.environ["BENCH_SHARP"], "node_modules", "sharp"))
        found["sharp"] = ["node", str(HERE / "derivatives_sharp.cjs"), modules]
    return found


def rows(name: str, data: bytes, rounds: int) -> list[dict[str, Any]]:
    """Return the table's rows for one picture."""
    weights = settings().weights_folder
    image = imaging.open_picture(data)
    focus.importance(image, weights)
    began = time.process_time()
    for _ in range(rounds):
        map_ = focus.importance(image, weights)
    looking = (time.process_time() - began) / rounds
    figures = {
        "studio": measured(lambda: ours(data, map_), rounds),
        "Pillow, Lanczos": measured(lambda: plain(data), rounds),
    }
    for label, command in peers().items():
        figures[label] = peer(command, data, SIZES, rounds)
        once = list(dict.fromkeys(SIZES))
        figures[f"{label}, each size once"] = peer(command, data, once, rounds)
    base = figures["studio"]["cpu"]
    return [
        *(_row(name, label, each, base) for label, each in figures.items()),
        {**dict.fromkeys(_row(name, "", figures["studio"], base), ""), "picture": name}
        | {"who": "(map of what matters, apart)", "CPU ms": f"{looking * 1_000:.0f}"},
    ]


def _row(name: str, who: str, figures: Figures, base: float) -> dict[str, Any]:
    return {
        "picture": name,
        "who": who,
        "pictures/s": f"{1 / figures['wall']:.2f}",
        "CPU ms": f"{figures['cpu'] * 1_000:.0f}",
        "CPU of studio's": f"{figures['cpu'] / base:.2f}",
        "MB": f"{figures['bytes'] / 1e6:.2f}",
    }


def pictures() -> dict[str, bytes]:
    """Return both pictures: as a provider delivers one, and as a camera does, with some grain."""
    photo = settings().weights_folder / "astronaut.png"
    if not photo.is_file():
        sys.exit("The sample photograph is not there: run `studio setup`.")
    image = Image.open(photo).convert("RGB")
    small, large = io.BytesIO(), io.BytesIO()
    image.resize((1_024, 1_024), Image.Resampling.LANCZOS).save(small, "PNG")
    wide = np.asarray(image.resize((4_000, 4_000), Image.Resampling.BICUBIC))[:3_000]
    grain = np.random.default_rng(1).normal(0, 3, (*wide.shape[:2], 1))
    camera = Image.fromarray(np.clip(wide + grain, 0, 255).astype(np.uint8))
    camera.save(large, "JPEG", quality=92)
    return {"1024 x 1024 PNG": small.getvalue(), "4000 x 3000 JPEG": large.getvalue()}


def main() -> None:
    """Measure both pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    rounds = parser.parse_args().rounds
    table = [row for name, data in pictures().items() for row in rows(name, data, rounds)]
    show(f"One picture to {len(FORMATS)} social formats, on {CORES} cores", table)


if __name__ == "__main__":
    main()
