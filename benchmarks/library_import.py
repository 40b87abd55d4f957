"""Imports: files filed a second, without pixels (texts) and with (pictures of 64 x 48).

Beside it, in the same table: the rows alone, without files; and a file at a time, as an input that
is named by its path is filed, which waits for the disk four times for each.

Usage: python -m benchmarks.library_import [--files 10000] [--json]

``of CPU`` is what one core that does nothing else would do; on a machine that is busy with other
things it is the figure to compare. The limit that must hold is 2,000 texts a second.
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path

from PIL import Image
from sqlalchemy import Connection

from benchmarks.common import instant_studio, show
from engine.importing import bring_in
from engine.studio import Studio
from library import Asset, file_imports
from studio.clock import now
from studio.ids import new_id

_OWNER = "ada"
_GROUP = 500
_FEW = 300


def write(folder: Path, count: int, data: Callable[[int], bytes], suffix: str) -> Path:
    """Write files, a thousand to a folder."""
    for number in range(count):
        path = folder / f"{number // 1000:03d}" / f"{number}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data(number))
    return folder


def text(number: int) -> bytes:
    """Return a text of a few lines."""
    return f"No. {number}\n\nA red fox in the snow, soft light, wide shot.\n".encode() * 4


def picture(number: int) -> bytes:
    """Return a PNG."""
    file = BytesIO()
    colour = (number % 256, number // 256 % 256, 99)
    Image.new("RGB", (64, 48), colour).save(file, "PNG")
    return file.getvalue()


def rows(count: int) -> Iterator[list[Asset]]:
    """Yield groups of assets from outside, as an import would file them."""
    template = Asset(
        id="", owner=_OWNER, name="note.txt", sha256="", thumbnail="0" * 64,
        media_type="text/plain", bytes=200, width=0, height=0, operation="import", request={},
        provider="", model="", method="brought in from a file", reason="", seed=None, credits=0,
        facts={}, job="", position=0, run="", created_at=now(),
    )  # fmt: skip
    for start in range(0, count, _GROUP):
        yield [
            replace(template, id=new_id("ast"), sha256=digest, job=f"import:{_OWNER}:{digest}")
            for digest in (
                hashlib.sha256(str(number).encode()).hexdigest()
                for number in range(start, min(count, start + _GROUP))
            )
        ]


def file_rows(studio: Studio, count: int) -> int:
    """File rows without files; return how many."""
    filed = 0
    for group in rows(count):

        def work(connection: Connection, some: Sequence[Asset] = group) -> int:
            return len(file_imports(connection, _OWNER, some))

        filed += studio.database.write(work)
    return filed


def one_by_one(studio: Studio, folder: Path) -> int:
    """Have every picture filed by itself; return how many."""
    files = sorted(folder.rglob("*.png"))
    for file in files:
        studio.inputs.find("image", str(file), "single")
    return len(files)


def measured(name: str, work: Callable[[], int]) -> dict[str, object]:
    """Return how many files a second some work comes to."""
    start, cpu = time.perf_counter(), time.process_time()
    count = work()
    wall, spent = time.perf_counter() - start, time.process_time() - cpu
    return {
        "what": name,
        "files": count,
        "a second": round(count / wall),
        "of CPU": round(count / spent),
    }


def main() -> None:
    """Measure, and show what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--json", action="store_true")
    count = parser.parse_args().files
    with (
        tempfile.TemporaryDirectory(prefix="studio-bench-") as given,
        instant_studio() as studio,
    ):
        texts = write(Path(given) / "texts", count, text, ".txt")
        pictures = write(Path(given) / "pictures", count // 10, picture, ".png")
        few = write(Path(given) / "few", min(_FEW, count), lambda it: picture(it + 70_000), ".png")
        found = [
            measured("rows alone", lambda: file_rows(studio, count)),
            measured("texts", lambda: bring_in(studio, _OWNER, [str(texts)]).new),
            measured("texts that are there", lambda: bring_in(studio, _OWNER, [str(texts)]).known),
            measured("pictures", lambda: bring_in(studio, _OWNER, [str(pictures)]).new),
            measured("pictures, one at a time", lambda: one_by_one(studio, few)),
        ]
    show(f"Imports on SQLite, {count} texts", found)


if __name__ == "__main__":
    main()
