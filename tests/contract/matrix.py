"""Every operation with every provider: done, or refused with the reason.

Usage: python -m tests.contract.matrix (or: make matrix)

The cloud providers are the emulators; ``local`` is this machine with its weights.
"""

from __future__ import annotations

import io
import itertools
import sys
import tempfile
import wave
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw
from rich.console import Console
from rich.table import Table

from engine.single import hold_credits, orders_of, plan_one
from providers.local import weights
from studio.errors import GateRefused, InvalidRequest, PriceUnknown, StudioError
from studio.operations import OPERATIONS, Operation, input_fields
from studio.settings import Settings
from tests.contract.world import World, opened_world
from tests.support.studios import OWNER, execute

_NUMBERS = itertools.count(1)
_SIDE = 384


@dataclass(frozen=True)
class Cell:
    """What came of an operation with a provider.

    Attributes:
        done: whether it was done.
        words: the offer that did it, or why it was refused.
    """

    done: bool
    words: str


def run(world: World) -> dict[str, dict[str, Cell]]:
    """Return the whole matrix: operation, provider, what came of it."""
    with tempfile.TemporaryDirectory() as folder:
        files = example_files(Path(folder))
        return {
            name: {provider: _try(world, name, provider, files) for provider in world.providers}
            for name in OPERATIONS
        }


def _try(world: World, name: str, provider: str, files: Mapping[str, str]) -> Cell:
    key = f"{name}-{provider}-{next(_NUMBERS)}"
    try:
        planned = plan_one(world.studio, request(name, provider, files), OWNER, key)
    except (InvalidRequest, PriceUnknown) as error:
        return Cell(done=False, words=_refusal(error))
    try:
        held = hold_credits(world.studio, OWNER, key, planned.quote.total, "matrix")
    except GateRefused as error:
        return Cell(done=False, words=error.message)
    (order,) = orders_of(planned, owner=OWNER, key=key, hold_id=held.id, run="matrix")
    job = execute(world.studio, order)
    if job.state == "settled":
        return Cell(done=True, words=job.offer)
    return Cell(done=False, words=f"{job.state}: {(job.error or {}).get('message')}")


def _refusal(error: StudioError) -> str:
    """Return why it was refused and, where that is known, who can do it."""
    return f"{error.message} ({error.allowed})" if error.allowed else error.message


def request(name: str, provider: str, files: Mapping[str, str]) -> Operation:
    """Return the example of an operation for a provider, with real files."""
    cls = OPERATIONS[name]
    values: dict[str, Any] = {**cls.example, "provider": provider}
    for field, kind in input_fields(cls).items():
        if field in values:
            values[field] = files["mask" if field == "mask" else kind]
    if name in files:
        values["image"] = files[name]
    return cls.model_validate(values)


def example_files(folder: Path) -> dict[str, str]:
    """Write pictures, a mask and a recording; return their paths by what, or who, they are for."""
    photo = folder / "photo.png"
    portrait = weights.path("astronaut.png", Settings().weights_folder)
    with Image.open(portrait) as image:
        image.convert("RGB").resize((_SIDE, _SIDE)).save(photo)
    mask = Image.new("L", (_SIDE, _SIDE), 0)
    ImageDraw.Draw(mask).rectangle((20, 20, 90, 90), fill=255)
    mask.save(folder / "mask.png")
    (folder / "sound.wav").write_bytes(_hum(4))
    _house().save(folder / "sketch.png")
    with Image.open(photo) as image:
        image.crop((120, 40, 184, 104)).save(folder / "small.png")
    names = {
        "picture": "photo.png",
        "upscale_conservative": "small.png",  # a network that takes its time
        "mask": "mask.png",
        "audio": "sound.wav",
        "sketch": "sketch.png",
    }
    return {kind: str(folder / name) for kind, name in names.items()}


def _house() -> Image.Image:
    """Draw a house in black lines on white."""
    sheet = Image.new("RGB", (_SIDE, _SIDE), "white")
    pen = ImageDraw.Draw(sheet)
    for line in (
        [(80, 320), (80, 180), (190, 90), (300, 180), (300, 320), (80, 320)],
        [(80, 180), (300, 180)],
        [(160, 320), (160, 240), (220, 240), (220, 320)],
        [(20, 320), (370, 320)],
    ):
        pen.line(line, fill="black", width=4)
    return sheet


def _hum(seconds: int, rate: int = 16_000) -> bytes:
    """Return a voice-like hum as a WAV."""
    time = np.arange(seconds * rate) / rate
    loudness = np.clip(np.sin(2 * np.pi * 2 * time), 0, 1)
    samples = (np.sin(2 * np.pi * 180 * time) * loudness * 12_000).astype("<i2")
    out = io.BytesIO()
    with wave.open(out, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(rate)
        sound.writeframes(samples.tobytes())
    return out.getvalue()


def show(matrix: Mapping[str, Mapping[str, Cell]]) -> Table:
    """Return the matrix as a table."""
    providers = list(next(iter(matrix.values())))
    table = Table("operation", *providers, title="operation x provider", show_lines=True)
    for name, row in matrix.items():
        cells = [
            f"[green]ok[/] {cell.words}" if cell.done else f"[dim]{cell.words[:160]}[/]"
            for cell in row.values()
        ]
        table.add_row(name, *cells)
    return table


def main() -> int:
    """Run the matrix and print it; fail for a cell that is neither done nor refused."""
    with tempfile.TemporaryDirectory() as folder, opened_world(Path(folder), local=True) as world:
        matrix = run(world)
    Console(width=200).print(show(matrix))
    broken = [cell for row in matrix.values() for cell in row.values() if not cell.words]
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
