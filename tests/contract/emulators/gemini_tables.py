"""What Google's models take, make and cost, as the emulator of Gemini knows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

TEN = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9")
FOURTEEN = (*TEN, "1:4", "4:1", "1:8", "8:1")

PIXELS: Mapping[str, tuple[int, int]] = {
    "1:1": (1024, 1024),
    "2:3": (848, 1264),
    "3:4": (896, 1200),
    "4:5": (928, 1152),
    "9:16": (768, 1376),
    "9:21": (672, 1584),
    "1:4": (512, 2048),
    "1:8": (384, 3072),
}
"""Pixels at 1K; a ratio that is lying has those of the standing one turned."""


@dataclass(frozen=True)
class Model:
    """A model that answers.

    Attributes:
        rates: micro-credits (US$ 10^-8) a token: sent, picture made, word made.
        from_2027: the same from 2027-01-01 on, where it is announced.
        tokens: of a picture, by imageSize; the first one is what is made if none is named.
        nameable: whether imageSize may be named.
        levels: of thinking that may be asked for.
        thoughts: tokens of thought by level; ``""`` is what it does unasked.
    """

    rates: tuple[int, int, int]
    from_2027: tuple[int, int, int] | None = None
    tokens: Mapping[str, int] = field(default_factory=dict)
    nameable: bool = True
    ratios: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    thoughts: Mapping[str, int] = field(default_factory=dict)

    @property
    def today(self) -> tuple[int, int, int]:
        """The rates of today."""
        changed = datetime.now(UTC).date() >= date(2027, 1, 1)
        return self.from_2027 if changed and self.from_2027 else self.rates

    @property
    def draws(self) -> bool:
        return bool(self.tokens)


MODELS: Mapping[str, Model] = {
    "gemini-nano-banana-2.1": Model(
        (150, 3000, 750),
        tokens={"1K": 1120, "2K": 1680, "4K": 3780},
        ratios=FOURTEEN,
        levels=("MINIMAL", "MEDIUM", "HIGH"),
        thoughts={"": 420, "MINIMAL": 30, "MEDIUM": 420, "HIGH": 1300},
    ),
    "gemini-3-pro-image": Model(
        (200, 12000, 1200),
        tokens={"1K": 1120, "2K": 1120, "4K": 2000},
        ratios=TEN,
        thoughts={"": 640},
    ),
    "gemini-3.1-flash-lite-image": Model(
        (25, 3000, 150), tokens={"1K": 1120}, nameable=False, ratios=TEN
    ),
    "gemini-3.8-flash": Model(
        (75, 0, 375),
        (150, 0, 750),
        levels=("LOW", "MEDIUM", "HIGH"),
        thoughts={"": 900, "LOW": 120},
    ),
    "gemini-3.5-flash-lite": Model(
        (30, 0, 250), levels=("LOW", "MEDIUM", "HIGH"), thoughts={"": 500, "LOW": 60}
    ),
}

LISTED = (*MODELS, "gemini-3.1-flash-lite", "gemini-4-argon", "gemini-embedding-002")
"""What the list of models names; more than is asked here, and one that does no generateContent."""


def pixels(ratio: str, size: str) -> tuple[int, int]:
    """Return what comes back."""
    times = int(size[0])
    wide, high = ratio.split(":")
    if ratio in PIXELS:
        width, height = PIXELS[ratio]
    else:
        height, width = PIXELS[f"{high}:{wide}"]
    return width * times, height * times
