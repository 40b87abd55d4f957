"""Smart crop on photographs with marked heads and subjects, at 9:16, 1:1 and 3:1.

The photographs and marks are in ``smart_crop.toml``, the rule by which a crop is judged is told in
``marks.py``. Photographs that were held out are counted for themselves: what was worked out on a
set flatters itself on it. All croppers place windows of the same size. smartcrop.py and pyvips are
no dependencies: their rows are there when `BENCH_CROP` names a Python that has them.

Usage: python -m benchmarks.smart_crop [--each] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from PIL import Image

from benchmarks import photographs
from benchmarks.common import show
from benchmarks.marks import Verdict, judge, window
from benchmarks.photographs import Mark, Photograph
from providers.local import focus
from studio.settings import settings

RATIOS = {"9:16": Fraction(9, 16), "1:1": Fraction(1), "3:1": Fraction(3)}
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Case:
    """One photograph in one shape, with the size of the window to place."""

    photograph: Photograph
    file: Path
    size: tuple[int, int]
    ratio: str
    inner: tuple[int, int]


@dataclass(frozen=True)
class Crops:
    """Where a cropper placed the windows of all cases, and what that took of the CPU in seconds."""

    boxes: Sequence[Mark]
    cpu: float


def cases() -> list[Case]:
    """Return all photographs in all shapes, but for those with only one place for the window."""
    files = photographs.fetch(settings().weights_folder)
    found = []
    for package in photographs.packages():
        for each in package.photographs:
            with Image.open(files[each.id]) as image:
                size = image.size
            for name, ratio in RATIOS.items():
                inner = window(size, ratio)
                if inner != size:
                    found.append(Case(each, files[each.id], size, name, inner))
    return found


def centre(all_: Sequence[Case]) -> Crops:
    """Place windows in the middle."""
    boxes = []
    for case in all_:
        corner = ((case.size[0] - case.inner[0]) // 2, (case.size[1] - case.inner[1]) // 2)
        boxes.append(_placed(corner, case))
    return Crops(boxes, 0.0)


def ours(all_: Sequence[Case]) -> Crops:
    """Place windows as the studio does; each photograph is looked at once."""
    weights = settings().weights_folder
    boxes, maps = [], dict[Path, focus.Importance]()
    with Image.open(all_[0].file) as first:
        focus.importance(first.convert("RGB"), weights)  # it loads the networks
    began = time.process_time()
    for case in all_:
        with Image.open(case.file) as opened:
            image = opened.convert("RGB")
        if case.file not in maps:
            maps[case.file] = focus.importance(image, weights)
        box = focus.focal_crop(image, maps[case.file], *case.inner)
        boxes.append(_placed((round(box.left), round(box.top)), case))
    return Crops(boxes, time.process_time() - began)


def peers(all_: Sequence[Case]) -> dict[str, Crops]:
    """Return the crops of those peers that are here; see ``smart_crop_peers.py``."""
    python = os.environ.get("BENCH_CROP")
    if not python:
        return {}
    job = [(str(file), [case.inner for case in some]) for file, some in _by_file(all_).items()]
    command = [python, str(HERE / "smart_crop_peers.py"), json.dumps(job)]
    answer = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return {
        name: Crops([Mark(*box) for boxes in told["boxes"] for box in boxes], told["cpu"])
        for name, told in answer.items()
    }


def row(who: str, crops: Crops, all_: Sequence[Case], *, held_out: bool) -> dict[str, Any]:
    """Return a cropper's row of the table of one of the two sets."""
    pairs = [
        (case, each)
        for case, each in zip(all_, judged(crops, all_), strict=True)
        if case.photograph.held_out is held_out
    ]
    verdicts = [each for _, each in pairs]
    of = {name: [each for case, each in pairs if case.ratio == name] for name in RATIOS}
    return {
        "who": who,
        **{name: _rate(some) for name, some in of.items()},
        "all": _rate(verdicts),
        "heads kept": f"{sum(v.kept for v in verdicts)} of {sum(v.possible for v in verdicts)}",
        "heads cut": sum(verdict.cut for verdict in verdicts),
        "CPU ms a picture": f"{1_000 * crops.cpu / len(_by_file(all_)):.0f}",
    }


def judged(crops: Crops, all_: Sequence[Case]) -> list[Verdict]:
    """Judge a cropper's windows."""
    return [
        judge(case.photograph, case.size, box) for case, box in zip(all_, crops.boxes, strict=True)
    ]


def _by_file(all_: Iterable[Case]) -> Mapping[Path, list[Case]]:
    found: dict[Path, list[Case]] = {}
    for case in all_:
        found.setdefault(case.file, []).append(case)
    return found


def _placed(corner: tuple[int, int], case: Case) -> Mark:
    left = min(max(corner[0], 0), case.size[0] - case.inner[0])
    top = min(max(corner[1], 0), case.size[1] - case.inner[1])
    return Mark(left, top, left + case.inner[0], top + case.inner[1])


def _rate(verdicts: Sequence[Verdict]) -> str:
    inside = sum(verdict.inside for verdict in verdicts)
    return f"{inside / len(verdicts):.1%} ({inside} of {len(verdicts)})"


def _show_failures(who: str, crops: Crops, all_: Sequence[Case]) -> None:
    for case, box, each in zip(all_, crops.boxes, judged(crops, all_), strict=True):
        if not each.inside:
            print(
                f"{who}: {case.photograph.id} {case.ratio} {tuple(box)}: heads {each.kept} of "
                f"{each.possible}, {each.cut} cut, subject {each.subject:.0%}"
            )


def main() -> None:
    """Judge all croppers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--each", action="store_true", help="also tell what each crop lost")
    parser.add_argument("--json", action="store_true")
    told = parser.parse_args()
    all_ = cases()
    croppers = {"studio": ours(all_), **peers(all_), "centre": centre(all_)}
    if told.each:
        for who, crops in croppers.items():
            _show_failures(who, crops, all_)
    for held_out in (False, True):
        some = [case for case in all_ if case.photograph.held_out is held_out]
        show(
            f"The marked region stays inside: {len(_by_file(some))} photographs"
            f"{', held out' if held_out else ''}, {len(some)} crops",
            [row(who, crops, all_, held_out=held_out) for who, crops in croppers.items()],
        )


if __name__ == "__main__":
    main()
