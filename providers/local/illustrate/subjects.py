"""The vector subjects: Microsoft Fluent Emoji, flat style (MIT), and what it lacks, drawn by us.

See NOTICE; packed by ``scripts/build_subjects.py``.
"""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FILE = Path(__file__).with_name("subjects.json.gz")


@dataclass(frozen=True)
class Subject:
    """One drawing in a box of 32 x 32 units.

    Attributes:
        anchor: how it stands: ground, item, air, boat, swim, face (a head only), bust, symbol.
        water: for boats the row of the water line, units from the top; else 0.
        home: the scene it gets when the prompt names none.
        size: size beside other subjects; a dog is 1.
        box: painted box (left, top, right, bottom), units.
        parts: SVG elements from back to front. shares: per mille of the box that each covers.
    """

    name: str
    anchor: str
    water: float
    home: str
    size: float
    words: tuple[str, ...]
    box: tuple[float, float, float, float]
    parts: tuple[str, ...]
    shares: tuple[int, ...]


@cache
def subjects() -> dict[str, Subject]:
    """All subjects by name."""
    rows = json.loads(gzip.decompress(_FILE.read_bytes()))["subjects"]
    return {
        name: Subject(
            name=name,
            anchor=row["anchor"],
            water=row["water"],
            home=row["home"],
            size=row["size"],
            words=tuple(row["words"]),
            box=(row["box"][0], row["box"][1], row["box"][2], row["box"][3]),
            parts=tuple(row["parts"]),
            shares=tuple(row["shares"]),
        )
        for name, row in rows.items()
    }
